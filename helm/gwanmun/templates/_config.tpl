{{/* Seconds that a gateway may take to go: the drain, the running answers, the cut of stalled
     clients, and a little for the way out. */}}
{{- define "gwanmun.graceSeconds" -}}
{{- $stall := dig "deadlines" "client_stall_seconds" 30 .Values.settings -}}
{{- add (ceil .Values.gateway.drain.delaySeconds) (ceil .Values.gateway.drain.runningSeconds) (ceil $stall) 15 -}}
{{- end }}

{{/* One model of the values as the gateway's own settings: dict "root" $ "model" id "values" it
     "part" as below. */}}
{{- define "gwanmun.model" -}}
{{- $replicas := list -}}
{{- $credential := dict -}}
{{- if and .values.apiKey (eq .part "gateway") -}}
{{- $credential = dict "credential_file" (printf "/run/secrets/gwanmun/engines/%s" .model) -}}
{{- end -}}
{{- if .values.worker -}}
{{- $worker := include "gwanmun.worker" (dict "root" .root "worker" .values.worker) | fromYaml -}}
{{- range $ordinal := until (int $worker.replicas) -}}
{{- $url := include "gwanmun.engineUrl" (dict "root" $.root "model" $.model "ordinal" $ordinal) -}}
{{- $replica := dict "name" (printf "%s-%d" $.model $ordinal) "url" $url "served_model" $.model "kind" $worker.kind -}}
{{- $replicas = append $replicas (merge $replica $credential) -}}
{{- end -}}
{{- else -}}
{{- range .values.external.replicas -}}
{{- $replicas = append $replicas (merge (deepCopy .) $credential) -}}
{{- end -}}
{{- end -}}
{{- merge (dict "replicas" $replicas) (deepCopy .values.settings) | toYaml -}}
{{- end }}

{{/* The settings of one part: what stands under `settings`, and over it what the chart decides.
     Each part is told of the secrets that it mounts, and of no other.
     dict "root" $ "part" gateway|sealer|migrations|archive|pruning. */}}
{{- define "gwanmun.config" -}}
{{- $values := .root.Values -}}
{{- $ours := dict "ledger" (dict "key_dir" "/run/secrets/gwanmun/keys" "seals" false) -}}
{{- $_ := set $ours "server" (include "gwanmun.config.server" . | fromYaml) -}}
{{- $_ := set $ours "store" (include "gwanmun.config.store" . | fromYaml) -}}
{{- if eq .part "gateway" -}}
{{- with include "gwanmun.config.identity" . | fromYaml -}}
{{- $_ := set $ours "identity" . -}}
{{- end -}}
{{- with include "gwanmun.config.valkey" . | fromYaml -}}
{{- $_ := set $ours "valkey" . -}}
{{- end -}}
{{- with include "gwanmun.config.redaction" . | fromYaml -}}
{{- $_ := set $ours "redaction" . -}}
{{- end -}}
{{- end -}}
{{- if has .part (list "archive" "pruning") -}}
{{- with include "gwanmun.config.archive" . | fromYaml -}}
{{- $_ := set $ours "archive" . -}}
{{- end -}}
{{- end -}}
{{- $beside := include "gwanmun.config.beside" . | fromYaml -}}
{{- $ours = mustMergeOverwrite $ours $beside -}}
{{- $models := list -}}
{{- range $id, $model := $values.models -}}
{{- $models = append $models (include "gwanmun.model" (dict "root" $.root "part" $.part "model" $id "values" $model) | fromYaml) -}}
{{- end -}}
{{- $_ := set $ours "models" $models -}}
{{- $given := deepCopy $values.settings -}}
{{- if ne .part "gateway" -}}
{{- $given = omit $given "forward" -}}
{{- end -}}
{{- mustMergeOverwrite $given $ours | toYaml -}}
{{- end }}

{{/* What stands beside the records: witnesses, what the sealer remembers, content, forwarding. */}}
{{- define "gwanmun.config.beside" -}}
{{- $values := .root.Values -}}
{{- $ca := and $values.privateCA.configMap (dict "ca_file" "/etc/gwanmun/ca/ca.crt") -}}
{{- $found := dict -}}
{{- if and $values.witnesses.policy.configMap (has .part (list "gateway" "sealer")) -}}
{{- $_ := set $found "witnesses" (merge (dict "policy_file" "/etc/gwanmun/witnesses/policy") ($ca | default dict)) -}}
{{- end -}}
{{- if and $values.sealedState.claim (eq .part "sealer") -}}
{{- $_ := set $found "ledger" (dict "sealed_file" "/var/lib/gwanmun-sealed/sealed") -}}
{{- end -}}
{{- if and $values.content.agencies (eq .part "gateway") -}}
{{- $_ := set $found "content" (dict "key_dir" "/etc/gwanmun/content" "week_key_dir" "/var/lib/gwanmun-week-keys/keys") -}}
{{- end -}}
{{- if eq .part "gateway" -}}
{{- $forward := dict -}}
{{- if $values.webhook.secret.name -}}
{{- $_ := set $forward "webhook_secret_file" "/run/secrets/gwanmun/webhook/secret" -}}
{{- end -}}
{{- if $ca -}}
{{- range $name := list "syslog_ca_file" "webhook_ca_file" -}}
{{- $_ := set $forward $name $ca.ca_file -}}
{{- end -}}
{{- end -}}
{{- if $forward -}}
{{- $_ := set $found "forward" $forward -}}
{{- end -}}
{{- end -}}
{{- $found | toYaml -}}
{{- end }}

{{- define "gwanmun.config.server" -}}
host: 0.0.0.0
port: 8080
internal_host: 0.0.0.0
internal_port: 8083
drain_delay_seconds: {{ .root.Values.gateway.drain.delaySeconds }}
shutdown_seconds: {{ ternary .root.Values.gateway.drain.runningSeconds 30 (eq .part "gateway") }}
{{- end }}

{{- define "gwanmun.config.store" -}}
{{- $database := .root.Values.database -}}
{{- $at := printf "%s:%d/%s" $database.host (int $database.port) $database.name -}}
data_dir: /var/lib/gwanmun
database_url: postgresql://{{ ternary .root.Values.pruning.user $database.writer.user (eq .part "pruning") }}@{{ $at }}
{{- if eq .part "migrations" }}
owner_url: postgresql://{{ $database.owner.user }}@{{ $at }}
owner_password_file: /run/secrets/gwanmun/passwords/owner
{{- else }}
password_file: /run/secrets/gwanmun/passwords/database
{{- end }}
{{- if .root.Values.privateCA.configMap }}
ca_file: /etc/gwanmun/ca/ca.crt
{{- end }}
{{- end }}

{{- define "gwanmun.config.identity" -}}
{{- if .root.Values.browserClient.secret.name }}
browser_secret_file: /run/secrets/gwanmun/passwords/browser
{{- end }}
{{- if .root.Values.privateCA.configMap }}
private_ca_file: /etc/gwanmun/ca/ca.crt
{{- end }}
{{- end }}

{{- define "gwanmun.config.redaction" -}}
{{- with .root.Values.policy -}}
{{- if .secret.name }}
policy: /run/secrets/gwanmun/policy/policy.yaml
{{- end }}
{{- if .hashKey.name }}
hash_key_file: /run/secrets/gwanmun/policy/hash.key
{{- end }}
{{- end }}
{{- end }}

{{- define "gwanmun.config.valkey" -}}
{{- with .root.Values.valkey -}}
{{- if .host }}
url: {{ ternary "valkeys" "valkey" .tls }}://{{ .host }}:{{ .port }}/{{ .database }}
{{- if .secret.name }}
password_file: /run/secrets/gwanmun/passwords/valkey
{{- end }}
{{- if and .tls $.root.Values.privateCA.configMap }}
ca_file: /etc/gwanmun/ca/ca.crt
{{- end }}
{{- end }}
{{- end }}
{{- end }}
