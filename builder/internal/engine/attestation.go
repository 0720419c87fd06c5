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
}

// concerns reports whether the statement is about the image for platform p.
func (a Attestation) concerns(p ocispec.Platform) bool {
	return a.Platform == nil || platforms.FormatAll(*a.Platform) == platforms.FormatAll(p)
}

// about returns a statement about the image with the given name and digest. The caller adds the
// content. BuildKit would name the image after the references that it is pushed to, and would omit
// the statement if there are none.
func about[T any](a Attestation, name string, image digest.Digest) result.Attestation[T] {
	return result.Attestation[T]{
		Kind: gatewaypb.AttestationKind_InToto,
		InToto: result.InTotoAttestation{
			PredicateType: a.PredicateType,
			Subjects: []result.InTotoSubject{
				{Kind: gatewaypb.InTotoSubjectKind_Raw, Name: name, Digest: []digest.Digest{image}},
			},
		},
	}
}
