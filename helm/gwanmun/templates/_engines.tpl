{{/* The command of one worker: dict "root" $ "id" "model" "worker" (with the defaults in it).
     vLLM takes its key from a flag or a variable only, so a line of shell reads it from its file:
     it stands neither in the object nor in what `kubectl exec -- env` shows. */}}
{{- define "gwanmun.engineCommand" -}}
command:
  - /bin/sh
  - -euc
  - VLLM_API_KEY=$(cat /run/secrets/engine/api-key) && export VLLM_API_KEY && exec "$@"
  - engine
args:
  {{- if .worker.command }}
  {{- toYaml .worker.command | nindent 2 }}
  {{- else }}
  {{- include "gwanmun.vllm" . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* `vllm serve` as a list: what the gateway relies on, then the model's own. Flags of vLLM 0.32. */}}
{{- define "gwanmun.vllm" -}}
{{- $worker := .worker -}}
- vllm
- serve
- {{ printf "/models/%s" $worker.weights.path | trimSuffix "/" | quote }}
- --served-model-name
- {{ .id | quote }}
- --host
- 0.0.0.0
- --port
- "8000"
- --max-model-len
- {{ $worker.maxModelLen | default .model.settings.context_tokens | default 32768 | int | quote }}
- --tensor-parallel-size
- {{ $worker.tensorParallel | default $worker.gpus.count | int | quote }}
{{- with $worker.maxSequences }}
- --max-num-seqs
- {{ . | int | quote }}
{{- end }}
{{- with $worker.gpuMemoryRatio }}
- --gpu-memory-utilization
- {{ . | quote }}
{{- end }}
{{- with $worker.toolParser }}
- --enable-auto-tool-choice
- --tool-call-parser
- {{ . | quote }}
{{- end }}
{{- with $worker.reasoningParser }}
- --reasoning-parser
- {{ . | quote }}
{{- end }}
{{- with $worker.chatTemplateKwargs }}
- --default-chat-template-kwargs
- {{ . | toJson | quote }}
{{- end }}
# Exact counts of tokens, also of calls that are cut.
- --enable-force-include-usage
- --enable-prompt-tokens-details
# No page that anyone could open, no line for each probe; prompts are not logged.
- --disable-fastapi-docs
- --disable-access-log-for-endpoints
- /health,/metrics
- --no-enable-log-requests
# On SIGTERM running answers may end.
- --shutdown-timeout
- {{ $worker.drainSeconds | int | quote }}
{{- range $worker.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end }}

{{/* The variables of a worker: no call home, and every cache in the one directory that is
     writable. */}}
{{- define "gwanmun.engineEnvironment" -}}
{{- $fixed := dict "HF_HUB_OFFLINE" "1" "TRANSFORMERS_OFFLINE" "1" "VLLM_NO_USAGE_STATS" "1" "DO_NOT_TRACK" "1" "HOME" "/var/cache/engine" "USER" "engine" "XDG_CACHE_HOME" "/var/cache/engine" "VLLM_CACHE_ROOT" "/var/cache/engine/vllm" "TRITON_CACHE_DIR" "/var/cache/engine/triton" "TORCHINDUCTOR_CACHE_DIR" "/var/cache/engine/inductor" -}}
{{- range $variable, $value := merge $fixed (.environment | default dict) }}
- name: {{ $variable }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{/* The resources of a worker: the cards are limit and request at once. */}}
{{- define "gwanmun.engineResources" -}}
{{- $cards := dict .gpus.resource (.gpus.count | int | toString) -}}
limits:
  {{- merge $cards (dig "limits" dict .resources) | toYaml | nindent 2 }}
{{- with .resources.requests }}
requests:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
