// SPDX-License-Identifier: Apache-2.0

package inputs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime/debug"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/sidecar/internal/config"
	"github.com/prismeai/workspaces-release/sidecar/internal/importer"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
	"github.com/prismeai/workspaces-release/sidecar/internal/watch"
)

// largeManifest is the size above which the memory for decoding is returned to the system at once,
// in bytes.
const largeManifest = 1 << 20

// maxPairs bounds the attempts to read both files of a manifest while they are being replaced.
const maxPairs = 10

// manifest caches the result of the last load.
type manifest struct {
	sum     watch.Sum
	config  *config.Config
	desired importer.Desired
}

// loadDesired returns the contents of the manifest. It parses the files only if the first of them has
// changed: it names the digest of the other one.
func (s *Source) loadDesired(ctx context.Context, c *config.Config) (importer.Desired, error) {
	path, required := c.ManifestPath()
	sum, err := watch.SumOf(path, release.MaxSize)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !required:
		return importer.NewDesired(c.Repository, c.Groups, nil, "")
	case err != nil:
		return importer.Desired{}, unreadableError(err)
	case sum == s.manifest.sum && s.manifest.config != nil && selectsSameRelease(s.manifest.config, c):
		return s.manifest.desired, nil
	}
	found, err := readManifest(ctx, path, watch.Read)
	if err != nil {
		return importer.Desired{}, unreadableError(err)
	}
	d, err := importer.NewDesired(c.Repository, c.Groups, found.manifest, found.digest.String())
	if err == nil {
		s.manifest = manifest{sum: sum, config: c, desired: d}
	}
	if found.size > largeManifest {
		debug.FreeOSMemory() // decoding memory is not needed again for hours
	}
	return d, err
}

// foundManifest is a manifest that was read from one or two files.
type foundManifest struct {
	manifest *release.Manifest
	// digest is the digest of the first file, which covers the other one.
	digest digest.Digest
	// size is the size of the files, in bytes.
	size int
}

// readFunc reads a file of at most maxBytes, like [watch.Read].
type readFunc func(ctx context.Context, path string, maxBytes int64) ([]byte, error)

// readManifest reads a manifest and, if it is split, the file with its workspaces. If the files are
// replaced in between, they do not belong together, and readManifest reads both again.
func readManifest(ctx context.Context, path string, read readFunc) (*foundManifest, error) {
	var last digest.Digest
	for attempt := 0; ; attempt++ {
		data, err := read(ctx, path, release.MaxSize)
		if err != nil {
			return nil, err
		}
		found := &foundManifest{digest: digest.FromBytes(data), size: len(data)}
		found.manifest, err = release.Load(data, func(want release.FileReference) ([]byte, error) {
			below, err := readWorkspaces(ctx, path, want, read)
			found.size += len(below)
			return below, err
		})
		if err == nil {
			return found, nil
		}
		if found.digest == last || attempt == maxPairs {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		last = found.digest
	}
}

// readWorkspaces reads the file with the workspaces of a split manifest.
func readWorkspaces(
	ctx context.Context, path string, want release.FileReference, read readFunc,
) ([]byte, error) {
	data, err := read(ctx, release.WorkspacesPath(path), want.Size)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: mount or copy all of %s, not %s alone", err, release.Directory, filepath.Base(path))
	}
	return data, err
}

// selectsSameRelease reports whether two configurations select the same part of a manifest.
func selectsSameRelease(a, b *config.Config) bool {
	return a.Repository == b.Repository && slices.Equal(a.Groups, b.Groups)
}

func unreadableError(err error) error {
	return &importer.Failure{Reason: state.ManifestUnreadable, Message: err.Error(), Err: err}
}
