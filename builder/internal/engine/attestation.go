// SPDX-License-Identifier: AGPL-3.0-or-later

package engine

import (
	"github.com/containerd/platforms"
	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/result"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Attestation is what an in-toto statement says of an image. The statements of an image
// are the layers of an attestation manifest beside it in the index, which the standard's
// subject also makes a referrer of the image.
type Attestation struct {
	// PredicateType is a URI.
	PredicateType string
	// Predicate is JSON.
	Predicate []byte
	// Platform is that of the image that it is about; nil for those of all platforms.
	Platform *ocispec.Platform
}

// concerns reports whether the statement is about the image for a platform.
func (a Attestation) concerns(p ocispec.Platform) bool {
	return a.Platform == nil || platforms.FormatAll(*a.Platform) == platforms.FormatAll(p)
}

// about makes a statement about the image of that name and digest, to which the caller
// adds the content. BuildKit would call the image by the names that it is pushed under,
// and make no statement of one that has none.
func about[T any](a Attestation, name string, image digest.Digest) result.Attestation[T] {
	return result.Attestation[T]{
		Kind: gatewaypb.AttestationKind_InToto,
		InToto: result.InTotoAttestation{
			PredicateType: a.PredicateType,
			Subjects:      []result.InTotoSubject{{Kind: gatewaypb.InTotoSubjectKind_Raw, Name: name, Digest: []digest.Digest{image}}},
		},
	}
}
