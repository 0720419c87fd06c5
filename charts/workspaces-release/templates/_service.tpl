{{/* SPDX-License-Identifier: Apache-2.0 */}}
{{/* The container of the service, if the chart deploys it. */}}
{{- define "workspaces-release.service" -}}
{{- $w := .Values.workload -}}
name: workspaces
image: {{ include "workspaces-release.image" (list . "workload.image" "") | quote }}
{{- with $w.image.pullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
env:
  - name: PORT
    value: {{ $w.port | quote }}
  {{- with $w.env }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- include "workspaces-release.serviceEnv" . | trim | nindent 2 }}
{{- with $w.envFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
ports:
  - name: http
    containerPort: {{ $w.port }}
    protocol: TCP
{{- range $probe := list "startupProbe" "readinessProbe" "livenessProbe" }}
{{- with get $w $probe }}
{{ $probe }}:
  httpGet:
    path: /sys/healthcheck
    port: http
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- with include "workspaces-release.workloadLifecycle" . }}
lifecycle:
  {{- . | nindent 2 }}
{{- end }}
terminationMessagePolicy: FallbackToLogsOnError
{{- with $w.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "workspaces-release.securityContext" (list . $w.containerSecurityContext) }}
securityContext:
  {{- . | nindent 2 }}
{{- end }}
volumeMounts:
  - name: tmp
    mountPath: /tmp
  {{- with include "workspaces-release.serviceVolumeMounts" . }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with $w.volumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* A security context without users and groups on OpenShift: a list of the context and the values; empty without any. */}}
{{- define "workspaces-release.securityContext" -}}
{{- $values := index . 1 | default dict -}}
{{- if include "workspaces-release.openshift" (index . 0) -}}
{{- $values = omit $values "runAsUser" "runAsGroup" "fsGroup" -}}
{{- end -}}
{{- with $values -}}{{ toYaml . }}{{- end -}}
{{- end }}

{{/*
A native sidecar outlives the service: it answers the hook when the pod's endpoint is gone
and no import of this pod runs. An ordinary container is stopped at the same time as the
service, so the service waits by itself.
*/}}
{{- define "workspaces-release.workloadLifecycle" -}}
{{- if .Values.sidecar.native -}}
{{ include "workspaces-release.serviceLifecycle" . }}
{{- else -}}
{{- with .Values.workload.preStopSleepSeconds -}}
preStop:
  exec:
    command: [sleep, {{ . | quote }}]
{{- end }}
{{- end }}
{{- end }}

{{/* An item of topologySpreadConstraints, which counts the pods of one revision of the Deployment unless it has a selector: a list of the context and the values. */}}
{{- define "workspaces-release.spread" -}}
{{- $ := index . 0 -}}
{{- $spread := index . 1 -}}
{{- if not (hasKey $spread "labelSelector") -}}
{{- $own := dict "labelSelector" (dict "matchLabels" (include "workspaces-release.selectorLabels" $ | fromYaml)) -}}
{{- if semverCompare ">=1.27.0-0" $.Capabilities.KubeVersion.Version -}}
{{- $_ := set $own "matchLabelKeys" (list "pod-template-hash") -}}
{{- end -}}
{{- $spread = merge (dict) $spread $own -}}
{{- end -}}
- {{ toYaml $spread | indent 2 | trim }}
{{- end }}
