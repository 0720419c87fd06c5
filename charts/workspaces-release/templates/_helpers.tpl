{{/* SPDX-License-Identifier: Apache-2.0 */}}
{{/*
A text as a DNS label of at most so many characters that begins with a letter: a list of
both. A text that has to be changed for that ends with a hash of itself, so that two
different texts stay different.
*/}}
{{- define "workspaces-release.dnsLabel" -}}
{{- $text := index . 0 -}}
{{- $max := int (index . 1) -}}
{{- $label := regexReplaceAll "[^a-z0-9-]" (lower $text) "-" | trimAll "-" -}}
{{- if not (regexMatch "^[a-z]" $label) -}}{{- $label = printf "r-%s" $label -}}{{- end -}}
{{- if and (eq $label $text) (le (len $label) $max) -}}
{{ $label }}
{{- else -}}
{{ $label | trunc (int (sub $max 9)) | trimSuffix "-" }}-{{ sha256sum $text | trunc 8 }}
{{- end -}}
{{- end }}

{{/* A text as the value of a label. */}}
{{- define "workspaces-release.labelValue" -}}
{{- regexReplaceAll "[^A-Za-z0-9._-]" . "_" | trunc 63 | trimAll "-._" -}}
{{- end }}

{{- define "workspaces-release.name" -}}
{{- include "workspaces-release.dnsLabel" (list (.Values.nameOverride | default .Chart.Name) 50) -}}
{{- end }}

{{/* 52 characters, so that the names of all resources have at most 63. */}}
{{- define "workspaces-release.fullname" -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- $full := printf "%s-%s" .Release.Name $name -}}
{{- if and .Chart.IsRoot (contains $name .Release.Name) -}}{{- $full = .Release.Name -}}{{- end -}}
{{- include "workspaces-release.dnsLabel" (list (.Values.fullnameOverride | default $full) 52) -}}
{{- end }}

{{/* The name of a cluster-scoped resource: no other namespace can have it. */}}
{{- define "workspaces-release.clusterName" -}}
{{ include "workspaces-release.fullname" . }}.{{ .Release.Namespace }}
{{- end }}

{{- define "workspaces-release.selectorLabels" -}}
app.kubernetes.io/name: {{ include "workspaces-release.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* The labels of a resource: a list of the context and labels to add. */}}
{{- define "workspaces-release.labelsWith" -}}
{{- $ := index . 0 -}}
{{- $labels := include "workspaces-release.selectorLabels" $ | fromYaml -}}
{{- $_ := set $labels "app.kubernetes.io/managed-by" $.Release.Service -}}
{{- $_ := set $labels "app.kubernetes.io/version" (include "workspaces-release.labelValue" ($.Chart.AppVersion | default $.Chart.Version)) -}}
{{- $_ := set $labels "helm.sh/chart" (include "workspaces-release.labelValue" (printf "%s-%s" $.Chart.Name $.Chart.Version)) -}}
{{- merge (dict) (index . 1 | default dict) $labels ($.Values.commonLabels | default dict) | toYaml -}}
{{- end }}

{{/* The metadata of a resource: a list of the context, the end of its name, and labels to add. */}}
{{- define "workspaces-release.metadata" -}}
{{- $ := index . 0 -}}
name: {{ include "workspaces-release.fullname" $ }}{{ index . 1 }}
namespace: {{ $.Release.Namespace }}
labels:
  {{- include "workspaces-release.labelsWith" (list $ (index (append . dict) 2)) | nindent 2 }}
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
{{- $account := .Values.workload.serviceAccount -}}
{{- $account.name | default (ternary (include "workspaces-release.fullname" .) "default" ($account.create | default false)) -}}
{{- end }}

{{/* Not empty on OpenShift, which assigns users to pods. */}}
{{- define "workspaces-release.openshift" -}}
{{- if eq .Values.openshift "enabled" -}}
true
{{- else if eq .Values.openshift "auto" -}}
{{- range list "security.openshift.io/v1" "security.openshift.io/v1/SecurityContextConstraints" "route.openshift.io/v1" "route.openshift.io/v1/Route" -}}
{{- if $.Capabilities.APIVersions.Has . -}}true{{- end -}}
{{- end -}}
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

{{/* The port of the service in the pod. */}}
{{- define "workspaces-release.servicePort" -}}
{{ ternary .Values.workload.port .Values.target.port (default false .Values.workload.create) }}
{{- end }}
