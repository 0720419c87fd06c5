// SPDX-License-Identifier: Apache-2.0

package platformtest_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest/jsvalue"
)

// differences lists the recorded cases in which the fake differs, with the reason. Remove cases
// that agree, and do not add any.
func differences() map[string]string {
	return map[string]string{
		"5001 files": "no answer was recorded; by the service's code it is a 400",
	}
}

// appsBefore returns the apps of other workspaces with which a case was recorded.
func appsBefore(name string) []string {
	if name == "app slug taken" {
		return []string{"Papp2"}
	}
	return nil
}

// The fake imports, rejects, stores and deletes like the real service.
func TestRecordedCases(t *testing.T) {
	cases, err := platformtest.Cases()
	if err != nil {
		t.Fatal(err)
	}
	known := differences()
	agree := 0
	for _, c := range cases {
		got := platformtest.Replay(platformtest.Options{}, c.By, c.Files, appsBefore(c.Name)...)
		diff := compareOutcomes(c.Platform, got)
		reason, expected := known[c.Name]
		switch {
		case diff == "" && expected:
			t.Errorf("%s agrees by now: take it out of the table", c.Name)
		case diff == "":
			agree++
		case !expected:
			t.Errorf("%s by %s: -recorded +played\n%s", c.Name, c.By, diff)
		default:
			t.Logf("%s differs: %s", c.Name, reason)
		}
	}
	t.Logf("%d of %d recorded cases agree, %d differ", agree, len(cases), len(cases)-agree)
	if len(known) > 1 {
		t.Errorf("the fake plays %d recorded cases otherwise than the platform, it was 1", len(known))
	}
	if agree+len(known) != len(cases) {
		t.Errorf("%d cases agree and %d are known to differ, of %d", agree, len(known), len(cases))
	}
}

// compareOutcomes ignores the order of files and generated values: IDs and random slugs. Stored
// texts are equal if their values are equal.
func compareOutcomes(want, got platformtest.Effect) string {
	normal := func(o platformtest.Effect) platformtest.Effect {
		o.Imported = slices.Sorted(slices.Values(o.Imported))
		o.Errors = slices.Clone(o.Errors)
		for i := range o.Errors { // the reasons are yamltree's, not js-yaml's
			if class, _, _ := strings.Cut(o.Errors[i].Error, ":"); class == "YAMLException" {
				o.Errors[i].Error = class
			}
		}
		slices.SortFunc(o.Errors, func(a, b platformtest.FileError) int { return strings.Compare(a.File, b.File) })
		return o
	}
	a, b := normal(want), normal(got)
	a.Contents = nil
	b.Contents = nil
	diff := cmp.Diff(a, b, cmp.Transformer("empty", func(list []string) []string { return append([]string{}, list...) }),
		cmp.Transformer("none", func(list []platformtest.FileError) []platformtest.FileError {
			return append([]platformtest.FileError{}, list...)
		}))
	for _, name := range slices.Sorted(maps.Keys(want.Contents)) {
		if text := cmp.Diff(normalText(want.Contents[name]), normalText(got.Contents[name])); text != "" {
			diff += name + ":\n" + text
		}
	}
	return diff
}

func normalText(text string) string {
	v, err := jsvalue.Load(text)
	if err != nil || v == nil {
		return text
	}
	for _, random := range []string{"id", "workspaceSlug"} {
		if v.Has(random) {
			v.Set(random, jsvalue.NewText("random"))
		}
	}
	return jsvalue.Dump(v)
}
