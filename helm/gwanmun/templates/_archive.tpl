{{/* Where the days of the record are kept: a bucket's URL, a path, or nowhere. */}}
{{- define "gwanmun.archivePlace" -}}
{{- with .Values.archive -}}
{{- if .bucket.url -}}
{{- .bucket.url -}}
{{- else if .claim -}}
/var/lib/gwanmun-archive
{{- end -}}
{{- end -}}
{{- end }}

{{/* The settings of that bucket. */}}
{{- define "gwanmun.config.archive" -}}
{{- with .root.Values.archive.bucket -}}
{{- if .url }}
endpoint_url: {{ .endpointUrl | quote }}
region: {{ .region | quote }}
retention_days: {{ .retentionDays }}
retention_mode: {{ .retentionMode }}
access_key_id_file: /run/secrets/gwanmun/bucket/id
secret_access_key_file: /run/secrets/gwanmun/bucket/key
{{- if $.root.Values.privateCA.configMap }}
ca_file: /etc/gwanmun/ca/ca.crt
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* The volume of the days, or the bucket's keys: dict "root" $ "keys" which "readOnly" true|false. */}}
{{- define "gwanmun.archiveMounts" -}}
{{- if .root.Values.archive.bucket.url -}}
- name: bucket
  mountPath: /run/secrets/gwanmun/bucket
  readOnly: true
{{- else if .root.Values.archive.claim -}}
- name: archive
  mountPath: /var/lib/gwanmun-archive
  readOnly: {{ .readOnly }}
{{- end -}}
{{- end }}

{{- define "gwanmun.archiveVolumes" -}}
{{- if .root.Values.archive.bucket.url -}}
{{- $files := list (dict "secret" .keys.name "key" .keys.id "path" "id") (dict "secret" .keys.name "key" .keys.key "path" "key") -}}
{{- include "gwanmun.secretVolume" (dict "name" "bucket" "files" $files) -}}
{{- else if .root.Values.archive.claim -}}
- name: archive
  persistentVolumeClaim:
    claimName: {{ .root.Values.archive.claim }}
{{- end -}}
{{- end }}

{{- define "gwanmun.toArchive" -}}
{{- if .Values.archive.bucket.url -}}
- to:
    {{- toYaml .Values.network.archive.to | nindent 4 }}
  ports:
    - {port: {{ include "gwanmun.portOf" .Values.archive.bucket.endpointUrl }}, protocol: TCP}
{{- end -}}
{{- end }}
