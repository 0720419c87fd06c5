// SPDX-License-Identifier: Apache-2.0

// Package inputs loads the inputs of an import pass: the current settings, the manifest and the
// clients with their credentials.
//
// It reloads them for each pass, and reads credentials for each request, so that a corrected or
// rotated file takes effect with the next one. A parsed manifest is reused only if the hash of its
// file is unchanged.
package inputs

import (
	"context"
	"fmt"
	"sync"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/sidecar/internal/config"
	"github.com/prismeai/workspaces-release/sidecar/internal/importer"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
	"github.com/prismeai/workspaces-release/sidecar/internal/watch"
)

// Source loads inputs. It is safe for concurrent use.
type Source struct {
	live      *config.Live
	observer  platform.Observer
	userAgent string

	mu       sync.Mutex
	clients  clients
	manifest manifest
}

// New returns a source of inputs. It reports every request to the platform to observer.
func New(live *config.Live, observer platform.Observer, userAgent string) *Source {
	return &Source{live: live, observer: observer, userAgent: userAgent}
}

// Load implements [importer.Load].
func (s *Source) Load(ctx context.Context) (*importer.Inputs, error) {
	_ = s.live.Refresh(ctx) // the error is reported on reload, and the old settings stay in effect
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
	if in.Desired, err = s.loadDesired(ctx, c); err != nil {
		return nil, err
	}
	in.Current, err = loadCurrent(ctx, c, in.Desired.Digest)
	return in, err
}

// loadCurrent reads the current release. It returns nil if no file is configured.
func loadCurrent(ctx context.Context, c *config.Config, digest string) (*importer.Current, error) {
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

// Gateway returns the client of the public API, or nil if none is configured.
func (s *Source) Gateway() *platform.Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, gateway, _ := s.connect(s.live.Get()) // the next pass reports the error
	return gateway
}

// Files returns the files whose changes start a pass or a reload.
func (s *Source) Files() []watch.File {
	c := s.live.Get()
	manifest, _ := c.ManifestPath()
	return []watch.File{
		{Name: "config", Path: c.File},
		{Name: "manifest", Path: manifest},
		{Name: "manifest", Path: release.WorkspacesPath(manifest)},
		{Name: "token", Path: c.TokenFile},
		{Name: "token", Path: c.InternalKeyFile},
		{Name: "current-release", Path: c.CurrentReleaseFile},
	}
}
