// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

func TestAnEndInOrder(t *testing.T) {
	t.Parallel()
	p := newPod(t, time.Millisecond)
	p.listen(t, p)
	s := start(t, p.args()...)
	s.awaitReady()
	// A client that never ends its request does not keep it.
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("GET /metrics HTTP/1.1\r\nHost: x\r\n")); err != nil {
		t.Fatal(err)
	}
	s.stop()
	s.noErrors()
	if got := p.imports(); got != "8 imports by 3 requests" {
		t.Error(got)
	}
}

func TestAnEndInTheMiddleOfAnImport(t *testing.T) {
	t.Parallel()
	p := newPod(t, 10*time.Second)
	p.listen(t, p)
	word := filepath.Join(t.TempDir(), "termination")
	if err := os.WriteFile(word, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, append(p.args(), "--termination-log", word)...)
	s.awaitPhase(state.Import)
	s.stop()
	s.noErrors()
	if text, err := os.ReadFile(word); err != nil || len(text) > 0 {
		t.Errorf("an end in order leaves word: %q, %v", text, err)
	}
}

func TestAnEndInTheMiddleOfAComparison(t *testing.T) {
	t.Parallel()
	p := newPod(t, time.Millisecond)
	asked := make(chan struct{})
	p.Faults = new(platformtest.Script).Add(platformtest.Fault{Op: "status", Kind: platformtest.Hang, Before: func() { close(asked) }})
	p.listen(t, p)
	s := start(t, append(p.args(), "--reconcile-interval", "50ms")...)
	s.awaitReady()
	<-asked
	s.stop()
	s.noErrors()
}

func TestKilledAndStartedAgain(t *testing.T) {
	t.Parallel()
	p := newPod(t, 150*time.Millisecond)
	p.listen(t, p)
	for kills := range 3 { // one in each group
		s := start(t, p.args()...)
		s.awaitPhase(state.Import)
		time.Sleep(time.Duration(kills) * 40 * time.Millisecond) // in another place each time
		s.signal(syscall.SIGKILL)
		<-s.done
	}
	s := start(t, p.args()...)
	s.awaitReady()
	s.stop()
	p.complete(t)
	if got := p.imports(); !strings.HasPrefix(got, "8 imports by ") {
		t.Errorf("something was imported twice: %s", got)
	}
}

func TestStoppedAndContinued(t *testing.T) {
	t.Parallel()
	p := newPod(t, 100*time.Millisecond)
	p.listen(t, p)
	s := start(t, p.args()...)
	s.awaitPhase(state.Import)
	s.signal(syscall.SIGSTOP)
	time.Sleep(time.Second) // the platform ends the group meanwhile
	s.signal(syscall.SIGCONT)
	if code, _ := s.get("/livez"); code != http.StatusOK {
		t.Errorf("liveness: HTTP %d", code)
	}
	s.awaitReady()
	s.stop()
	s.noErrors()
	p.complete(t)
	if got := p.imports(); got != "8 imports by 3 requests" {
		t.Error(got)
	}
}

func TestThePortOpensLater(t *testing.T) {
	t.Parallel()
	p := newPod(t, time.Millisecond)
	p.listen(t, p).Close() // the address stays known
	s := start(t, p.args()...)
	s.awaitPhase(state.Waiting)
	s.eventually("try", func() bool { return s.status().Passes > 2 })
	if code, text := s.get("/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(text, "target-down") {
		t.Errorf("HTTP %d, %s", code, text)
	}
	l, err := net.Listen("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: p}
	defer server.Close()
	go func() { _ = server.Serve(l) }() // ends with Close
	s.awaitReady()
	s.stop()
	s.noErrors()
	p.complete(t)
}

func TestTheServiceEndsFirst(t *testing.T) {
	t.Parallel()
	p := newPod(t, time.Millisecond)
	server := p.listen(t, p)
	s := start(t, append(p.args(), "--reconcile-interval", "50ms")...)
	s.awaitReady()
	server.Close()
	passes := s.status().Passes
	s.eventually("look again", func() bool { return s.status().Passes > passes+2 })
	for _, path := range []string{"/readyz", "/livez"} {
		if code, text := s.get(path); code != http.StatusOK {
			t.Errorf("%s: HTTP %d, %s", path, code, text)
		}
	}
	s.stop()
	if log := s.log.String(); strings.Contains(log, `"level":"ERROR"`) {
		t.Errorf("the log has errors:\n%s", log)
	}
}

func TestNoSpaceForTheTerminationMessage(t *testing.T) {
	t.Parallel()
	p := newPod(t, time.Millisecond)
	p.platform.Fail("audit-trail", "the disk of the database is full")
	p.listen(t, p)
	s := start(t, append(p.args(), "--termination-log", "/dev/full")...)
	s.awaitPhase(state.Retrying)
	s.stop()
	if log := s.log.String(); !strings.Contains(log, "cannot write the termination message") || !strings.Contains(log, "no space left") {
		t.Errorf("the log is:\n%s", log)
	}
}

// build compiles the sidecar as it ships, without C, so that it runs anywhere.
func build(t *testing.T, path string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// maxBinary bounds the program, in bytes: every node pulls it.
const maxBinary = 12_000_000

// TestInAnEmptyImage runs the program as a user without rights, in a file system
// that has nothing but the program and the manifest, and where nothing can be written.
func TestInAnEmptyImage(t *testing.T) {
	t.Parallel()
	p := newPod(t, time.Millisecond)
	p.listen(t, p)
	root := t.TempDir()
	build(t, filepath.Join(root, "sidecar"))
	if info, err := os.Stat(filepath.Join(root, "sidecar")); err != nil || info.Size() > maxBinary {
		t.Errorf("%v, %v: the program is larger than %d bytes", info, err, maxBinary)
	}
	data, err := os.ReadFile(p.manifest)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "manifest.json"), data, 0o444); err != nil {
		t.Fatal(err)
	}
	for dir := root; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o555); err != nil { // t.TempDir is for us only
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Chmod(root, 0o755); _ = os.Chmod(filepath.Dir(root), 0o755) })
	cmd := exec.CommandContext(t.Context(), "/sidecar", "run", "--listen", "127.0.0.1:0", "--platform-url", p.url, "--manifest", "/manifest.json")
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

// namespace is a user namespace in which we are uid.
func namespace(uid int) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: uid, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: uid, HostID: os.Getgid(), Size: 1}}}
}

// TestInotifyIsExhausted takes the inotify instances of a node away. A new token
// and a new release count all the same.
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
	r.Name = "Release v1.0.1" // which this pod does not carry
	p.write(t, &r)
	s.eventually("see the new manifest", func() bool {
		now := s.status()
		return now.Release.ManifestDigest != digest && now.Problem != nil && now.Problem.Reason == state.WrongRelease
	})
	s.stop()
	if !strings.Contains(s.log.String(), "the kernel does not tell") {
		t.Error("the log does not say why files are polled")
	}
}
