{{/* SPDX-License-Identifier: Apache-2.0 */}}
{{- define "workspaces-release.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- define "workspaces-release.fullname" -}}
{{- $name := include "workspaces-release.name" . -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- .Values.fullnameOverride | default $full | trunc 52 | trimSuffix "-" -}}
{{- end }}

{{- define "workspaces-release.selectorLabels" -}}
app.kubernetes.io/name: {{ include "workspaces-release.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "workspaces-release.labels" -}}
{{ include "workspaces-release.selectorLabels" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The metadata of a resource: a list of the context and what ends its name. */}}
{{- define "workspaces-release.metadata" -}}
{{- $ := index . 0 -}}
name: {{ include "workspaces-release.fullname" $ }}{{ index . 1 }}
namespace: {{ $.Release.Namespace }}
labels:
  {{- include "workspaces-release.labels" $ | nindent 2 }}
{{- end }}

{{/* The labels of the pods that have the sidecar. */}}
{{- define "workspaces-release.podSelector" -}}
{{- if .Values.workload.create -}}
{{ include "workspaces-release.selectorLabels" . }}
{{- else -}}
{{ toYaml .Values.target.matchLabels }}
{{- end }}
{{- end }}

{{- define "workspaces-release.serviceAccountName" -}}
{{- with .Values.workload.serviceAccount -}}
{{- .name | default (ternary (include "workspaces-release.fullname" $) "default" .create) -}}
{{- end }}
{{- end }}

{{/* The reference of an image, given its values and a default tag. */}}
{{- define "workspaces-release.image" -}}
{{- $image := index . 0 -}}
{{- $repository := required "an image has no repository: set sidecar.image.repository, and workload.image.repository with workload.create" $image.repository -}}
{{- if $image.digest -}}
{{ $repository }}@{{ $image.digest }}
{{- else -}}
{{ $repository }}:{{ $image.tag | default (index . 1) }}
{{- end }}
{{- end }}

{{/* Not empty on OpenShift, which gives pods their user. */}}
{{- define "workspaces-release.openshift" -}}
{{- $served := .Capabilities.APIVersions.Has "security.openshift.io/v1" -}}
{{- if or (eq .Values.openshift "enabled") (and (eq .Values.openshift "auto") $served) -}}
true
{{- end }}
{{- end }}

{{/* The name of the Secret with the token; empty without one. */}}
{{- define "workspaces-release.tokenSecret" -}}
{{- if .Values.token.existingSecret -}}
{{ .Values.token.existingSecret }}
{{- else if .Values.token.externalSecret.enabled -}}
{{ include "workspaces-release.fullname" . }}-token
{{- end }}
{{- end }}

{{/* What the platform calls the repository, where the chart has to know. */}}
{{- define "workspaces-release.repository" -}}
{{- .Values.release.repository | default "release" -}}
{{- end }}
