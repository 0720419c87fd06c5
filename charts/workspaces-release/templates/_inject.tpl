{{/* SPDX-License-Identifier: Apache-2.0 */}}
{{/* Not empty if hooks ask the API server whether it injects. */}}
{{- define "workspaces-release.checksInjection" -}}
{{- if and .Values.inject.enabled .Values.hooks.injection.enabled .Values.sidecar.image.repository (eq .Values.output "manifests") -}}
true
{{- end -}}
{{- end }}

{{/* The annotation of injected pods: a hash of what was injected, so that another revision has another value. */}}
{{- define "workspaces-release.injectionMark" -}}
{{ include "workspaces-release.mutations" . | sha256sum | trunc 16 }}
{{- end }}

{{/* Waits until a pod of the target gets that annotation, by dry runs. */}}
{{- define "workspaces-release.injectionContainer" -}}
{{- $container := dict "name" (.Values.target.container | default "service") "image" (include "workspaces-release.sidecarImage" . | fromYaml).image -}}
{{- $_ := include "workspaces-release.restrictions" . | fromYaml | merge $container -}}
{{- $metadata := dict "generateName" (printf "%s-dry-run-" (include "workspaces-release.fullname" .)) "labels" .Values.target.matchLabels -}}
{{- $pod := dict "apiVersion" "v1" "kind" "Pod" "metadata" $metadata "spec" (dict "automountServiceAccountToken" false "containers" (list $container)) -}}
{{- $args := list "injected" "--pod" (toJson $pod) -}}
{{- $args = concat $args (list "--annotation" (printf "workspaces-release/injected=%s" (include "workspaces-release.injectionMark" .))) -}}
{{- $args = concat $args (list "--wait" (printf "%vs" .Values.hooks.injection.timeoutSeconds)) -}}
{{ include "workspaces-release.hookContainer" (list . "injection" $args) }}
{{- end }}

{{/* The mutations of the policy, except for the annotation. */}}
{{- define "workspaces-release.mutations" -}}
# The release's manifest and the sidecar, before all other containers.
- patchType: JSONPatch
  jsonPatch:
    expression: |
      {{- include "workspaces-release.celAdd" (dict "field" "volumes" "first" false "value" (include "workspaces-release.volumes" .)) | nindent 6 }}
      +
      {{- include "workspaces-release.celAdd" (dict "field" "initContainers" "first" true "value" (include "workspaces-release.initContainers" .)) | nindent 6 }}
{{- with include "workspaces-release.imagePullSecrets" . }}
# The Secrets that pull the image of the sidecar.
- patchType: JSONPatch
  jsonPatch:
    expression: |
      {{- include "workspaces-release.celAdd" (dict "field" "imagePullSecrets" "first" false "value" .) | nindent 6 }}
{{- end }}
# Who imports.
- patchType: JSONPatch
  jsonPatch:
    expression: |
      (has(variables.service.env) ? [] : [JSONPatch{op: "add", path: variables.servicePath + "/env", value: []}])
      {{- range fromYamlArray (include "workspaces-release.serviceEnv" .) }}
      {{- $value := include "workspaces-release.cel" (dict "type" "Object.spec.containers.env" "value" .) }}
      + (variables.env.exists(e, e == {{ toJson .name }})
        ? [JSONPatch{op: "replace", path: variables.servicePath + "/env/" + string(variables.env.indexOf({{ toJson .name }})), value: {{ $value }}}]
        : [JSONPatch{op: "add", path: variables.servicePath + "/env/-", value: {{ $value }}}])
      {{- end }}
{{- with include "workspaces-release.serviceLifecycle" . | fromYaml }}
# The service ends only when no import of its pod runs, unless it has a preStop of its own.
- patchType: JSONPatch
  jsonPatch:
    expression: |
      !has(variables.service.lifecycle)
        ? [JSONPatch{op: "add", path: variables.servicePath + "/lifecycle", value: {{ include "workspaces-release.cel" (dict "type" "Object.spec.containers.lifecycle" "value" .) }}}]
        : has(variables.service.lifecycle.preStop) ? []
        : [JSONPatch{op: "add", path: variables.servicePath + "/lifecycle/preStop", value: {{ include "workspaces-release.cel" (dict "type" "Object.spec.containers.lifecycle.preStop" "value" .preStop) }}}]
{{- end }}
{{- end }}
