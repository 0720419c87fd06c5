// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/prismeai/workspaces-release/builder/internal/cache"
	"github.com/prismeai/workspaces-release/internal/secret"
	"github.com/prismeai/workspaces-release/scan"
)

// cacheFlags select the cache directory.
type cacheFlags struct {
	dir, keyFile string
	off          bool

	key secret.Value
	// opened is nil without a cache.
	opened *cache.Cache
}

func (f *cacheFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.dir, "cache-dir", "", "cache in this `directory` which files are clean, and with "+
		"--cache-key-file also compressed layers (default: no cache)")
	flags.StringVar(&f.keyFile, "cache-key-file", "", "protect the cache against tampering with the HMAC key in this "+
		"`file`, and also cache compressed layers")
	flags.BoolVar(&f.off, "no-cache", false, "do not use the cache, even with --cache-dir")
}

// open validates the flags and opens the cache. A directory that cannot be used is a note, because a
// run without a cache has the same result. An empty key would not protect anything.
func (f *cacheFlags) open(a *app) (err error) {
	if f.keyFile != "" {
		if f.dir == "" {
			return withCode(exitUsage, errors.New("--cache-key-file needs a --cache-dir"))
		}
		if f.key, err = secret.ReadFile(f.keyFile); err != nil {
			return withCode(exitUsage, err)
		}
	}
	if f.dir == "" || f.off {
		return nil
	}
	if f.opened, err = cache.Open(f.dir, f.key); err != nil {
		a.notes.addNote(fmt.Sprintf("the cache is not used: %v", err))
	}
	return nil
}

// applyTo adds the verdicts of earlier scans to a scanner.
func (f *cacheFlags) applyTo(a *app, scanner *scan.Scanner) {
	if f.opened == nil {
		return
	}
	if err := scanner.UseCache(f.opened.Verdicts(), f.key); err != nil {
		a.notes.addNote(fmt.Sprintf("the verdicts of earlier scans are not used: %v", err))
	}
}
