// SPDX-License-Identifier: Apache-2.0

package release_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/internal/release"
)

// full returns a manifest with every field set.
func full() *release.Manifest {
	d := digest.FromString
	return &release.Manifest{
		SchemaVersion: release.SchemaVersion,
		Name:          "v2.4.0",
		Created:       time.Unix(1700000000, 0).UTC(),
		Source: release.Source{
			URL: "https://git.example.com/acme/workspaces.git", Commit: "0123456789abcdef0123456789abcdef01234567",
			Ref: "main", Subdir: "workspaces", Dirty: true,
		},
		Base:       &release.Base{Name: "registry.example.com/workspaces:v27.5.5", Digest: d("base")},
		Repository: release.Repository{ID: "release", Name: "Release v2.4.0", Directory: "/www/workspaces"},
		Layer:      release.Layer{Digest: d("layer"), DiffID: d("tar"), Size: 4242},
		Layers: []release.ContentLayer{{
			Layer:      release.Layer{Digest: d("layer"), DiffID: d("tar"), Size: 4242},
			Workspaces: []string{"claims"},
		}},
		Groups: []release.Group{
			{Name: "base1", Labels: []string{"base", "<&>"}, Workspaces: []string{"mail", "claims"}},
			{Name: "extended", Workspaces: []string{"claims"}},
		},
		Workspaces: []release.Workspace{
			{
				Slug: "claims", ID: "abc1234", Name: "Sinistres é", Version: "v2.4.0-0123abcd", SourceVersion: "v2.4.0",
				App:       "Claims",
				DependsOn: []string{"Custom Code", "Mail"}, Files: 12, Bytes: 34567, Digest: d("claims"),
			},
			{Slug: "mail", Name: "Mail", Files: 3, Bytes: 210, Digest: d("mail"), FromBase: true},
		},
		Checksums: "refresh",
		Scan: release.Scan{
			Scanners: []release.Scanner{{Name: "trufflehog", Version: "v3.95.9", Detectors: 860, Rules: d("rules")}},
			Policy:   d("policy"), Files: 15, Bytes: 34777, Accepted: []string{"00ff"},
		},
		Tool: release.Tool{Name: "builder", Version: "v1.0.0"},
	}
}

// changed returns a valid manifest after applying change.
func changed(change func(*release.Manifest)) *release.Manifest {
	m := full()
	change(m)
	return m
}

// many returns a valid manifest of n workspaces in one group.
func many(n int) *release.Manifest {
	m := full()
	m.Groups, m.Workspaces = []release.Group{{Name: "all"}}, nil
	m.Layers[0].Workspaces = nil
	for i := range n {
		slug := fmt.Sprintf("workspace-%06d", i)
		m.Workspaces = append(m.Workspaces, release.Workspace{Slug: slug, Name: slug, Digest: digest.FromString(slug)})
		m.Groups[0].Workspaces = append(m.Groups[0].Workspaces, slug)
		m.Layers[0].Workspaces = append(m.Layers[0].Workspaces, slug)
	}
	slices.Reverse(m.Groups[0].Workspaces) // the import order is independent of the slugs
	return m
}

// A manifest without a list of layers has all workspaces in one, but for those of the base.
func TestContentLayers(t *testing.T) {
	m := full()
	if diff := cmp.Diff(m.Layers, m.ContentLayers()); diff != "" {
		t.Error(diff)
	}
	want := m.Layers
	m.Layers = nil
	if diff := cmp.Diff(want, m.ContentLayers()); diff != "" {
		t.Error(diff)
	}
}

func TestLookups(t *testing.T) {
	m := full()
	if g, ok := m.Group("extended"); !ok || g.Name != "extended" {
		t.Errorf("group extended: %v, %t", g, ok)
	}
	if g, ok := m.Group("base"); ok {
		t.Errorf("found %v for a group that is not there", g)
	}
	for _, slug := range []string{"claims", "mail"} {
		if w, ok := m.Workspace(slug); !ok || w.Slug != slug {
			t.Errorf("workspace %s: %v, %t", slug, w, ok)
		}
	}
	for _, slug := range []string{"", "a", "claims2", "zebra"} {
		if w, ok := m.Workspace(slug); ok {
			t.Errorf("found %v for workspace %q, which is not there", w, slug)
		}
	}
	if diff := cmp.Diff([]string{"base1", "extended"}, m.GroupNames()); diff != "" {
		t.Errorf("names of groups (-want +got):\n%s", diff)
	}
}
