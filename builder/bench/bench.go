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
	// comparison is the document of the scanner comparison; empty to measure builds.
	comparison string
	runs       int
}

// bench is one run of all measurements.
type bench struct {
	options
	ctx       context.Context //nolint:containedctx // the context of the program
	dir, host string
	pushed    int // so that every push goes to a new repository
}

func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "workspaces-release-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if o.comparison != "" {
		return (&bench{options: o, ctx: ctx, dir: dir}).compareScanners()
	}
	host, stop, err := startRegistry(dir)
	if err != nil {
		return err
	}
	defer stop()
	b := &bench{options: o, ctx: ctx, dir: dir, host: host}
	if err := b.prepareInputs(); err != nil {
		return err
	}
	fmt.Printf("| what | time | CPU | peak memory | against | time | CPU | peak memory | ratio of times | of " +
		"CPU |\n|---|---|---|---|---|---|---|---|---|---|\n")
	return errors.Join(b.measureStart(), b.measureBuild(), b.compareScan(), b.compareAppend(), b.compareBases(),
		b.measureRebuild(), b.compareCached(),
		b.measureLarge())
}

// Sizes of the base images. docs/figures.md describes the workspaces.
const (
	smallBase  = 50 << 20
	usualBase  = 480 << 20
	largeBase  = 3 << 30
	baseLayers = 8
)

func (b *bench) prepareInputs() error {
	groups := []string{"base1", "base2", "extended"}
	large := workspacetest.Many(1000, 1<<20, groups...)
	for i := range large {
		large[i].Automations = 46 // 50,000 files in total
	}
	return errors.Join(
		b.writeWorkspaces("release", workspacetest.Many(300, 96<<10, groups...)),
		b.writeWorkspaces("small", workspacetest.Many(20, 96<<10, groups...)),
		b.writeWorkspaces("many", workspacetest.Many(1000, 96<<10, groups...)),
		b.writeWorkspaces("large", large),
		b.pushBase("small", smallBase), b.pushBase("usual", usualBase), b.pushBase("large", largeBase))
}

func (b *bench) writeWorkspaces(name string, samples []workspacetest.Sample) error {
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

// pushBase pushes an image of eight layers.
func (b *bench) pushBase(tag string, size int64) error {
	var img v1.Image = empty.Image
	for i := range baseLayers {
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
			return generateNoise(byte(i), size/baseLayers), nil
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
	config.OS = "linux"
	config.Architecture = "amd64"
	if img, err = mutate.ConfigFile(img, config); err != nil {
		return err
	}
	ref, err := name.ParseReference(b.baseReference(tag))
	if err != nil {
		return err
	}
	return remote.Write(ref, img, remote.WithContext(b.ctx))
}

// generateNoise returns a tar archive with one incompressible file, generated while it is read.
func generateNoise(seed byte, size int64) io.ReadCloser {
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

func (b *bench) baseReference(tag string) string {
	return b.host + "/prismeai/prismeai-workspaces:" + tag
}

// buildCommand builds workspaces on a base into a new repository.
func (b *bench) buildCommand(workspaces, base string, more ...string) command {
	c := command{args: append([]string{b.builder, "build", filepath.Join(b.dir, workspaces), "--base",
		b.baseReference(base),
		"--push", "--progress", "quiet", "--release", "v1", "--max-total-size", "4GiB", "--tag", ""}, more...)}
	c.before = func() error {
		b.pushed++
		c.args[len(c.args)-1-len(more)] = fmt.Sprintf("%s/acme/release-%d:v1", b.host, b.pushed)
		return nil
	}
	return c
}

// measureStart measures the start-up time of every command.
func (b *bench) measureStart() error {
	m, err := alternate(b.ctx, b.runs, command{args: []string{b.builder, "version"}})
	if err != nil {
		return err
	}
	writeRow("start of the builder", m[0], "", sample{})
	return nil
}

// measureBuild compares a build with the scanner's own program.
func (b *bench) measureBuild() error {
	m, err := alternate(b.ctx, b.runs, b.buildCommand("release", "usual"),
		command{args: []string{b.trufflehog, "filesystem",
			filepath.Join(b.dir, "release"), "--no-verification", "--no-update", "--json"}})
	if err != nil {
		return err
	}
	writeRow("build, 300 workspaces, 28 MB, base of 480 MB", m[0], "TruffleHog's program alone", m[1])
	return nil
}

// compareScan compares a build with the builder's scan, which is its lower bound.
func (b *bench) compareScan() error {
	m, err := alternate(b.ctx, b.runs, b.buildCommand("release", "usual"), command{
		args: []string{b.builder, "scan", filepath.Join(b.dir, "release"), "--progress", "quiet"},
	})
	if err != nil {
		return err
	}
	writeRow("the same", m[0], "its scan alone", m[1])
	return nil
}

func (b *bench) compareAppend() error {
	archive := filepath.Join(b.dir, "layer.tar.gz")
	append := fmt.Sprintf("tar -C %[1]s -czf %[2]s release && %[3]s append --insecure -b %[4]s -f %[2]s -t "+
		"%[5]s/acme/appended:$(date +%%s%%N)",
		b.dir, archive, b.crane, b.baseReference("usual"), b.host)
	m, err := alternate(b.ctx, b.runs, b.buildCommand("release", "usual", "--exclude-path", "**"), command{shell: append})
	if err != nil {
		return err
	}
	writeRow("the same without its scan", m[0], "tar and crane append", m[1])
	return nil
}

func (b *bench) compareBases() error {
	m, err := alternate(b.ctx, b.runs, b.buildCommand("release", "large"), b.buildCommand("release", "small"))
	if err != nil {
		return err
	}
	writeRow("the same on a base of 3 GB", m[0], "on a base of 50 MB", m[1])
	return nil
}

func (b *bench) measureRebuild() error {
	again := b.buildCommand("small", "usual")
	again.args[len(again.args)-1] = b.host + "/acme/again:v1"
	again.before = nil
	m, err := alternate(b.ctx, b.runs, again)
	if err != nil {
		return err
	}
	writeRow("rebuild of 20 workspaces without a change", m[0], "", sample{})
	return nil
}

// compareCached compares a build after one change with a build without cached verdicts.
func (b *bench) compareCached() error {
	cache := filepath.Join(b.dir, "verdicts")
	changes := 0
	first := b.buildCommand("many", "usual", "--scan-cache", cache)
	second := b.buildCommand("many", "usual", "--scan-cache", cache)
	renameFirst := first.before
	renameSecond := second.before
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
	writeRow("build, 1,000 workspaces, 94 MB, 1 changed since the last one", m[0], "the same without verdicts", m[1])
	return nil
}

func (b *bench) measureLarge() error {
	m, err := alternate(b.ctx, 1, b.buildCommand("large", "usual"))
	if err != nil {
		return err
	}
	writeRow("build, 1,000 workspaces, 50,000 files, 1 GB", m[0], "", sample{})
	return nil
}

func writeRow(what string, a sample, against string, b sample) {
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
