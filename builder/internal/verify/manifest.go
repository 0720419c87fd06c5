// SPDX-License-Identifier: AGPL-3.0-or-later

package verify

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"path"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/builder/internal/image"
	"github.com/prismeai/workspaces-release/builder/internal/layer"
	"github.com/prismeai/workspaces-release/internal/limit"
	"github.com/prismeai/workspaces-release/internal/release"
)

// errReported means that a file of the manifest cannot be used, and that the report says why.
var errReported = errors.New("reported")

// readManifest reads the release manifest from the uppermost layers, which must contain nothing else.
// After a problem, v.manifest is nil.
func (v *verifier) readManifest(ctx context.Context) error {
	var files release.Files
	manifest, err := v.readFile(ctx, 0, release.ManifestPath)
	if err == nil {
		files.Manifest = manifest.data
		v.manifest, err = release.Load(files.Manifest, func(release.FileReference) ([]byte, error) {
			below, err := v.readFile(ctx, 1, release.WorkspacesPath(release.ManifestPath))
			files.Workspaces = below.data
			return below.data, err
		})
	}
	switch {
	case errors.Is(err, errReported):
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case isUnreachable(err):
		return err
	case err != nil:
		v.addProblem(Manifest, "%s: %v", release.ManifestPath, err)
		return nil
	}
	if files.Workspaces != nil && manifest.hides {
		v.addProblem(Manifest, "the layer of %s hides the file with the workspaces of the manifest", release.ManifestPath)
	}
	v.describeManifest(files)
	return nil
}

// manifestFile is a file of the manifest.
type manifestFile struct {
	data []byte
	// hides is set if the layer of the file hides the directory in the layers below.
	hides bool
}

// readFile reads a file from a layer, counted from the top, that must contain nothing else. It returns
// errReported after a problem of the layer.
func (v *verifier) readFile(ctx context.Context, fromTop int, file string) (manifestFile, error) {
	var found manifestFile
	name := strings.TrimPrefix(file, "/")
	n := 0
	_, ok, err := v.walkLayer(ctx, fromTop, 2*release.MaxSize, func(h *tar.Header, r io.Reader) (err error) {
		switch {
		case h.Name == name && h.Typeflag == tar.TypeReg:
			n++
			found.data, err = limit.ReadAll(r, name, release.MaxSize)
		case h.Name == layer.OpaqueWhiteout(release.Directory):
			found.hides = true
		case h.Typeflag == tar.TypeDir && (h.Name == path.Dir(name)+"/" || strings.HasPrefix(name, h.Name)):
		default:
			v.addProblem(Manifest, "the layer of %s also holds %q", file, h.Name)
		}
		return err
	})
	switch {
	case err != nil:
		return manifestFile{}, err
	case ok && n != 1:
		v.addProblem(Manifest, "layer %d from the top holds %d files %s, and should hold one", fromTop+1, n, file)
	}
	if !ok || n != 1 {
		return manifestFile{}, errReported
	}
	return found, nil
}

// describeManifest derives what the image should be from its manifest, which was read from files.
func (v *verifier) describeManifest(files release.Files) {
	if !isCanonical(v.manifest, files) {
		v.reportUnfamiliar(v.manifest)
	}
	v.manifestLayers = 1
	if files.Workspaces != nil {
		v.manifestLayers = 2
	}
	v.config = image.Config{
		Manifest:          v.manifest,
		ManifestDigest:    digest.FromBytes(files.Manifest),
		ReplaceRepository: !v.keepsBase(),
		KeepRepository:    v.keepsBase(),
	}
}

// isCanonical reports whether this builder would write the same files.
func isCanonical(m *release.Manifest, files release.Files) bool {
	if files.Workspaces == nil {
		encoded, err := release.Encode(m)
		return err == nil && bytes.Equal(encoded, files.Manifest)
	}
	encoded, err := release.Split(m)
	return err == nil && bytes.Equal(encoded.Manifest, files.Manifest) &&
		bytes.Equal(encoded.Workspaces, files.Workspaces)
}

// keepsBase reports whether the release keeps workspaces of its base.
func (v *verifier) keepsBase() bool { return v.manifest.FromBase() > 0 }

// reportUnfamiliar reports a manifest that differs from what this builder would write. A newer builder
// may have written fields that this one does not know.
func (v *verifier) reportUnfamiliar(m *release.Manifest) {
	v.skipCheck(
		Manifest,
		"builder %s wrote fields into the release manifest that this one does not know: verify with the same version",
		m.Tool.Version,
	)
}
