// SPDX-License-Identifier: AGPL-3.0-or-later

package engine_test

import (
	"io"
	"slices"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/builder/internal/engine"
)

// An image with a program has different layers and a different SBOM for each platform.
func TestPlatformsMayHaveLayersAndAttestationsOfTheirOwn(t *testing.T) {
	reg := newRegistry(t)
	s := spec(t, base{architectures: []string{"amd64", "arm64"}},
		engine.Output{Kind: engine.Push, Names: []string{reg.host + "/program:1"}})
	store, err := engine.NewLayerStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	want := make([]digest.Digest, 2)
	for n, body := range []string{"of all", "of arm64"} {
		layer, err := store.Add(func(w io.Writer) (digest.Digest, error) { return writeLayer(w, "program", body) })
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := store.Seal()
		if err != nil {
			t.Fatal(err)
		}
		want[n] = layer.Digest
		if n == 0 {
			s.Layers = sealed
		} else {
			s.Platforms[1].Layers = sealed.Manifest
		}
	}
	s.Attestations = []engine.Attestation{{PredicateType: "https://example.com/one", Predicate: []byte(`{}`),
		Platform: &s.Platforms[1].Platform}}
	mustBuild(t, s)

	index := reg.index(t, reg.host+"/program:1")
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(manifest.Manifests) != 3 ||
		manifest.Manifests[2].Annotations["vnd.docker.reference.digest"] != manifest.Manifests[1].Digest.String() {
		t.Errorf("not one attestation, about the image for arm64: %v", manifest.Manifests)
	}
	for n, digest := range want {
		image, err := index.Image(manifest.Manifests[n].Digest)
		if err != nil {
			t.Fatal(err)
		}
		got, err := image.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		var layers []string
		for _, layer := range got.Layers {
			layers = append(layers, layer.Digest.String())
		}
		if !slices.Equal(layers, []string{digest.String()}) {
			t.Errorf("image %d has the layers %s instead of %s", n, layers, digest)
		}
	}
}
