// SPDX-License-Identifier: AGPL-3.0-or-later

package attest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"
	"github.com/spdx/tools-golang/spdxlib"

	"github.com/prismeai/workspaces-release/builder/internal/attest"
	"github.com/prismeai/workspaces-release/builder/internal/layer"
	"github.com/prismeai/workspaces-release/internal/release"
)

// large returns a release with the given number of workspaces. Each uses the app of the next one.
func large(workspaces int) *attest.Release {
	r := example()
	m := r.Manifest
	r.Files = nil
	m.Workspaces = nil
	var slugs []string
	for i := range workspaces {
		slug := fmt.Sprintf("workspace-%04d", i)
		slugs = append(slugs, slug)
		m.Workspaces = append(m.Workspaces, release.Workspace{
			Slug: slug, Name: slug, Version: "v1", App: slug, Files: 1, Digest: digest.FromString(slug),
			DependsOn: []string{fmt.Sprintf("workspace-%04d", (i+1)%workspaces)},
		})
	}
	for i, list := range layer.Split(slugs, layer.MaxLayers) {
		m.Layers = append(m.Layers, release.ContentLayer{Layer: layerOf(fmt.Sprint("layer ", i)), Workspaces: list})
	}
	m.Layer = m.Layers[0].Layer
	return r
}

func layerOf(text string) release.Layer {
	return release.Layer{Digest: digest.FromString(text), DiffID: digest.FromString("tar of " + text), Size: 1}
}

// predicates returns all predicates of a release.
func predicates(t *testing.T, r *attest.Release) []attest.Predicate {
	t.Helper()
	list, err := r.Predicates(all)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// Another commit sends the provenance alone.
func TestOnlyTheProvenanceDependsOnTheCommit(t *testing.T) {
	before := predicates(t, large(1000))
	later := large(1000)
	later.Manifest.Name = "v2.5.0"
	later.Manifest.Created = time.Unix(1800000000, 0).UTC()
	later.Manifest.Source.Commit = "fedcba9876543210fedcba9876543210fedcba98"
	later.Manifest.Repository.Name = "Release v2.5.0"
	later.ManifestDigest = digest.FromString("another manifest")
	for i, p := range predicates(t, later) {
		same := bytes.Equal(p.Content, before[i].Content) && slices.Equal(p.Layers, before[i].Layers)
		if same != (p.Type != attest.ProvenanceType) {
			t.Errorf("%s: the same statement: %t", p.Type, same)
		}
		if (p.Layers == nil) != (p.Type == attest.ProvenanceType) {
			t.Errorf("%s is about layers %v", p.Type, p.Layers)
		}
	}
}

// SPDX demands a namespace that no other document has.
func TestOtherRepositoriesHaveOtherNamespaces(t *testing.T) {
	namespaces := func(r *attest.Release) (list []string) {
		for _, p := range predicates(t, r) {
			var bill struct{ DocumentNamespace string }
			if p.Type == attest.SBOMType {
				if err := json.Unmarshal(p.Content, &bill); err != nil || bill.DocumentNamespace == "" {
					t.Fatalf("namespace %q, %v", bill.DocumentNamespace, err)
				}
				list = append(list, bill.DocumentNamespace)
			}
		}
		return list
	}
	seen := namespaces(large(1000))
	id, directory := large(1000), large(1000)
	id.Manifest.Repository.ID = "products"
	directory.Manifest.Repository.Directory = "/www/products"
	for _, other := range []*attest.Release{id, directory} {
		seen = append(seen, namespaces(other)...)
	}
	slices.Sort(seen)
	if different := len(slices.Compact(slices.Clone(seen))); different != len(seen) {
		t.Errorf("%d documents have %d namespaces", len(seen), different)
	}
}

func TestAChangedWorkspaceChangesOneBill(t *testing.T) {
	before := predicates(t, large(1000))
	later := large(1000)
	later.Manifest.Workspaces[7].Digest = digest.FromString("changed")
	later.Manifest.Workspaces[7].Version = "v2"
	for i, l := range later.Manifest.Layers {
		if slices.Contains(l.Workspaces, later.Manifest.Workspaces[7].Slug) {
			later.Manifest.Layers[i].Layer = layerOf("changed layer")
		}
	}
	later.Manifest.Layer = later.Manifest.Layers[0].Layer
	changed := 0
	for i, p := range predicates(t, later) {
		if p.Type == attest.SBOMType && !bytes.Equal(p.Content, before[i].Content) {
			changed++
		}
	}
	if changed != 1 {
		t.Errorf("%d bills have changed", changed)
	}
}

// Every workspace and layer is in one bill, and every bill is valid on its own.
func TestBillsCoverTheRelease(t *testing.T) {
	for _, test := range []struct{ workspaces, bills int }{{0, 1}, {1, 1}, {24, 1}, {1000, 8}} {
		r := large(test.workspaces)
		var layers []release.Layer
		versioned := 0
		bills := 0
		for _, p := range predicates(t, r) {
			if p.Type != attest.SBOMType {
				continue
			}
			bills++
			layers = append(layers, p.Layers...)
			versioned += countVersions(t, p.Content, "v1")
		}
		if bills != test.bills || bills != attest.CountBills(r.Manifest) || versioned != test.workspaces {
			t.Errorf("%d workspaces: %d bills have %d", test.workspaces, bills, versioned)
		}
		for i, l := range r.Manifest.ContentLayers() {
			if layers[i] != l.Layer {
				t.Errorf("%d workspaces: layer %d is %v instead of %v", test.workspaces, i, layers[i], l.Layer)
			}
		}
	}
}

// countVersions returns the number of packages with a version in a valid bill.
func countVersions(t *testing.T, bill []byte, version string) int {
	t.Helper()
	var doc v2_3.Document
	if err := spdxjson.ReadInto(bytes.NewReader(bill), &doc); err != nil {
		t.Fatal(err)
	}
	if err := spdxlib.ValidateDocument(&doc); err != nil {
		t.Error(err)
	}
	n := 0
	for _, p := range doc.Packages {
		if p.PackageVersion == version {
			n++
		}
	}
	return n
}
