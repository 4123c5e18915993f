{{/* The name that all objects begin with. Too long is refused: a cut name could be another's. */}}
{{- define "gwanmun.name" -}}
{{- $name := .Values.nameOverride | default (ternary .Release.Name (printf "%s-gwanmun" .Release.Name) (contains "gwanmun" .Release.Name)) -}}
{{- if gt (len $name) 20 -}}
{{- fail (printf "%s: 이름이 20자를 넘습니다. nameOverride를 주십시오. (Longer than 20 characters: set nameOverride.)" $name) -}}
{{- end -}}
{{- $name -}}
{{- end }}

{{/* What a selector holds: dict "root" $ "component" "gateway" and, for engines, "model" its id. */}}
{{- define "gwanmun.selector" -}}
app.kubernetes.io/name: gwanmun
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- with .model }}
gwanmun.internal/model: {{ . }}
{{- end }}
{{- end }}

{{/* The labels of an object; arguments as above. */}}
{{- define "gwanmun.labels" -}}
{{ include "gwanmun.selector" . }}
app.kubernetes.io/part-of: gwanmun
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{/* repository@digest, and never a tag. */}}
{{- define "gwanmun.image" -}}
{{ .repository }}@{{ .digest }}
{{- end }}

{{/* The Service, StatefulSet and host names of one model's worker: dict "root" $ "model" id. */}}
{{- define "gwanmun.engine" -}}
{{ include "gwanmun.name" .root }}-engine-{{ .model }}
{{- end }}

{{/* Where one pod of a worker answers: dict "root" $ "model" id "ordinal" 0. */}}
{{- define "gwanmun.engineUrl" -}}
{{- $name := include "gwanmun.engine" . -}}
http://{{ $name }}-{{ .ordinal }}.{{ $name }}.{{ .root.Release.Namespace }}.svc.{{ .root.Values.clusterDomain }}:8000
{{- end }}

{{/* A model's worker with the defaults of all workers in it: dict "root" $ "worker" its own. */}}
{{- define "gwanmun.worker" -}}
{{- merge (deepCopy .worker) (deepCopy .root.Values.engine) | toYaml -}}
{{- end }}
