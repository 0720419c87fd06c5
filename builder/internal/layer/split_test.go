// SPDX-License-Identifier: AGPL-3.0-or-later

package layer_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/builder/internal/layer"
)

// slugs returns n different slugs.
func slugs(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("workspace-%05d", i)
	}
	return list
}

// The assignment must never change: all layers of a release would be sent again.
func TestSplitIsTheSameForEver(t *testing.T) {
	got := layer.Split(slugs(25), layer.MaxLayers)
	want := [][]string{
		{"workspace-00001", "workspace-00002", "workspace-00006", "workspace-00009", "workspace-00010", "workspace-00011",
			"workspace-00014", "workspace-00016", "workspace-00017", "workspace-00021", "workspace-00022"},
		{"workspace-00000", "workspace-00003", "workspace-00004", "workspace-00005", "workspace-00007", "workspace-00008",
			"workspace-00012", "workspace-00013", "workspace-00015", "workspace-00018", "workspace-00019", "workspace-00020",
			"workspace-00023", "workspace-00024"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("layers (-want +got):\n%s", diff)
	}
}

func TestSplitNumberOfLayers(t *testing.T) {
	for _, test := range []struct{ workspaces, limit, fewest, most int }{
		{workspaces: 0, limit: 32, fewest: 1, most: 1},
		{workspaces: 1, limit: 32, fewest: 1, most: 1},
		{workspaces: 24, limit: 32, fewest: 1, most: 1},
		{workspaces: 25, limit: 32, fewest: 2, most: 2},
		{workspaces: 300, limit: 32, fewest: 14, most: 26},
		{workspaces: 1000, limit: 32, fewest: 32, most: 32},
		{workspaces: 5000, limit: 1000, fewest: 32, most: 32},
		{workspaces: 1000, limit: 31, fewest: 16, most: 16},
		{workspaces: 1000, limit: 3, fewest: 2, most: 2},
		{workspaces: 1000, limit: 1, fewest: 1, most: 1},
		{workspaces: 1000, limit: -4, fewest: 1, most: 1},
	} {
		t.Run(fmt.Sprintf("%d in %d", test.workspaces, test.limit), func(t *testing.T) {
			got := layer.Split(slugs(test.workspaces), test.limit)
			if len(got) < test.fewest || len(got) > test.most {
				t.Errorf("%d layers, want %d to %d", len(got), test.fewest, test.most)
			}
			var all []string
			for _, list := range got {
				if len(list) == 0 && test.workspaces > 0 || !slices.IsSorted(list) {
					t.Errorf("a layer is empty or not sorted: %q", list)
				}
				all = append(all, list...)
			}
			slices.Sort(all)
			if !slices.Equal(all, slugs(test.workspaces)) {
				t.Errorf("%d workspaces in the layers, not each of them once", len(all))
			}
		})
	}
}

// A change of one workspace in a release of 1,000 equal workspaces sends at most a twentieth of the
// release.
func TestSplitIsEven(t *testing.T) {
	names := map[string][]string{"numbers": slugs(1000)}
	for i := range 1000 {
		names["words"] = append(names["words"], fmt.Sprintf("%s-%d", sentence(rand.New(rand.NewPCG(uint64(i), 1)), 2), i))
		names["one letter"] = append(names["one letter"], strings.Repeat("a", i+1))
	}
	for name, list := range names {
		for _, l := range layer.Split(list, layer.MaxLayers) {
			if len(l) > 50 {
				t.Errorf("%s: a layer has %d of 1000 workspaces", name, len(l))
			}
		}
	}
}

// TestSplitChangesOneLayer adds and removes workspaces, one at a time, in random order.
func TestSplitChangesOneLayer(t *testing.T) {
	all := slugs(700)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	before := layer.Split(nil, layer.MaxLayers)
	for n := 1; n <= len(all); n++ {
		after := layer.Split(all[:n], layer.MaxLayers)
		gone := without(before, after)
		added := without(after, before)
		// Adding a workspace may replace a layer by two or, if all but one of its workspaces stay
		// together, by a few. Removing a workspace does the reverse.
		if len(gone) > 1 || len(added) > 2 && len(slices.Concat(added...)) > 25 {
			t.Fatalf("workspace %d, %s: %d layers are gone and %d are new", n, all[n-1], len(gone), len(added))
		}
		before = after
	}
}

// without returns the layers of a that b does not have.
func without(a, b [][]string) [][]string {
	return slices.DeleteFunc(slices.Clone(a), func(l []string) bool {
		return slices.ContainsFunc(b, func(other []string) bool { return slices.Equal(l, other) })
	})
}

func FuzzSplit(f *testing.F) {
	f.Add("a b c", 32)
	f.Add(strings.Join(slugs(40), " "), 5)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		list := strings.Fields(text)
		got := layer.Split(list, limit)
		reversed := slices.Clone(list)
		slices.Reverse(reversed)
		if diff := cmp.Diff(got, layer.Split(reversed, limit)); diff != "" {
			t.Errorf("the order of the workspaces matters: %s", diff)
		}
		if len(got) < 1 || len(got) > max(1, min(limit, layer.MaxLayers)) {
			t.Errorf("%d layers with the limit %d", len(got), limit)
		}
		want := slices.Clone(list)
		slices.Sort(want)
		all := slices.Concat(got...)
		slices.Sort(all)
		if !slices.Equal(all, slices.Compact(want)) {
			t.Errorf("layers hold %q instead of %q", all, want)
		}
	})
}

// Groups are runs of layers, so that they follow the layers when one of them splits.
func TestGroupCoversAllLayersInOrder(t *testing.T) {
	for _, test := range []struct{ workspaces, limit, groups int }{
		{workspaces: 0, limit: 32, groups: 1},
		{workspaces: 24, limit: 32, groups: 1},
		{workspaces: 25, limit: 32, groups: 2},
		{workspaces: 1000, limit: 4, groups: 4},
		{workspaces: 1000, limit: 32, groups: 8},
	} {
		layers := layer.Split(slugs(test.workspaces), test.limit)
		groups := layer.Group(layers)
		next := 0
		for _, group := range groups {
			for _, i := range group {
				if i != next {
					t.Errorf("%+v: layer %d instead of %d", test, i, next)
				}
				next++
			}
		}
		if len(groups) != test.groups || next != len(layers) {
			t.Errorf("%+v: %d of %d layers in %d groups", test, next, len(layers), len(groups))
		}
	}
}
