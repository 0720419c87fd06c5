{{/* SPDX-License-Identifier: Apache-2.0 */}}
{{/* A reference with the registry of global.imageRegistry, if that is set: a list of the context and the reference. */}}
{{- define "workspaces-release.reference" -}}
{{- $ := index . 0 -}}
{{- $reference := index . 1 -}}
{{- with $.Values.global.imageRegistry -}}
{{- if not (kindIs "string" .) -}}{{- fail "global.imageRegistry: not a text" -}}{{- end -}}
{{- $host := splitList "/" $reference | first -}}
{{- if and (contains "/" $reference) (regexMatch "[.:]|^localhost$" $host) -}}
{{- $reference = trimPrefix (printf "%s/" $host) $reference -}}
{{- end -}}
{{- $reference = printf "%s/%s" (trimSuffix "/" .) $reference -}}
{{- end -}}
{{ $reference }}
{{- end }}

{{/* The reference of an image: a list of the context, the path of its values, and a default tag. */}}
{{- define "workspaces-release.image" -}}
{{- $ := index . 0 -}}
{{- $path := index . 1 -}}
{{- $image := $.Values -}}
{{- range splitList "." $path -}}{{- $image = get $image . -}}{{- end -}}
{{- $reference := required (printf "%s.repository: name the repository of the image" $path) $image.repository -}}
{{- if $image.digest -}}
{{- $reference = printf "%s@%s" $reference $image.digest -}}
{{- else -}}
{{- $reference = printf "%s:%s" $reference (required (printf "%s.tag: name the image by tag or digest" $path) ($image.tag | default (index . 2))) -}}
{{- end -}}
{{ include "workspaces-release.reference" (list $ $reference) }}
{{- end }}

{{/* The image of the sidecar. Build metadata of the version is never part of its tag. */}}
{{- define "workspaces-release.sidecarImage" -}}
{{- $tag := regexReplaceAll "[+].*$" (.Chart.AppVersion | default "") "" -}}
image: {{ include "workspaces-release.image" (list . "sidecar.image" $tag) | quote }}
{{- with .Values.sidecar.image.pullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
{{- end }}

{{/*
The image that the release is in: of the service's container, or the content image. In
pods of others, @releaseImage stands for the image of the service's container.
*/}}
{{- define "workspaces-release.releaseImage" -}}
{{- if .Values.imageVolume.enabled -}}
{{ include "workspaces-release.reference" (list . .Values.imageVolume.reference) }}
{{- else if and (not .Values.inject.enabled) (or .Values.workload.create .Values.workload.image.repository) -}}
{{ include "workspaces-release.image" (list . "workload.image" "") }}
{{- else -}}
@releaseImage
{{- end -}}
{{- end }}

{{/* The release that should run, as the sidecars compare it; empty if nothing names one. */}}
{{- define "workspaces-release.currentRelease" -}}
{{- if .Values.release.current -}}
{{ .Values.release.current }}
{{- else if .Values.workload.create -}}
{{ include "workspaces-release.releaseImage" . }}
{{- end -}}
{{- end }}

{{/* A YAML list of the Secrets that pull images, of the chart and of global; empty without any. */}}
{{- define "workspaces-release.imagePullSecrets" -}}
{{- $names := list -}}
{{- range .Values.imagePullSecrets -}}{{- $names = append $names .name -}}{{- end -}}
{{- $global := .Values.global.imagePullSecrets -}}
{{- if kindIs "string" $global -}}{{- $global = compact (list $global) -}}{{- end -}}
{{- if and $global (not (kindIs "slice" $global)) -}}{{- fail "global.imagePullSecrets: not a list of names" -}}{{- end -}}
{{- range $global -}}
{{- if kindIs "string" . -}}{{- $names = append $names . -}}
{{- else if and (kindIs "map" .) (get . "name") -}}{{- $names = append $names .name -}}
{{- else -}}{{- fail "global.imagePullSecrets: an item is neither a name nor {name: …}" -}}{{- end -}}
{{- end -}}
{{- range uniq $names }}
- name: {{ . }}
{{- end }}
{{- end }}
