// SPDX-License-Identifier: AGPL-3.0-or-later

package verify

import (
	"archive/tar"
	"context"
	"errors"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/builder/internal/attest"
	"github.com/prismeai/workspaces-release/builder/internal/image"
	"github.com/prismeai/workspaces-release/builder/internal/layer"
	"github.com/prismeai/workspaces-release/builder/internal/registry"
	"github.com/prismeai/workspaces-release/internal/release"
)

// fewestLayers is the minimum number of layers that a release adds to its base: one layer with
// workspaces and, from an older builder, one layer with the manifest.
const fewestLayers = 2

// Options configure a verification.
type Options struct {
	// Resolve resolves the base. If it is nil, the base stays unproven.
	Resolve func(ctx context.Context, ref string) (*registry.Image, error)
	// MaxLayer limits the total unpacked size of the layers with workspaces, in bytes.
	MaxLayer int64
	// MaxFile limits the size of a file in these layers, in bytes.
	MaxFile int64
	// AllowMissingAttestations accepts an image without attestations.
	AllowMissingAttestations bool
}

// Image verifies an image. The error reports failure to reach the image, or cancellation. Problems
// of the image are in the report.
func Image(ctx context.Context, img *registry.Image, opts Options) (*Report, error) {
	v := &verifier{img: img, opts: opts}
	r := &Report{Image: img.Name, Digest: img.Descriptor.Digest, Platforms: img.Platforms()}
	if err := v.runChecks(ctx); err != nil {
		return nil, err
	}
	if v.manifest != nil {
		r.Release = v.manifest.Name
	}
	r.Manifest = v.manifest
	r.Parameters = v.parameters
	for _, s := range v.statements {
		r.Attested.Provenance = r.Attested.Provenance || s.PredicateType == attest.ProvenanceType
		r.Attested.SBOM = r.Attested.SBOM || s.PredicateType == attest.SBOMType
		r.Attested.Files = r.Attested.Files || s.ListsFiles()
		r.Attested.Scan = r.Attested.Scan || s.PredicateType == attest.ScanType
	}
	r.Files = v.files
	r.Bytes = v.bytes
	v.fillReport(r)
	return r, nil
}

// Unreadable returns the report of an image whose documents do not match their digests.
func Unreadable(ref string, err error) *Report {
	r := &Report{Image: ref, Platforms: []string{}}
	var f results
	f.addProblem(Blobs, "%v", err)
	f.fillReport(r)
	return r
}

// verifier is one run of [Image].
type verifier struct {
	results
	img  *registry.Image
	opts Options

	manifest *release.Manifest
	// manifestLayers is the number of layers with the manifest.
	manifestLayers int
	// config is the configuration derived from the manifest.
	config image.Config
	// parameters are the parameters of the build; nil if the image has no provenance.
	parameters *attest.Parameters
	statements []statement
	files      int
	bytes      int64
}

func (v *verifier) runChecks(ctx context.Context) error {
	v.beginChecks(Blobs, Manifest, Platforms)
	if !v.checkLayout() {
		return nil
	}
	if err := v.readManifest(ctx); err != nil || v.manifest == nil {
		return err
	}
	if !v.checkLayerCount() {
		return nil
	}
	v.checkPlatforms()
	if err := v.readAttestations(ctx); err != nil {
		return err
	}
	v.beginChecks(Labels, Environment)
	for i := range v.img.Manifests {
		m := &v.img.Manifests[i]
		v.checkLabels(m)
		v.checkEnvironment(m)
	}
	if err := v.checkContent(ctx); err != nil {
		return err
	}
	return v.checkBase(ctx)
}

// checkLayout checks that the layers of every platform have the structure of a release.
func (v *verifier) checkLayout() bool {
	good := true
	for i := range v.img.Manifests {
		m := &v.img.Manifests[i]
		n := len(m.Manifest.Layers)
		switch {
		case m.Config.Config.Labels[release.LabelManifestDigest] == "":
			v.addPlatformProblem(Manifest, m.PlatformName(), "this is not a release image: it has no label %s",
				release.LabelManifestDigest)
			good = false
		case n < fewestLayers || n != len(m.Config.RootFS.DiffIDs):
			v.addPlatformProblem(
				Manifest,
				m.PlatformName(),
				"this is not a release image: it has %d layers, and %d of them in its configuration",
				n,
				len(m.Config.RootFS.DiffIDs),
			)
			good = false
		case m.Platform.OS != m.Config.OS || m.Platform.Architecture != m.Config.Architecture:
			v.addPlatformProblem(Platforms, m.PlatformName(), "its configuration is for %s/%s", m.Config.OS,
				m.Config.Architecture)
		}
	}
	return good
}

// checkLayerCount checks that every platform has at least as many layers as the manifest describes.
func (v *verifier) checkLayerCount() bool {
	good := true
	for i := range v.img.Manifests {
		m := &v.img.Manifests[i]
		if n := len(m.Manifest.Layers); n < v.countOwnLayers() {
			v.addPlatformProblem(Layer, m.PlatformName(), "it has %d layers, and the manifest describes a release of %d", n,
				v.countOwnLayers())
			good = false
		}
	}
	return good
}

// checkPlatforms checks that all platforms have the same layers of the release.
func (v *verifier) checkPlatforms() {
	for _, other := range v.img.Others {
		v.addProblem(Platforms, "the index lists %s, which is neither an image nor an attestation", other.Digest)
	}
	first := v.releaseLayers(&v.img.Manifests[0])
	for i := range v.img.Manifests {
		m := &v.img.Manifests[i]
		for n, l := range v.releaseLayers(m) {
			if l.Digest != first[n].Digest {
				v.addPlatformProblem(Platforms, m.PlatformName(), "layer %d of the release is %s, and that of %s is %s",
					n+1, l.Digest, v.img.Manifests[0].PlatformName(), first[n].Digest)
			}
		}
	}
}

// countOwnLayers returns the number of layers that the release adds to its base.
func (v *verifier) countOwnLayers() int { return len(v.manifest.ContentLayers()) + v.manifestLayers }

// releaseLayers returns the layers of the release, which are the topmost ones of a platform.
func (v *verifier) releaseLayers(m *registry.Manifest) []ocispec.Descriptor {
	return m.Manifest.Layers[len(m.Manifest.Layers)-v.countOwnLayers():]
}

// walkLayer calls fn for each entry of a layer, counted from the top, and reports problems of its
// bytes. The layer is valid only if ok.
func (v *verifier) walkLayer(
	ctx context.Context, fromTop int, limit int64, fn func(*tar.Header, io.Reader) error,
) (_ layer.Layer, ok bool, err error) {
	layers := v.img.Manifests[0].Manifest.Layers
	desc := layers[len(layers)-1-fromTop]
	blob, err := v.img.OpenBlob(ctx, desc)
	if err != nil {
		return layer.Layer{}, false, v.reportBroken(ctx, desc.Digest, err)
	}
	defer blob.Close()
	read, err := layer.Walk(blob, limit, fn)
	if err != nil {
		return layer.Layer{}, false, v.reportBroken(ctx, desc.Digest, err)
	}
	for i := range v.img.Manifests {
		m := &v.img.Manifests[i]
		ids := m.Config.RootFS.DiffIDs
		if id := ids[len(ids)-1-fromTop]; id != read.DiffID {
			v.addPlatformProblem(Blobs, m.PlatformName(),
				"its configuration says that layer %s unpacks to %s, and it unpacks to %s", desc.Digest, id, read.DiffID)
		}
	}
	return read, true, nil
}

// reportBroken reports a problem of a blob. It returns errors that mean a failure to reach the blob.
func (v *verifier) reportBroken(ctx context.Context, blob digest.Digest, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case isUnreachable(err):
		return err
	}
	v.addProblem(Blobs, "%s: %v", blob, err)
	return nil
}

// isUnreachable reports whether err is a failure to reach the image rather than a problem of the image.
// A missing blob of an existing image is a problem of the image.
func isUnreachable(err error) bool {
	failure, ok := errors.AsType[*registry.Error](err)
	return ok && failure.Kind != registry.Invalid && failure.Kind != registry.NotFound
}
