// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/builder/internal/compare"
	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/builder/internal/layer"
	"github.com/prismeai/workspaces-release/builder/internal/registry"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/builder/internal/workspace"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/scan"
)

// DiffOptions configure a comparison.
type DiffOptions struct {
	Old, New Origin
	// Registry is required even if no registry is accessed.
	Registry *registry.Client
	// Checks are those of a build from a source, without a scan. Workspaces is required.
	Checks Checks
	// Scanner finds the secrets to redact. It is required.
	Scanner *scan.Scanner
	// Limits limit how much of an image is read.
	Limits source.Limits
	// MaxLines limits the number of lines shown from files.
	MaxLines int
}

// Origin is the location of a release: an image, or a source to build.
type Origin struct {
	// Image is an image reference or the notation of a layout; empty for a source.
	Image string
	Input Input
}

// Diff compares two releases. It returns an error of kind [Invalid] if an image does not match its
// manifest. A source may be invalid: the report then contains a warning.
func Diff(ctx context.Context, opts DiffOptions) (*compare.Report, error) {
	compared, err := Compare(ctx, opts)
	return compared.Report, err
}

// Compared is a comparison and its inputs.
type Compared struct {
	Report *compare.Report
	// Older and Newer are the release manifests. The manifest of a source has no scan.
	Older, Newer *release.Manifest
	// Hide redacts the secrets that were found in the releases from any text.
	Hide func(string) string
}

// Compare is like [Diff] but also returns the manifests.
func Compare(ctx context.Context, opts DiffOptions) (Compared, error) {
	// The release file belongs to the newer source, and may name workspaces that the older one lacks.
	older, err := opts.open(ctx, opts.Old, workspace.IsAboutReleaseFile)
	if err != nil {
		return Compared{}, err
	}
	defer older.close() // it was only read
	newer, err := opts.open(ctx, opts.New, nil)
	if err != nil {
		return Compared{}, err
	}
	defer newer.close() // it was only read
	redactor := opts.Scanner.NewRedactor()
	report, err := guarded(func() (*compare.Report, error) {
		how := compare.Options{Redactor: redactor, MaxLines: opts.MaxLines}
		return compare.Compare(ctx, older.release, newer.release, how)
	})
	var mismatch *compare.ContentError
	if errors.As(err, &mismatch) {
		return Compared{}, fail(Invalid, err)
	}
	if err != nil {
		return Compared{}, err
	}
	return Compared{
		Report: report,
		Older:  older.release.Manifest,
		Newer:  newer.release.Manifest,
		Hide:   redactor.Redact,
	}, nil
}

// side is one of the releases of a comparison.
type side struct {
	release *compare.Release
	close   func() error
}

// open opens one of the releases. The caller closes it. Diagnostics of a source that are exempt do
// not count as errors; exempt may be nil.
func (o *DiffOptions) open(
	ctx context.Context,
	origin Origin,
	exempt func(diagnostic.Diagnostic) bool,
) (*side, error) {
	if origin.Image == "" {
		return o.openSource(ctx, origin.Input, exempt)
	}
	opened, err := openRelease(ctx, o.Registry, origin.Image)
	if err != nil {
		return nil, err
	}
	img := opened.image
	images := map[string]ocispec.Image{}
	for _, m := range img.Manifests {
		images[m.PlatformName()] = m.Config
	}
	walk := func(ctx context.Context, wanted func(string) bool, fn compare.FileFunc) error {
		return walkContent(ctx, img, opened.manifest, o.Limits, wanted, fn)
	}
	return &side{
		release: &compare.Release{
			Name:     img.Name,
			Digest:   img.Descriptor.Digest,
			Manifest: opened.manifest,
			Images:   images,
			Walk:     walk,
		},
		close: img.Close,
	}, nil
}

// walkContent streams files from the layers of the release. If workspaces of the base ship too, it
// reads the files from all layers of the image.
func walkContent(
	ctx context.Context,
	img *registry.Image,
	m *release.Manifest,
	limits source.Limits,
	wanted func(string) bool,
	fn compare.FileFunc,
) error {
	if m.FromBase() > 0 {
		return readWorkspaces(
			ctx,
			img,
			img.Manifests[0],
			m.Repository.Directory,
			limits,
			func(name string, data []byte) error {
				if slug, _, _ := strings.Cut(name, "/"); !wanted(slug) {
					return nil
				}
				return fn(name, int64(len(data)), bytes.NewReader(data))
			},
		)
	}
	return walkLayers(ctx, img, m, limits, func(name string, h *tar.Header, data io.Reader) error {
		slug, _, nested := strings.Cut(name, "/")
		if !nested || h.Typeflag != tar.TypeReg || !wanted(slug) {
			return nil
		}
		return fn(name, h.Size, data)
	})
}

// walkLayers streams the directory of the workspaces from the layers of the release. The lowest of
// these layers must hide the directory of the base.
func walkLayers(ctx context.Context, img *registry.Image, m *release.Manifest, limits source.Limits,
	fn func(string, *tar.Header, io.Reader) error) error {
	prefix := strings.TrimPrefix(m.Repository.Directory, "/") + "/"
	left := layerLimit(limits)
	for i, content := range m.ContentLayers() {
		opaque := false
		read, err := walkBlob(ctx, img, content.Layer, left, func(h *tar.Header, data io.Reader) error {
			opaque = opaque || h.Name == layer.OpaqueWhiteout(m.Repository.Directory)
			if name, below := strings.CutPrefix(h.Name, prefix); below {
				return fn(name, h, data)
			}
			return nil
		})
		switch {
		case err != nil:
			return err
		case i == 0 && !opaque:
			return &Error{
				Invalid,
				fmt.Errorf("%s may show workspaces of its base: its layer does not hide %s", img.Name, m.Repository.Directory),
			}
		case i > 0 && opaque:
			return &Error{Invalid, fmt.Errorf("%s hides workspaces that its manifest describes: "+
				"layer %s hides %s in the layers below it", img.Name, content.Digest, m.Repository.Directory)}
		}
		left -= read.Unpacked
	}
	return nil
}

// walkBlob streams one layer of the release.
func walkBlob(ctx context.Context, img *registry.Image, content release.Layer, limit int64,
	fn func(*tar.Header, io.Reader) error) (layer.Layer, error) {
	first := img.Manifests[0]
	i := slices.Index(first.Config.RootFS.DiffIDs, content.DiffID)
	if i < 0 || i >= len(first.Manifest.Layers) {
		return layer.Layer{}, &Error{
			Invalid,
			fmt.Errorf("%s has no layer %s, which its manifest describes", img.Name, content.DiffID),
		}
	}
	blob, err := img.OpenBlob(ctx, first.Manifest.Layers[i])
	if err != nil {
		return layer.Layer{}, fail(Registry, err)
	}
	defer blob.Close()
	read, err := layer.Walk(blob, limit, fn)
	if ctx.Err() != nil {
		return layer.Layer{}, context.Cause(ctx)
	} else if err != nil {
		return layer.Layer{}, fail(Registry, fmt.Errorf("read the workspaces of %s: %w", img.Name, err))
	}
	return read, nil
}

// layerLimit returns the maximum unpacked size of the layers, including what tar adds to each file.
func layerLimit(limits source.Limits) int64 {
	const entry = 4 << 10
	return limits.TotalSize + int64(limits.Files)*entry
}

// openSource reads a source as a build would, and derives a manifest from it. The comparison reads
// the files again, and they must not have changed. It redacts secrets, so that this reading need not
// find them.
func (o *DiffOptions) openSource(
	ctx context.Context,
	input Input,
	exempt func(diagnostic.Diagnostic) bool,
) (*side, error) {
	src, err := openSource(ctx, nil, input, o.Checks)
	if err != nil {
		return nil, err
	}
	reading, err := src.read(ctx, nil)
	if err != nil {
		return nil, errors.Join(err, src.close())
	}
	diagnostics := reading.Diagnostics
	if exempt != nil {
		diagnostics = slices.DeleteFunc(diagnostics, exempt)
	}
	walk := func(ctx context.Context, wanted func(string) bool, fn compare.FileFunc) error {
		_, err := src.walk.to(ctx, sink{add: func(f source.File) error {
			if slug, _, _ := strings.Cut(f.Path, "/"); !wanted(slug) {
				return nil
			}
			return fn(f.Path, int64(len(f.Data)), bytes.NewReader(f.Data))
		}})
		return fail(Source, err)
	}
	return &side{
		release: &compare.Release{
			Name: input.Spec.String(),
			Manifest: &release.Manifest{
				Source:     reading.Source,
				Groups:     reading.Plan.Manifest(),
				Workspaces: reading.Repository.Manifest(),
			},
			Errors: diagnostic.Count(diagnostics, diagnostic.Error),
			Walk:   walk,
		},
		close: src.close,
	}, nil
}
