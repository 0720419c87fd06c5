{{/* SPDX-License-Identifier: Apache-2.0 */}}
{{/*
The parts of a pod with the sidecar. All three ways to use the chart share these
templates, and charts that include this one can use them: each takes the context of this
chart and returns YAML, a list but for the last one.

  workspaces-release.initContainers       before all others of the pod
  workspaces-release.containers           beside the service (empty for a native sidecar)
  workspaces-release.volumes              of the pod
  workspaces-release.serviceEnv           of the service's container, after all others
  workspaces-release.serviceVolumeMounts  of the service's container
  workspaces-release.serviceLifecycle     of the service's container (empty without a native sidecar)

@releaseImage stands for the image of the service's container where it is not known.
*/}}

{{- define "workspaces-release.initContainers" -}}
{{- if not .Values.imageVolume.enabled }}
- {{ include "workspaces-release.manifestContainer" . | indent 2 | trim }}
{{- end }}
{{- if .Values.sidecar.native }}
- {{ include "workspaces-release.sidecar" . | indent 2 | trim }}
{{- end }}
{{- end }}

{{- define "workspaces-release.containers" -}}
{{- if not .Values.sidecar.native }}
- {{ include "workspaces-release.sidecar" . | indent 2 | trim }}
{{- end }}
{{- end }}

{{/* Copies the files of the manifest out of the release image, as any user, and writes nowhere else. */}}
{{- define "workspaces-release.manifestContainer" -}}
name: workspaces-release-manifest
image: {{ include "workspaces-release.releaseImage" . | quote }}
{{- if and .Values.workload.create .Values.workload.image.pullPolicy }}
imagePullPolicy: {{ .Values.workload.image.pullPolicy }}
{{- end }}
command: [cp, -R, /www/release/., /run/workspaces-release]
terminationMessagePolicy: FallbackToLogsOnError
{{- include "workspaces-release.restrictions" . }}
volumeMounts:
  - name: workspaces-release-manifest
    mountPath: /run/workspaces-release
{{- end }}

{{- define "workspaces-release.sidecar" -}}
{{- $v := .Values -}}
name: release-sidecar
{{ include "workspaces-release.sidecarImage" . }}
{{- if $v.sidecar.native }}
restartPolicy: Always
{{- end }}
args: [run]
env:
  {{- include "workspaces-release.sidecarEnv" . | nindent 2 }}
ports:
  - name: metrics
    containerPort: {{ $v.sidecar.port }}
    protocol: TCP
{{- with $v.sidecar.readinessProbe }}
readinessProbe:
  {{- if eq (.handler | default "exec") "exec" }}
  exec:
    command: [/sidecar, ready]
  {{- else }}
  httpGet:
    path: /readyz
    port: {{ $v.sidecar.port }}
  {{- end }}
  {{- with omit . "handler" }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- with $v.sidecar.livenessProbe }}
livenessProbe:
  httpGet:
    path: /livez
    port: {{ $v.sidecar.port }}
  {{- toYaml . | nindent 2 }}
{{- end }}
terminationMessagePolicy: FallbackToLogsOnError
{{- include "workspaces-release.restrictions" . }}
volumeMounts:
  {{- include "workspaces-release.sidecarMounts" . | nindent 2 }}
{{- end }}

{{/* Resources and security context of every container but the service's. */}}
{{- define "workspaces-release.restrictions" }}
{{- with .Values.sidecar.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  allowPrivilegeEscalation: false
  capabilities:
    drop: [ALL]
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  {{- if not (include "workspaces-release.openshift" .) }}
  {{- with .Values.sidecar.runAsUser }}
  runAsUser: {{ . }}
  {{- end }}
  {{- with .Values.sidecar.runAsGroup }}
  runAsGroup: {{ . }}
  {{- end }}
  {{- end }}
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{- define "workspaces-release.sidecarEnv" -}}
{{- $v := .Values -}}
- name: SIDECAR_POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: SIDECAR_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
{{- $set := dict "listen" (printf ":%v" $v.sidecar.port) "mode" $v.mode "identity" $v.sidecar.identity }}
{{- $_ := set $set "platform-url" (printf "http://localhost:%s" (include "workspaces-release.servicePort" .)) }}
{{- $_ := set $set "manifest" "/run/workspaces-release/manifest.json" }}
{{- $_ := set $set "repository" $v.release.repository }}
{{- $_ := set $set "groups" (join "," $v.release.groups) }}
{{- if include "workspaces-release.currentRelease" . }}
{{- $_ := set $set "current-release-file" "/etc/workspaces-release/current/release" }}
{{- $_ := set $set "image" (include "workspaces-release.releaseImage" .) }}
{{- end }}
{{- $_ := set $set "gateway-url" $v.sidecar.gatewayURL }}
{{- $_ := set $set "cluster" $v.sidecar.cluster }}
{{- $_ := set $set "runbook-url" $v.monitoring.prometheusRule.runbookBaseURL }}
{{- if include "workspaces-release.tokenSecret" . }}
{{- $_ := set $set "token-file" (printf "/var/run/secrets/workspaces-release/token/%s" $v.token.key) }}
{{- end }}
{{- if $v.internalKey.existingSecret }}
{{- $_ := set $set "internal-key-file" (printf "/var/run/secrets/workspaces-release/internal-key/%s" $v.internalKey.key) }}
{{- end }}
{{- if or $v.extraCA.configMap $v.extraCA.secret }}
{{- $_ := set $set "ca-file" (printf "/etc/workspaces-release/ca/%s" $v.extraCA.key) }}
{{- end }}
{{- $_ := set $set "drain-timeout" (include "workspaces-release.drainTimeout" .) }}
{{- if and $v.workload.create $v.sidecar.native }}
{{- with $v.workload.preStopSleepSeconds }}
{{- $_ := set $set "drain-delay" (printf "%vs" .) }}
{{- end }}
{{- end }}
{{- if $v.sidecar.existingConfigMap }}
{{- $_ := set $set "config" "/etc/workspaces-release/config/sidecar.yaml" }}
{{- end }}
{{- if and $v.workload.create (not (hasKey $v.sidecar.settings "service-env")) }}
{{- $names := list }}
{{- range $v.workload.env }}
{{- if hasPrefix "WORKSPACE_" .name }}
{{- $names = append $names .name }}
{{- end }}
{{- end }}
{{- $_ := set $set "service-env" (join "," $names) }}
{{- end }}
{{- range $name, $value := $set }}
{{- if not $value }}
{{- $_ := unset $set $name }}
{{- end }}
{{- end }}
{{- range $name, $value := merge $set $v.sidecar.settings }}
- name: SIDECAR_{{ $name | upper | replace "-" "_" }}
  value: {{ toString $value | quote }}
{{- end }}
{{- include "workspaces-release.proxyEnv" $v.proxy }}
{{- end }}

{{/*
The pod's grace period less 10 s for the service to end. Of pods of others, @drainTimeout
stands for it where the grace period is not known.
*/}}
{{- define "workspaces-release.drainTimeout" -}}
{{- if not .Values.sidecar.native -}}
{{- else if .Values.workload.create -}}
{{ max 1 (sub (.Values.workload.terminationGracePeriodSeconds | default 30) 10) }}s
{{- else if .Values.inject.enabled -}}
@drainTimeout
{{- else -}}
20s
{{- end -}}
{{- end }}

{{/* Loopback addresses come first: the service of the pod listens there. */}}
{{- define "workspaces-release.proxyEnv" -}}
{{- if or .httpProxy .httpsProxy }}
{{- with .httpProxy }}
- name: HTTP_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with .httpsProxy }}
- name: HTTPS_PROXY
  value: {{ . | quote }}
{{- end }}
- name: NO_PROXY
  value: {{ printf "localhost,127.0.0.1,::1,.svc,.cluster.local,%s" .noProxy | trimSuffix "," | quote }}
{{- end }}
{{- end }}

{{/* Directories, never subPath: Kubernetes replaces their content when it changes. */}}
{{- define "workspaces-release.sidecarMounts" -}}
- name: workspaces-release-manifest
  mountPath: /run/workspaces-release
  readOnly: true
  {{- if .Values.imageVolume.enabled }}
  subPath: www/release
  {{- end }}
{{- if include "workspaces-release.tokenSecret" . }}
- name: workspaces-release-token
  mountPath: /var/run/secrets/workspaces-release/token
  readOnly: true
{{- end }}
{{- if .Values.internalKey.existingSecret }}
- name: workspaces-release-internal-key
  mountPath: /var/run/secrets/workspaces-release/internal-key
  readOnly: true
{{- end }}
{{- if or .Values.extraCA.configMap .Values.extraCA.secret }}
- name: workspaces-release-ca
  mountPath: /etc/workspaces-release/ca
  readOnly: true
{{- end }}
{{- if .Values.sidecar.existingConfigMap }}
- name: workspaces-release-config
  mountPath: /etc/workspaces-release/config
  readOnly: true
{{- end }}
{{- if include "workspaces-release.currentRelease" . }}
- name: workspaces-release-current
  mountPath: /etc/workspaces-release/current
  readOnly: true
{{- end }}
{{- end }}

{{- define "workspaces-release.volumes" -}}
{{- $v := .Values -}}
- name: workspaces-release-manifest
  {{- if $v.imageVolume.enabled }}
  image:
    reference: {{ include "workspaces-release.releaseImage" . | quote }}
    {{- with $v.imageVolume.pullPolicy }}
    pullPolicy: {{ . }}
    {{- end }}
  {{- else }}
  emptyDir:
    sizeLimit: 64Mi
  {{- end }}
{{- with include "workspaces-release.tokenSecret" . }}
- name: workspaces-release-token
  secret:
    secretName: {{ . }}
    items:
      - key: {{ $v.token.key }}
        path: {{ $v.token.key }}
{{- end }}
{{- with $v.internalKey.existingSecret }}
- name: workspaces-release-internal-key
  secret:
    secretName: {{ . }}
    items:
      - key: {{ $v.internalKey.key }}
        path: {{ $v.internalKey.key }}
{{- end }}
{{- with $v.extraCA.configMap }}
- name: workspaces-release-ca
  configMap:
    name: {{ . }}
{{- end }}
{{- with $v.extraCA.secret }}
- name: workspaces-release-ca
  secret:
    secretName: {{ . }}
{{- end }}
{{- with $v.sidecar.existingConfigMap }}
- name: workspaces-release-config
  configMap:
    name: {{ . }}
{{- end }}
{{- if include "workspaces-release.currentRelease" . }}
- name: workspaces-release-current
  configMap:
    name: {{ include "workspaces-release.fullname" . }}-current
{{- end }}
{{- end }}

{{/* An empty list of groups makes the service import nothing. */}}
{{- define "workspaces-release.serviceEnv" -}}
{{- $id := include "workspaces-release.repository" . -}}
{{- if eq .Values.mode "observe" -}}
- name: STARTUP_IMPORT_REPOSITORY
  value: {{ .Values.release.repository | quote }}
{{- end }}
- name: STARTUP_IMPORT_GROUPS
  value: {{ ternary (join "," .Values.release.groups) "" (eq .Values.mode "observe") | quote }}
{{- with .Values.imageVolume }}
{{- if .enabled }}
{{- $set := dict "NAME" .repositoryName "TYPE" "filesystem" "DIRPATH" .directory "MODE" "read-only" }}
{{- range $name, $value := $set }}
- name: WORKSPACES_STORAGE_GIT_PLATFORM_{{ $id }}_{{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- range $group, $labels := .groupLabels }}
- name: WORKSPACES_GROUP_{{ $group }}_LABELS
  value: {{ join "," $labels | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "workspaces-release.serviceVolumeMounts" -}}
{{- with .Values.imageVolume }}
{{- if .enabled -}}
- name: workspaces-release-manifest
  mountPath: {{ .directory }}
  subPath: {{ trimPrefix "/" .directory }}
  readOnly: true
{{- end }}
{{- end }}
{{- end }}

{{/* Keeps the service from being stopped in the middle of an import. */}}
{{- define "workspaces-release.serviceLifecycle" -}}
{{- if .Values.sidecar.native -}}
preStop:
  httpGet:
    path: /drain
    port: {{ .Values.sidecar.port }}
{{- end }}
{{- end }}
