// SPDX-License-Identifier: Apache-2.0

// Package watch reports changes to the content of files, and reads files that other processes
// write.
//
// It watches directories, not files: Kubernetes updates a mounted Secret or ConfigMap by renaming
// the symbolic link ..data, after which a watch on the old file would never receive an event again.
// Events only wake the watcher; the hash of the content decides. Files are polled where the kernel
// sends no events, such as when no inotify instance is left or on a network file system.
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

// Modes that are passed to Options.Mode.
const (
	Inotify = "inotify"
	Polling = "polling"
)

// pollInterval is the interval between checks without inotify.
const pollInterval = 2 * time.Second

// burstDelay is how long to wait for further events after the first one.
const burstDelay = 10 * time.Millisecond

// maxSubscribe limits how often one check subscribes to directories that keep changing.
const maxSubscribe = 8

// maxSize limits how much is hashed, in bytes. Changes to larger files are not reported.
const maxSize = 64 << 20

// File is a file to watch.
type File struct {
	// Name is passed to Options.Changed.
	Name string
	// Path may be empty: the file is then ignored.
	Path string
}

// Options configures a [Watcher].
type Options struct {
	// Files returns the files to watch. It is called before each check, so the list may change.
	Files func() []File
	// Changed is called with the name of a file whose content has changed since the last check.
	// Creation and removal are changes as well.
	Changed func(name string)
	// Mode is called when the mode changes, with the reason for polling.
	Mode func(mode, why string)
	// Interval returns the interval between checks without an event.
	Interval func() time.Duration
	Log      *slog.Logger
}

// Watcher watches files. [New] makes the first check.
type Watcher struct {
	o      Options
	last   map[File]observation // nil before the first check
	notify *fsnotify.Watcher    // nil without inotify
	mode   string
}

// New checks the files for the first time. [Watcher.Run] reports every change after New returns.
func New(o Options) *Watcher {
	w := &Watcher{o: o}
	w.checkFiles(true)
	return w
}

// Run watches until ctx ends. It must be called once, because it frees the resources of the watcher.
func (w *Watcher) Run(ctx context.Context) {
	defer w.close()
	for ctx.Err() == nil {
		notified := w.waitForEvent(ctx)
		if ctx.Err() == nil {
			w.checkFiles(!notified)
		}
	}
}

// observation is the state of a file at a check.
type observation struct {
	sum  Sum
	info os.FileInfo // nil if the file does not exist
}

// checkFiles compares all files with the last check. The first check only records them. Unless
// thorough is true it does not read files whose metadata is unchanged: events may concern other
// files in the same directory.
func (w *Watcher) checkFiles(thorough bool) {
	files := slices.DeleteFunc(w.o.Files(), func(f File) bool { return f.Path == "" })
	err := w.subscribe(files) // subscribe before reading, so that no change is missed
	seen := make(map[File]observation, len(files))
	for _, f := range files {
		old, known := w.last[f]
		now := observation{}
		now.info, _ = os.Stat(f.Path) // the reader of the file reports the error
		if !thorough && known && isUnmodified(old.info, now.info) {
			now = old
		} else {
			now.sum, _ = SumOf(f.Path, maxSize)
		}
		seen[f] = now
		if w.last != nil && (!known || now.sum != old.sum) {
			w.o.Changed(f.Name)
		}
	}
	w.last = seen
	w.updateMode(err)
}

// isUnmodified reports whether the metadata of a file is unchanged.
func isUnmodified(a, b os.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// waitForEvent returns after an event or an interval. notified is true after an event.
func (w *Watcher) waitForEvent(ctx context.Context) (notified bool) {
	interval := w.o.Interval()
	if w.mode == Polling {
		interval = min(interval, pollInterval)
	}
	timer := time.NewTimer(interval)
	defer timer.Stop()
	var events <-chan fsnotify.Event
	var errs <-chan error
	if w.notify != nil {
		events = w.notify.Events
		errs = w.notify.Errors
	}
	select {
	case <-events:
		w.drainEvents(ctx)
		return true
	case err := <-errs: // for example a full queue: events are lost
		w.o.Log.Warn("the kernel dropped file change events", "error", err)
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// drainEvents discards the events that follow the first one.
func (w *Watcher) drainEvents(ctx context.Context) {
	timer := time.NewTimer(burstDelay)
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

// subscribe watches the directories of files with inotify. An error means that the files must be
// polled. It repeats while the directories change, because the kernel reports nothing that happened
// before the watch of a directory.
func (w *Watcher) subscribe(files []File) error {
	if err := w.openNotify(); err != nil {
		return err
	}
	dirs := watchDirs(files)
	for range maxSubscribe {
		if err := w.addDirs(dirs); err != nil {
			return err
		}
		now := watchDirs(files)
		if slices.Equal(now, dirs) {
			break
		}
		dirs = now
	}
	for _, dir := range w.notify.WatchList() {
		if !slices.Contains(dirs, dir) {
			_ = w.notify.Remove(dir) // it may be gone
		}
	}
	return nil
}

// addDirs watches directories. It ignores one that does not exist: it was just replaced, and the
// directory of the link receives an event.
func (w *Watcher) addDirs(dirs []string) error {
	for _, dir := range dirs {
		if err := w.notify.Add(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (w *Watcher) openNotify() (err error) {
	if w.notify == nil {
		w.notify, err = fsnotify.NewWatcher()
	}
	return err
}

// updateMode reports a change of the mode.
func (w *Watcher) updateMode(err error) {
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
		why = explainError(err)
		w.o.Log.Warn("polling files, because the kernel does not report their changes", "every", pollInterval, "error", why)
	case w.mode != "":
		w.o.Log.Info("watching files with inotify again")
	}
	w.mode = mode
	w.o.Mode(mode, why)
}

// explainError translates an inotify error to the kernel limit that was hit. The errors themselves
// mention open files and device space.
func explainError(err error) string {
	switch {
	case errors.Is(err, syscall.EMFILE):
		return "no inotify instances left: raise fs.inotify.max_user_instances on the node (" + err.Error() + ")"
	case errors.Is(err, syscall.ENOSPC):
		return "no inotify watches left: raise fs.inotify.max_user_watches on the node (" + err.Error() + ")"
	}
	return err.Error()
}

// watchDirs returns the directories in which a file can be replaced: its own, and the directory of
// the target of symbolic links. A missing directory is represented by its nearest existing
// ancestor.
func watchDirs(files []File) []string {
	var dirs []string
	for _, f := range files {
		dirs = append(dirs, existingAncestor(filepath.Dir(f.Path)))
		if target, err := filepath.EvalSymlinks(f.Path); err == nil {
			dirs = append(dirs, filepath.Dir(target))
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

func existingAncestor(dir string) string {
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

func (w *Watcher) close() {
	if w.notify != nil {
		_ = w.notify.Close()
	}
}
