// SPDX-License-Identifier: Apache-2.0

package config

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/prismeai/workspaces-release/sidecar/internal/watch"
)

// Live is the configuration of a program that runs: it is replaced as a whole by
// one that is valid, and stays otherwise. It is safe for concurrent use.
type Live struct {
	loader   *Loader
	reloaded func(c *Config, err error)
	current  atomic.Pointer[Config] // so that probes never wait for a load

	loading sync.Mutex
	seen    watch.Sum // of the file at the last load, whatever came of it
	failure error     // of the last load
}

// NewLive loads the settings for the first time. Reloaded is told the result of
// this load and of each later one, one at a time; c is in force then.
func NewLive(ctx context.Context, l *Loader, reloaded func(c *Config, err error)) (*Live, error) {
	c, err := l.Load(ctx)
	if err != nil {
		return nil, err
	}
	live := &Live{loader: l, reloaded: reloaded}
	live.current.Store(c)
	live.seen = live.sum()
	reloaded(c, nil)
	return live, nil
}

// Get returns the configuration in force.
func (l *Live) Get() *Config { return l.current.Load() }

// Reload loads the settings again. After an error those in force stay.
func (l *Live) Reload(ctx context.Context) error {
	l.loading.Lock()
	defer l.loading.Unlock()
	return l.reload(ctx, l.sum())
}

// Refresh reloads the settings if the file is another one than at the last load,
// and returns the error of the last load.
func (l *Live) Refresh(ctx context.Context) error {
	l.loading.Lock()
	defer l.loading.Unlock()
	if sum := l.sum(); sum != l.seen {
		return l.reload(ctx, sum)
	}
	return l.failure
}

func (l *Live) reload(ctx context.Context, sum watch.Sum) error {
	old := l.Get()
	c, err := l.loader.Load(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx) // an end of the program is no failure of the file
	}
	if err == nil {
		err = old.Restart(c)
	}
	if err == nil {
		l.current.Store(c)
	}
	l.seen, l.failure = sum, err
	l.reloaded(l.Get(), err)
	return err
}

// sum is that of the file, zero for none or one that cannot be read.
func (l *Live) sum() watch.Sum {
	path := l.Get().File
	if path == "" {
		return watch.Sum{}
	}
	sum, _ := watch.SumOf(path, maxFileSize) // Load says what is wrong
	return sum
}
