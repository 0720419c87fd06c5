// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"github.com/containerd/platforms"

	"github.com/prismeai/workspaces-release/builder/internal/attest"
	"github.com/prismeai/workspaces-release/builder/internal/engine"
	"github.com/prismeai/workspaces-release/builder/internal/image"
)

// attestations returns the statements about the image of every platform.
func (b *build) attestations(config image.Config, reading *Reading) ([]engine.Attestation, error) {
	r := attest.Release{
		Manifest: config.Manifest, ManifestDigest: config.ManifestDigest,
		Parameters: b.parameters(reading),
		Files:      b.inventory.Files(), Skipped: attest.Summarize(reading.Scan.Coverage.Skipped),
	}
	predicates, err := r.Predicates(b.Attest)
	if err != nil {
		return nil, fail(Internal, err)
	}
	var list []engine.Attestation
	for _, p := range predicates {
		list = append(list, engine.Attestation{PredicateType: p.Type, Predicate: p.Content})
	}
	return list, nil
}

// parameters returns the options that determine the content of the image. It leaves out outputs,
// registry access and limits.
func (b *build) parameters(reading *Reading) attest.Parameters {
	p := attest.Parameters{
		Source:      attest.SourceParameters{URL: reading.Source.URL, Ref: reading.Source.Ref, Subdir: reading.Source.Subdir},
		Release:     b.Release,
		Repository:  attest.Repository(b.Repository),
		Labels:      b.Labels,
		Annotations: b.Annotations,

		ReplaceRepository: b.ReplaceRepository, KeepBaseWorkspaces: b.KeepBaseWorkspaces, Checksums: b.checksums(),
	}
	if b.Input.StampVersions {
		p.StampVersions = "content"
	}
	if b.base != nil {
		p.Base = b.base.Name
	}
	for _, g := range b.Checks.Workspaces.Groups {
		p.Groups = append(p.Groups, attest.Group(g))
	}
	for _, platform := range b.Platforms {
		p.Platforms = append(p.Platforms, platforms.Format(platform))
	}
	return p
}
