// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
)

// variation is a workspace, and the highest severity that validation must report for it: an error
// if the platform refuses, loses or deletes something, a warning if it stores something unintended,
// else quiet.
type variation struct {
	Name  string            `json:"name"`
	Files map[string]string `json:"files"`
	Want  string            `json:"want"`
}

// TestVariations validates testdata/variations.json. Each case changes one thing in a valid
// workspace. The expected severities were derived from the description of the platform, not from
// the output of validation.
func TestVariations(t *testing.T) {
	data, err := os.ReadFile("testdata/variations.json")
	if err != nil {
		t.Fatal(err)
	}
	var variations []variation
	if err := json.Unmarshal(data, &variations); err != nil {
		t.Fatal(err)
	}
	for _, v := range variations {
		repo := files{}
		for name, text := range v.Files {
			repo["ws-case/"+name] = text
		}
		_, _, ds := collect(Options{ExternalApps: []string{"X"}}, repo)
		if got := highestSeverity(ds); got != v.Want {
			t.Errorf("%s: %s, want %s: %v", v.Name, got, v.Want, brief(ds))
		}
	}
}

func highestSeverity(ds []diagnostic.Diagnostic) string {
	switch {
	case diagnostic.Count(ds, diagnostic.Error) > 0:
		return "error"
	case diagnostic.Count(ds, diagnostic.Warning) > 0:
		return "warning"
	}
	return "quiet"
}
