{{/* SPDX-License-Identifier: Apache-2.0 */}}
{{/*
What no schema can say: values that contradict each other. Each message begins with the
value to change. A manifest includes the checks of what it renders, so that Helm names it.
*/}}

{{/* Checks what every pod with a sidecar needs. */}}
{{- define "workspaces-release.checkSidecar" -}}
{{- $v := .Values -}}
{{- $kube := .Capabilities.KubeVersion.Version -}}
{{- if not $v.sidecar.image.repository -}}
{{- fail "sidecar.image.repository: name the repository that you keep the image of the sidecar in" -}}
{{- end -}}
{{- if eq (include "workspaces-release.servicePort" .) (toString $v.sidecar.port) -}}
{{- fail (printf "sidecar.port: the service of the pod listens on %v: choose another port" $v.sidecar.port) -}}
{{- end -}}
{{- if and $v.sidecar.native (semverCompare "<1.29.0-0" $kube) -}}
{{- fail (printf "sidecar.native: Kubernetes %s has no native sidecars: set it to false" $kube) -}}
{{- end -}}
{{- if and (eq $v.sidecar.identity "token") (not (include "workspaces-release.tokenSecret" .)) -}}
{{- fail "sidecar.identity: token requires token.existingSecret or token.externalSecret.enabled" -}}
{{- end -}}
{{- if and $v.sidecar.gatewayURL (not (include "workspaces-release.tokenSecret" .)) (not $v.internalKey.existingSecret) -}}
{{- fail "sidecar.gatewayURL: the public API requires token.existingSecret, token.externalSecret.enabled or internalKey.existingSecret" -}}
{{- end -}}
{{- if and $v.token.existingSecret $v.token.externalSecret.enabled -}}
{{- fail "token.existingSecret: name the Secret here or enable token.externalSecret, not both" -}}
{{- end -}}
{{- if and $v.extraCA.configMap $v.extraCA.secret -}}
{{- fail "extraCA.configMap: name a ConfigMap or a Secret, not both" -}}
{{- end -}}
{{- if eq $v.mode "observe" -}}
{{- if not $v.release.groups -}}
{{- fail "release.groups: mode=observe requires the groups that the service imports (STARTUP_IMPORT_GROUPS)" -}}
{{- end -}}
{{- if not $v.release.repository -}}
{{- fail "release.repository: mode=observe requires the repository that the service imports (STARTUP_IMPORT_REPOSITORY)" -}}
{{- end -}}
{{- end -}}
{{- include "workspaces-release.checkImageVolume" . -}}
{{- end }}

{{- define "workspaces-release.checkImageVolume" -}}
{{- if .Values.imageVolume.enabled -}}
{{- $kube := .Capabilities.KubeVersion.Version -}}
{{- if .Values.inject.enabled -}}
{{- fail "imageVolume.enabled: injection takes the release from the service's image: use workload.create or output=snippet" -}}
{{- end -}}
{{- if semverCompare "<1.36.0-0" $kube -}}
{{- fail (printf "imageVolume.enabled: Kubernetes %s has no stable image volumes, 1.36 has" $kube) -}}
{{- end -}}
{{- range $key := list "reference" "repositoryName" "groupLabels" -}}
{{- if not (get $.Values.imageVolume $key) -}}
{{- fail (printf "imageVolume.%s: required, because the content image cannot tell it to the service" $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Checks the Deployment that the chart makes. */}}
{{- define "workspaces-release.checkWorkload" -}}
{{- $v := .Values -}}
{{- if $v.inject.enabled -}}
{{- fail "inject.enabled: the chart deploys the service (workload.create) or changes the pods of others, not both" -}}
{{- end -}}
{{- if not $v.workload.image.repository -}}
{{- fail "workload.image.repository: name the release image" -}}
{{- end -}}
{{- if not (or $v.workload.image.tag $v.workload.image.digest) -}}
{{- fail "workload.image.tag: name the release image by tag or digest" -}}
{{- end -}}
{{- $grace := int ($v.workload.terminationGracePeriodSeconds | default 30) -}}
{{- if gt (int ($v.workload.preStopSleepSeconds | default 0)) (max 1 (sub $grace 10) | int) -}}
{{- fail (printf "workload.preStopSleepSeconds: leaves less than 10 s of terminationGracePeriodSeconds (%d) for the service to end" $grace) -}}
{{- end -}}
{{- include "workspaces-release.checkLabels" . -}}
{{- include "workspaces-release.checkEnv" . -}}
{{- range $v.workload.volumeMounts -}}
{{- if eq (trimSuffix "/" .mountPath) "/tmp" -}}
{{- fail "workload.volumeMounts: the chart mounts /tmp itself: remove it, or mount below /tmp" -}}
{{- end -}}
{{- end -}}
{{- range $v.workload.volumes -}}
{{- if or (eq .name "tmp") (hasPrefix "workspaces-release-" .name) -}}
{{- fail (printf "workload.volumes: the chart has a volume %s itself: give yours another name" .name) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Labels by which the pods are selected cannot be changed. */}}
{{- define "workspaces-release.checkLabels" -}}
{{- $lists := dict "commonLabels" .Values.commonLabels "workload.podLabels" .Values.workload.podLabels -}}
{{- range $path, $labels := $lists -}}
{{- range $label := list "app.kubernetes.io/name" "app.kubernetes.io/instance" -}}
{{- if hasKey ($labels | default dict) $label -}}
{{- fail (printf "%s: the chart sets %s and selects the pods by it: use nameOverride or a label of your own" $path $label) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The API server would refuse a variable that is set twice, or one of the two would win by chance. */}}
{{- define "workspaces-release.checkEnv" -}}
{{- $seen := dict "PORT" "workload.port" -}}
{{- range include "workspaces-release.serviceEnv" . | fromYamlArray -}}
{{- $_ := set $seen .name "imageVolume" -}}
{{- end -}}
{{- range .Values.workload.env -}}
{{- if and (hasPrefix "STARTUP_IMPORT_" .name) (eq $.Values.mode "import") -}}
{{- fail (printf "workload.env: %s would make the service import beside the sidecar: remove it, or set mode=observe" .name) -}}
{{- else if hasPrefix "STARTUP_IMPORT_" .name -}}
{{- fail (printf "workload.env: %s follows from release.repository and release.groups: set these" .name) -}}
{{- else if hasKey $seen .name -}}
{{- fail (printf "workload.env: %s is set by %s: remove it here" .name (get $seen .name)) -}}
{{- end -}}
{{- $_ := set $seen .name "an earlier item of workload.env" -}}
{{- end -}}
{{- end }}

{{/* Checks the admission policy. */}}
{{- define "workspaces-release.checkInjection" -}}
{{- $kube := .Capabilities.KubeVersion.Version -}}
{{- if semverCompare "<1.36.0-0" $kube -}}
{{- fail (printf "inject.enabled: Kubernetes %s does not serve admissionregistration.k8s.io/v1 MutatingAdmissionPolicy, 1.36 does: use output=snippet instead" $kube) -}}
{{- end -}}
{{- if not .Values.sidecar.native -}}
{{- fail "sidecar.native: injection adds a native sidecar" -}}
{{- end -}}
{{- end }}

{{/* A subchart is switched by a condition of its parent; nothing in here can do that. */}}
{{- define "workspaces-release.checkEnabled" -}}
{{- if and (hasKey .Values "enabled") (not .Values.enabled) -}}
{{- fail "enabled: has no effect without `condition: NAME.enabled` of this dependency in the Chart.yaml of the parent" -}}
{{- end -}}
{{- end }}
