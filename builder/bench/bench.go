// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/prismeai/workspaces-release/builder/internal/workspace/workspacetest"
)

type options struct {
	builder, trufflehog, gitleaks, crane string
	// comparison is the document with the comparison of scanners; empty for whole builds.
	comparison string
	runs       int
}

// bench is one run of all figures.
type bench struct {
	options
	ctx       context.Context //nolint:containedctx // that of the program
	dir, host string
	pushed    int // so that each push goes to a new repository
}

func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "workspaces-release-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if o.comparison != "" {
		return (&bench{options: o, ctx: ctx, dir: dir}).compare()
	}
	host, stop, err := startRegistry(dir)
	if err != nil {
		return err
	}
	defer stop()
	b := &bench{options: o, ctx: ctx, dir: dir, host: host}
	if err := b.prepare(); err != nil {
		return err
	}
	fmt.Printf("| what | time | CPU | peak memory | against | time | CPU | peak memory | ratio of times | of " +
		"CPU |\n|---|---|---|---|---|---|---|---|---|---|\n")
	return errors.Join(b.start(), b.whole(), b.scanAlone(), b.withoutScan(), b.largeBase(), b.rebuild(), b.cached(),
		b.large())
}

// Sizes of what is measured. The workspaces are those of docs/figures.md.
const (
	smallBase, usualBase, largeBase = 50 << 20, 480 << 20, 3 << 30
	baseLayers                      = 8
)

func (b *bench) prepare() error {
	groups := []string{"base1", "base2", "extended"}
	large := workspacetest.Many(1000, 1<<20, groups...)
	for i := range large {
		large[i].Automations = 46 // 50,000 files in all
	}
	return errors.Join(
		b.workspaces("release", workspacetest.Many(300, 96<<10, groups...)),
		b.workspaces("small", workspacetest.Many(20, 96<<10, groups...)),
		b.workspaces("many", workspacetest.Many(1000, 96<<10, groups...)),
		b.workspaces("large", large),
		b.base("small", smallBase), b.base("usual", usualBase), b.base("large", largeBase))
}

func (b *bench) workspaces(name string, samples []workspacetest.Sample) error {
	for _, s := range samples {
		for file, text := range s.Files() {
			path := filepath.Join(b.dir, name, s.Slug, filepath.FromSlash(file))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// base pushes an image of eight layers.
func (b *bench) base(tag string, size int64) error {
	var img v1.Image = empty.Image
	for i := range baseLayers {
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
			return noise(byte(i),
				size/baseLayers), nil
		},
			tarball.WithCompressionLevel(gzip.NoCompression))
		if err != nil {
			return err
		}
		if img, err = mutate.AppendLayers(img, layer); err != nil {
			return err
		}
	}
	config, err := img.ConfigFile()
	if err != nil {
		return err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", "amd64"
	if img, err = mutate.ConfigFile(img, config); err != nil {
		return err
	}
	ref, err := name.ParseReference(b.image(tag))
	if err != nil {
		return err
	}
	return remote.Write(ref, img, remote.WithContext(b.ctx))
}

// noise is a tar archive of one file that cannot be compressed, made while it is read.
func noise(seed byte, size int64) io.ReadCloser {
	r, w := io.Pipe()
	go func() {
		archive := tar.NewWriter(w)
		err := archive.WriteHeader(&tar.Header{Name: "noise", Mode: 0o644, Size: size})
		if err == nil {
			_, err = io.CopyN(archive, rand.NewChaCha8([32]byte{seed}), size)
		}
		w.CloseWithError(errors.Join(err, archive.Close()))
	}()
	return r
}

func (b *bench) image(tag string) string { return b.host + "/prismeai/prismeai-workspaces:" + tag }

// build builds workspaces on a base into a repository that does not exist yet.
func (b *bench) build(workspaces, base string, more ...string) command {
	c := command{args: append([]string{b.builder, "build", filepath.Join(b.dir, workspaces), "--base", b.image(base),
		"--push", "--progress", "quiet", "--release", "v1", "--max-total-size", "4GiB", "--tag", ""}, more...)}
	c.before = func() error {
		b.pushed++
		c.args[len(c.args)-1-len(more)] = fmt.Sprintf("%s/acme/release-%d:v1", b.host, b.pushed)
		return nil
	}
	return c
}

// start is what every command pays.
func (b *bench) start() error {
	m, err := alternate(b.ctx, b.runs, command{args: []string{b.builder, "version"}})
	if err != nil {
		return err
	}
	row("start of the builder", m[0], "", sample{})
	return nil
}

// whole compares with the scan alone by the scanner's own program.
func (b *bench) whole() error {
	m, err := alternate(b.ctx, b.runs, b.build("release", "usual"), command{args: []string{b.trufflehog, "filesystem",
		filepath.Join(b.dir, "release"), "--no-verification", "--no-update", "--json"}})
	if err != nil {
		return err
	}
	row("build, 300 workspaces, 28 MB, base of 480 MB", m[0], "TruffleHog's program alone", m[1])
	return nil
}

// scanAlone compares with our own scan, which a build cannot be faster than.
func (b *bench) scanAlone() error {
	m, err := alternate(b.ctx, b.runs, b.build("release", "usual"), command{
		args: []string{b.builder, "scan", filepath.Join(b.dir, "release"), "--progress", "quiet"},
	})
	if err != nil {
		return err
	}
	row("the same", m[0], "its scan alone", m[1])
	return nil
}

func (b *bench) withoutScan() error {
	archive := filepath.Join(b.dir, "layer.tar.gz")
	append := fmt.Sprintf("tar -C %[1]s -czf %[2]s release && %[3]s append --insecure -b %[4]s -f %[2]s -t "+
		"%[5]s/acme/appended:$(date +%%s%%N)",
		b.dir, archive, b.crane, b.image("usual"), b.host)
	m, err := alternate(b.ctx, b.runs, b.build("release", "usual", "--exclude-path", "**"), command{shell: append})
	if err != nil {
		return err
	}
	row("the same without its scan", m[0], "tar and crane append", m[1])
	return nil
}

func (b *bench) largeBase() error {
	m, err := alternate(b.ctx, b.runs, b.build("release", "large"), b.build("release", "small"))
	if err != nil {
		return err
	}
	row("the same on a base of 3 GB", m[0], "on a base of 50 MB", m[1])
	return nil
}

func (b *bench) rebuild() error {
	again := b.build("small", "usual")
	again.args[len(again.args)-1], again.before = b.host+"/acme/again:v1", nil
	m, err := alternate(b.ctx, b.runs, again)
	if err != nil {
		return err
	}
	row("rebuild of 20 workspaces without a change", m[0], "", sample{})
	return nil
}

// cached compares a build after one change with one that knows no verdicts yet.
func (b *bench) cached() error {
	cache, changes := filepath.Join(b.dir, "verdicts"), 0
	first := b.build("many", "usual", "--scan-cache", cache)
	second := b.build("many", "usual", "--scan-cache", cache)
	renameFirst, renameSecond := first.before, second.before
	first.before = func() error { return errors.Join(os.RemoveAll(cache), renameFirst()) }
	second.before = func() error {
		changes++
		file := filepath.Join(b.dir, "many", "workspace-00500", "notes.md")
		return errors.Join(os.WriteFile(file, []byte(fmt.Sprintf("Change %d.\n", changes)), 0o644), renameSecond())
	}
	m, err := alternate(b.ctx, b.runs, second, first)
	if err != nil {
		return err
	}
	row("build, 1,000 workspaces, 94 MB, 1 changed since the last one", m[0], "the same without verdicts", m[1])
	return nil
}

func (b *bench) large() error {
	m, err := alternate(b.ctx, 1, b.build("large", "usual"))
	if err != nil {
		return err
	}
	row("build, 1,000 workspaces, 50,000 files, 1 GB", m[0], "", sample{})
	return nil
}

func row(what string, a sample, against string, b sample) {
	fmt.Printf("| %s | %s | %s |", what, a, against)
	if b.wall == 0 {
		fmt.Println(" | | | | |")
		return
	}
	fmt.Printf(" %s | %.2f | %.2f |\n", b, a.wall.Seconds()/b.wall.Seconds(), a.cpu.Seconds()/b.cpu.Seconds())
}

func (s sample) String() string {
	return fmt.Sprintf("%.2f s | %.2f s | %.0f MiB", s.wall.Seconds(), s.cpu.Seconds(), s.peak)
}
