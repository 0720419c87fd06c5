{{/* SPDX-License-Identifier: Apache-2.0 */}}
{{/*
What no schema can say: values that contradict each other. Each message begins with
the value to change.
*/}}
{{- define "workspaces-release.check" -}}
{{- $v := .Values -}}
{{- $kube := .Capabilities.KubeVersion.Version -}}
{{- include "workspaces-release.checkWays" . -}}
{{- if and (eq $v.sidecar.identity "token") (not (include "workspaces-release.tokenSecret" .)) -}}
{{- fail "sidecar.identity: token wants token.existingSecret or token.externalSecret.enabled" -}}
{{- end -}}
{{- if and $v.sidecar.gatewayURL (not (include "workspaces-release.tokenSecret" .)) (not $v.internalKey.existingSecret) -}}
{{- fail "sidecar.gatewayURL: the public API wants token.existingSecret, token.externalSecret.enabled or internalKey.existingSecret" -}}
{{- end -}}
{{- if and $v.token.existingSecret $v.token.externalSecret.enabled -}}
{{- fail "token.existingSecret: the token is in that Secret or in that of token.externalSecret, not in both" -}}
{{- end -}}
{{- if and $v.extraCA.configMap $v.extraCA.secret -}}
{{- fail "extraCA.configMap: name a ConfigMap or a Secret, not both" -}}
{{- end -}}
{{- if and $v.sidecar.native (semverCompare "<1.29.0-0" $kube) (or $v.workload.create (ne $v.output "manifests")) -}}
{{- fail (printf "sidecar.native: Kubernetes %s has no native sidecars: set it to false" $kube) -}}
{{- end -}}
{{- include "workspaces-release.checkImport" . -}}
{{- end }}

{{- define "workspaces-release.checkWays" -}}
{{- $v := .Values -}}
{{- $kube := .Capabilities.KubeVersion.Version -}}
{{- if and $v.workload.create $v.inject.enabled -}}
{{- fail "inject.enabled: the chart deploys the service (workload.create) or changes pods of others, not both" -}}
{{- end -}}
{{- if and $v.workload.create (not $v.workload.image.repository) -}}
{{- fail "workload.image.repository: name the release image" -}}
{{- end -}}
{{- if and $v.workload.create (not $v.workload.image.tag) (not $v.workload.image.digest) -}}
{{- fail "workload.image.tag: name the release image by tag or digest" -}}
{{- end -}}
{{- if and (eq $v.output "patch") (not $v.target.container) -}}
{{- fail "target.container: output=patch wants the name of the service's container" -}}
{{- end -}}
{{- if and $v.inject.enabled (semverCompare "<1.36.0-0" $kube) -}}
{{- fail (printf "inject.enabled: Kubernetes %s does not serve admissionregistration.k8s.io/v1 MutatingAdmissionPolicy, 1.36 does: use output=snippet instead" $kube) -}}
{{- end -}}
{{- if and $v.inject.enabled (not $v.sidecar.native) -}}
{{- fail "sidecar.native: injection adds a native sidecar" -}}
{{- end -}}
{{- if $v.imageVolume.enabled -}}
{{- if $v.inject.enabled -}}
{{- fail "imageVolume.enabled: injection takes the release from the service's image: use workload.create or output=snippet" -}}
{{- end -}}
{{- if semverCompare "<1.36.0-0" $kube -}}
{{- fail (printf "imageVolume.enabled: Kubernetes %s has no stable image volumes, 1.36 has" $kube) -}}
{{- end -}}
{{- range $key := list "reference" "repositoryName" "groupLabels" -}}
{{- if not (get $v.imageVolume $key) -}}
{{- fail (printf "imageVolume.%s: wanted, as the content image cannot say it to the service" $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* That one of the two imports, and not both. */}}
{{- define "workspaces-release.checkImport" -}}
{{- $v := .Values -}}
{{- range $v.workload.env -}}
{{- if hasPrefix "STARTUP_IMPORT_" .name -}}
{{- if eq $v.mode "import" -}}
{{- fail (printf "workload.env: %s would make the service import beside the sidecar: remove it, or set mode=observe" .name) -}}
{{- end -}}
{{- fail (printf "workload.env: %s follows from release.repository and release.groups: set these" .name) -}}
{{- end -}}
{{- end -}}
{{- if eq $v.mode "observe" -}}
{{- if not $v.release.groups -}}
{{- fail "release.groups: mode=observe wants the groups that the service shall import (STARTUP_IMPORT_GROUPS)" -}}
{{- end -}}
{{- if not $v.release.repository -}}
{{- fail "release.repository: mode=observe wants the repository that the service shall import (STARTUP_IMPORT_REPOSITORY)" -}}
{{- end -}}
{{- end -}}
{{- end }}
