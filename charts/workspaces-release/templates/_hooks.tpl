{{/* SPDX-License-Identifier: Apache-2.0 */}}
{{/* Labels of the pods of hooks. No Service or budget of the pods with the sidecar selects them. */}}
{{- define "workspaces-release.hookSelector" -}}
app.kubernetes.io/name: {{ include "workspaces-release.name" . }}-hook
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "workspaces-release.hookLabels" -}}
{{- include "workspaces-release.labelsWith" (list . (include "workspaces-release.hookSelector" . | fromYaml)) -}}
{{- end }}

{{/* The metadata of a hook: a list of the context, the end of its name, its events and its weight. */}}
{{- define "workspaces-release.hookMetadata" -}}
{{- $ := index . 0 -}}
name: {{ include "workspaces-release.fullname" $ }}{{ index . 1 }}
namespace: {{ $.Release.Namespace }}
labels:
  {{- include "workspaces-release.hookLabels" $ | nindent 2 }}
annotations:
  helm.sh/hook: {{ index . 2 }}
  helm.sh/hook-weight: {{ index . 3 | quote }}
  helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
  helm.sh/hook-output-log-policy: hook-succeeded,hook-failed
{{- end }}

{{/* What the pods of all hooks share: a list of the context and whether they call the API server. */}}
{{- define "workspaces-release.hookPod" -}}
{{- $ := index . 0 -}}
{{- $api := index . 1 -}}
restartPolicy: Never
automountServiceAccountToken: {{ $api }}
{{- if $api }}
serviceAccountName: {{ include "workspaces-release.fullname" $ }}-injection
{{- end }}
{{- with include "workspaces-release.imagePullSecrets" $ }}
imagePullSecrets:
  {{- . | trim | nindent 2 }}
{{- end }}
{{- range $key := list "nodeSelector" "tolerations" "priorityClassName" }}
{{- with get $.Values.workload $key }}
{{- dict $key . | toYaml | nindent 0 }}
{{- end }}
{{- end }}
{{- end }}

{{/* A container of a hook that runs the sidecar's program: a list of the context, its name and its arguments. */}}
{{- define "workspaces-release.hookContainer" -}}
{{- $ := index . 0 -}}
name: {{ index . 1 }}
{{ include "workspaces-release.sidecarImage" $ }}
args:
  {{- toYaml (index . 2) | nindent 2 }}
terminationMessagePolicy: FallbackToLogsOnError
{{- include "workspaces-release.restrictions" $ }}
{{- end }}

{{/*
A container that asks every pod with a sidecar, each of which takes a new look at the
platform, until all have their release: a list of the context, its name and the seconds.
*/}}
{{- define "workspaces-release.statusContainer" -}}
{{- $ := index . 0 -}}
{{- $v := $.Values -}}
{{- $url := printf "http://%s-metrics.%s.svc:%v" (include "workspaces-release.fullname" $) $.Release.Namespace $v.sidecar.port -}}
{{- $args := list "status" "--url" $url "--all" "--fresh" "--wait" (printf "%vs" (index . 2)) -}}
{{- if and $v.workload.create $v.workload.replicas (not $v.workload.hpa.enabled) -}}
{{- $args = concat $args (list "--pods" (toString $v.workload.replicas)) -}}
{{- end -}}
{{- $current := include "workspaces-release.currentRelease" $ -}}
{{- if $current -}}
{{- $args = concat $args (list "--current-release-file" "/etc/workspaces-release/current/release") -}}
{{- end -}}
{{ include "workspaces-release.hookContainer" (list $ (index . 1) $args) }}
{{- if $current }}
volumeMounts:
  - name: workspaces-release-current
    mountPath: /etc/workspaces-release/current
    readOnly: true
{{- end }}
{{- end }}

{{/* The volumes of a pod with such a container; empty without any. */}}
{{- define "workspaces-release.statusVolumes" -}}
{{- if include "workspaces-release.currentRelease" . -}}
- name: workspaces-release-current
  configMap:
    name: {{ include "workspaces-release.fullname" . }}-current
{{- end }}
{{- end }}
