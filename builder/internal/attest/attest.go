// SPDX-License-Identifier: AGPL-3.0-or-later

// Package attest generates and reads the attestations of a release image: in-toto statements with
// SLSA provenance, an SPDX bill of materials, and the result of the secret scan.
//
// The statements depend only on the release, not on the time, the machine or the user of the build,
// nor on the destination of the image. Equal input gives equal bytes, and therefore an equal digest
// of the image index. The package does not sign: the pipeline does, because it has an identity.
//
// A registry stores a statement as one blob. The bills of materials and the scan are therefore about
// the layers with the workspaces: they stay the same blobs if only the commit or the name of the
// release changes. The provenance is about the image.
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
	// Layers are the layers that the statement is about; nil if it is about the image.
	Layers []release.Layer
}

// Predicates returns the selected predicates, in the order of [Kinds]. There may be several bills of
// materials: see [CountBills].
func (r *Release) Predicates(want Kinds) ([]Predicate, error) {
	var list []Predicate
	add := func(predicateType string, layers []release.Layer, encode func() ([]byte, error)) error {
		content, err := encode()
		if err != nil {
			return fmt.Errorf("encode attestation %s: %w", predicateType, err)
		}
		list = append(list, Predicate{predicateType, content, layers})
		return nil
	}
	if want.Provenance {
		if err := add(ProvenanceType, nil, func() ([]byte, error) { return json.Marshal(r.buildProvenance()) }); err != nil {
			return nil, err
		}
	}
	if want.SBOM {
		for _, b := range listBills(r.Manifest) {
			if err := add(SBOMType, b.layers, func() ([]byte, error) { return r.buildSBOM(b).Encode() }); err != nil {
				return nil, err
			}
		}
	}
	if want.Scan {
		layers := contentLayers(r.Manifest)
		if err := add(ScanType, layers, func() ([]byte, error) { return json.Marshal(r.buildScan()) }); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// contentLayers returns the layers with workspaces, the lowest first.
func contentLayers(m *release.Manifest) []release.Layer {
	var layers []release.Layer
	for _, l := range m.ContentLayers() {
		layers = append(layers, l.Layer)
	}
	return layers
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
