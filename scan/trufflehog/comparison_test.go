// SPDX-License-Identifier: AGPL-3.0-or-later

package trufflehog

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/golden"
	"github.com/prismeai/workspaces-release/scan"
	"github.com/prismeai/workspaces-release/scan/dsul"
	"github.com/prismeai/workspaces-release/scan/scantest"
)

const (
	comparison = "../../docs/scan-comparison.md"
	// corpusSeed is the seed of the corpus for the published figures.
	corpusSeed = 0
)

// tally counts the leaks in a row of the table that each detector finds.
type tally struct{ leaks, trufflehog, dsul, both int }

func (t *tally) add(byTruffleHog, byDSUL bool) {
	count := func(n *int, found bool) {
		if found {
			*n++
		}
	}
	t.leaks++
	count(&t.trufflehog, byTruffleHog)
	count(&t.dsul, byDSUL)
	count(&t.both, byTruffleHog || byDSUL)
}

// TestComparison counts the leaks found by TruffleHog, by our detector and by both, and
// compares the counts with the published ones.
func TestComparison(t *testing.T) {
	theirs := newDefault(t, Options{})
	ours, err := dsul.New(dsul.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	rows, total, kinds := map[string]*tally{}, tally{}, map[string]bool{}
	for _, leak := range scantest.Leaks(corpusSeed) {
		if rows[leak.Placement] == nil {
			rows[leak.Placement] = new(tally)
			order = append(order, leak.Placement)
		}
		kinds[leak.Kind] = true
		a, b := finds(t, theirs, leak), finds(t, ours, leak)
		rows[leak.Placement].add(a, b)
		total.add(a, b)
	}
	if total.both != total.leaks {
		t.Errorf("%d of %d leaks are found by none", total.leaks-total.both, total.leaks)
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, head, len(kinds), len(order), total.leaks)
	for _, name := range order {
		rows[name].write(&text, name)
	}
	total.write(&text, "**all**")
	clean := scantest.Clean()
	scantest.AddTree(clean, os.DirFS("../../examples/workspaces"))
	fmt.Fprintf(&text, tail, len(clean), falseAlarms(t, theirs, clean), falseAlarms(t, ours, clean))
	checkDocument(t, comparison, text.String())
}

func (t *tally) write(w *bytes.Buffer, name string) {
	share := func(n int) string { return fmt.Sprintf("%d (%d %%)", n, n*100/t.leaks) }
	fmt.Fprintf(w, "| %s | %d | %s | %s | %s |\n", name, t.leaks, share(t.trufflehog), share(t.dsul), share(t.both))
}

// finds reports whether a detector finds the secret, or most of it.
func finds(t *testing.T, d scan.Detector, leak scantest.Leak) bool {
	t.Helper()
	result, err := d.Scan(t.Context(), scan.File{Path: leak.Path, Data: leak.Data})
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(result.Matches, func(m scan.Match) bool {
		seen := m.Secret.Reveal()
		return strings.Contains(seen, leak.Secret) || len(seen) >= 16 && strings.Contains(leak.Secret, seen)
	})
}

func falseAlarms(t *testing.T, d scan.Detector, files map[string][]byte) int {
	t.Helper()
	n := 0
	for _, path := range slices.Sorted(maps.Keys(files)) {
		result, err := d.Scan(t.Context(), scan.File{Path: path, Data: files[path]})
		if err != nil {
			t.Fatal(err)
		}
		places := map[int]bool{}
		for _, m := range result.Matches {
			places[m.Line] = true
		}
		n += len(places)
	}
	return n
}

func checkDocument(t *testing.T, path, text string) {
	t.Helper()
	published, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	above, measured, _ := strings.Cut(string(published), measuredPart)
	if golden.Updating() {
		above = text
		golden.Write(t, path, text+measuredPart+measured)
	}
	if diff := cmp.Diff(above, text); diff != "" {
		t.Errorf("%s is not what the detectors find (go test ./scan/trufflehog -run Comparison -update): -published "+
			"+found\n%s", path, diff)
	}
}

// measuredPart starts the section that make compare writes.
const measuredPart = "\n## Whole programs\n"

const head = `# What the detectors find

How many planted secrets each detector finds, by place and by kind. Written by a test
(` + "`go test ./scan/trufflehog -run Comparison -update`" + `) that fails when it stops being true.

The corpus is ours, made up on the spot: %d kinds of secrets in %d places of a workspace, %d leaks, each in its own
file. A kind is left out of the places that its values cannot stand in. We wrote both the corpus and the detector: the
figures show what is covered, not what the next leak will be. A leak counts as found if a detector reports the secret,
or 16 bytes of it at least. ` + "`trufflehog`" + ` is the library, version ` + pinnedVersion + `, with all of its
detectors and without verification.

| place | leaks | trufflehog alone | dsul alone | together |
|---|---|---|---|---|
`

const tail = `
In %d files without a leak, among them published workspaces of the platform's vendor, trufflehog alone takes %d lines
for leaks and dsul alone %d. Those files were written to look like leaks: examples of documentation, public keys,
placeholders.
`
