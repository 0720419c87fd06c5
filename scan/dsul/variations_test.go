// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestVariations tests forms of secrets by file of testdata/variations, each line of which is a
// path and the quoted text of a file. Only those in clean.txt have no finding.
func TestVariations(t *testing.T) {
	names, err := filepath.Glob("testdata/variations/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("%d files, error %v", len(names), err)
	}
	for _, name := range names {
		group := strings.TrimSuffix(filepath.Base(name), ".txt")
		t.Run(group, func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(data)) {
				if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
					continue
				}
				checkVariation(t, line, group != "clean")
			}
		})
	}
}

func checkVariation(t *testing.T, line string, want bool) {
	t.Helper()
	path, quoted, _ := strings.Cut(line, " ")
	text, err := strconv.Unquote(quoted)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	if list := found(t, path, text); len(list) > 0 != want {
		t.Errorf("findings %v in %s:\n%s", list, path, text)
	}
	checkPrefilter(t, path, []byte(text))
}
