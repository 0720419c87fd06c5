// SPDX-License-Identifier: AGPL-3.0-or-later

package attest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/builder/internal/registry"
)

const (
	// statementType is the type of in-toto statements.
	statementType = "https://in-toto.io/Statement/v1"
	// mediaType is the media type of their blobs.
	mediaType = "application/vnd.in-toto+json"
	// subjectKey is the annotation in the index that names the image of an attestation manifest.
	subjectKey = "vnd.docker.reference.digest"
	// predicateTypeKey is the annotation in an attestation manifest that names the type of a
	// predicate.
	predicateTypeKey = "in-toto.io/predicate-type"

	// maxManifests bounds the attestation manifests of an index.
	maxManifests = 64

	// MaxSize is the maximum size of a statement in bytes. A bill of materials has about 480 bytes
	// per file.
	MaxSize = 80 << 20
)

// Statement is an in-toto statement, version 1.
type Statement struct {
	Type          string          `json:"_type"`
	PredicateType string          `json:"predicateType"`
	Subject       []Resource      `json:"subject"`
	Predicate     json.RawMessage `json:"predicate"`
}

// Attached is a statement stored beside an image.
type Attached struct {
	// Image is the digest of the image manifest that the statement is about.
	Image digest.Digest `json:"image"`
	// PredicateType is the type named by the attestation manifest.
	PredicateType string `json:"predicateType"`
	// Digest is the digest of the statement.
	Digest digest.Digest `json:"digest"`

	blob ocispec.Descriptor
}

// List returns the statements for all platforms of an image, in the order of the index, without
// reading them. It returns an empty list if there are none.
func List(ctx context.Context, img *registry.Image) ([]Attached, error) {
	list := []Attached{}
	if len(img.Attestations) > maxManifests {
		return nil, fmt.Errorf("%s has %d attestation manifests, more than %d", img.Name, len(img.Attestations),
			maxManifests)
	}
	for _, desc := range img.Attestations {
		image := digest.Digest(desc.Annotations[subjectKey])
		if err := image.Validate(); err != nil {
			return nil, fmt.Errorf("attestation manifest %s of %s: its annotation %s: %w", desc.Digest, img.Name,
				subjectKey, err)
		}
		manifest, err := img.ReadManifest(ctx, desc)
		if err != nil {
			return nil, err
		}
		for _, layer := range manifest.Layers {
			if layer.MediaType == mediaType {
				list = append(list, Attached{image, layer.Annotations[predicateTypeKey], layer.Digest, layer})
			}
		}
	}
	return list, nil
}

// imageLayers returns the layers of a platform's image; nil if the index does not have the image.
func imageLayers(img *registry.Image, image digest.Digest) []ocispec.Descriptor {
	for i := range img.Manifests {
		if m := &img.Manifests[i]; m.Descriptor.Digest == image {
			return m.Manifest.Layers
		}
	}
	return nil
}

// Reader reads the statements of an image. It is not safe for concurrent use.
type Reader struct {
	img *registry.Image
	// decoded has the statements so far. Platforms with the same layers share statements about them.
	decoded map[blobID]*Statement
}

// blobID identifies a blob that was read.
type blobID struct {
	digest digest.Digest
	size   int64
}

// NewReader returns a reader of the statements of an image.
func NewReader(img *registry.Image) *Reader {
	return &Reader{img: img, decoded: map[blobID]*Statement{}}
}

// Read reads a statement. Its subject must be the image that it is attached to, or layers of that
// image. Statements with the same bytes are read once, and are the same value.
func (r *Reader) Read(ctx context.Context, a Attached) (*Statement, error) {
	statement, err := r.decode(ctx, a)
	if err != nil {
		return nil, err
	}
	switch {
	case !statement.hasSubject(a.Image) && !statement.isAboutLayers(imageLayers(r.img, a.Image)):
		err = fmt.Errorf("it is about another image than %s", a.Image)
	case statement.PredicateType != a.PredicateType:
		err = fmt.Errorf("its predicate is of type %q, but the attestation manifest says %q", statement.PredicateType,
			a.PredicateType)
	}
	if err != nil {
		return nil, a.explain(r.img, err)
	}
	return statement, nil
}

// decode returns a statement of any subject.
func (r *Reader) decode(ctx context.Context, a Attached) (*Statement, error) {
	id := blobID{a.blob.Digest, a.blob.Size}
	if known, ok := r.decoded[id]; ok {
		return known, nil
	}
	blob, err := r.img.ReadBlob(ctx, a.blob, MaxSize)
	if err != nil {
		return nil, err
	}
	statement, err := Decode(blob)
	if err != nil {
		return nil, a.explain(r.img, err)
	}
	r.decoded[id] = statement
	return statement, nil
}

// explain adds the name of the statement to an error.
func (a Attached) explain(img *registry.Image, err error) error {
	return fmt.Errorf("attestation %s of %s: %w", a.Digest, img.Name, err)
}

// Decode decodes a statement.
func Decode(data []byte) (*Statement, error) {
	s := new(Statement)
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("decode in-toto statement: %w", err)
	}
	if s.Type != statementType || s.PredicateType == "" || len(s.Predicate) == 0 || len(s.Subject) == 0 {
		return nil, errors.New("not an in-toto statement of version 1 with a predicate and a subject")
	}
	return s, nil
}

// hasSubject reports whether an image is a subject of the statement.
func (s *Statement) hasSubject(image digest.Digest) bool {
	return slices.ContainsFunc(s.Subject, func(r Resource) bool { return r.hasDigest(image) })
}

// isAboutLayers reports whether all subjects of the statement are among the given layers.
func (s *Statement) isAboutLayers(layers []ocispec.Descriptor) bool {
	return !slices.ContainsFunc(s.Subject, func(r Resource) bool {
		return !slices.ContainsFunc(layers, func(l ocispec.Descriptor) bool { return r.hasDigest(l.Digest) })
	})
}

// Matches reports whether the statement has the type and the subject of a predicate.
func (s *Statement) Matches(p Predicate, image digest.Digest) bool {
	subjects := []digest.Digest{image}
	if p.Layers != nil {
		subjects = nil
		for _, l := range p.Layers {
			subjects = append(subjects, l.Digest)
		}
	}
	return s.PredicateType == p.Type && slices.EqualFunc(s.Subject, subjects, Resource.hasDigest)
}

func (r Resource) hasDigest(d digest.Digest) bool {
	value := r.Digest[string(d.Algorithm())]
	return value != "" && value == d.Encoded()
}

// Provenance decodes the predicate of a statement of type [ProvenanceType].
func (s *Statement) Provenance() (*Provenance, error) {
	return decodePredicate[Provenance](s, ProvenanceType)
}

// ListsFiles reports whether the statement is a bill of materials that lists files.
func (s *Statement) ListsFiles() bool {
	var bill struct {
		Files []struct{} `json:"files"`
	}
	return s.PredicateType == SBOMType && json.Unmarshal(s.Predicate, &bill) == nil && len(bill.Files) > 0
}

// Scan decodes the predicate of a statement of type [ScanType].
func (s *Statement) Scan() (*Scan, error) { return decodePredicate[Scan](s, ScanType) }

// decodePredicate decodes a predicate of the given type. It ignores unknown fields, which come from
// newer builders.
func decodePredicate[T any](s *Statement, predicateType string) (*T, error) {
	if s.PredicateType != predicateType {
		return nil, fmt.Errorf("the statement has a predicate of type %s, not %s", s.PredicateType, predicateType)
	}
	p := new(T)
	if err := json.Unmarshal(s.Predicate, p); err != nil {
		return nil, fmt.Errorf("decode predicate %s: %w", predicateType, err)
	}
	return p, nil
}
