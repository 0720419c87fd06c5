// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

type options struct {
	builder, trufflehog, gitleaks, crane, buildkitd, buildctl string
	// comparison is the document of the scanner comparison; empty to measure builds.
	comparison string
	// picture is the SVG file that shows how costs grow; empty for none.
	picture string
	// only is the part to run: peers, goals, bytes or growth; empty for all.
	only string
	runs int
}

// bench is one run of all measurements.
type bench struct {
	options
	dir, host string
	pushed    int // so that every push goes to a new repository
	changes   int // so that every change differs
}

func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "workspaces-release-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if o.comparison != "" {
		return (&bench{options: o, dir: dir}).compareScanners(ctx)
	}
	host, stop, err := startRegistry(dir)
	if err != nil {
		return err
	}
	defer stop()
	b := &bench{options: o, dir: dir, host: host}
	if err := b.prepareInputs(ctx); err != nil {
		return err
	}
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"peers", b.comparePeers}, {"goals", b.measureGoals}, {"bytes", b.measureTransfer}, {"growth", b.drawGrowth},
	} {
		if o.only != "" && o.only != part.name {
			continue
		}
		if err := part.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

func (b *bench) prepareInputs(ctx context.Context) error {
	return errors.Join(
		writeFile(filepath.Join(b.dir, cacheKeyFile), "the key of the bench"),
		b.writeCorpus("w20", 10, 10), b.writeCorpus("w300", 150, 150), b.writeCorpus("w1000", 500, 500),
		b.writeCorpus("prompts", 0, 300), b.writeLarge("large"),
		b.pushBase(ctx, "small", smallBase), b.pushBase(ctx, "usual", usualBase), b.pushBase(ctx, "large", largeBase))
}

// cacheFlags let a build keep verdicts and layers in a directory below the one of the bench. Layers
// are kept only with a key.
func (b *bench) cacheFlags(name string) []string {
	return []string{"--cache-dir", filepath.Join(b.dir, name), "--cache-key-file", filepath.Join(b.dir, cacheKeyFile)}
}

// cacheKeyFile is the file with the key of the caches.
const cacheKeyFile = "cache.key"

// buildCommand builds workspaces on a base into a new repository.
func (b *bench) buildCommand(workspaces, base string, more ...string) command {
	c := command{
		args: append([]string{b.builder, "build", filepath.Join(b.dir, workspaces), "--base", b.baseReference(base),
			"--push", "--progress", "quiet", "--release", "v1", "--max-total-size", "4GiB",
			"--default-group", "base1", "--default-version", "v1", "--tag", ""}, more...),
	}
	c.before = func() error {
		b.pushed++
		c.args[len(c.args)-1-len(more)] = fmt.Sprintf("%s/acme/release-%d:v1", b.host, b.pushed)
		return nil
	}
	return c
}

// rebuildCommand builds workspaces, of which one has changed since the last build, with a cache.
func (b *bench) rebuildCommand(workspaces, base string) command {
	c := b.buildCommand(workspaces, base, b.cacheFlags("cache-"+workspaces)...)
	rename := c.before
	c.before = func() error { return errors.Join(b.changeOne(workspaces), rename()) }
	return c
}

// trufflehogCommand scans workspaces with TruffleHog's program.
func (b *bench) trufflehogCommand(workspaces string) command {
	return command{args: []string{b.trufflehog, "filesystem", filepath.Join(b.dir, workspaces), "--no-verification",
		"--no-update", "--json"}}
}

// craneCommand appends workspaces to a base with tar and crane.
func (b *bench) craneCommand(workspaces, base string) command {
	archive := filepath.Join(b.dir, "layer.tar.gz")
	return command{shell: fmt.Sprintf("tar -C %[1]s -czf %[2]s %[6]s && %[3]s append --insecure -b %[4]s -f %[2]s "+
		"-t %[5]s/acme/appended:$(date +%%s%%N)",
		b.dir, archive, b.crane, b.baseReference(base), b.host, workspaces)}
}

// koCommand appends workspaces to a base with go-containerregistry, as ko does.
func (b *bench) koCommand(workspaces, base string) (command, error) {
	program, err := os.Executable()
	return command{shell: fmt.Sprintf("exec %s %s %s %s %s/acme/ko-$(date +%%s%%N):v1",
		program, appendCommand, filepath.Join(b.dir, workspaces), b.baseReference(base), b.host)}, err
}
