// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/sidecar/internal/watch/watchtest"
)

// patience is the maximum wait for an expected event.
const patience = 2 * time.Minute

// recorder records the calls of a watch.
type recorder struct {
	t        *testing.T
	changes  chan string
	modes    chan string
	mu       sync.Mutex
	files    []File
	interval time.Duration
}

// watching starts a watch of files and waits for its first check.
func watching(t *testing.T, interval time.Duration, files ...File) *recorder {
	t.Helper()
	r := &recorder{t: t, changes: make(chan string, 10000), modes: make(chan string, 100), files: files,
		interval: interval}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	w := New(Options{Files: r.now, Changed: func(name string) { r.changes <- name },
		Mode: func(mode, _ string) { r.modes <- mode }, Interval: func() time.Duration { return r.interval },
		Log: slog.New(slog.DiscardHandler)})
	go func() { defer close(done); w.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return r
}

func (r *recorder) now() []File {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.files)
}

func (r *recorder) set(files ...File) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files = files
}

func (r *recorder) want(from chan string, want string) {
	r.t.Helper()
	select {
	case got := <-from:
		if got != want {
			r.t.Fatalf("got a change of %q, want %q", got, want)
		}
	case <-time.After(patience):
		r.t.Fatalf("no change of %q", want)
	}
}

func TestEverySwapOfASecretIsReported(t *testing.T) {
	m, err := watchtest.NewMount(t.TempDir(), map[string]string{"token": "v"})
	if err != nil {
		t.Fatal(err)
	}
	r := watching(t, time.Hour, File{"token", m.Path("token")})
	r.want(r.modes, Inotify)
	for n := range 5 {
		if err := m.Swap(map[string]string{"token": fmt.Sprint("v", n)}); err != nil {
			t.Fatal(err)
		}
		r.want(r.changes, "token")
	}
}

func TestOnlyContentCounts(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	write(t, a, "same")
	write(t, b, "one")
	r := watching(t, time.Hour, File{"a", a}, File{"b", b}, File{"none", ""})
	r.want(r.modes, Inotify)
	replace(t, a, "same")
	age(t, a)
	write(t, filepath.Join(dir, "c"), "of somebody else")
	write(t, b, "another")
	r.want(r.changes, "b") // and not a
}

func TestFilesThatComeAndGo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "yet")
	path := filepath.Join(dir, "manifest")
	r := watching(t, time.Hour, File{"manifest", path})
	r.want(r.modes, Inotify)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	replace(t, path, "here")
	r.want(r.changes, "manifest")
	if err := os.RemoveAll(filepath.Dir(dir)); err != nil {
		t.Fatal(err)
	}
	r.want(r.changes, "manifest")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	replace(t, path, "again")
	r.want(r.changes, "manifest")
}

func TestOtherFiles(t *testing.T) {
	one, two := filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "two")
	write(t, one, "1")
	write(t, two, "2")
	r := watching(t, time.Hour, File{"token", one})
	r.want(r.modes, Inotify)
	r.set(File{"token", two})
	write(t, one, "x") // wake it
	r.want(r.changes, "token")
	write(t, two, "y")
	r.want(r.changes, "token")
}

// TestSilentChangesAreFoundOnTheInterval writes through a memory mapping, which causes no inotify
// event, and restores the file's modification time.
func TestSilentChangesAreFoundOnTheInterval(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	write(t, path, "old")
	age(t, path)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	r := watching(t, 20*time.Millisecond, File{"token", path})
	r.want(r.modes, Inotify)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	page, err := syscall.Mmap(int(f.Fd()), 0, 3, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(page)
	copy(page, "new")
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	r.want(r.changes, "token")
}
