// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const mergeBase = `workspaceId: abc1234
version:
  type: export
  name: v1
  exportedAt: "2026-01-01T00:00:00Z"
groups: [base1, base2]
dependsOn:
  - app/Mail
app:
  slug: Shop
  name: Shop
  description: Sells
checksums:
  automations:
    a: 0cc175b9c0f1b6a831c399e269772661
    b: 92eb5ffee6ae2fec3ad71c777531578f
`

// branch replaces texts of the base, given in pairs.
func branch(pairs ...string) string {
	return strings.NewReplacer(pairs...).Replace(mergeBase)
}

// TestMerge merges in both directions: the results only differ in the order of additions.
func TestMerge(t *testing.T) {
	const (
		newA, newB  = "a: 11111111111111111111111111111111", "b: 22222222222222222222222222222222"
		oldA, oldB  = "a: 0cc175b9c0f1b6a831c399e269772661", "b: 92eb5ffee6ae2fec3ad71c777531578f"
		time1       = "2026-01-01T00:00:00Z"
		time2       = "2026-02-01T00:00:00Z"
		time3       = "2026-03-01T00:00:00+01:00"
		firstGroups = "groups: [base1, base2]"
	)
	for name, tt := range map[string]struct {
		ours, theirs string
		want         string
		files        int
	}{
		"two pushes": {
			ours:   branch("name: v1", "name: v2", time1, time2, oldA, newA),
			theirs: branch("name: v1", "name: v3", time1, time3, oldB, newB),
			want:   branch("name: v1", "name: v3", time1, time3, oldA, newA, oldB, newB),
		},
		"one push and one edit": {
			ours:   branch("name: v1", "name: v2", time1, time2, oldA, newA),
			theirs: branch(oldB, newB, firstGroups, "groups: [base1, base2, extra]"),
			want: branch("name: v1", "name: v2", time1, time2, oldA, newA, oldB, newB, firstGroups,
				"groups: [base1, base2, extra]"),
		},
		"what one side removed is gone": {
			ours:   branch(firstGroups, "groups: [base2]", "    "+oldA+"\n", ""),
			theirs: branch("description: Sells", "description: Sells more"),
			want: branch(firstGroups, "groups: [base2]", "    "+oldA+"\n", "", "description: Sells",
				"description: Sells more"),
		},
		"the same on both sides": {
			ours: branch("name: v1", "name: v2", firstGroups, "groups: [base1]"),
			theirs: branch("name: v1", "name: v2", "description: Sells", "description: Buys",
				firstGroups, "groups: [base1]"),
			want: branch("name: v1", "name: v2", "description: Sells", "description: Buys",
				firstGroups, "groups: [base1]"),
		},
		"a file that both pushes have": {
			ours:   branch(time1, time3, oldA, newA),
			theirs: branch(time1, time2, oldA, "a: 33333333333333333333333333333333"),
			want:   branch(time1, time3, oldA, newA),
			files:  1,
		},
		"a file that one side deleted and the other changed": {
			ours:   branch(time1, time3, oldA, newA),
			theirs: branch(time1, time2, "    "+oldA+"\n", ""),
			want:   branch(time1, time3, oldA, newA),
			files:  1,
		},
		"comments of both": {
			ours:   branch("groups:", "# ours\ngroups:", "description: Sells", "description: Sells # well"),
			theirs: branch("dependsOn:", "# theirs\ndependsOn:", "  name: Shop", "  name: Shop # ours"),
			want: branch("groups:", "# ours\ngroups:", "description: Sells", "description: Sells # well",
				"dependsOn:", "# theirs\ndependsOn:", "  name: Shop", "  name: Shop # ours"),
		},
		"keys in any order": {
			ours:   "# head\n\n" + branch("workspaceId: abc1234\n", "") + "workspaceId: abc1234\n",
			theirs: branch("description: Sells", "description: Buys"),
			want:   "# head\n\n" + branch("description: Sells", "description: Buys"),
		},
		"keys of a newer platform": {
			ours:   branch("groups:", "later: {a: 1}\ngroups:"),
			theirs: branch("groups:", "later: {b: 2}\ngroups:"),
			want:   branch("checksums:", "later: {a: 1, b: 2}\nchecksums:"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := mergeCleanly(t, mergeBase, tt.ours, tt.theirs)
			if diff := cmp.Diff(tt.want, string(got.Data)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if got.Files != tt.files {
				t.Errorf("%d files changed by both sides, want %d", got.Files, tt.files)
			}
			back := mergeCleanly(t, mergeBase, tt.theirs, tt.ours)
			if one, other := metadataText(t, got.Data), metadataText(t, back.Data); one != other {
				t.Errorf("the other way round differs: %s", cmp.Diff(one, other))
			}
		})
	}
}

// metadataText returns the content of an .import.yml regardless of notation.
func metadataText(t *testing.T, data []byte) string {
	t.Helper()
	doc, err := readDocument(data, Limits{}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	notation := func(r rune) bool { return strings.ContainsRune(" \n[]{},-", r) }
	list := strings.FieldsFunc(string(data), notation)
	slices.Sort(list)
	return exportTime(doc).String() + strings.Join(list, " ")
}

func mergeCleanly(t *testing.T, base, ours, theirs string) Merged {
	t.Helper()
	got, err := MergeMetadata([]byte(base), []byte(ours), []byte(theirs), Limits{}, 7)
	if err != nil || len(got.Conflicts) > 0 {
		t.Fatalf("conflicts %v, error %v:\n%s", got.Conflicts, err, got.Data)
	}
	return got
}

// TestMergeWithoutAncestor covers files added on both sides, and ancestors that are themselves
// conflicts.
func TestMergeWithoutAncestor(t *testing.T) {
	ours := branch("name: v1", "name: v2", "2026-01", "2026-02", "[base1, base2]", "[base2]")
	theirs := branch("  - app/Mail", "  - app/Crawler")
	want := branch("name: v1", "name: v2", "2026-01", "2026-02", "[base1, base2]", "[base2, base1]", "  - app/Mail",
		"  - app/Mail\n  - app/Crawler")
	for name, base := range map[string]string{
		"none":       "",
		"a conflict": "<<<<<<< ours\na: 1\n=======\na: 2\n>>>>>>> theirs\n",
		"no mapping": "- a\n",
	} {
		if diff := cmp.Diff(want, string(mergeCleanly(t, base, ours, theirs).Data)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

// TestMergeConflicts checks that contradictory changes, and nothing else, are left to the user.
func TestMergeConflicts(t *testing.T) {
	for name, tt := range map[string]struct {
		ours, theirs string
		want         string
		conflicts    []string
	}{
		"names by hand": {
			branch("name: v1", "name: v2", "[base1, base2]", "[base1]"),
			branch("name: v1", "name: v3", "  - app/Mail", "  - app/Mail\n  - app/X"),
			branch("  name: v1\n", "<<<<<<< ours\n  name: v2\n=======\n  name: v3\n>>>>>>> theirs\n", "[base1, base2]",
				"[base1]", "  - app/Mail", "  - app/Mail\n  - app/X"),
			[]string{"version.name"},
		},
		"a name by hand and a push": {
			branch("name: v1", "name: v2"), branch("name: v1", "name: v3", "2026-01", "2026-02"),
			branch("  name: v1\n", "<<<<<<< ours\n  name: v2\n=======\n  name: v3\n>>>>>>> theirs\n",
				"2026-01", "2026-02"),
			[]string{"version.name"},
		},
		"other ids and texts, in two pushes": {
			branch("abc1234", "other12", "description: Sells", "description: A", "2026-01", "2026-02"),
			branch("abc1234", "third12", "  description: Sells\n", "", "2026-01", "2026-03"),
			branch("workspaceId: abc1234\n",
				"<<<<<<< ours\nworkspaceId: other12\n=======\nworkspaceId: third12\n>>>>>>> theirs\n",
				"  description: Sells\n", "<<<<<<< ours\n  description: A\n=======\n>>>>>>> theirs\n",
				"2026-01", "2026-03"),
			[]string{"workspaceId", "app.description"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := MergeMetadata([]byte(mergeBase), []byte(tt.ours), []byte(tt.theirs), Limits{}, 7)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got.Data)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if diff := cmp.Diff(tt.conflicts, got.Conflicts); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestMergeOfBrokenFiles checks that an invalid side is a conflict and keeps its text.
func TestMergeOfBrokenFiles(t *testing.T) {
	for name, broken := range map[string]string{
		"empty": "", "not YAML": "a: [\n", "a list": "- a\n", "aliases": "a: &x 1\nb: *x\n",
		"twice the same key": "a: 1\na: 2\n",
	} {
		for _, sides := range [][2]string{{broken, mergeBase}, {mergeBase, broken}} {
			got, err := MergeMetadata([]byte(mergeBase), []byte(sides[0]), []byte(sides[1]), Limits{}, 9)
			if err == nil || len(got.Conflicts) == 0 {
				t.Errorf("%s: conflicts %v, error %v", name, got.Conflicts, err)
			}
			if ours, theirs := sidesOf(string(got.Data), 9); ours != sides[0] || theirs != sides[1] {
				t.Errorf("%s: the conflict does not hold both sides:\n%s", name, got.Data)
			}
		}
	}
}

func TestMergeKeepsLineEnds(t *testing.T) {
	windows := func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
	got := mergeCleanly(t, windows(mergeBase), windows(branch("name: v1", "name: v2")),
		branch("[base1, base2]", "[base2]"))
	if want := windows(branch("name: v1", "name: v2", "[base1, base2]", "[base2]")); string(got.Data) != want {
		t.Errorf("got %q", got.Data)
	}
}

// sidesOf splits a text with conflict markers into its sides.
func sidesOf(text string, length int) (ours, theirs string) {
	side := ""
	for line := range strings.Lines(text) {
		switch strings.TrimRight(line, "\n") {
		case strings.Repeat("<", length) + " ours":
			side = "ours"
		case strings.Repeat("=", length):
			side = "theirs"
		case strings.Repeat(">", length) + " theirs":
			side = ""
		default:
			if side != "theirs" {
				ours += line
			}
			if side != "ours" {
				theirs += line
			}
		}
	}
	return ours, theirs
}

// FuzzMarkConflicts checks that both sides can be recovered.
func FuzzMarkConflicts(f *testing.F) {
	f.Add("a\nb\nc\n", "a\nx\nc\n")
	f.Add("", "a\n")
	f.Add("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\n5\n6\n7\n8\n0\n")
	f.Fuzz(func(t *testing.T, ours, theirs string) {
		if strings.Contains(ours+theirs, "<<<<") || strings.Contains(ours+theirs, "====") ||
			strings.Contains(ours+theirs, ">>>>") {
			return
		}
		got := string(markConflicts([]byte(ours), []byte(theirs), 7))
		one, other := sidesOf(got, 7)
		if one != string(endLine([]byte(ours))) && ours != theirs ||
			other != string(endLine([]byte(theirs))) && ours != theirs {
			t.Errorf("%q and %q give %q", ours, theirs, got)
		}
	})
}

// FuzzMergeMetadata checks that a merge without conflicts is valid and deterministic, and that
// nothing panics.
func FuzzMergeMetadata(f *testing.F) {
	f.Add(mergeBase, branch("v1", "v2"), branch("base1", "base3"))
	f.Add("", "a: 1\n", "b: {c: [1]}\n")
	f.Fuzz(func(t *testing.T, base, ours, theirs string) {
		got, err := MergeMetadata([]byte(base), []byte(ours), []byte(theirs), Limits{}, 7)
		if err != nil || len(got.Conflicts) > 0 {
			return
		}
		if _, errs := parseYAML(got.Data, Limits{}.withDefaults()); len(errs) > 0 {
			t.Fatalf("%q and %q give %q: %v", ours, theirs, got.Data, errs)
		}
		again, err := MergeMetadata(got.Data, got.Data, got.Data, Limits{}, 7)
		if err == nil && !bytes.Equal(again.Data, got.Data) {
			t.Errorf("%q is merged with itself to %q", got.Data, again.Data)
		}
	})
}
