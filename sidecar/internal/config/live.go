// SPDX-License-Identifier: Apache-2.0

package config

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/prismeai/workspaces-release/sidecar/internal/watch"
)

// Live is the configuration of a running program. A reload replaces it as a whole if the new
// configuration is valid. It is safe for concurrent use.
type Live struct {
	loader   *Loader
	reloaded func(c *Config, err error)
	current  atomic.Pointer[Config] // atomic, so that probes never wait for a load

	loading sync.Mutex
	lastSum watch.Sum // of the file at the last load, successful or not
	lastErr error     // of the last load
}

// NewLive loads the settings. It calls reloaded with the result of this load and of every later
// one, never concurrently; c is the configuration now in effect.
func NewLive(ctx context.Context, l *Loader, reloaded func(c *Config, err error)) (*Live, error) {
	c, err := l.Load(ctx)
	if err != nil {
		return nil, err
	}
	live := &Live{loader: l, reloaded: reloaded}
	live.current.Store(c)
	live.lastSum = live.hashFile()
	reloaded(c, nil)
	return live, nil
}

// Get returns the current configuration.
func (l *Live) Get() *Config { return l.current.Load() }

// Reload loads the settings again. On error the current configuration stays in effect.
func (l *Live) Reload(ctx context.Context) error {
	l.loading.Lock()
	defer l.loading.Unlock()
	return l.reloadLocked(ctx, l.hashFile())
}

// Refresh reloads the settings if the file has changed since the last load. It returns the error of
// the last load.
func (l *Live) Refresh(ctx context.Context) error {
	l.loading.Lock()
	defer l.loading.Unlock()
	if sum := l.hashFile(); sum != l.lastSum {
		return l.reloadLocked(ctx, sum)
	}
	return l.lastErr
}

func (l *Live) reloadLocked(ctx context.Context, sum watch.Sum) error {
	old := l.Get()
	c, err := l.loader.Load(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx) // the program is stopping; the file is not at fault
	}
	if err == nil {
		err = old.CheckRestart(c)
	}
	if err == nil {
		l.current.Store(c)
	}
	l.lastSum = sum
	l.lastErr = err
	l.reloaded(l.Get(), err)
	return err
}

// hashFile returns the hash of the file, or zero if it does not exist or cannot be read.
func (l *Live) hashFile() watch.Sum {
	path := l.Get().File
	if path == "" {
		return watch.Sum{}
	}
	sum, _ := watch.SumOf(path, maxFileSize) // Load reports the error
	return sum
}
