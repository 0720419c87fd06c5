{{/* SPDX-License-Identifier: Apache-2.0 */}}
{{/*
What a pod with the sidecar has. These templates are the same for the three ways, and
are there for charts that include this one: each takes the context of this chart and
gives a YAML list.

  workspaces-release.initContainers       before all others of the pod
  workspaces-release.containers           beside the service (empty for a native sidecar)
  workspaces-release.volumes              of the pod
  workspaces-release.serviceEnv           of the service's container, after all others
  workspaces-release.serviceVolumeMounts  of the service's container

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

{{/* Copies the manifest out of the release image, as any user and without writing elsewhere. */}}
{{- define "workspaces-release.manifestContainer" -}}
name: workspaces-release-manifest
{{- if and .Values.workload.image.repository (not .Values.inject.enabled) }}
image: {{ include "workspaces-release.image" (list .Values.workload.image "latest") | quote }}
imagePullPolicy: {{ .Values.workload.image.pullPolicy }}
{{- else }}
image: "@releaseImage"
{{- end }}
command: [cp, /www/release/manifest.json, /run/workspaces-release/manifest.json]
resources:
  {{- toYaml .Values.sidecar.resources | nindent 2 }}
securityContext:
  {{- include "workspaces-release.containerSecurityContext" . | nindent 2 }}
volumeMounts:
  - name: workspaces-release-manifest
    mountPath: /run/workspaces-release
{{- end }}

{{- define "workspaces-release.sidecar" -}}
{{- $v := .Values -}}
name: release-sidecar
image: {{ include "workspaces-release.image" (list $v.sidecar.image .Chart.AppVersion) | quote }}
imagePullPolicy: {{ $v.sidecar.image.pullPolicy }}
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
readinessProbe:
  httpGet:
    path: /readyz
    port: {{ $v.sidecar.port }}
  {{- toYaml $v.sidecar.readinessProbe | nindent 2 }}
livenessProbe:
  httpGet:
    path: /livez
    port: {{ $v.sidecar.port }}
  {{- toYaml $v.sidecar.livenessProbe | nindent 2 }}
resources:
  {{- toYaml $v.sidecar.resources | nindent 2 }}
securityContext:
  {{- include "workspaces-release.containerSecurityContext" . | nindent 2 }}
volumeMounts:
  {{- include "workspaces-release.sidecarMounts" . | nindent 2 }}
{{- end }}

{{- define "workspaces-release.containerSecurityContext" -}}
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
readOnlyRootFilesystem: true
runAsNonRoot: true
{{- if not (include "workspaces-release.openshift" .) }}
runAsUser: {{ .Values.sidecar.runAsUser }}
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "workspaces-release.sidecarEnv" -}}
{{- $v := .Values -}}
{{- $port := ternary $v.workload.port $v.target.port $v.workload.create -}}
- name: SIDECAR_POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- $set := dict "listen" (printf ":%v" $v.sidecar.port) "mode" $v.mode "identity" $v.sidecar.identity }}
{{- $_ := set $set "platform-url" (printf "http://127.0.0.1:%v" $port) }}
{{- $_ := set $set "manifest" "/run/workspaces-release/manifest.json" }}
{{- $_ := set $set "repository" $v.release.repository }}
{{- $_ := set $set "groups" (join "," $v.release.groups) }}
{{- $_ := set $set "gateway-url" $v.sidecar.gatewayURL }}
{{- if include "workspaces-release.tokenSecret" . }}
{{- $_ := set $set "token-file" (printf "/var/run/secrets/workspaces-release/token/%s" $v.token.key) }}
{{- end }}
{{- if $v.internalKey.existingSecret }}
{{- $_ := set $set "internal-key-file" (printf "/var/run/secrets/workspaces-release/internal-key/%s" $v.internalKey.key) }}
{{- end }}
{{- if or $v.extraCA.configMap $v.extraCA.secret }}
{{- $_ := set $set "ca-file" (printf "/etc/workspaces-release/ca/%s" $v.extraCA.key) }}
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

{{/* Loopback addresses come first: the service of the pod is there. */}}
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

{{/* Directories, never subPath: Kubernetes replaces what is in them when it changes. */}}
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
{{- end }}

{{- define "workspaces-release.volumes" -}}
{{- $v := .Values -}}
- name: workspaces-release-manifest
  {{- if $v.imageVolume.enabled }}
  image:
    reference: {{ $v.imageVolume.reference | quote }}
    pullPolicy: {{ $v.imageVolume.pullPolicy }}
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
