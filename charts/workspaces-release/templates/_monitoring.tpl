{{/* SPDX-License-Identifier: Apache-2.0 */}}
{{/* The selector of the pods or the Service that have the metrics: the context and their labels. */}}
{{- define "workspaces-release.monitoring.selector" -}}
{{- $ := index . 0 -}}
namespaceSelector:
  matchNames: [{{ $.Release.Namespace | quote }}]
selector:
  matchLabels:
    {{- if $.Values.monitoring.selectorLabels }}
    {{- toYaml $.Values.monitoring.selectorLabels | nindent 4 }}
    {{- else }}
    {{- index . 1 | nindent 4 }}
    {{- end }}
{{- end }}

{{/* The endpoint of a PodMonitor or ServiceMonitor, given its values. */}}
{{- define "workspaces-release.monitoring.endpoint" -}}
- port: metrics
  path: /metrics
  {{- with .interval }}
  interval: {{ . }}
  {{- end }}
  {{- with .scrapeTimeout }}
  scrapeTimeout: {{ . }}
  {{- end }}
  {{- with .relabelings }}
  relabelings:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .metricRelabelings }}
  metricRelabelings:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{/*
One alert as the values want it: a dict of root (the context), alert (of the
file) and set (its values).
*/}}
{{- define "workspaces-release.monitoring.alert" -}}
{{- $rule := .root.Values.monitoring.prometheusRule -}}
{{- $expr := .alert.expr -}}
{{- if eq $rule.scope "namespace" -}}
{{- $expr = $expr | replace `namespace=~".+"` (printf `namespace=%q` .root.Release.Namespace) -}}
{{- end -}}
{{- $deployment := ternary (include "workspaces-release.fullname" .root) .root.Values.target.deployment (.root.Values.workload.create | default false) -}}
{{- $expr = $expr | replace "prismeai-core-prismeai-workspaces-" (printf "%s-" $deployment) -}}
{{- if hasKey .set "threshold" -}}
{{- $threshold := `(?m)([<>]) [0-9.]+$` -}}
{{- if not (regexMatch $threshold $expr) -}}
{{- fail (printf "monitoring.prometheusRule.alerts.%s.threshold: this alert has no threshold" .alert.alert) -}}
{{- end -}}
{{- $expr = regexReplaceAll $threshold $expr (printf "${1} %v" .set.threshold) -}}
{{- end -}}
{{- $url := printf "%s/%s" ($rule.runbookBaseURL | trimSuffix "/") (base .alert.annotations.runbook_url) -}}
- alert: {{ .alert.alert }}
  expr: |
    {{- $expr | trim | nindent 4 }}
  for: {{ .set.for | default .alert.for }}
  labels:
    {{- $labels := dict "severity" (.set.severity | default .alert.labels.severity) }}
    {{- merge (dict) (.set.labels | default dict) $labels $rule.alertLabels | toYaml | nindent 4 }}
  annotations:
    {{- merge (dict "runbook_url" $url) .alert.annotations | toYaml | nindent 4 }}
{{- end }}
