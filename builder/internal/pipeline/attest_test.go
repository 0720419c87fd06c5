// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/builder/internal/attest"
	"github.com/prismeai/workspaces-release/builder/internal/report"
)

// statements reads all attestations of an image.
func statements(t *testing.T, ref string) (images []digest.Digest, list map[digest.Digest][]*attest.Statement) {
	t.Helper()
	img, err := client(t, nil).Resolve(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	for _, m := range img.Manifests {
		images = append(images, m.Descriptor.Digest)
	}
	attached, err := attest.List(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	list = map[digest.Digest][]*attest.Statement{}
	reader := attest.NewReader(img)
	for _, a := range attached {
		statement, err := reader.Read(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		list[a.Image] = append(list[a.Image], statement)
	}
	return images, list
}

// The attestations describe what was built, for every platform.
func TestStatementsAreThoseOfTheRelease(t *testing.T) {
	f := newFixture(t)
	built := f.mustBuild(t)
	images, list := statements(t, built.Images[0])
	if len(images) != 2 || len(list) != 2 {
		t.Fatalf("%d images, statements about %d", len(images), len(list))
	}
	for _, image := range images {
		checkStatements(t, built, list[image])
	}
}

func checkStatements(t *testing.T, built *report.Build, statements []*attest.Statement) {
	t.Helper()
	if len(statements) != 3 {
		t.Fatalf("%d statements", len(statements))
	}
	provenance, err := statements[0].Provenance()
	if err != nil {
		t.Fatal(err)
	}
	base := provenance.BuildDefinition.ResolvedDependencies[0]
	if want := built.Manifest.Base.Digest.Encoded(); base.Digest["sha256"] != want {
		t.Errorf("the base is %v instead of %s", base, want)
	}
	scanned, err := statements[2].Scan()
	if err != nil {
		t.Fatal(err)
	}
	if want := built.Manifest.Layer.Digest.Encoded(); scanned.Layer.Digest["sha256"] != want {
		t.Errorf("scanned %v instead of %s", scanned.Layer, want)
	}
	if scanned.Coverage.Files != built.Manifest.Scan.Files || scanned.Coverage.Bytes != built.Manifest.Scan.Bytes {
		t.Errorf("coverage %+v instead of %+v", scanned.Coverage, built.Manifest.Scan)
	}
}

func TestNoAttestationsWhereNoneAreWanted(t *testing.T) {
	f := newFixture(t)
	f.opts.Attest = attest.Kinds{Scan: true}
	_, list := statements(t, f.mustBuild(t).Images[0])
	var types []string
	for _, statements := range list {
		for _, s := range statements {
			types = append(types, s.PredicateType)
		}
	}
	if diff := cmp.Diff([]string{attest.ScanType, attest.ScanType}, types); diff != "" {
		t.Error(diff)
	}
}
