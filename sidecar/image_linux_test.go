// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// TestInAnEmptyImage runs the program as an unprivileged user, in a read-only file system with
// nothing but the program and the manifest.
func TestInAnEmptyImage(t *testing.T) {
	t.Parallel()
	p := newPod(t, time.Millisecond)
	p.listen(t, p)
	root := t.TempDir()
	build(t, filepath.Join(root, "sidecar"))
	if info, err := os.Stat(filepath.Join(root, "sidecar")); err != nil || info.Size() > maxBinary {
		t.Errorf("%v, %v: the program is larger than %d bytes", info, err, maxBinary)
	}
	for _, path := range []string{p.manifest, release.WorkspacesPath(p.manifest)} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, filepath.Base(path)), data, 0o444); err != nil {
			t.Fatal(err)
		}
	}
	for dir := root; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o555); err != nil { // t.TempDir is private to this user
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Chmod(root, 0o755); _ = os.Chmod(filepath.Dir(root), 0o755) })
	cmd := exec.CommandContext(t.Context(), "/sidecar", "run", "--listen", "127.0.0.1:0", "--platform-url", p.url,
		"--manifest", "/manifest.json")
	cmd.Env, cmd.Dir = []string{}, "/"
	cmd.SysProcAttr = namespace(65532)
	cmd.SysProcAttr.Chroot = root
	s := run(t, cmd)
	s.awaitReady()
	if _, text := s.get("/metrics"); !strings.Contains(text, `workspaces_import_watch_mode{mode="inotify"} 1`) {
		t.Error("files are not watched")
	}
	s.stop()
	s.noErrors()
	p.complete(t)
}

// namespace returns attributes for a user namespace in which this user is uid.
func namespace(uid int) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: uid, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: uid, HostID: os.Getgid(), Size: 1}}}
}

// TestInotifyIsExhausted exhausts the inotify instances of a node. A new token and a new release
// must still take effect.
func TestInotifyIsExhausted(t *testing.T) {
	t.Parallel()
	p := newPod(t, time.Millisecond)
	p.listen(t, p)
	cmd := command(t, append([]string{"run", "--listen", "127.0.0.1:0", "--watch-interval", "50ms"}, p.args()...)...)
	cmd.Env[0] = asProgram + "=" + withoutInotify
	cmd.SysProcAttr = namespace(0)
	s := run(t, cmd)
	s.awaitReady()
	if _, text := s.get("/metrics"); !strings.Contains(text, `workspaces_import_watch_mode{mode="polling"} 1`) {
		t.Error("files are not polled")
	}
	digest := s.status().Release.ManifestDigest
	r := *p.release
	r.Name = "Release v1.0.1" // not the release of this pod
	p.write(t, &r)
	s.eventually("see the new manifest", func() bool {
		now := s.status()
		return now.Release.ManifestDigest != digest && now.Problem != nil && now.Problem.Reason == state.WrongRelease
	})
	s.stop()
	if !strings.Contains(s.log.String(), "the kernel does not report their changes") {
		t.Error("the log does not say why files are polled")
	}
}
