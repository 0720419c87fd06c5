{{/* SPDX-License-Identifier: Apache-2.0 */}}
{{/*
Makes .Values safe to read, in place: removes nulls, and gives an empty map to each
object that null took away. Every manifest includes it first.
*/}}
{{- define "workspaces-release.prepare" -}}
{{- range $key, $value := omit .Values "global" -}}
{{- if kindIs "invalid" $value -}}{{- $_ := unset $.Values $key -}}{{- end -}}
{{- include "workspaces-release.prune" $value -}}
{{- end -}}
{{- $objects := list "global" "release" "sidecar" "token" "internalKey" "extraCA" "proxy" "target" "inject" "hooks" "workload" "imageVolume" "networkPolicy" "monitoring" -}}
{{- include "workspaces-release.objects" (list .Values $objects) -}}
{{- include "workspaces-release.objects" (list .Values.sidecar (list "image" "settings")) -}}
{{- include "workspaces-release.objects" (list .Values.token (list "externalSecret")) -}}
{{- include "workspaces-release.objects" (list .Values.token.externalSecret (list "secretStoreRef" "remoteRef")) -}}
{{- include "workspaces-release.objects" (list .Values.hooks (list "confirm" "injection" "test")) -}}
{{- include "workspaces-release.objects" (list .Values.workload (list "image" "service" "serviceAccount" "pdb" "hpa")) -}}
{{- include "workspaces-release.objects" (list .Values.monitoring (list "podMonitor" "serviceMonitor" "prometheusRule" "dashboard")) -}}
{{- include "workspaces-release.objects" (list .Values.monitoring.prometheusRule (list "alerts" "labels" "alertLabels")) -}}
{{- include "workspaces-release.objects" (list .Values.monitoring.dashboard (list "grafanaDashboard")) -}}
{{- end }}

{{/* Removes the keys of a value whose value is null, at every depth. */}}
{{- define "workspaces-release.prune" -}}
{{- if kindIs "map" . -}}
{{- $map := . -}}
{{- range $key, $value := $map -}}
{{- if kindIs "invalid" $value -}}{{- $_ := unset $map $key -}}{{- else -}}{{- include "workspaces-release.prune" $value -}}{{- end -}}
{{- end -}}
{{- else if kindIs "slice" . -}}
{{- range . -}}{{- include "workspaces-release.prune" . -}}{{- end -}}
{{- end -}}
{{- end }}

{{/* Sets the keys that a map lacks to empty maps: a list of the map and the keys. */}}
{{- define "workspaces-release.objects" -}}
{{- $map := index . 0 -}}
{{- range index . 1 -}}
{{- if not (get $map .) -}}{{- $_ := set $map . dict -}}{{- end -}}
{{- end -}}
{{- end }}
