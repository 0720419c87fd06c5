// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/git/gittest"
	"github.com/prismeai/workspaces-release/builder/internal/registry/registrytest"
)

// promptness is how soon the builder must end after a signal, on a busy machine.
const promptness = time.Minute

// stall holds matching requests for as long as the client waits.
type stall struct {
	matches func(*http.Request) bool
	// reached is closed at the first of them, over at the end of the test.
	reached, over chan struct{}
	once          sync.Once
}

func newStall(matches func(*http.Request) bool) *stall {
	return &stall{matches: matches, reached: make(chan struct{}), over: make(chan struct{})}
}

func (s *stall) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.matches(r) {
			next.ServeHTTP(w, r)
			return
		}
		s.once.Do(func() { close(s.reached) })
		select {
		case <-r.Context().Done():
		case <-s.over:
		}
	})
}

// stalled starts a registry that stalls.
func stalled(t *testing.T, matches func(*http.Request) bool) (*registrytest.Server, *stall) {
	t.Helper()
	s := newStall(matches)
	reg := registrytest.New(t, registrytest.Options{Wrap: s.wrap})
	t.Cleanup(func() { close(s.over) })
	return reg, s
}

// signal sends a signal when the stall is reached.
func (s *stall) signal(t *testing.T, p *program, sig syscall.Signal) {
	t.Helper()
	select {
	case <-s.reached:
	case <-time.After(patience):
		p.Process.Kill()
		t.Fatalf("the builder never got there: %v\n%s", p.Wait(), p.stderr.String())
	}
	if err := p.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

func to(method, part string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.Method == method && strings.Contains(r.URL.Path, part) }
}

func TestInterruptedBuildPublishesNothing(t *testing.T) {
	tests := []struct {
		name    string
		signal  syscall.Signal
		matches func(*http.Request) bool
	}{
		{"resolve the base", syscall.SIGINT, to(http.MethodHead, "/prismeai-workspaces/manifests/v1")},
		{"read the configuration of the base", syscall.SIGTERM, to(http.MethodGet, "/prismeai-workspaces/blobs/")},
		{"begin an upload", syscall.SIGINT, to(http.MethodPost, "/out/blobs/uploads/")},
		{"upload a blob", syscall.SIGTERM, to(http.MethodPut, "/out/blobs/uploads/")},
		{"push the image of a platform", syscall.SIGTERM, to(http.MethodPut, "/out/manifests/sha256:")},
		{"push the tag", syscall.SIGINT, to(http.MethodPut, "/out/manifests/v1")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			reg, stall := stalled(t, tt.matches)
			base, out := pushBase(t, reg), t.TempDir()
			p := builder(t, nil, "build", workspaces(t), "--base", base, "-t", reg.Ref("out:v1"), "--push",
				"--progress", "plain",
				"--output", "type=oci,dest="+filepath.Join(out, "image.tar"), "--metadata-file",
				filepath.Join(out, "metadata.json"))
			if err := p.Start(); err != nil {
				t.Fatal(err)
			}
			stall.signal(t, p, tt.signal)
			began := time.Now()
			p.wait(t, 130)
			if took := time.Since(began); took > promptness {
				t.Errorf("it took %s to end", took)
			}
			p.says(t, "signal received")
			if exists(t, reg.Ref("out:v1")) {
				t.Error("the tag exists")
			}
			if left, _ := os.ReadDir(out); len(left) > 0 {
				t.Errorf("outputs exist: %v", left)
			}
		})
	}
}

func TestInterruptedFetchLeavesNothing(t *testing.T) {
	for _, part := range []string{"/info/refs", "/git-upload-pack"} {
		t.Run(part, func(t *testing.T) {
			stall := newStall(func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, part) })
			server := gittest.ServeHTTP(t, committed(t, exampleWorkspaces), gittest.HTTPOptions{Wrap: stall.wrap})
			t.Cleanup(func() { close(stall.over) })
			p := builder(t, nil, "validate", server.URL()+gittest.Path)
			if err := p.Start(); err != nil {
				t.Fatal(err)
			}
			stall.signal(t, p, syscall.SIGTERM)
			p.wait(t, 130)
		})
	}
}

// seen closes a channel when a text has been written to it.
type seen struct {
	text    string
	written strings.Builder
	reached chan struct{}
	once    sync.Once
}

func (s *seen) Write(p []byte) (int, error) {
	s.written.Write(p)
	if strings.Contains(s.written.String(), s.text) {
		s.once.Do(func() { close(s.reached) })
	}
	return len(p), nil
}

// TestInterruptedScanEnds scans a line of 40 MB that is full of password candidates, which takes
// long.
func TestInterruptedScanEnds(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"index.yml": "name: A\nslug: a\n",
		"long.txt":  strings.Repeat("password=", 5_000_000),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p := builder(t, nil, "scan", dir, "--progress", "plain")
	scanning := &seen{text: "scan the workspaces", reached: make(chan struct{})}
	p.Stderr = io.MultiWriter(p.Stderr, scanning)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	s := &stall{reached: scanning.reached}
	s.signal(t, p, syscall.SIGTERM)
	began := time.Now()
	p.wait(t, 130)
	if took := time.Since(began); took > promptness {
		t.Errorf("it took %s to end", took)
	}
	p.says(t, "signal received")
}

// The first signal requests an orderly end. Here it hangs, because nobody reads the output; the
// second signal kills the process. It is not SIGINT, which shells ignore for programs in the background.
func TestSecondSignalKillsAtOnce(t *testing.T) {
	reg, stall := stalled(t, to(http.MethodPost, "/out/blobs/uploads/"))
	base := pushBase(t, reg)
	p := builder(t, nil, "build", workspaces(t), "--base", base, "-t", reg.Ref("out:v1"), "--push",
		"--progress", "quiet")
	p.Stderr = fullPipe(t)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	stall.signal(t, p, syscall.SIGTERM)
	ended := make(chan error, 1)
	go func() { ended <- p.Wait() }()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	deadline := time.After(promptness)
	for {
		select {
		case <-ended:
			status := p.ProcessState.Sys().(syscall.WaitStatus)
			if !status.Signaled() || status.Signal() != syscall.SIGTERM {
				t.Errorf("the builder ended with %s", p.ProcessState)
			}
			return
		case <-again.C:
			p.Process.Signal(syscall.SIGTERM)
		case <-deadline:
			p.Process.Kill()
			<-ended
			t.Fatal("the builder outlived many signals")
		}
	}
}

// fullPipe returns the end of a pipe on which every write blocks.
func fullPipe(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	raw, err := w.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var full error
	for full == nil && err == nil {
		err = raw.Write(func(fd uintptr) bool {
			_, full = syscall.Write(int(fd), make([]byte, 4096))
			return true
		})
	}
	if err != nil || !errors.Is(full, syscall.EAGAIN) {
		t.Fatal(err, full)
	}
	return w
}
