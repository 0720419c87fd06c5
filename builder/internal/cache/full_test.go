// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build linux

package cache

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// limitVariable makes the test binary a process whose files cannot grow, and names its cache.
const limitVariable = "CACHE_TEST_LIMITED"

// A directory without room keeps the layer that it has, and no part of the new one.
func TestFullDirectoryKeepsWhatItHas(t *testing.T) {
	if dir := os.Getenv(limitVariable); dir != "" {
		storeWithoutRoom(t, dir)
		return
	}
	dir := t.TempDir()
	c := open(t, dir, key)
	store(t, c, Key{1})
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), limitVariable+"="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if l, err := c.Load(Key{1}, io.Discard); l == nil || err != nil {
		t.Errorf("the layer before is gone: %v", err)
	}
	if entries, err := os.ReadDir(filepath.Join(dir, layersDirectory)); len(entries) != 1 {
		t.Errorf("files %v are left: %v", entries, err)
	}
}

// storeWithoutRoom stores a layer that is larger than the files of this process may become.
func storeWithoutRoom(t *testing.T, dir string) {
	signal.Ignore(syscall.SIGXFSZ)
	const room = 64 << 10
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: room, Max: room}); err != nil {
		t.Fatal(err)
	}
	l := describe()
	l.Layer.Size = 2 * room
	if err := open(t, dir, key).Store(Key{1}, l, bytes.NewReader(make([]byte, 2*room))); err == nil {
		t.Error("a layer was stored without room for it")
	}
}

// A directory that only others may write to is read.
func TestReadOnlyDirectoryIsRead(t *testing.T) {
	dir := t.TempDir()
	store(t, open(t, dir, key), Key{1})
	for _, path := range []string{filepath.Join(dir, layersDirectory), dir} {
		if err := os.Chmod(path, 0o555); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(path, 0o755) })
	}
	for _, file := range []string{tagFile, Key{1}.path()} {
		if err := os.Chmod(filepath.Join(dir, file), 0o444); err != nil {
			t.Fatal(err)
		}
	}
	losePrivileges(t)
	c := open(t, dir, key)
	if l, err := c.Load(Key{1}, io.Discard); l == nil || err != nil {
		t.Errorf("the layer was not loaded: %v", err)
	}
	if err := c.Store(Key{1}, describe(), bytes.NewReader([]byte(blob))); err == nil {
		t.Error("a layer was stored in a directory that cannot be written to")
	}
	if err := c.Store(Key{2}, describe(), bytes.NewReader([]byte(blob))); err == nil {
		t.Error("a new layer was stored in a directory that cannot be written to")
	}
}

// losePrivileges makes the kernel check the permissions of files for the rest of a test, also for
// root, who may otherwise write anywhere. It concerns the thread of the test alone.
func losePrivileges(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var had [2]unix.CapUserData
	if err := unix.Capget(&header, &had[0]); err != nil {
		t.Fatal(err)
	}
	less := had
	less[0].Effective &^= 1 << unix.CAP_DAC_OVERRIDE
	if err := unix.Capset(&header, &less[0]); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Capset(&header, &had[0]); err != nil {
			t.Error(err)
		}
		runtime.UnlockOSThread()
	})
}
