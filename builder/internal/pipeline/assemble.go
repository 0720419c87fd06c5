// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/builder/internal/attest"
	"github.com/prismeai/workspaces-release/builder/internal/engine"
	"github.com/prismeai/workspaces-release/builder/internal/image"
	"github.com/prismeai/workspaces-release/builder/internal/layer"
	"github.com/prismeai/workspaces-release/builder/internal/registry"
	"github.com/prismeai/workspaces-release/builder/internal/report"
	"github.com/prismeai/workspaces-release/builder/internal/workspace"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/version"
)

// shortCommit is the length of the commit hash in the name of a release.
const shortCommit = 12

// assemble builds and publishes the image of a clean reading.
func (b *build) assemble(ctx context.Context, reading *Reading, written content) (*report.Build, error) {
	manifest := b.manifest(reading, written)
	encoded, err := release.Encode(manifest)
	if err != nil {
		return nil, fail(Internal, err)
	}
	if err := b.addManifest(ctx, manifest, encoded); err != nil {
		return nil, err
	}
	config := image.Config{
		Manifest:          manifest,
		ManifestDigest:    digest.FromBytes(encoded),
		Labels:            b.Labels,
		ReplaceRepository: b.ReplaceRepository,
		KeepRepository:    b.KeepBaseWorkspaces,
		Layers:            append(written.names(b.Repository.Directory), "manifest in "+release.Directory),
	}
	spec, err := b.spec(ctx, config)
	if err != nil {
		return nil, err
	}
	if spec.Attestations, err = b.attestations(config, reading); err != nil {
		return nil, err
	}
	result, err := b.solve(ctx, spec)
	if err != nil {
		return nil, err
	}
	return b.report(result, reading, config), nil
}

// manifest returns the release manifest.
func (b *build) manifest(reading *Reading, written content) *release.Manifest {
	name := cmp.Or(b.Release, defaultName(reading))
	repository := b.Repository
	repository.Name = cmp.Or(repository.Name, image.RepositoryName(name))
	m := &release.Manifest{
		SchemaVersion: release.SchemaVersion,
		Name:          name,
		Created:       b.epoch,
		Source:        reading.Source,
		Repository:    repository,
		Layer:         written.layers[0].Layer,
		Layers:        written.layers,
		Groups:        b.groups(reading.Plan),
		Workspaces:    reading.Repository.Manifest(),
		Checksums:     b.checksums(),
		Scan:          reading.Scan.Manifest(),
		Tool:          release.Tool{Name: "builder", Version: version.Get().Version},
	}
	if b.base != nil {
		m.Base = &release.Base{Name: b.base.Name, Digest: b.base.Descriptor.Digest}
	}
	return m
}

// checksums returns the checksum mode of the build.
func (b *build) checksums() string {
	return string(cmp.Or(b.Checks.Workspaces.Checksums, workspace.ChecksumsWarn))
}

// defaultName names a release after its commit. If there is no commit, or the source has
// uncommitted changes, the name contains a digest of the content.
func defaultName(r *Reading) string {
	commit := r.Source.Commit[:min(len(r.Source.Commit), shortCommit)]
	if commit != "" && !r.Source.Dirty {
		return commit
	}
	h := digest.SHA256.Digester()
	for _, w := range r.Repository.Manifest() {
		fmt.Fprintf(h.Hash(), "%s %s\n", w.Slug, w.Digest)
	}
	content := h.Digest().Encoded()[:shortCommit]
	return strings.TrimPrefix(commit+"-"+content, "-")
}

// addManifest adds the layer that holds the release manifest.
func (b *build) addManifest(ctx context.Context, m *release.Manifest, encoded []byte) error {
	_, err := b.store.Add(ctx, func(w io.Writer) (digest.Digest, error) {
		l, err := layer.Write(w, layer.Options{Directory: release.Directory, Parents: b.Base == ""},
			map[string][]byte{path.Base(release.ManifestPath): encoded})
		return l.DiffID, err
	})
	return fail(Engine, err)
}

// spec returns the specification for the engine: one image for each selected platform.
func (b *build) spec(ctx context.Context, config image.Config) (engine.Spec, error) {
	layers, err := b.store.Seal(ctx)
	if err != nil {
		return engine.Spec{}, fail(Engine, err)
	}
	spec := engine.Spec{Layers: layers, Epoch: b.epoch, Annotations: config.Annotations(b.Annotations)}
	if b.base != nil {
		spec.Base = pinned(b.base)
	}
	if spec.Platforms, err = b.configurations(config); err != nil {
		return engine.Spec{}, err
	}
	if len(spec.Platforms) > 1 &&
		slices.ContainsFunc(b.Outputs, func(o engine.Output) bool { return o.Kind == engine.Docker }) {
		return engine.Spec{}, &Error{
			Usage,
			errors.New("a docker archive holds one platform only: choose one with --platform, or write type=oci"),
		}
	}
	if !b.DryRun {
		spec.Outputs = b.Outputs
	}
	return spec, nil
}

// configurations applies the release to every selected platform of the base.
func (b *build) configurations(config image.Config) ([]engine.Platform, error) {
	bases, err := b.bases()
	if err != nil {
		return nil, err
	}
	var list []engine.Platform
	for _, base := range bases {
		applied, err := image.Apply(base.config, config)
		var clash *image.ClashError
		var missing *image.KeepError
		if errors.As(err, &clash) || errors.As(err, &missing) {
			return nil, fail(Usage, err)
		} else if err != nil {
			return nil, fail(Registry, fmt.Errorf("%s for %s: %w", b.Base, platforms.Format(base.platform), err))
		}
		list = append(list, engine.Platform{
			Platform: base.platform, Config: applied,
			Name: attest.Name(config.Manifest, platforms.Format(base.platform)),
		})
	}
	return list, nil
}

// baseImage is the configuration of the base for one platform.
type baseImage struct {
	platform ocispec.Platform
	config   []byte
	// image is the zero value for an image from scratch.
	image registry.Manifest
}

// bases returns the selected platforms, in the order of the base's index. If the index lists a
// platform twice, the first image counts, as it does for clients that pull.
func (b *build) bases() ([]baseImage, error) {
	if b.base == nil {
		return scratch(b.Platforms)
	}
	var selected []baseImage
	missing := slices.Clone(b.Platforms)
	for _, m := range b.base.Manifests {
		platform := platforms.Normalize(m.Platform)
		wanted := func(p ocispec.Platform) bool { return platforms.OnlyStrict(p).Match(platform) }
		known := slices.ContainsFunc(selected, func(s baseImage) bool {
			return platforms.FormatAll(s.platform) == platforms.FormatAll(platform)
		})
		if known || len(b.Platforms) > 0 && !slices.ContainsFunc(b.Platforms, wanted) {
			continue
		}
		missing = slices.DeleteFunc(missing, wanted)
		selected = append(selected, baseImage{platform, m.RawConfig, m})
	}
	if len(missing) > 0 {
		return nil, &Error{Usage, fmt.Errorf("the base %s has no image for %s, only for %s",
			b.base.Name, platforms.Format(missing[0]), strings.Join(b.base.Platforms(), ", "))}
	}
	return selected, nil
}

// scratch returns empty configurations. An image that contains only workspaces does not run, so one
// default platform suffices unless others are requested.
func scratch(wanted []ocispec.Platform) ([]baseImage, error) {
	if len(wanted) == 0 {
		wanted = []ocispec.Platform{{OS: "linux", Architecture: "amd64"}}
	}
	var list []baseImage
	for i, p := range wanted {
		if slices.ContainsFunc(wanted[:i], platforms.OnlyStrict(p).Match) {
			continue
		}
		config, err := image.Scratch(p)
		if err != nil {
			return nil, fail(Internal, err)
		}
		list = append(list, baseImage{platform: p, config: config})
	}
	return list, nil
}

// pinned returns the base's reference with the digest that was resolved.
func pinned(base *registry.Image) string {
	name, _, _ := strings.Cut(base.Name, "@")
	return name + "@" + base.Descriptor.Digest.String()
}

func (b *build) report(result *engine.Result, reading *Reading, config image.Config) *report.Build {
	r := &report.Build{
		Digest: result.Digest, Descriptor: result.Descriptor,
		Manifest: config.Manifest, ManifestDigest: config.ManifestDigest,
		Unscanned: reading.Scan.Coverage.SkippedBytes, Dropped: reading.Dropped, Lowered: reading.Lowered,
		Stages: b.done, DryRun: b.DryRun,
	}
	r.Traffic.Sent, r.Traffic.Received = b.Registry.Traffic()
	r.Images = pushedNames(b.Outputs)
	for _, out := range b.Outputs {
		if out.Kind != engine.Push {
			r.Files = append(r.Files, out.Dest)
		}
	}
	return r
}
