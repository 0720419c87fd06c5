// SPDX-License-Identifier: AGPL-3.0-or-later

package engine_test

import (
	"io"
	"log"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	ggcr "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	intoto "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/prismeai/workspaces-release/builder/internal/engine"
)

// attested returns a spec with two attestations for each platform.
func attested(t *testing.T, base base, out ...engine.Output) engine.Spec {
	t.Helper()
	s := spec(t, base, out...)
	s.Attestations = []engine.Attestation{
		{PredicateType: "https://slsa.dev/provenance/v1", Predicate: []byte(`{"first":"<one>"}`)},
		{PredicateType: "https://example.com/second", Predicate: []byte(`{"second":2}`)},
	}
	for i := range s.Platforms {
		s.Platforms[i].Name = "image for " + s.Platforms[i].Platform.Architecture
	}
	return s
}

// The statements must be readable by docker buildx imagetools inspect and by readers of in-toto
// statements.
func TestEveryPlatformHasItsAttestations(t *testing.T) {
	for _, architectures := range [][]string{{"amd64"}, {"amd64", "arm64"}} {
		reg := newRegistry(t)
		s := attested(t, reg.pushBase(t, "base:1", architectures...),
			engine.Output{Kind: engine.Push, Names: []string{reg.host + "/out:1"}})
		result := mustBuild(t, s)
		index := reg.index(t, reg.host+"/out@"+result.Digest.String())
		manifest, err := index.IndexManifest()
		if err != nil {
			t.Fatal(err)
		}
		n := len(architectures)
		if len(manifest.Manifests) != 2*n {
			t.Fatalf("the index has %d entries for %d platforms", len(manifest.Manifests), n)
		}
		for i, arch := range architectures {
			image, about := manifest.Manifests[i], manifest.Manifests[n+i]
			if image.Platform.Architecture != arch || about.Platform.Architecture != "unknown" ||
				about.Platform.OS != "unknown" {
				t.Errorf("platforms %s and %s", image.Platform, about.Platform)
			}
			want := map[string]string{"vnd.docker.reference.type": "attestation-manifest",
				"vnd.docker.reference.digest": image.Digest.String()}
			if diff := cmp.Diff(want, about.Annotations); diff != "" {
				t.Error(diff)
			}
			checkStatements(t, index, image.Digest, about, "image for "+arch)
		}
	}
}

// checkStatements reads the attestation manifest with third-party decoders.
func checkStatements(t *testing.T, index v1.ImageIndex, image v1.Hash, about v1.Descriptor, name string) {
	t.Helper()
	attestation, err := index.Image(about.Digest)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := attestation.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if manifest.Subject == nil || manifest.Subject.Digest != image {
		t.Errorf("the subject is %v instead of %s", manifest.Subject, image)
	}
	want := []struct{ predicateType, key string }{{"https://slsa.dev/provenance/v1", "first"},
		{"https://example.com/second", "second"}}
	if len(manifest.Layers) != len(want) {
		t.Fatalf("%d statements", len(manifest.Layers))
	}
	for i, layer := range manifest.Layers {
		if layer.MediaType != "application/vnd.in-toto+json" ||
			layer.Annotations["in-toto.io/predicate-type"] != want[i].predicateType {
			t.Errorf("layer of type %s, annotations %v", layer.MediaType, layer.Annotations)
		}
		statement := new(intoto.Statement)
		if err := protojson.Unmarshal(layerBytes(t, attestation, layer.Digest), statement); err != nil {
			t.Fatal(err)
		}
		if err := statement.Validate(); err != nil {
			t.Error(err)
		}
		subject := statement.Subject[0]
		if len(statement.Subject) != 1 || subject.Name != name || subject.Digest["sha256"] != image.Hex {
			t.Errorf("subjects %v", statement.Subject)
		}
		if statement.PredicateType != want[i].predicateType || statement.Predicate.Fields[want[i].key] == nil {
			t.Errorf("statement %d: %v", i, statement)
		}
	}
}

func layerBytes(t *testing.T, image v1.Image, digest v1.Hash) []byte {
	t.Helper()
	layer, err := image.LayerByDigest(digest)
	if err != nil {
		t.Fatal(err)
	}
	r, err := layer.Compressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Registries list attestations as referrers of the image (OCI distribution specification 1.1).
func TestAttestationsAreReferrers(t *testing.T) {
	reg := wrapRegistry(t, ggcr.New(ggcr.WithReferrersSupport(true), ggcr.Logger(log.New(io.Discard, "", 0))))
	s := attested(t, reg.pushBase(t, "base:1", "amd64"),
		engine.Output{Kind: engine.Push, Names: []string{reg.host + "/out:1"}})
	mustBuild(t, s)
	index, err := reg.index(t, reg.host+"/out:1").IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	image, about := index.Manifests[0].Digest, index.Manifests[1].Digest
	referrers, err := remote.Referrers(reference(t, reg.host+"/out:1").Context().Digest(image.String()))
	if err != nil {
		t.Fatal(err)
	}
	list, err := referrers.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Manifests) != 1 || list.Manifests[0].Digest != about {
		t.Errorf("referrers %v instead of %s", list.Manifests, about)
	}
}

// The index contains the attestations, so they must not depend on the output.
func TestSameDigestWithAttestationsWhateverTheOutput(t *testing.T) {
	reg, other := newRegistry(t), newRegistry(t)
	b := reg.pushBase(t, "base:1", "amd64")
	dir := t.TempDir()
	want := mustBuild(t, attested(t, b)).Digest
	if plain := mustBuild(t, spec(t, b)).Digest; plain == want {
		t.Error("the attestations change nothing")
	}
	for name, outputs := range map[string][]engine.Output{
		"pushed":              {{Kind: engine.Push, Names: []string{reg.host + "/out:1"}}},
		"under two names":     {{Kind: engine.Push, Names: []string{reg.host + "/out:1", reg.host + "/out:2"}}},
		"to two repositories": {{Kind: engine.Push, Names: []string{reg.host + "/elsewhere:1", other.host + "/out:2"}}},
		"written":             {{Kind: engine.OCI, Names: []string{"example.test/x:1"}, Dest: filepath.Join(dir, "a.tar")}},
		"both, and for docker": {
			{Kind: engine.Docker, Dest: filepath.Join(dir, "b.tar")},
			{Kind: engine.OCI, Dest: filepath.Join(dir, "c.tar")},
			{Kind: engine.Push, Names: []string{reg.host + "/out:3"}},
		},
	} {
		if got := mustBuild(t, attested(t, b, outputs...)).Digest; got != want {
			t.Errorf("%s: digest %s instead of %s", name, got, want)
		}
	}
	for _, file := range []string{"a.tar", "c.tar"} {
		if got := layoutDigest(t, filepath.Join(dir, file)); got != want.String() {
			t.Errorf("%s holds %s instead of %s", file, got, want)
		}
	}
}

// docker load supports a single image only: the archive contains the image without attestations.
func TestDockerArchiveHasNoAttestations(t *testing.T) {
	reg := newRegistry(t)
	b := reg.pushBase(t, "base:1", "amd64")
	dest := filepath.Join(t.TempDir(), "docker.tar")
	alone := mustBuild(t, attested(t, b, engine.Output{Kind: engine.Docker, Names: []string{"example.test/x:1"},
		Dest: dest}))
	if want := mustBuild(t, spec(t, b)).Digest; alone.Digest != want || layoutDigest(t, dest) != want.String() {
		t.Errorf("digest %s, the archive holds %s, the image is %s", alone.Digest, layoutDigest(t, dest), want)
	}
}
