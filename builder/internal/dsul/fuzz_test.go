// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func addSeeds(f *testing.F) {
	files, err := filepath.Glob("../../../examples/workspaces/*/*/*.yml")
	if err != nil || len(files) == 0 {
		f.Fatal("no examples", err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, text := range []string{
		"a: 'it''s'\n", "a:\n- b\n- c:\n  - d\n", "a: |+\n  x\n\n y\n", "- - a\n  - b: 1\n    c: >-\n      x\n",
		"a: \"b\"\n'c: d': e\n", "a:  # x\n", "? a\n: b\n", "a: b\n  c\n", "a: http://x:80/y\n",
		"- a: 1\n- b:\n  c: 2\n", "a: -1\n", "a:\n  b\n", "a: null\nb: ~\n", "\"a\": 1\n", "a: b: c\n",
		"a: |\n\n  x\nb: 1\n",
	} {
		f.Add([]byte(text))
	}
}

// FuzzCheck searches for inputs on which the checks panic or do not end.
func FuzzCheck(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		r := New()
		reader := NewReader()
		for _, name := range []string{"automations/a.yml", "pages/a.yml", "imports/a.yml", "index.yml"} {
			r.Add("w", name, reader.Read(fileOf(name, data)))
		}
		for _, finding := range r.Check() {
			if strings.ContainsAny(finding.Message, "\n\x00\x1b") {
				t.Errorf("message %q", finding.Message)
			}
		}
	})
}
