{{/* The rights of every pod: none. It fits the Pod Security Standard "restricted". */}}
{{- define "gwanmun.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* The rights of every container: none. */}}
{{- define "gwanmun.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* What every pod begins with: dict "root" $ "account" its ServiceAccount.
     Without enableServiceLinks: false Kubernetes would set variables like GWANMUN_PORT, and the
     gateway refuses a GWANMUN_* variable that it does not know. */}}
{{- define "gwanmun.podHead" -}}
serviceAccountName: {{ .account }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Where a pod may run: the part's values. */}}
{{- define "gwanmun.placement" -}}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* How the pods of one part keep apart: dict "apart" soft|hard|none "selector" their labels. */}}
{{- define "gwanmun.apart" -}}
{{- if eq .apart "hard" }}
affinity:
  podAntiAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      - topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            {{- .selector | nindent 12 }}
{{- else if eq .apart "soft" }}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- .selector | nindent 14 }}
{{- end }}
{{- end }}

{{/* The one container of gateway, sealer and migrations but for its probes:
     dict "root" $ "name" its name "args" the command "resources" its resources. */}}
{{- define "gwanmun.container" -}}
name: {{ .name }}
image: {{ include "gwanmun.image" .root.Values.image }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
args:
  {{- toYaml .args | nindent 2 }}
env:
  - name: GWANMUN_CONFIG
    value: /etc/gwanmun/config.yaml
securityContext:
  {{- include "gwanmun.containerSecurity" . | nindent 2 }}
{{- with .resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Mounts that gateway, sealer and migrations share. Secrets are files, each kind in its own
     directory. */}}
{{- define "gwanmun.mounts" -}}
- name: config
  mountPath: /etc/gwanmun/config.yaml
  subPath: config.yaml
  readOnly: true
- name: passwords
  mountPath: /run/secrets/gwanmun/passwords
  readOnly: true
{{- if .Values.privateCA.configMap }}
- name: ca
  mountPath: /etc/gwanmun/ca
  readOnly: true
{{- end }}
- name: data
  mountPath: /var/lib/gwanmun
- name: tmp
  mountPath: /tmp
{{- end }}

{{/* The volumes behind them, less the passwords: dict "root" $ "config" the ConfigMap's name, and
     "dataSize" where 1 GiB for the data is too little. What a process puts into /tmp never
     reaches a disk. */}}
{{- define "gwanmun.volumes" -}}
- name: config
  configMap:
    name: {{ .config }}
    items:
      - key: config.yaml
        path: config.yaml
{{- with .root.Values.privateCA.configMap }}
- name: ca
  configMap:
    name: {{ . }}
    items:
      - key: {{ $.root.Values.privateCA.key }}
        path: ca.crt
{{- end }}
- name: data
  emptyDir:
    sizeLimit: {{ .dataSize | default "1Gi" }}
- name: tmp
  emptyDir:
    medium: Memory
    sizeLimit: 64Mi
{{- end }}

{{/* The witnesses' policy, for gateways and sealer: a mount, and the volume behind it. */}}
{{- define "gwanmun.witnessesMount" -}}
{{- if .Values.witnesses.policy.configMap }}
- name: witnesses
  mountPath: /etc/gwanmun/witnesses
  readOnly: true
{{- end }}
{{- end }}

{{- define "gwanmun.witnessesVolume" -}}
{{- with .Values.witnesses.policy }}
{{- if .configMap }}
- name: witnesses
  configMap:
    name: {{ .configMap }}
    items:
      - key: {{ .key }}
        path: policy
{{- end }}
{{- end }}
{{- end }}

{{/* The public keys of the agencies that keep content, and the week keys: mounts and volumes. */}}
{{- define "gwanmun.contentMounts" -}}
{{- if .Values.content.agencies }}
- name: content
  mountPath: /etc/gwanmun/content
  readOnly: true
- name: week-keys
  mountPath: /var/lib/gwanmun-week-keys
{{- end }}
{{- end }}

{{- define "gwanmun.contentVolumes" -}}
{{- if .Values.content.agencies }}
- name: content
  projected:
    sources:
      {{- range $agency := .Values.content.agencies }}
      - configMap:
          name: {{ $agency.configMap }}
          items:
            {{- range $file := list "officers.pem" "cpo.pem" }}
            - key: {{ $file }}
              path: {{ $agency.code }}/{{ $file }}
            {{- end }}
      {{- end }}
- name: week-keys
  persistentVolumeClaim:
    claimName: {{ .Values.content.weekKeys.claim }}
{{- end }}
{{- end }}

{{/* A volume of files out of existing Secrets: dict "name" its name "files" a list of
     dict "secret" "key" "path". */}}
{{- define "gwanmun.secretVolume" -}}
- name: {{ .name }}
  projected:
    defaultMode: 0440
    sources:
      {{- range .files }}
      - secret:
          name: {{ .secret }}
          items:
            - key: {{ .key }}
              path: {{ .path }}
      {{- end }}
{{- end }}

{{/* A volume of the files that a part needs of a Secret made by `gwanmun keys init`: dict "secret"
     its name "files" a list. Naming them keeps each part from the other's private key. */}}
{{- define "gwanmun.keys" -}}
- name: keys
  secret:
    secretName: {{ .secret }}
    defaultMode: 0440
    items:
      {{- range .files }}
      - key: {{ . }}
        path: {{ . }}
      {{- end }}
{{- end }}

{{/* The passwords of the gateway. */}}
{{- define "gwanmun.passwords" -}}
{{- $files := list (include "gwanmun.databaseFile" . | fromYaml) -}}
{{- if and .Values.valkey.host .Values.valkey.secret.name -}}
{{- $files = append $files (dict "secret" .Values.valkey.secret.name "key" .Values.valkey.secret.key "path" "valkey") -}}
{{- end -}}
{{- if .Values.browserClient.secret.name -}}
{{- $files = append $files (dict "secret" .Values.browserClient.secret.name "key" .Values.browserClient.secret.key "path" "browser") -}}
{{- end -}}
{{- include "gwanmun.secretVolume" (dict "name" "passwords" "files" $files) -}}
{{- end }}

{{/* The agency's policy document and its key of hash, as a list of files; none without them. */}}
{{- define "gwanmun.policyFiles" -}}
{{- $files := list -}}
{{- with .Values.policy.secret -}}
{{- if .name -}}
{{- $files = append $files (dict "secret" .name "key" .key "path" "policy.yaml") -}}
{{- end -}}
{{- end -}}
{{- with .Values.policy.hashKey -}}
{{- if .name -}}
{{- $files = append $files (dict "secret" .name "key" .key "path" "hash.key") -}}
{{- end -}}
{{- end -}}
{{- if $files -}}
{{- $files | toYaml -}}
{{- end -}}
{{- end }}

{{/* The writer's password for the database, as one file of a secretVolume. */}}
{{- define "gwanmun.databaseFile" -}}
{{- dict "secret" .Values.database.writer.secret.name "key" .Values.database.writer.secret.key "path" "database" | toYaml -}}
{{- end }}
