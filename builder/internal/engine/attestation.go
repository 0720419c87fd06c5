// SPDX-License-Identifier: AGPL-3.0-or-later

package engine

import (
	"github.com/containerd/platforms"
	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/result"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Attestation is an in-toto statement about an image. The statements of an image are the layers of
// an attestation manifest in the same index. The subject of that manifest also makes it a referrer
// of the image.
type Attestation struct {
	// PredicateType is a URI.
	PredicateType string
	// Predicate is JSON.
	Predicate []byte
	// Platform is the platform of the image that the statement is about; nil for all platforms.
	Platform *ocispec.Platform
	// Subjects are what the statement is about; nil for the image. A statement about layers has the
	// same bytes in every image with these layers.
	Subjects []Subject
}

// Subject is a subject of a statement.
type Subject struct {
	Name   string
	Digest digest.Digest
}

// isFor reports whether the statement is about the image for platform p.
func (a Attestation) isFor(p ocispec.Platform) bool {
	return a.Platform == nil || platforms.FormatAll(*a.Platform) == platforms.FormatAll(p)
}

// newAttestation returns a statement about its subjects, or else about the given image. The caller adds the
// content. BuildKit would name the image after the references that it is pushed to, and would omit
// the statement if there are none.
func newAttestation[T any](a Attestation, image Subject) result.Attestation[T] {
	subjects := a.Subjects
	if subjects == nil {
		subjects = []Subject{image}
	}
	statement := result.Attestation[T]{
		Kind:   gatewaypb.AttestationKind_InToto,
		InToto: result.InTotoAttestation{PredicateType: a.PredicateType},
	}
	for _, s := range subjects {
		statement.InToto.Subjects = append(statement.InToto.Subjects, result.InTotoSubject{
			Kind: gatewaypb.InTotoSubjectKind_Raw, Name: s.Name, Digest: []digest.Digest{s.Digest},
		})
	}
	return statement
}
