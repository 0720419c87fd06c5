// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"os"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/internal/needs"
)

const (
	root       = "../.."
	chart      = "../workspaces-release"
	rulesFile  = chart + "/files/alerts.yaml"
	runbooks   = root + "/docs/runbooks"
	exposition = root + "/sidecar/internal/metrics/testdata/exposition.txt"
)

// alerts returns the alerts of the chart.
func alerts(t *testing.T) []Rule {
	t.Helper()
	f, err := Read(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	all := f.Alerts()
	if len(all) < 18 {
		t.Fatalf("only %d alerts in %s", len(all), rulesFile)
	}
	return all
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func parse(t *testing.T, data []byte, into any) {
	t.Helper()
	if err := yaml.Unmarshal(data, into); err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
}

func promtool(t *testing.T) string {
	t.Helper()
	return needs.Program(t, "promtool")
}
