// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"github.com/containerd/platforms"

	"github.com/prismeai/workspaces-release/builder/internal/attest"
	"github.com/prismeai/workspaces-release/builder/internal/engine"
	"github.com/prismeai/workspaces-release/builder/internal/image"
	"github.com/prismeai/workspaces-release/internal/release"
)

// attestations returns the statements about the image of every platform.
func (b *builder) attestations(base *baseImage, content *packed, config image.Config) ([]engine.Attestation, error) {
	r := attest.Release{
		Manifest:       config.Manifest,
		ManifestDigest: config.ManifestDigest,
		Parameters:     b.parameters(base, config.Manifest.Source),
		Files:          content.files,
		Skipped:        attest.Summarize(content.reading.Scan.Coverage.Skipped),
	}
	predicates, err := r.Predicates(b.opts.Attest)
	if err != nil {
		return nil, fail(Internal, err)
	}
	var list []engine.Attestation
	for _, p := range predicates {
		attestation := engine.Attestation{PredicateType: p.Type, Predicate: p.Content}
		for _, l := range p.Layers {
			attestation.Subjects = append(attestation.Subjects,
				engine.Subject{Name: b.opts.Repository.Directory, Digest: l.Digest})
		}
		list = append(list, attestation)
	}
	return list, nil
}

// parameters returns the options that determine the content of the image. It leaves out outputs,
// registry access and limits.
func (b *builder) parameters(base *baseImage, source release.Source) attest.Parameters {
	p := attest.Parameters{
		Source:             attest.SourceParameters{URL: source.URL, Ref: source.Ref, Subdir: source.Subdir},
		Release:            b.opts.Release,
		Repository:         attest.Repository(b.opts.Repository),
		Base:               base.name,
		Labels:             b.opts.Labels,
		Annotations:        b.opts.Annotations,
		ReplaceRepository:  b.opts.ReplaceRepository,
		KeepBaseWorkspaces: b.opts.KeepBaseWorkspaces,
		Checksums:          b.checksums(),
	}
	if !b.opts.Compression.IsDefault() {
		p.Compression = b.opts.Compression.String()
	}
	if b.opts.Input.StampVersions {
		p.StampVersions = "content"
	}
	for _, g := range b.opts.Checks.Workspaces.Groups {
		p.Groups = append(p.Groups, attest.Group(g))
	}
	for _, platform := range b.opts.Platforms {
		p.Platforms = append(p.Platforms, platforms.Format(platform))
	}
	return p
}
