// SPDX-License-Identifier: Apache-2.0

// Package monitoring reads the alert rules of the chart for tests. The tests of this package check
// that
//
//   - each alert fires, stays silent and resolves as its file in testdata/alerts describes,
//     according to promtool, and any change of a rule makes one of these files fail;
//   - each alert has a runbook;
//   - the sidecar exposes each metric that a rule, a panel or a runbook names;
//   - the templates render the monitoring resources that the values select.
//
// Package drill of the sidecar checks that the sidecar's metrics make the alerts fire.
package monitoring

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// File is a file of Prometheus rules. It is also the spec of a PrometheusRule.
type File struct {
	Groups []Group `yaml:"groups"`
}

// Group is a group of rules that Prometheus evaluates together.
type Group struct {
	Name     string `yaml:"name"`
	Interval string `yaml:"interval,omitempty"`
	Rules    []Rule `yaml:"rules"`
}

// Rule is an alerting or a recording rule.
type Rule struct {
	Alert       string            `yaml:"alert,omitempty"`
	Record      string            `yaml:"record,omitempty"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

// Runbook returns the name of the alert's page in docs/runbooks, without .md.
func (r *Rule) Runbook() string {
	return strings.TrimSuffix(filepath.Base(r.Annotations["runbook_url"]), ".md")
}

// Read reads a file of rules.
func Read(path string) (*File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var f File
	if err := yaml.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("read the rules of %s: %w", path, err)
	}
	return &f, nil
}

// Alerts returns the alerts of all groups, in their order.
func (f *File) Alerts() []Rule {
	var all []Rule
	for _, g := range f.Groups {
		for _, r := range g.Rules {
			if r.Alert != "" {
				all = append(all, r)
			}
		}
	}
	return all
}

// Write writes a file of rules.
func (f *File) Write(path string) error {
	data, err := yaml.Marshal(f)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}
