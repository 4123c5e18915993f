{{/* What a schema cannot see. Each refusal says what to do. */}}
{{- define "gwanmun.checks" -}}
{{- $most := ternary .Values.gateway.autoscaling.maxReplicas .Values.gateway.replicas .Values.gateway.autoscaling.enabled -}}
{{- if and (gt (int $most) 1) (not .Values.valkey.host) -}}
{{- fail "gateway.replicas: 게이트웨이가 둘 이상이면 valkey.host가 있어야 한도가 함께 세어집니다. (Several gateways share their limits through Valkey: set valkey.host.)" -}}
{{- end -}}
{{- if and .Values.valkey.host (not .Values.network.valkey.to) -}}
{{- fail "network.valkey.to: 게이트웨이가 Valkey에 닿을 길이 없습니다. (The gateway may not reach Valkey: say where it is.)" -}}
{{- end -}}
{{- $public := urlParse .Values.settings.server.public_url -}}
{{- if ne $public.scheme "https" -}}
{{- fail "settings.server.public_url: https:// 주소여야 합니다. (Must be an https:// address.)" -}}
{{- end -}}
{{- if and (or .Values.ingress.enabled .Values.httpRoute.enabled) (not .Values.network.public.from) -}}
{{- fail "network.public.from: 밖에서 오는 길을 열었으나 아무도 게이트웨이에 닿을 수 없습니다. (A way in is open, but nobody may reach the gateway: say who.)" -}}
{{- end -}}
{{- if and .Values.serviceMonitor.enabled (not .Values.network.monitoring.from) -}}
{{- fail "network.monitoring.from: 수집기가 지표에 닿을 수 없습니다. (Nobody may scrape: say who.)" -}}
{{- end -}}
{{- if and .Values.witnesses.policy.configMap (not .Values.network.witnesses.to) -}}
{{- fail "network.witnesses.to: 봉인 프로세스가 외부 확인자에 닿을 길이 없습니다. (The sealer may not reach the witnesses: say where they are.)" -}}
{{- end -}}
{{- if and (include "gwanmun.siemPorts" . | fromYamlArray) (not .Values.network.siem.to) -}}
{{- fail "network.siem.to: 게이트웨이가 보안관제에 닿을 길이 없습니다. (The gateway may not reach the SIEM: say where it is.)" -}}
{{- end -}}
{{- if and (dig "forward" "webhook_url" "" .Values.settings) (not .Values.webhook.secret.name) -}}
{{- fail "webhook.secret.name: 웹훅에 서명할 키가 없습니다. (No key to sign the webhook with.)" -}}
{{- end -}}
{{- if and .Values.content.agencies (not .Values.content.weekKeys.claim) -}}
{{- fail "content.weekKeys.claim: 주간 키를 둘 볼륨이 없습니다. (No volume for the week keys.)" -}}
{{- end -}}
{{- with .Values.archive -}}
{{- if and .bucket.url .claim -}}
{{- fail "archive.claim: 매일의 보관은 버킷이나 볼륨 하나에만 합니다. (The days go to a bucket or to a volume, not to both.)" -}}
{{- end -}}
{{- if .bucket.url -}}
{{- if not .bucket.secret.name -}}
{{- fail "archive.bucket.secret.name: 버킷에 넣을 키가 없습니다. (No keys to put into the bucket with.)" -}}
{{- end -}}
{{- if and $.Values.pruning.secret.name (not .bucket.readers.name) -}}
{{- fail "archive.bucket.readers.name: 보관된 기록만 지우려면 버킷을 읽을 키가 있어야 합니다. (Pruning deletes what is archived alone: give it keys that read the bucket.)" -}}
{{- end -}}
{{- if not $.Values.network.archive.to -}}
{{- fail "network.archive.to: 보관 작업이 버킷에 닿을 길이 없습니다. (The Job may not reach the bucket: say where it is.)" -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $names := dict -}}
{{- range $id, $model := .Values.models -}}
{{- range $name := prepend ($model.settings.aliases | default list) $model.settings.name -}}
{{- if hasKey $names $name -}}
{{- fail (printf "models.%s: %q은(는) models.%s의 이름입니다. (Is a name of models.%s already.)" $id $name (get $names $name) (get $names $name)) -}}
{{- end -}}
{{- $_ := set $names $name $id -}}
{{- end -}}
{{- if $model.worker -}}
{{- if not (or $model.worker.image $.Values.engine.image) -}}
{{- fail (printf "models.%s.worker.image: 이미지가 없습니다. engine.image나 이것을 주십시오. (No image: set this or engine.image.)" $id) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}
