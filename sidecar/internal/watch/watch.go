// SPDX-License-Identifier: Apache-2.0

// Package watch reports when the content of a file changes, and reads files that
// others write.
//
// Directories are watched, not files: Kubernetes puts a new version of a mounted
// Secret or ConfigMap in place by renaming the symbolic link ..data, after which
// a watch of the old file would never get an event again. Events only wake the
// watcher: the hash of the content decides. Where the kernel sends no events (no
// inotify instance is left, a network file system) files are polled.
package watch

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

// The modes, as they are told to Options.Mode.
const (
	Inotify = "inotify"
	Polling = "polling"
)

// pollInterval is the time between two checks without inotify.
const pollInterval = 2 * time.Second

// burst is the time that is given to a series of events to end.
const burst = 10 * time.Millisecond

// maxSize bounds what is hashed, in bytes: a larger file does not change for us.
const maxSize = 64 << 20

// File is one to watch.
type File struct {
	// Name is told with a change.
	Name string
	// Path, empty for none.
	Path string
}

// Options of [Run].
type Options struct {
	// Files returns the files to watch. It is asked before each look, so that
	// they may be others from time to time.
	Files func() []File
	// Changed is told the name of a file whose content differs from the last look;
	// a file that comes or goes changes too.
	Changed func(name string)
	// Mode is called when the way of watching changes, with the reason for polling.
	Mode func(mode, why string)
	// Interval returns the time between two checks without an event.
	Interval func() time.Duration
	Log      *slog.Logger
}

// Run watches until ctx ends.
func Run(ctx context.Context, o Options) {
	w := &watcher{Options: o}
	defer w.close()
	w.look(true)
	for ctx.Err() == nil {
		told := w.wait(ctx)
		if ctx.Err() == nil {
			w.look(!told)
		}
	}
}

// watcher belongs to one goroutine.
type watcher struct {
	Options
	last   map[File]sight    // nil before the first look
	notify *fsnotify.Watcher // nil when the kernel does not tell
	mode   string
}

// sight is what a file was at a look.
type sight struct {
	sum  Sum
	info os.FileInfo // nil if there was no file
}

// look compares all files with the last look. The first one has nothing to
// compare with. Unless it is thorough, a file that was not written to is not read:
// a directory may be told about that others are busy in.
func (w *watcher) look(thorough bool) {
	files := slices.DeleteFunc(w.Files(), func(f File) bool { return f.Path == "" })
	err := w.subscribe(files) // before reading, so that no change falls between
	seen := make(map[File]sight, len(files))
	for _, f := range files {
		old, known := w.last[f]
		now := sight{}
		now.info, _ = os.Stat(f.Path) // the reader of the file reports the error
		if !thorough && known && unwritten(old.info, now.info) {
			now = old
		} else {
			now.sum, _ = SumOf(f.Path, maxSize)
		}
		seen[f] = now
		if w.last != nil && (!known || now.sum != old.sum) {
			w.Changed(f.Name)
		}
	}
	w.last = seen
	w.tell(err)
}

// unwritten reports whether a file was not written to between two checks.
func unwritten(a, b os.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// wait returns when there may be something new, and whether the kernel told so.
func (w *watcher) wait(ctx context.Context) (told bool) {
	interval := w.Interval()
	if w.mode == Polling {
		interval = min(interval, pollInterval)
	}
	timer := time.NewTimer(interval)
	defer timer.Stop()
	var events <-chan fsnotify.Event
	var errs <-chan error
	if w.notify != nil {
		events, errs = w.notify.Events, w.notify.Errors
	}
	select {
	case <-events:
		w.drain(ctx)
		return true
	case err := <-errs: // such as a full queue: events are lost
		w.Log.Warn("the kernel does not tell every change of files", "error", err)
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// drain takes the events that come with the first one.
func (w *watcher) drain(ctx context.Context) {
	timer := time.NewTimer(burst)
	defer timer.Stop()
	for {
		select {
		case <-w.notify.Events:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// subscribe watches the directories of files by inotify. Its error means polling.
func (w *watcher) subscribe(files []File) error {
	err := w.open()
	dirs := directories(files)
	for _, dir := range dirs {
		if err == nil {
			err = w.notify.Add(dir)
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = nil // just replaced: the directory of the link has an event for it
		}
	}
	if err == nil {
		for _, dir := range w.notify.WatchList() {
			if !slices.Contains(dirs, dir) {
				_ = w.notify.Remove(dir) // it may be gone
			}
		}
	}
	return err
}

func (w *watcher) open() (err error) {
	if w.notify == nil {
		w.notify, err = fsnotify.NewWatcher()
	}
	return err
}

// tell reports a change of the mode.
func (w *watcher) tell(err error) {
	mode := Inotify
	if err != nil {
		mode = Polling
	}
	if mode == w.mode {
		return
	}
	why := ""
	switch {
	case err != nil:
		why = explain(err)
		w.Log.Warn("files are polled, because the kernel does not tell their changes", "every", pollInterval, "error", why)
	case w.mode != "":
		w.Log.Info("files are watched by inotify again")
	}
	w.mode = mode
	w.Mode(mode, why)
}

// explain names the limit of the kernel that an error of inotify is about: the
// errors themselves speak of files and of devices.
func explain(err error) string {
	switch {
	case errors.Is(err, syscall.EMFILE):
		return "no inotify instance is left: raise fs.inotify.max_user_instances of the node (" + err.Error() + ")"
	case errors.Is(err, syscall.ENOSPC):
		return "no inotify watch is left: raise fs.inotify.max_user_watches of the node (" + err.Error() + ")"
	}
	return err.Error()
}

// directories in which a file can be replaced: its own, and that of the file
// behind symbolic links. A directory that does not exist yet is its nearest
// ancestor that does.
func directories(files []File) []string {
	var dirs []string
	for _, f := range files {
		dirs = append(dirs, existing(filepath.Dir(f.Path)))
		if target, err := filepath.EvalSymlinks(f.Path); err == nil {
			dirs = append(dirs, filepath.Dir(target))
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

func existing(dir string) string {
	for {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return dir
		}
		dir = parent
	}
}

func (w *watcher) close() {
	if w.notify != nil {
		_ = w.notify.Close()
	}
}
