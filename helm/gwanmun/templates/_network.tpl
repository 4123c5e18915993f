{{/* Rules of egress that several policies share. */}}
{{- define "gwanmun.toDns" -}}
- to:
    {{- toYaml .Values.network.dns.to | nindent 4 }}
  ports:
    {{- range .Values.network.dns.ports }}
    - {port: {{ . }}, protocol: UDP}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
{{- end }}

{{- define "gwanmun.toDatabase" -}}
- to:
    {{- toYaml .Values.network.database.to | nindent 4 }}
  ports:
    - {port: {{ .Values.database.port }}, protocol: TCP}
{{- end }}

{{/* The port of a URL: what stands in it, else its scheme's. */}}
{{- define "gwanmun.portOf" -}}
{{- $url := urlParse . -}}
{{- regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host) | default (ternary "443" "80" (eq $url.scheme "https")) -}}
{{- end }}

{{/* The ports to which gateways forward, as a list; none where nothing is forwarded. */}}
{{- define "gwanmun.siemPorts" -}}
{{- $forward := .Values.settings.forward | default dict -}}
{{- $ports := list -}}
{{- if $forward.syslog_host -}}
{{- $ports = append $ports (int ($forward.syslog_port | default 6514)) -}}
{{- end -}}
{{- if $forward.webhook_url -}}
{{- $ports = append $ports (int (include "gwanmun.portOf" $forward.webhook_url)) -}}
{{- end -}}
{{- uniq $ports | toYaml -}}
{{- end }}
