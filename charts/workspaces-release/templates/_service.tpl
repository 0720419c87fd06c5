{{/* SPDX-License-Identifier: Apache-2.0 */}}
{{/* The container of the service, where the chart deploys it. */}}
{{- define "workspaces-release.service" -}}
{{- $w := .Values.workload -}}
name: workspaces
image: {{ include "workspaces-release.image" (list $w.image "") | quote }}
imagePullPolicy: {{ $w.image.pullPolicy }}
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
{{ $probe }}:
  httpGet:
    path: /sys/healthcheck
    port: http
  {{- toYaml (get $w $probe) | nindent 2 }}
{{- end }}
{{- with $w.preStopSleepSeconds }}
lifecycle:
  preStop:
    exec:
      command: [sleep, {{ . | quote }}]
{{- end }}
resources:
  {{- toYaml $w.resources | nindent 2 }}
securityContext:
  {{- if include "workspaces-release.openshift" . }}
  {{- omit $w.containerSecurityContext "runAsUser" "runAsGroup" | toYaml | nindent 2 }}
  {{- else }}
  {{- toYaml $w.containerSecurityContext | nindent 2 }}
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
