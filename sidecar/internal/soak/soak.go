// SPDX-License-Identifier: Apache-2.0

package soak

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/internal/release"
)

// Options configures [Run].
type Options struct {
	// Sidecar is the path of the program.
	Sidecar string
	// Dir is an empty directory for files and logs.
	Dir string
	// Duration is the duration of the soak, including pauses.
	Duration time.Duration
	// Seed seeds the random choices. It does not reproduce the timing of a run.
	Seed uint64
	// Out receives a line for each rollout and pause.
	Out io.Writer
}

const (
	slots = 4
	// lockExpiry is the age at which the fake platform drops a lock. Real platforms use 30 minutes.
	lockExpiry = 4 * time.Second
	// settleBound is the maximum time until everything recovers. A replaced pod waits for 90 s
	// before it imports over another release.
	settleBound = 150 * time.Second
	// troubleTime is the time between two pauses.
	troubleTime = 20 * time.Second
)

// world is the state of a running soak.
type world struct {
	opts     Options
	platform *platformtest.Platform
	random   *rand.Rand // for the faults, used by one goroutine
	slots    []*slot
	tokens   atomic.Int64 // number of token rotations
	stopped  atomic.Bool  // the watchers must no longer report violations

	mu     sync.Mutex
	record *Record
}

// Run injects faults for o.Duration and returns the recorded events. The error is a failure of the
// soak itself.
func Run(ctx context.Context, o Options) (*Record, error) {
	w := &world{
		opts:   o,
		random: rand.New(rand.NewPCG(o.Seed, 0)),
		record: &Record{
			Begin:    time.Now(),
			Releases: map[string]*platformtest.Release{},
			Carried:  map[string][]Turn{},
			Troubles: map[string]int{},
		},
	}
	for _, version := range []string{"v1", "v2"} {
		w.record.Releases[version] = newRelease(version)
	}
	w.platform = platformtest.New(platformtest.Options{ImportTime: w.chooseImportTime, PodEvents: true,
		RefuseHeaders: true, PodToken: true, Token: w.currentToken(), LockExpiry: lockExpiry})
	defer w.platform.Close()

	w.setCurrentRelease("v1")
	for n := range slots {
		s, err := newSlot(w, n)
		if err != nil {
			return nil, err
		}
		defer s.close()
		w.slots = append(w.slots, s)
		if err := s.deployPod("v1"); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watchers, ctx := errgroup.WithContext(ctx)
	for _, s := range w.slots {
		watchers.Go(func() error { s.probeUntilDone(ctx); return nil })
	}
	err := w.injectFaults(ctx)
	w.stopped.Store(true)
	cancel()
	_ = watchers.Wait() // they return nil
	for _, s := range w.slots {
		s.stopSidecar()
	}
	w.record.End = time.Now()
	w.record.Ledger = w.platform.Ledger()
	return w.record, err
}

// newRelease returns a release of three groups with three workspaces each. One workspace per group
// has the same version in all releases, like an unchanged workspace.
func newRelease(version string) *platformtest.Release {
	r := &platformtest.Release{ID: "release", Name: "Release " + version}
	for _, group := range []string{"base1", "base2", "extended"} {
		for n := range 3 {
			slug := fmt.Sprintf("%s-%d", group, n)
			w := platformtest.Workspace{Slug: slug, ID: "id-" + slug, Name: slug, Version: version, Files: 2}
			w.Groups = []string{group}
			if n == 2 {
				w.Version = "v0"
			}
			r.Workspaces = append(r.Workspaces, w)
		}
	}
	return r
}

func (w *world) encodeManifest(version string) release.Files {
	files, err := release.Split(w.record.Releases[version].Manifest(version))
	if err != nil {
		panic(err) // our own releases are valid
	}
	return files
}

// chooseImportTime varies, so that responses arrive before and after other events.
func (w *world) chooseImportTime(slug string) time.Duration {
	return time.Duration(60+len(slug)*10*int(w.tokens.Load()%5)) * time.Millisecond
}

// secretMark is part of every token, so that a leaked token can be found.
const secretMark = "at:soak-secret"

func formatToken(n int64) string { return fmt.Sprintf("%s-%d", secretMark, n) }

func (w *world) currentToken() string { return formatToken(w.tokens.Load()) }

// setCurrentRelease makes a release the current one, in the record and in the files of all pods.
func (w *world) setCurrentRelease(version string) {
	w.mu.Lock()
	w.record.Current = append(w.record.Current, Turn{time.Now(), version})
	w.mu.Unlock()
	for _, s := range w.slots {
		w.recordError("swap failed", s.current.Swap(currentFiles(w, version)))
	}
}

func currentFiles(w *world, version string) map[string]string {
	return map[string]string{"release": digest.FromBytes(w.encodeManifest(version).Manifest).String() + "\n"}
}

func (w *world) currentRelease() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.record.Current[len(w.record.Current)-1].Release
}

// countFault counts a fault.
func (w *world) countFault(kind string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.record.Troubles[kind]++
}

// recordError counts an error of the soak itself. The report shows it.
func (w *world) recordError(what string, err error) {
	if err != nil {
		w.countFault(fmt.Sprintf("%s: %v", what, err))
	}
}

func (w *world) printf(format string, args ...any) {
	age := time.Since(w.record.Begin).Round(time.Second)
	fmt.Fprintf(w.opts.Out, "%7s  %s\n", age, fmt.Sprintf(format, args...))
}

func (w *world) joinPath(name string) string { return filepath.Join(w.opts.Dir, name) }
