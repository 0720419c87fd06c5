// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/scan"
	"github.com/prismeai/workspaces-release/scan/scantest"
)

// FuzzScan checks the invariants of the detector: it scans the complete file or returns an
// error, is deterministic, returns positions within the file, and does not reveal secrets in
// displayed text.
func FuzzScan(f *testing.F) {
	for i, leak := range scantest.Leaks(1) {
		if i%50 == 0 {
			f.Add(leak.Path, leak.Data)
		}
	}
	for path, data := range scantest.Clean() {
		if len(data) < 1000 {
			f.Add(path, data)
		}
	}
	f.Add("w/index.yml", []byte("a: &a [*a]\nsecrets: *a\n? {b: c}\n: !!binary x\n"))
	f.Fuzz(func(t *testing.T, path string, data []byte) {
		d := newDetector(t)
		file := scan.File{Path: path, Data: data}
		first, err := d.Scan(t.Context(), file)
		if err != nil {
			if !errors.Is(err, errAliases) && !errors.Is(err, errDepth) {
				t.Fatal(err)
			}
			return
		}
		if first.Bytes != int64(len(data)) {
			t.Errorf("%d of %d bytes are looked at", first.Bytes, len(data))
		}
		second, err := d.Scan(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		same := cmp.Comparer(func(a, b scan.Match) bool {
			return a.Secret.Reveal() == b.Secret.Reveal() && fmt.Sprint(a) == fmt.Sprint(b)
		})
		if diff := cmp.Diff(first, second, same); diff != "" {
			t.Errorf("a second scan differs:\n%s", diff)
		}
		checkPrefilter(t, path, data)
		lines := strings.Count(string(data), "\n") + 1
		for _, m := range first.Matches {
			plain := m.Secret.Reveal()
			if plain == "" || m.Line < 1 || m.Line > lines || m.Column < 0 || m.Column > len(data)+1 {
				t.Errorf("%s: %d bytes at %d:%d", m.Rule, len(plain), m.Line, m.Column)
			}
			if strings.Contains(m.Where, plain) || m.Reason != reasonOf(m.Rule) {
				t.Errorf("%s shows its secret: %q", m.Rule, m.Where)
			}
		}
	})
}

// checkPrefilter checks that a clean file has no findings when it is parsed.
func checkPrefilter(t *testing.T, path string, data []byte) {
	t.Helper()
	s := newScan(t, path, data)
	if !s.isSurelyClean() {
		return
	}
	if err := s.scanContent(t.Context()); err != nil {
		return // a file that is not parsed cannot exceed the depth limit
	}
	for _, m := range s.sortedMatches() {
		t.Errorf("a clean file has a %s at %s: %q", m.Rule, m.Where, m.Secret.Reveal())
	}
}
