// SPDX-License-Identifier: Apache-2.0

package config

import (
	"context"
	"sync"

	"github.com/prismeai/workspaces-release/sidecar/internal/watch"
)

// Live is the configuration of a program that runs: it is replaced as a whole by
// one that is valid, and stays otherwise. It is safe for concurrent use.
type Live struct {
	loader   *Loader
	reloaded func(c *Config, err error)

	mu      sync.Mutex
	current *Config
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
	live := &Live{loader: l, reloaded: reloaded, current: c}
	live.seen = live.sum()
	reloaded(c, nil)
	return live, nil
}

// Get returns the configuration in force.
func (l *Live) Get() *Config {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.current
}

// Reload loads the settings again. After an error those in force stay.
func (l *Live) Reload(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = l.sum()
	c, err := l.loader.Load(ctx)
	if err == nil {
		err = l.current.Restart(c)
	}
	if err == nil {
		l.current = c
	}
	l.failure = err
	l.reloaded(l.current, err)
	return err
}

// Refresh reloads the settings if the file is another one than at the last load.
func (l *Live) Refresh(ctx context.Context) error {
	l.mu.Lock()
	same, failure := l.sum() == l.seen, l.failure
	l.mu.Unlock()
	if same {
		return failure
	}
	return l.Reload(ctx)
}

// sum is that of the file, zero for none or one that cannot be read.
func (l *Live) sum() watch.Sum {
	if l.current.File == "" {
		return watch.Sum{}
	}
	sum, _ := watch.SumOf(l.current.File, maxFileSize) // Load says what is wrong
	return sum
}
