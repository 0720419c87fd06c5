// SPDX-License-Identifier: AGPL-3.0-or-later

package attest_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	provenance "github.com/in-toto/attestation/go/predicates/provenance/v1"
	"github.com/opencontainers/go-digest"
	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/common"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"
	"github.com/spdx/tools-golang/spdxlib"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/prismeai/workspaces-release/builder/internal/attest"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/internal/golden"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/scan"
)

var all = attest.Kinds{Provenance: true, SBOM: true, Scan: true}

// example is a release with a value in every field.
func example() *attest.Release {
	var files attest.Inventory
	for _, name := range []string{"crm/automations/ask.yml", "crm/index.yml", "mail-next/index.yml", "mail/index.yml"} {
		files.Add(source.NewFile(name, []byte("content of "+name)))
	}
	d := digest.FromString
	return &attest.Release{
		Manifest: &release.Manifest{
			SchemaVersion: release.SchemaVersion, Name: "v2.4.0", Created: time.Unix(1700000000, 0).UTC(),
			Source: release.Source{
				URL: "https://git.example.com/acme/workspaces.git", Commit: "0123456789abcdef0123456789abcdef01234567",
				Ref: "main", Subdir: "workspaces", Dirty: true,
			},
			Base:       &release.Base{Name: "registry.example.com/acme/prismeai-workspaces:v27", Digest: d("base")},
			Repository: release.Repository{ID: "release", Name: "Release v2.4.0", Directory: "/www/workspaces"},
			Layer:      release.Layer{Digest: d("layer"), DiffID: d("tar"), Size: 4242},
			Groups: []release.Group{{
				Name:       "base1",
				Labels:     []string{"core"},
				Workspaces: []string{"mail", "mail-kept", "mail-next", "crm"},
			}},
			Workspaces: []release.Workspace{
				{
					Slug:      "crm",
					ID:        "abc1234",
					Name:      "Customer Relations",
					Version:   "v2",
					DependsOn: []string{"Custom Code", "Mail"},
					Files:     2,
					Digest:    d("crm"),
				},
				{Slug: "mail", Name: "Mail", App: "Mail", Files: 1, Digest: d("mail")},
				{Slug: "mail-kept", Name: "Mail", App: "Mail Kept", Files: 1, Digest: d("kept"), FromBase: true},
				{Slug: "mail-next", Name: "Mail", Version: "v3", App: "Mail Next", Files: 1, Digest: d("next")},
			},
			Scan: release.Scan{
				Scanners: []release.Scanner{{
					Name:      "trufflehog",
					Version:   "v3.95.9",
					Detectors: 860,
					Rules:     d("rules"),
				}},
				Policy: d("policy"), Files: 4, Bytes: 100, Accepted: []string{"00ff"}, Warnings: 2,
			},
			Tool: release.Tool{Name: "builder", Version: "v1.0.0"},
		},
		ManifestDigest: d("manifest"),
		Parameters: attest.Parameters{
			Source: attest.SourceParameters{
				URL:    "https://git.example.com/acme/workspaces.git",
				Ref:    "main",
				Subdir: "workspaces",
			},
			Base: "registry.example.com/acme/prismeai-workspaces:v27", Release: "v2.4.0",
			Repository: attest.Repository{ID: "release", Directory: "/www/workspaces"},
			Groups:     []attest.Group{{Name: "base1", Labels: []string{"core"}}},
			Platforms:  []string{"linux/amd64"},
			Labels:     map[string]string{"a": "b"}, Annotations: map[string]string{"c": "d"},
			ReplaceRepository: true, KeepBaseWorkspaces: true, StampVersions: "content", Checksums: "refresh",
		},
		Files: files.Files(),
		Skipped: attest.Summarize([]scan.Skip{
			{Path: "a", Bytes: 4, Reason: "one"}, {Path: "b", Bytes: 3, Reason: "another"}, {
				Path:   "c",
				Bytes:  5,
				Reason: "one",
			},
		}),
	}
}

// predicate returns the content of the only predicate of a kind.
func predicate(t *testing.T, r *attest.Release, kind attest.Kinds) []byte {
	t.Helper()
	list, err := r.Predicates(kind)
	if err != nil || len(list) != 1 {
		t.Fatalf("%d predicates: %v", len(list), err)
	}
	return list[0].Content
}

// The golden files pin the format that policies on attestations rely on.
func TestPredicates(t *testing.T) {
	list, err := example().Predicates(all)
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for i, p := range list {
		types = append(types, p.Type)
		compareJSON(t, []string{"provenance.json", "sbom.json", "scan.json"}[i], p.Content)
	}
	want := []string{"https://slsa.dev/provenance/v1", "https://spdx.dev/Document", attest.ScanType}
	if diff := cmp.Diff(want, types); diff != "" {
		t.Error(diff)
	}
}

// compareJSON compares compact JSON with an indented file of testdata.
func compareJSON(t *testing.T, name string, got []byte) {
	t.Helper()
	var indented bytes.Buffer
	if err := json.Indent(&indented, append(got, '\n'), "", "  "); err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, filepath.Join("testdata", name), indented.Bytes())
}

func TestOnlyWantedKindsAreMade(t *testing.T) {
	for _, kinds := range []attest.Kinds{
		{},
		{Provenance: true},
		{SBOM: true},
		{Scan: true},
		{Provenance: true, Scan: true},
	} {
		list, err := example().Predicates(kinds)
		if err != nil {
			t.Fatal(err)
		}
		var got attest.Kinds
		for _, p := range list {
			got.Provenance = got.Provenance || p.Type == attest.ProvenanceType
			got.SBOM = got.SBOM || p.Type == attest.SBOMType
			got.Scan = got.Scan || p.Type == attest.ScanType
		}
		if got != kinds {
			t.Errorf("made %+v instead of %+v", got, kinds)
		}
	}
}

// The in-toto project's own decoder knows all fields and misses none. Unrequested fields must be
// absent.
func TestProvenanceIsWhatSLSADefines(t *testing.T) {
	smallest := &attest.Release{
		Manifest:       &release.Manifest{Layer: example().Manifest.Layer},
		ManifestDigest: digest.FromString("manifest"),
	}
	local := example()
	local.Manifest.Source.URL, local.Manifest.Base.Name = "", "oci-layout://base.tar"
	for name, r := range map[string]*attest.Release{"full": example(), "smallest": smallest, "local": local} {
		p := new(provenance.Provenance)
		if err := protojson.Unmarshal(predicate(t, r, attest.Kinds{Provenance: true}), p); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := p.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBillOfMaterialsIsValid(t *testing.T) {
	data := predicate(t, example(), attest.Kinds{SBOM: true})
	var doc v2_3.Document
	if err := spdxjson.ReadInto(bytes.NewReader(data), &doc); err != nil {
		t.Fatal(err)
	}
	if err := spdxlib.ValidateDocument(&doc); err != nil {
		t.Error(err)
	}
	described, err := spdxlib.GetDescribedPackageIDs(&doc)
	if err != nil || len(described) != 1 {
		t.Errorf("describes %v: %v", described, err)
	}
	names := map[common.ElementID]string{}
	for _, p := range doc.Packages {
		names[p.PackageSPDXIdentifier] = p.PackageName
	}
	for _, f := range doc.Files {
		names[f.FileSPDXIdentifier] = f.FileName
	}
	if len(names) != 6+4 {
		t.Errorf("%d packages and files: %v", len(names), names)
	}
	var relations []string
	for _, r := range doc.Relationships {
		relations = append(relations, strings.TrimSpace(names[r.RefA.ElementRefID]+" "+r.Relationship+" "+
			names[r.RefB.ElementRefID]))
	}
	for _, want := range []string{
		"DESCRIBES release",
		"release DESCENDANT_OF registry.example.com/acme/prismeai-workspaces:v27",
		"release CONTAINS mail-next",
		"release CONTAINS mail-kept",
		"mail CONTAINS ./www/workspaces/mail/index.yml",
		"crm CONTAINS ./www/workspaces/crm/automations/ask.yml",
		"crm DEPENDS_ON mail",
	} {
		if !slices.Contains(relations, want) {
			t.Errorf("%q is not among %q", want, relations)
		}
	}
}

func TestNameIsAPackageURL(t *testing.T) {
	if got, want := attest.Name(example().Manifest,
		"linux/arm64"), "pkg:generic/release@v2.4.0?platform=linux%2Farm64"; got != want {
		t.Errorf("name %s instead of %s", got, want)
	}
}
