// SPDX-License-Identifier: Apache-2.0

// Package inputs loads what a pass of the importer works with: the settings in
// force, the manifest and the clients with their credentials.
//
// All of it is read again for each pass, and credentials for each request, so that
// a corrected or rotated file counts from the next one on. Only what the hash of
// a file proves to be the same is kept.
package inputs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/sidecar/internal/config"
	"github.com/prismeai/workspaces-release/sidecar/internal/importer"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
	"github.com/prismeai/workspaces-release/sidecar/internal/watch"
)

// largeManifest is the size from which the memory for decoding is given back at once, in bytes.
const largeManifest = 1 << 20

// Source loads inputs. It is safe for concurrent use.
type Source struct {
	live      *config.Live
	observer  platform.Observer
	userAgent string

	mu       sync.Mutex
	clients  clients
	manifest manifest
}

// New returns a source of inputs; observer hears of every request to the platform.
func New(live *config.Live, observer platform.Observer, userAgent string) *Source {
	return &Source{live: live, observer: observer, userAgent: userAgent}
}

// manifest is what the last one meant.
type manifest struct {
	sum     watch.Sum
	config  *config.Config
	desired importer.Desired
}

// Load is an [importer.Load].
func (s *Source) Load(ctx context.Context) (*importer.Inputs, error) {
	_ = s.live.Refresh(ctx) // an invalid file is told where it is read, and the old settings stay
	c := s.live.Get()
	s.mu.Lock()
	defer s.mu.Unlock()
	pod, gateway, err := s.connect(c)
	if err != nil {
		return nil, &importer.Failure{Reason: state.TargetError, Message: err.Error(), Err: err}
	}
	in := &importer.Inputs{Policy: c.Policy, Pod: pod, Gateway: gateway}
	if c.TokenFile != "" {
		if _, err := readSecret(ctx, c.TokenFile); err != nil {
			return nil, &importer.Failure{Reason: state.TokenUnreadable, Message: err.Error(), Err: err}
		}
	}
	if in.Desired, err = s.desired(ctx, c); err != nil {
		return nil, err
	}
	in.Current, err = current(ctx, c, in.Desired.Digest)
	return in, err
}

// current reads which release shall run, nil without a file that says so.
func current(ctx context.Context, c *config.Config, digest string) (*importer.Current, error) {
	if c.CurrentReleaseFile == "" {
		return nil, nil
	}
	data, err := watch.Read(ctx, c.CurrentReleaseFile, importer.MaxCurrent)
	if err == nil {
		var now *importer.Current
		if now, err = importer.NewCurrent(data, digest, c.Image); err == nil {
			return now, nil
		}
		err = fmt.Errorf("%s: %w", c.CurrentReleaseFile, err)
	}
	return nil, &importer.Failure{Reason: state.CurrentUnreadable, Message: err.Error(), Err: err}
}

// desired reads the manifest, unless it is the one of the last time.
func (s *Source) desired(ctx context.Context, c *config.Config) (importer.Desired, error) {
	path, required := c.ManifestPath()
	sum, err := watch.SumOf(path, release.MaxSize)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !required:
		return importer.NewDesired(c.Repository, c.Groups, nil, "")
	case err != nil:
		return importer.Desired{}, unreadable(err)
	case sum == s.manifest.sum && s.manifest.config != nil && sameRelease(s.manifest.config, c):
		return s.manifest.desired, nil
	}
	data, err := watch.Read(ctx, path, release.MaxSize)
	if err != nil {
		return importer.Desired{}, unreadable(err)
	}
	m, err := release.Unmarshal(data)
	if err != nil {
		return importer.Desired{}, unreadable(fmt.Errorf("%s: %w", path, err))
	}
	d, err := importer.NewDesired(c.Repository, c.Groups, m, digest.FromBytes(data).String())
	if err == nil {
		s.manifest = manifest{sum, c, d}
	}
	if len(data) > largeManifest {
		debug.FreeOSMemory() // what decoding took is not needed again for hours
	}
	return d, err
}

// sameRelease reports whether two configurations want the same of a manifest.
func sameRelease(a, b *config.Config) bool {
	return a.Repository == b.Repository && slices.Equal(a.Groups, b.Groups)
}

func unreadable(err error) error {
	return &importer.Failure{Reason: state.ManifestUnreadable, Message: err.Error(), Err: err}
}

// Gateway returns the client of the public API, nil without one.
func (s *Source) Gateway() *platform.Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, gateway, _ := s.connect(s.live.Get()) // a pass reports the error
	return gateway
}

// Files are those whose change shall start a pass or a reload.
func (s *Source) Files() []watch.File {
	c := s.live.Get()
	manifest, _ := c.ManifestPath()
	return []watch.File{{Name: "config", Path: c.File}, {Name: "manifest", Path: manifest},
		{Name: "token", Path: c.TokenFile}, {Name: "token", Path: c.InternalKeyFile},
		{Name: "current-release", Path: c.CurrentReleaseFile}}
}
