// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/builder/internal/attest"
	"github.com/prismeai/workspaces-release/builder/internal/cache"
	"github.com/prismeai/workspaces-release/builder/internal/engine"
	"github.com/prismeai/workspaces-release/builder/internal/image"
	"github.com/prismeai/workspaces-release/builder/internal/layer"
	"github.com/prismeai/workspaces-release/builder/internal/registry"
	"github.com/prismeai/workspaces-release/builder/internal/report"
	"github.com/prismeai/workspaces-release/internal/release"
)

// BuildOptions configure a build.
type BuildOptions struct {
	Input Input
	// Checks must include a validation and a scan: nothing is published unchecked.
	Checks Checks
	// Recorded is the source as recorded by an earlier build. The manifest repeats it if the commit
	// is the same, because the source may come from another location this time. It may be nil.
	Recorded *release.Source
	// Release is the name of the release. If empty, the name is derived from the commit.
	Release string
	// Epoch is the time of the release. If nil, it is the commit time, or 0 without a commit.
	Epoch *time.Time
	// Repository requires an ID and a directory. If its name is empty, it is derived from the name
	// of the release.
	Repository release.Repository
	// BaseRef is the reference of the base image; empty for an image from scratch.
	BaseRef string
	// BaseDigest pins the base to a digest, whatever its tag refers to now. If empty, the tag is
	// resolved.
	BaseDigest digest.Digest
	// Platforms selects platforms of the base; empty for all of them.
	Platforms []ocispec.Platform
	// Labels and Annotations come from the user.
	Labels, Annotations map[string]string
	// ReplaceRepository allows a base that already provides such a repository.
	ReplaceRepository bool
	// KeepBaseWorkspaces adds to the repository of the base instead of hiding the content of its
	// directory. The workspaces of the base then ship too, and are in the manifest.
	KeepBaseWorkspaces bool
	// Compression is how the layers of the release are compressed. Those of the base stay as they are.
	Compression layer.Compression
	// Attest selects the statements to make about the image.
	Attest attest.Kinds
	// Cache has the layers of earlier builds, and gets those of this one, if it holds layers; nil
	// disables it.
	Cache *cache.Cache
	// Registry is required even if no registry is accessed.
	Registry *registry.Client
	// BuildKit is the daemon to build with; nil for the engine in this process.
	BuildKit *engine.Remote
	// Outputs are the destinations of the image. With DryRun, nothing is written.
	Outputs []engine.Output
	DryRun  bool
	// TempDir is the parent of the run's temporary directory, which is removed at the end.
	TempDir string
}

// check returns errors of the options before any work is done.
func (o *BuildOptions) check() error {
	if o.Checks.Workspaces == nil || o.Checks.Scanner == nil || o.Registry == nil {
		return &Error{Internal, errors.New("a build needs a validation, a scanner and a registry client")}
	}
	var groups []release.Group
	for _, g := range o.Checks.Workspaces.Groups {
		groups = append(groups, release.Group{Name: g.Name, Labels: g.Labels})
	}
	if err := image.CheckNames(o.Release, o.Repository, groups); err != nil {
		return fail(Usage, err)
	}
	if o.Epoch != nil {
		if err := checkEpoch(*o.Epoch); err != nil {
			return fail(Usage, err)
		}
	}
	if o.KeepBaseWorkspaces && (o.BaseRef == "" || o.ReplaceRepository) {
		return &Error{
			Usage,
			errors.New("--keep-base-workspaces needs a base, and excludes --replace-repository"),
		}
	}
	return fail(Usage, cmp.Or(checkOutputs(o.Outputs), o.checkCompression()))
}

// checkCompression refuses outputs that cannot hold the compressed layers.
func (o *BuildOptions) checkCompression() error {
	isDocker := func(out engine.Output) bool { return out.Kind == engine.Docker }
	if o.Compression.MediaType() == ocispec.MediaTypeImageLayerZstd && slices.ContainsFunc(o.Outputs, isDocker) {
		return fmt.Errorf("a docker archive cannot hold layers compressed with zstd (--compression %s): "+
			"use --compression gzip, or write type=oci", o.Compression)
	}
	return nil
}

// checkEpoch refuses times outside of the years 1970 to 9999, which the tar headers and the RFC 3339
// times of an image cannot represent.
func checkEpoch(t time.Time) error {
	if t.Unix() < 0 || t.UTC().Year() > 9999 {
		return fmt.Errorf("%d seconds since 1970 are not between the years 1970 and 9999", t.Unix())
	}
	return nil
}

func checkOutputs(outputs []engine.Output) error {
	seen := map[string]bool{}
	for _, out := range outputs {
		for _, name := range out.Names {
			named, err := registry.ParseReference(name)
			if err != nil {
				return err
			}
			if _, ok := named.(reference.Digested); ok {
				return fmt.Errorf("image %s: the digest is known only after the build: name a tag alone", name)
			}
		}
		if out.Kind == engine.Push {
			continue
		}
		if seen[out.Dest] {
			return fmt.Errorf("%s is the destination of two outputs", out.Dest)
		}
		seen[out.Dest] = true
		if err := report.CheckPath(out.Dest); err != nil {
			return err
		}
	}
	return nil
}
