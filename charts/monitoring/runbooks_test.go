// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEachAlertHasARunbook checks that each alert links to its own page, that the page has all sections, and
// that the index lists it under its severity.
func TestEachAlertHasARunbook(t *testing.T) {
	index := string(readFile(t, filepath.Join(runbooks, "README.md")))
	pages := map[string]bool{"README.md": true}
	for _, r := range alerts(t) {
		name := r.Runbook() + ".md"
		if pages[name] {
			t.Errorf("%s is the page of two alerts", name)
		}
		pages[name] = true
		text := string(readFile(t, filepath.Join(runbooks, name)))
		last := -1
		for _, want := range []string{"# " + r.Alert + "\n", "Severity: " + r.Labels["severity"] + ".\n", "## Meaning\n",
			"## Impact\n",
			"## Diagnosis\n", "## Mitigation\n", "## Escalation\n"} {
			at := strings.Index(text, want)
			if at <= last {
				t.Errorf("%s: no %q in its place", name, strings.TrimSpace(want))
			}
			last = at
		}
		if row := "| " + r.Labels["severity"] + " | " + r.Alert + " | [" + r.Runbook() + "](" + name +
			") |"; !strings.Contains(index, row) {
			t.Errorf("the index has no row %q", row)
		}
	}
	entries, err := os.ReadDir(runbooks)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !pages[e.Name()] {
			t.Errorf("%s is the page of no alert", e.Name())
		}
	}
}

// TestRunbooksAreTrue checks that the links and flags of the pages exist.
func TestRunbooksAreTrue(t *testing.T) {
	settings := readFile(t, root+"/sidecar/internal/config/settings.go")
	link := regexp.MustCompile(`\]\(([^)#]+)[^)]*\)`)
	own := regexp.MustCompile("(?:`|sidecar [a-z]+ )--([a-z-]+)")
	others := map[string]bool{"previous": true, "format": true, "fresh": true} // of kubectl and of the status command
	for _, file := range []string{"runbooks/*.md", "alerts.md"} {
		pages, err := filepath.Glob(filepath.Join(root, "docs", file))
		if err != nil || len(pages) == 0 {
			t.Fatalf("%s: %v", file, err)
		}
		for _, path := range pages {
			data := readFile(t, path)
			for _, m := range link.FindAllSubmatch(data, -1) {
				if target := string(m[1]); !strings.Contains(target, "://") {
					if _, err := os.Stat(filepath.Join(filepath.Dir(path), target)); err != nil {
						t.Errorf("%s: %v", path, err)
					}
				}
			}
			for _, m := range own.FindAllSubmatch(data, -1) {
				if !others[string(m[1])] && !bytes.Contains(settings, []byte(`Name: "`+string(m[1])+`"`)) {
					t.Errorf("%s: the sidecar has no flag --%s", path, m[1])
				}
			}
		}
	}
}

// TestRunbooksNamePanels checks that the panels that the pages name exist.
func TestRunbooksNamePanels(t *testing.T) {
	known := string(readFile(t, dashboardFile))
	pages, err := filepath.Glob(filepath.Join(runbooks, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, path := range pages {
		for _, m := range regexp.MustCompile(`panels? \*([^*]+)\*`).FindAllStringSubmatch(string(readFile(t, path)), -1) {
			if found++; !strings.Contains(known, `"title": "`+m[1]+`"`) {
				t.Errorf("%s: there is no panel %q", path, m[1])
			}
		}
	}
	if found < 5 {
		t.Errorf("only %d panels were found in the pages", found)
	}
}
