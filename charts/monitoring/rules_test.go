// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.yaml.in/yaml/v3"
)

const (
	chart     = "../workspaces-release"
	rulesFile = chart + "/files/alerts.yaml"
	runbooks  = "../../docs/runbooks"
)

// ruleFile is a file of Prometheus rules, and the spec of a PrometheusRule.
type ruleFile struct {
	Groups []ruleGroup `yaml:"groups"`
}

type ruleGroup struct {
	Name  string `yaml:"name"`
	Rules []rule `yaml:"rules"`
}

type rule struct {
	Alert       string            `yaml:"alert,omitempty"`
	Record      string            `yaml:"record,omitempty"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

// alerts returns the rules of the chart, in their order.
func alerts(t *testing.T) []rule {
	t.Helper()
	var all []rule
	for _, g := range readRules(t, rulesFile).Groups {
		all = append(all, g.Rules...)
	}
	if len(all) < 15 {
		t.Fatalf("only %d alerts in %s", len(all), rulesFile)
	}
	return all
}

func readRules(t *testing.T, path string) ruleFile {
	t.Helper()
	var f ruleFile
	readYAML(t, path, &f)
	return f
}

func readYAML(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func writeYAML(t *testing.T, path string, v any) {
	t.Helper()
	data, err := yaml.Marshal(v)
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// program returns the path of a program. Without it the test is skipped, but
// where CI runs, which installs it.
func program(t *testing.T, name, how string) string {
	t.Helper()
	for _, candidate := range []string{name, filepath.Join("..", "..", ".tools", "bin", name)} {
		if path, err := exec.LookPath(candidate); err == nil {
			if path, err = filepath.Abs(path); err == nil {
				return path
			}
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("there is no %s: %s", name, how)
	}
	t.Skipf("there is no %s: %s", name, how)
	return ""
}

func promtool(t *testing.T) string {
	t.Helper()
	return program(t, "promtool", "apt-get install prometheus")
}
