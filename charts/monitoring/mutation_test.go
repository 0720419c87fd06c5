// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
)

var every = flag.Int("mutants", 15, "try each n-th mutant of the alerts; 1 for all, as make mutate-alerts does")

// leastScore is the minimum percentage of mutants that make a test fail.
const leastScore = 95

// TestMutants changes the rules one place at a time and checks that promtool's tests fail. All mutants take
// minutes, so CI tries one in fifteen, always the same ones.
func TestMutants(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs hundreds of promtools")
	}
	tool := promtool(t)
	var tried, killed atomic.Int64
	t.Run("all", func(t *testing.T) {
		slots := make(chan struct{}, runtime.NumCPU())
		n := 0
		for _, r := range alerts(t) {
			tests := rebased(t, testFile(r.Alert))
			for _, m := range mutants(r) {
				if n++; n%*every != 0 {
					continue
				}
				t.Run(r.Alert, func(t *testing.T) {
					t.Parallel()
					slots <- struct{}{}
					defer func() { <-slots }()
					tried.Add(1)
					if kill(t, tool, m.rule, tests) {
						killed.Add(1)
					} else {
						t.Logf("survives: %s\n%s", m.what, m.rule.Expr)
					}
				})
			}
		}
	})
	score := 100 * float64(killed.Load()) / float64(tried.Load())
	t.Logf("%d of %d mutants make a test fail: %.1f %%", killed.Load(), tried.Load(), score)
	if score < leastScore || tried.Load() < 50 {
		t.Errorf("score %.1f %% of %d mutants, want %d %%", score, tried.Load(), leastScore)
	}
}

// rebased returns a test file that reads its rules from rules.yaml in the same directory.
func rebased(t *testing.T, path string) []byte {
	t.Helper()
	data := readFile(t, path)
	out := bytes.Replace(data, []byte("../../../workspaces-release/files/alerts.yaml"), []byte("rules.yaml"), 1)
	if bytes.Equal(data, out) {
		t.Fatalf("%s does not name the rules", path)
	}
	return out
}

// kill reports whether the tests fail with only this rule. A rule that cannot be parsed is an error of the
// test, not a mutant.
func kill(t *testing.T, tool string, r Rule, tests []byte) bool {
	t.Helper()
	out, err := try(t, tool, r, tests)
	if bytes.Contains(out, []byte("could not parse")) || bytes.Contains(out, []byte("parse error")) {
		t.Fatalf("%s\n%s", r.Expr, out)
	}
	return err != nil
}

// try runs the tests with a single rule, which is much faster than with all rules.
func try(t *testing.T, tool string, r Rule, tests []byte) ([]byte, error) {
	t.Helper()
	dir := t.TempDir()
	f := File{Groups: []Group{{Name: "alone", Rules: []Rule{r}}}}
	if err := f.Write(filepath.Join(dir, "rules.yaml")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "tests.yaml")
	if err := os.WriteFile(file, tests, 0o600); err != nil {
		t.Fatal(err)
	}
	return exec.Command(tool, "test", "rules", file).CombinedOutput()
}
