{{/* A part that works once a day on the record, in a Job of its own: its account, settings, network
     and CronJob; where days are archived, it reaches them. dict "root" $ "part" its name "args" the
     command "values" its values "passwords" the files of its passwords "keys" the archive's bucket's
     "readOnly" whether it only reads the days. */}}
{{- define "gwanmun.daily" -}}
{{- $name := printf "%s-%s" (include "gwanmun.name" .root) .part -}}
{{- $labels := include "gwanmun.labels" (dict "root" .root "component" .part) -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $name }}
  labels:
    {{- $labels | nindent 4 }}
automountServiceAccountToken: false
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ $name }}
  labels:
    {{- $labels | nindent 4 }}
data:
  config.yaml: |
    {{- include "gwanmun.config" (dict "root" .root "part" .part) | nindent 4 }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ $name }}
  labels:
    {{- $labels | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      {{- include "gwanmun.selector" (dict "root" .root "component" .part) | nindent 6 }}
  policyTypes: [Ingress, Egress]
  egress:
    {{- include "gwanmun.toDns" .root | nindent 4 }}
    {{- include "gwanmun.toDatabase" .root | nindent 4 }}
    {{- with include "gwanmun.toArchive" .root }}
    {{- . | nindent 4 }}
    {{- end }}
---
apiVersion: batch/v1
kind: CronJob
metadata:
  name: {{ $name }}
  labels:
    {{- $labels | nindent 4 }}
spec:
  schedule: {{ .values.schedule | quote }}
  timeZone: Etc/UTC
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 3600
  jobTemplate:
    spec:
      backoffLimit: 1
      activeDeadlineSeconds: {{ .values.deadlineSeconds }}
      template:
        metadata:
          labels:
            {{- $labels | nindent 12 }}
        spec:
          restartPolicy: Never
          {{- include "gwanmun.podHead" (dict "root" .root "account" $name) | nindent 10 }}
          {{- include "gwanmun.placement" .values | nindent 10 }}
          securityContext:
            {{- include "gwanmun.podSecurity" .root | nindent 12 }}
          containers:
            - {{- include "gwanmun.container" (dict "root" .root "name" .part "args" .args "resources" .values.resources) | nindent 14 }}
              volumeMounts:
                {{- include "gwanmun.mounts" .root | nindent 16 }}
                - name: keys
                  mountPath: /run/secrets/gwanmun/keys
                  readOnly: true
                {{- with include "gwanmun.archiveMounts" . }}
                {{- . | nindent 16 }}
                {{- end }}
          volumes:
            {{- include "gwanmun.volumes" (dict "root" .root "config" $name "dataSize" .values.dataSize) | nindent 12 }}
            {{- include "gwanmun.secretVolume" (dict "name" "passwords" "files" .passwords) | nindent 12 }}
            {{- include "gwanmun.keys" (dict "secret" .root.Values.keys.gateway.secret "files" (list "trust.json" "writer.pem")) | nindent 12 }}
            {{- with include "gwanmun.archiveVolumes" . }}
            {{- . | nindent 12 }}
            {{- end }}
{{- end }}
