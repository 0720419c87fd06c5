// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"errors"
	"fmt"
	"time"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/builder/internal/attest"
	"github.com/prismeai/workspaces-release/builder/internal/engine"
	"github.com/prismeai/workspaces-release/builder/internal/image"
	"github.com/prismeai/workspaces-release/builder/internal/registry"
	"github.com/prismeai/workspaces-release/builder/internal/report"
	"github.com/prismeai/workspaces-release/internal/release"
)

// BuildOptions say what to build, out of what, and where it goes.
type BuildOptions struct {
	Input Input
	// Checks are all required: nothing is published unchecked.
	Checks Checks
	// Recorded is what an earlier build said of its source. The manifest says the same if
	// this is the same commit: it may come from another place. It may be nil.
	Recorded *release.Source
	// Release is the name of the release; empty for one made of the commit.
	Release string
	// Epoch is the time of the release; nil for the commit's, or 0 if there is none.
	Epoch *time.Time
	// Repository needs an id and a directory; its name may be empty for one made of
	// the release's.
	Repository release.Repository
	// Base is the reference of the image below; empty for an image from scratch.
	Base string
	// BaseDigest takes the base by its digest, whatever its name stands for now; empty for
	// what it stands for.
	BaseDigest digest.Digest
	// Platforms selects those of the base; none means all of them.
	Platforms []ocispec.Platform
	// Labels and Annotations are the user's.
	Labels, Annotations map[string]string
	// ReplaceRepository allows a base that has such a repository already.
	ReplaceRepository bool
	// KeepBaseWorkspaces adds to the repository of the base, instead of hiding what is in
	// its directory: the workspaces of the base ship, too, and are in the manifest.
	KeepBaseWorkspaces bool
	// Attest says which statements are made about the image.
	Attest attest.Kinds
	// Registry is required, also where no registry is asked.
	Registry *registry.Client
	// BuildKit is the daemon that builds; nil for the engine in this process.
	BuildKit *engine.Remote
	// Outputs say where the image goes. With DryRun nothing is written.
	Outputs []engine.Output
	DryRun  bool
	// TempDir is where a directory for the run is made. It is removed at the end.
	TempDir string
}

// check refuses, before anything is done, what would fail later.
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
	if o.KeepBaseWorkspaces && (o.Base == "" || o.ReplaceRepository) {
		return &Error{Usage, errors.New("the workspaces of the base can be kept only of a base that there is, and that is not replaced")}
	}
	return fail(Usage, checkOutputs(o.Outputs))
}

// checkEpoch refuses times that an image cannot have: its formats are those of
// RFC 3339, with four digits for the year, and of tar.
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
				return fmt.Errorf("image %s: the digest of what is built is not known before: name a tag alone", name)
			}
		}
		if out.Kind == engine.Push {
			continue
		}
		if seen[out.Dest] {
			return fmt.Errorf("%s is to be written twice", out.Dest)
		}
		seen[out.Dest] = true
		if err := report.CheckPath(out.Dest); err != nil {
			return err
		}
	}
	return nil
}
