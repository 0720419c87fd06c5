// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/builder/internal/attest"
	"github.com/prismeai/workspaces-release/builder/internal/engine"
	"github.com/prismeai/workspaces-release/builder/internal/image"
	"github.com/prismeai/workspaces-release/builder/internal/layer"
	"github.com/prismeai/workspaces-release/builder/internal/workspace"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/version"
)

// shortCommit is the length of the commit hash in the name of a release.
const shortCommit = 12

// releaseImage is an image that is ready to be published.
type releaseImage struct {
	// config is what the release adds to the configuration of the base.
	config image.Config
	// spec is what the engine builds. All layers are in the store.
	spec engine.Spec
	// content is what the image was made of.
	content *packed
}

// assemble describes the image of a clean reading, and stores the layers of the release manifest.
func (b *builder) assemble(base *baseImage, content *packed) (*releaseImage, error) {
	manifest := b.manifest(base, content)
	files, err := release.Split(manifest)
	if err != nil {
		return nil, fail(Internal, err)
	}
	config := image.Config{
		Manifest:          manifest,
		ManifestDigest:    digest.FromBytes(files.Manifest),
		Labels:            b.opts.Labels,
		ReplaceRepository: b.opts.ReplaceRepository,
		KeepRepository:    b.opts.KeepBaseWorkspaces,
		Layers: append(content.layers.describe(b.opts.Repository.Directory),
			"workspaces of the manifest in "+release.Directory, "manifest in "+release.Directory),
	}
	platforms, err := b.applyConfig(base, config)
	if err != nil {
		return nil, err
	}
	attestations, err := b.attestations(base, content, config)
	if err != nil {
		return nil, err
	}
	layers, err := b.sealLayers(files)
	if err != nil {
		return nil, err
	}
	spec := engine.Spec{
		Base:         base.ref(),
		Platforms:    platforms,
		Layers:       layers,
		Annotations:  config.Annotations(b.opts.Annotations),
		Attestations: attestations,
		Epoch:        content.epoch,
	}
	if !b.opts.DryRun {
		spec.Outputs = b.opts.Outputs
	}
	return &releaseImage{config: config, spec: spec, content: content}, nil
}

// manifest returns the release manifest.
func (b *builder) manifest(base *baseImage, content *packed) *release.Manifest {
	reading := content.reading
	name := cmp.Or(b.opts.Release, defaultName(reading))
	repository := b.opts.Repository
	repository.Name = cmp.Or(repository.Name, image.RepositoryName(name))
	return &release.Manifest{
		SchemaVersion: release.SchemaVersion,
		Name:          name,
		Created:       content.epoch,
		Source:        b.recordedSource(reading.Source),
		Base:          base.describe(),
		Repository:    repository,
		Layer:         content.layers.list[0].Layer,
		Layers:        content.layers.list,
		Groups:        b.groups(reading.Plan, base),
		Workspaces:    reading.Repository.Manifest(),
		Checksums:     b.checksums(),
		Scan:          reading.Scan.Manifest(),
		Tool:          release.Tool{Name: "builder", Version: version.Get().Version},
	}
}

// recordedSource returns the source as an earlier build recorded it, if that was the same commit.
func (b *builder) recordedSource(read release.Source) release.Source {
	if r := b.opts.Recorded; r != nil && r.Commit == read.Commit && r.Dirty == read.Dirty {
		return *r
	}
	return read
}

// checksums returns the checksum mode of the build.
func (b *builder) checksums() string {
	return string(cmp.Or(b.opts.Checks.Workspaces.Checksums, workspace.ChecksumsWarn))
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

// applyConfig applies the release to every selected platform of the base.
func (b *builder) applyConfig(base *baseImage, config image.Config) ([]engine.Platform, error) {
	isDocker := func(o engine.Output) bool { return o.Kind == engine.Docker }
	if len(base.platforms) > 1 && slices.ContainsFunc(b.opts.Outputs, isDocker) {
		return nil, &Error{
			Usage,
			errors.New("a docker archive holds one platform only: choose one with --platform, or write type=oci"),
		}
	}
	var list []engine.Platform
	for _, p := range base.platforms {
		applied, err := image.Apply(p.config, config)
		var clash *image.ClashError
		var missing *image.KeepError
		if errors.As(err, &clash) || errors.As(err, &missing) {
			return nil, fail(Usage, err)
		} else if err != nil {
			return nil, fail(Registry, fmt.Errorf("%s for %s: %w", base.name, platforms.Format(p.platform), err))
		}
		list = append(list, engine.Platform{
			Platform: p.platform,
			Config:   applied,
			Name:     attest.Name(config.Manifest, platforms.Format(p.platform)),
		})
	}
	return list, nil
}

// sealLayers adds the layers that hold the release manifest, and returns all layers. The file with
// the workspaces is in a layer of its own, because it seldom changes.
func (b *builder) sealLayers(files release.Files) (engine.Layers, error) {
	below := release.WorkspacesPath(release.ManifestPath)
	if err := b.addManifestLayer(below, files.Workspaces, false); err != nil {
		return engine.Layers{}, fail(Engine, err)
	}
	if err := b.addManifestLayer(release.ManifestPath, files.Manifest, true); err != nil {
		return engine.Layers{}, fail(Engine, err)
	}
	layers, err := b.store.Seal()
	return layers, fail(Engine, err)
}

// addManifestLayer adds a layer with one file of the release manifest. Unless keep is set, the layer
// hides the release manifest of the base.
func (b *builder) addManifestLayer(name string, data []byte, keep bool) error {
	options := layer.Options{
		Directory:  release.Directory,
		Parents:    b.opts.BaseRef == "",
		Keep:       keep,
		Compressor: layer.NewCompressor(b.opts.Compression),
	}
	blob, err := b.store.Create()
	if err != nil {
		return err
	}
	defer blob.Close()
	written, err := layer.Write(blob, options, map[string][]byte{path.Base(name): data})
	if err != nil {
		return err
	}
	return blob.Commit(written.Descriptor(), written.DiffID)
}
