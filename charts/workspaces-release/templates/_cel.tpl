{{/* SPDX-License-Identifier: Apache-2.0 */}}
{{/*
A value as an expression of CEL: a dict of type (Object. and the path of the field) and
value (of YAML). A JSON patch takes typed objects only; lists keep the type of their
field, and the maps that are not objects are those of quantities.
*/}}
{{- define "workspaces-release.cel" -}}
{{- $type := .type -}}
{{- if has (splitList "." $type | last) (list "requests" "limits") -}}
{{ toJson .value }}
{{- else if kindIs "map" .value -}}
{{- $fields := list -}}
{{- range $name, $value := .value -}}
{{- $cel := include "workspaces-release.cel" (dict "type" (printf "%s.%s" $type $name) "value" $value) -}}
{{- $fields = append $fields (printf "%s: %s" $name $cel) -}}
{{- end -}}
{{ $type }}{{ "{" }}{{ join ", " $fields }}{{ "}" }}
{{- else if kindIs "slice" .value -}}
{{- $items := list -}}
{{- range .value -}}
{{- $items = append $items (include "workspaces-release.cel" (dict "type" $type "value" .)) -}}
{{- end -}}
[{{ join ", " $items }}]
{{- else if eq (toString .value) "@releaseImage" -}}
variables.service.image
{{- else if eq (toString .value) "@drainTimeout" -}}
string(variables.grace > 11 ? variables.grace - 10 : 1) + "s"
{{- else -}}
{{ toJson .value }}
{{- end -}}
{{- end }}

{{/*
Patches that add items to a list of the pod: a dict of field, value (a list in YAML)
and first (whether they go before those that are there).
*/}}
{{- define "workspaces-release.celAdd" -}}
{{- $field := .field -}}
{{- $first := .first -}}
(has(object.spec.{{ $field }}) ? [] : [JSONPatch{op: "add", path: "/spec/{{ $field }}", value: []}])
{{- range $i, $item := fromYamlArray .value }}
+ [JSONPatch{op: "add", path: "/spec/{{ $field }}/{{ if $first }}{{ $i }}{{ else }}-{{ end }}", value: {{ include "workspaces-release.cel" (dict "type" (printf "Object.spec.%s" $field) "value" $item) }}}]
{{- end }}
{{- end }}
