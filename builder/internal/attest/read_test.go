// SPDX-License-Identifier: AGPL-3.0-or-later

package attest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/prismeai/workspaces-release/builder/internal/attest"
	"github.com/prismeai/workspaces-release/builder/internal/registry"
	"github.com/prismeai/workspaces-release/builder/internal/registry/registrytest"
)

// stored is a statement in an image, valid or not.
type stored struct {
	// annotation is the predicate type, body the statement; IMAGE in it is replaced with the digest
	// of the image, LAYER with that of its layer.
	annotation, body string
	// image is the subject according to the index; it defaults to the image.
	image string
}

// sound is a statement about an image, and about something else.
const sound = `{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://slsa.dev/provenance/v1",` +
	`"subject":[{"digest":{"sha256":"00"}},{"digest":{"sha256":"IMAGE"}}],"predicate":{"buildDefinition":{"buildType":"x","later":1}}}`

// aboutLayers is a statement about the layer of an image.
const aboutLayers = `{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://slsa.dev/provenance/v1",` +
	`"subject":[{"digest":{"sha256":"LAYER"}}],"predicate":{}}`

// open pushes and opens an image with a statement.
func open(t *testing.T, s stored) *registry.Image {
	t.Helper()
	layer := static.NewLayer([]byte("workspaces"), types.OCILayer)
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		t.Fatal(err)
	}
	image = registrytest.Configure(t, image, func(c *v1.ConfigFile) { c.OS, c.Architecture = "linux", "amd64" })
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if s.image == "" {
		s.image = digest.String()
	}
	blob, err := layer.Digest()
	if err != nil {
		t.Fatal(err)
	}
	body := strings.NewReplacer("IMAGE", digest.Hex, "LAYER", blob.Hex).Replace(s.body)
	about, err := mutate.Append(empty.Image,
		mutate.Addendum{Layer: static.NewLayer([]byte("something else"), types.OCILayer)},
		mutate.Addendum{
			Layer:       static.NewLayer([]byte(body), "application/vnd.in-toto+json"),
			MediaType:   "application/vnd.in-toto+json",
			Annotations: map[string]string{"in-toto.io/predicate-type": s.annotation},
		})
	if err != nil {
		t.Fatal(err)
	}
	index := mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), mutate.IndexAddendum{
		Add: image,
	}, mutate.IndexAddendum{
		Add: about,
		Descriptor: v1.Descriptor{
			Annotations: map[string]string{
				"vnd.docker.reference.type":   "attestation-manifest",
				"vnd.docker.reference.digest": s.image,
			},
		},
	})
	client, err := registry.New(registry.Options{Getenv: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	opened, err := client.Resolve(t.Context(),
		registrytest.New(t, registrytest.Options{}).PushIndex(t, "attested:1", index).Ref)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	return opened
}

func TestStatementIsReadBack(t *testing.T) {
	img := open(t, stored{annotation: attest.ProvenanceType, body: sound})
	list, err := attest.List(t.Context(), img)
	if err != nil || len(list) != 1 {
		t.Fatalf("%v: %v", list, err)
	}
	if list[0].PredicateType != attest.ProvenanceType || list[0].Image != img.Manifests[0].Descriptor.Digest {
		t.Errorf("listed %+v", list[0])
	}
	statement, err := attest.NewReader(img).Read(t.Context(), list[0])
	if err != nil {
		t.Fatal(err)
	}
	provenance, err := statement.Provenance()
	if err != nil || provenance.BuildDefinition.BuildType != "x" {
		t.Errorf("provenance %+v: %v", provenance, err)
	}
	if scan, err := statement.Scan(); err == nil {
		t.Errorf("a provenance was read as %+v", scan)
	}
}

// A statement about layers of the image is about the image.
func TestStatementAboutLayersIsRead(t *testing.T) {
	img := open(t, stored{annotation: attest.ProvenanceType, body: aboutLayers})
	list, err := attest.List(t.Context(), img)
	if err != nil || len(list) != 1 {
		t.Fatalf("%v: %v", list, err)
	}
	if s, err := attest.NewReader(img).Read(t.Context(), list[0]); err != nil || len(s.Subject) != 1 {
		t.Errorf("%+v: %v", s, err)
	}
}

// An image may come from anywhere.
func TestForgedStatementIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		stored
		want string
	}{
		"about another image": {
			stored{attest.ProvenanceType, strings.ReplaceAll(sound, "IMAGE", "11"), ""},
			"about another image",
		},
		"about a layer of another image, too": {
			stored{attest.ProvenanceType, strings.ReplaceAll(aboutLayers, `"subject":[`,
				`"subject":[{"digest":{"sha256":"`+strings.Repeat("1", 64)+`"}},`), ""},
			"about another image",
		},
		"about a layer, for an image that is not in the index": {
			stored{attest.ProvenanceType, aboutLayers, "sha256:" + strings.Repeat("1", 64)},
			"about another image",
		},
		"of another type": {stored{attest.ScanType, sound, ""}, "attestation manifest says"},
		"of another version": {
			stored{attest.ProvenanceType, strings.ReplaceAll(sound, "Statement/v1", "Statement/v0.1"), ""},
			"not an in-toto statement",
		},
		"without a subject": {
			stored{attest.ProvenanceType, `{"_type":"https://in-toto.io/Statement/v1","predicateType":"x"}`, ""},
			"not an in-toto statement",
		},
		"without a predicate": {
			stored{attest.ProvenanceType, strings.ReplaceAll(sound, `"predicate":`, `"other":`), ""},
			"not an in-toto statement",
		},
		"no JSON":                 {stored{attest.ProvenanceType, "attested!", ""}, "decode in-toto statement"},
		"a digest that is none":   {stored{attest.ProvenanceType, sound, "latest"}, "vnd.docker.reference.digest"},
		"a digest without a name": {stored{attest.ProvenanceType, sound, "-"}, "vnd.docker.reference.digest"},
	} {
		t.Run(name, func(t *testing.T) {
			img := open(t, test.stored)
			list, err := attest.List(t.Context(), img)
			for _, a := range list {
				_, err = attest.NewReader(img).Read(t.Context(), a)
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), img.Name) {
				t.Errorf("error %v names neither the image nor %q", err, test.want)
			}
		})
	}
}

func TestPredicateThatCannotBeDecoded(t *testing.T) {
	s := attest.Statement{PredicateType: attest.ScanType, Predicate: json.RawMessage(`{"coverage":[]}`)}
	if scan, err := s.Scan(); err == nil || !strings.Contains(err.Error(), attest.ScanType) {
		t.Errorf("scan %+v, error %v", scan, err)
	}
}

// Encoding and decoding are inverse.
func TestPredicatesAreReadBack(t *testing.T) {
	list, err := example().Predicates(all)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		statement := &attest.Statement{PredicateType: p.Type, Predicate: p.Content}
		var decoded any
		switch p.Type {
		case attest.ProvenanceType:
			decoded, err = statement.Provenance()
		case attest.ScanType:
			decoded, err = statement.Scan()
		default:
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(decoded)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(p.Content), string(again)); diff != "" {
			t.Errorf("%s: %s", p.Type, diff)
		}
	}
}

// FuzzDecode checks that decoding never panics and only accepts statements.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(sound))
	f.Add(fmt.Appendf(nil,
		`{"_type":"https://in-toto.io/Statement/v1","predicateType":%q,"subject":[{}],"predicate":null}`, attest.ScanType))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := attest.Decode(data)
		if err != nil {
			return
		}
		if len(s.Subject) == 0 || s.PredicateType == "" {
			t.Errorf("decoded %+v", s)
		}
		s.Provenance()
		s.Scan()
	})
}
