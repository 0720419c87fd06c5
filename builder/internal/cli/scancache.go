// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"errors"

	"github.com/spf13/pflag"

	"github.com/prismeai/workspaces-release/internal/secret"
	"github.com/prismeai/workspaces-release/scan"
)

// cacheFlags control the cache of clean files.
type cacheFlags struct {
	dir, keyFile string
	off          bool

	key secret.Value
}

func (f *cacheFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.dir, "scan-cache", "", "skip files that an earlier scan with this cache `directory` "+
		"found clean (default: scan every file)")
	flags.StringVar(&f.keyFile, "scan-cache-key-file", "", "protect the cache against tampering with the HMAC "+
		"key in this `file`")
	flags.BoolVar(&f.off, "no-cache", false, "scan every file, even with --scan-cache")
}

// readKey validates the flags. An empty key would not protect anything.
func (f *cacheFlags) readKey() (err error) {
	if f.keyFile == "" {
		return nil
	}
	if f.dir == "" {
		return withCode(exitUsage, errors.New("--scan-cache-key-file needs a --scan-cache"))
	}
	if f.key, err = secret.ReadFile(f.keyFile); err != nil {
		return withCode(exitUsage, err)
	}
	return nil
}

// applyTo adds the cache to a scanner.
func (f *cacheFlags) applyTo(scanner *scan.Scanner) error {
	if f.dir == "" || f.off {
		return nil
	}
	if err := scanner.UseCache(f.dir, f.key); err != nil {
		return withCode(exitUsage, err)
	}
	return nil
}
