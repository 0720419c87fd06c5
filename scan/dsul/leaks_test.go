// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/scan"
	"github.com/prismeai/workspaces-release/scan/scantest"
)

const (
	minLeaks = 300
	minKinds = 60
	// minPlacements is the minimum number of placements.
	minPlacements = 12
)

func newDetector(t testing.TB) *Detector {
	t.Helper()
	d, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func matches(t testing.TB, path, text string) []scan.Match {
	t.Helper()
	result, err := newDetector(t).Scan(t.Context(), scan.File{Path: path, Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	if result.Bytes != int64(len(text)) {
		t.Errorf("%s: %d of %d bytes are looked at", path, result.Bytes, len(text))
	}
	return result.Matches
}

// TestLeaks: every kind of secret is found in every placement.
func TestLeaks(t *testing.T) {
	leaks := scantest.Leaks(seed())
	kinds, placements, missed := map[string]bool{}, map[string]bool{}, 0
	for _, leak := range leaks {
		kinds[leak.Kind], placements[leak.Placement] = true, true
		found := matches(t, leak.Path, string(leak.Data))
		ok := false
		for _, m := range found {
			if strings.Contains(m.Secret.Reveal(), leak.Secret) && (leak.Where == "" || m.Where == leak.Where) {
				ok = true
			}
		}
		if !ok {
			missed++
			t.Errorf("%s, %s: found %d\n%s", leak.Kind, leak.Placement, len(found), describe(found))
		}
	}
	t.Logf("%d of %d leaks are found: %d kinds in %d places", len(leaks)-missed, len(leaks), len(kinds), len(placements))
	if len(leaks) < minLeaks || len(kinds) < minKinds || len(placements) < minPlacements {
		t.Error("these are not enough")
	}
}

func newScan(t testing.TB, path string, data []byte) *fileScan {
	t.Helper()
	return newFileScan(scan.File{Path: path, Data: data}, new(nameCache).take())
}

func describe(found []scan.Match) string {
	var b strings.Builder
	for _, m := range found {
		b.WriteString("  " + m.Rule + " at " + m.Where + "\n")
	}
	return b.String()
}

func seed() uint64 {
	n, _ := strconv.ParseUint(os.Getenv("SEED"), 10, 64)
	return n
}
