// SPDX-License-Identifier: AGPL-3.0-or-later

package attest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/builder/internal/registry"
)

const (
	// statementType is that of in-toto statements, mediaType that of their blobs.
	statementType = "https://in-toto.io/Statement/v1"
	mediaType     = "application/vnd.in-toto+json"
	// subjectKey names, in the index, the image that an attestation manifest is about.
	subjectKey = "vnd.docker.reference.digest"
	// predicateTypeKey names, in an attestation manifest, what a statement says.
	predicateTypeKey = "in-toto.io/predicate-type"

	// maxManifests bounds what an index makes us read.
	maxManifests = 64

	// MaxSize is the size in bytes of the largest statement that is read. A bill of
	// materials has about 480 bytes a file.
	MaxSize = 80 << 20
)

// Statement is an in-toto statement, version 1.
type Statement struct {
	Type          string          `json:"_type"`
	PredicateType string          `json:"predicateType"`
	Subject       []Resource      `json:"subject"`
	Predicate     json.RawMessage `json:"predicate"`
}

// Attached is a statement of an image, as it is stored beside it.
type Attached struct {
	// Image is the digest of the manifest of the image that the statement is about.
	Image digest.Digest `json:"image"`
	// PredicateType is what the attestation manifest says it is.
	PredicateType string `json:"predicateType"`
	// Digest is that of the statement.
	Digest digest.Digest `json:"digest"`

	blob ocispec.Descriptor
}

// List returns the statements of an image for all its platforms, in the order of the
// index, and reads none of them. An image without any gives an empty list.
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

// Read reads the statement. It must be about the image that it is attached to.
func (a Attached) Read(ctx context.Context, img *registry.Image) (*Statement, error) {
	blob, err := img.ReadBlob(ctx, a.blob, MaxSize)
	if err != nil {
		return nil, err
	}
	statement, err := Decode(blob)
	switch {
	case err != nil:
	case !statement.about(a.Image):
		err = fmt.Errorf("it is about another image than %s", a.Image)
	case statement.PredicateType != a.PredicateType:
		err = fmt.Errorf("its predicate is of type %q, but the attestation manifest says %q", statement.PredicateType,
			a.PredicateType)
	}
	if err != nil {
		return nil, fmt.Errorf("attestation %s of %s: %w", a.Digest, img.Name, err)
	}
	return statement, nil
}

// Decode reads a statement.
func Decode(data []byte) (*Statement, error) {
	s := new(Statement)
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("decode in-toto statement: %w", err)
	}
	if s.Type != statementType || s.PredicateType == "" || len(s.Subject) == 0 {
		return nil, errors.New("this is no in-toto statement of version 1 with a predicate and a subject")
	}
	return s, nil
}

func (s *Statement) about(image digest.Digest) bool {
	for _, subject := range s.Subject {
		if value := subject.Digest[string(image.Algorithm())]; value != "" && value == image.Encoded() {
			return true
		}
	}
	return false
}

// Provenance decodes the predicate of a statement of type [ProvenanceType].
func (s *Statement) Provenance() (*Provenance, error) {
	return decodePredicate[Provenance](s, ProvenanceType)
}

// Scan decodes the predicate of a statement of type [ScanType].
func (s *Statement) Scan() (*Scan, error) { return decodePredicate[Scan](s, ScanType) }

// decodePredicate wants a predicate of the type that it decodes. Unknown fields are
// those of a newer builder.
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
