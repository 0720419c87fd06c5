// SPDX-License-Identifier: AGPL-3.0-or-later

// Package attest says what is to be known about a release image, in the formats that
// others read: in-toto statements with SLSA provenance, an SPDX bill of materials, and
// the outcome of the secret scan.
//
// What it says depends on the release alone: not on the time, the machine or the user of
// the build, and not on where the image goes. The same input gives the same bytes, and so
// the same digest of the image's index. Nothing is signed here: that is for the pipeline,
// which has an identity.
package attest

import (
	"encoding/json"
	"fmt"

	"github.com/opencontainers/go-digest"
	"github.com/package-url/packageurl-go"

	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/spdx"
)

// docs describes the formats defined by this project.
const docs = "https://github.com/prismeai/workspaces-release/blob/main/docs/attestations.md"

// The predicate types.
const (
	ProvenanceType = "https://slsa.dev/provenance/v1"
	SBOMType       = spdx.PredicateType
	ScanType       = docs + "#secret-scan-v1"
)

// Kinds selects the statements.
type Kinds struct {
	Provenance, SBOM, Scan bool
	// Files makes the bill of materials list the files, too: see [Release.Files].
	Files bool
}

// Release is the subject of the statements.
type Release struct {
	Manifest *release.Manifest
	// ManifestDigest is the digest of the encoded manifest.
	ManifestDigest digest.Digest
	// Parameters are the user's inputs.
	Parameters Parameters
	// Files are the files of the workspaces, sorted by path. If there are none, the bill of
	// materials lists the workspaces only.
	Files []spdx.File
	// Skipped is what the secret scan skipped: see [Summarize].
	Skipped []Skipped
}

// Predicate is the predicate of a statement.
type Predicate struct {
	// Type is the URI of the format.
	Type string
	// Content is JSON.
	Content []byte
}

// Predicates returns the selected predicates, in the order of [Kinds].
func (r *Release) Predicates(want Kinds) ([]Predicate, error) {
	var list []Predicate
	for _, kind := range []struct {
		wanted        bool
		predicateType string
		encode        func() ([]byte, error)
	}{
		{want.Provenance, ProvenanceType, func() ([]byte, error) { return json.Marshal(r.buildProvenance()) }},
		{want.SBOM, SBOMType, func() ([]byte, error) { return r.buildSBOM().Encode() }},
		{want.Scan, ScanType, func() ([]byte, error) { return json.Marshal(r.buildScan()) }},
	} {
		if !kind.wanted {
			continue
		}
		content, err := kind.encode()
		if err != nil {
			return nil, fmt.Errorf("encode attestation %s: %w", kind.predicateType, err)
		}
		list = append(list, Predicate{kind.predicateType, content})
	}
	return list, nil
}

// Name returns the package URL of a release. It names no registry, because a release is the same in
// all registries.
func Name(m *release.Manifest, platform string) string {
	var qualifiers packageurl.Qualifiers
	if platform != "" {
		qualifiers = packageurl.Qualifiers{{Key: "platform", Value: platform}}
	}
	return packageurl.NewPackageURL(packageurl.TypeGeneric, "", m.Repository.ID, m.Name, qualifiers, "").ToString()
}

// DigestSet is an in-toto digest set: encoded values by algorithm.
type DigestSet map[string]string

func newDigestSet(d digest.Digest) DigestSet { return DigestSet{string(d.Algorithm()): d.Encoded()} }

// Resource is the used part of in-toto's ResourceDescriptor.
type Resource struct {
	Name        string            `json:"name,omitempty"`
	URI         string            `json:"uri,omitempty"`
	Digest      DigestSet         `json:"digest,omitempty"`
	MediaType   string            `json:"mediaType,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}
