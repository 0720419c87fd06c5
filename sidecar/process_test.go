// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/syncbuffer"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// asProgram makes the test binary run as the sidecar. The variable lacks our prefix, because every
// variable with the prefix is a setting.
const asProgram = "TEST_BINARY_IS_THE_SIDECAR"

// withoutInotify is the value of asProgram that runs a program in a user namespace without inotify.
const withoutInotify = "without inotify"

// patience is the maximum wait for an expected event.
const patience = 2 * time.Minute

func TestMain(m *testing.M) {
	switch os.Getenv(asProgram) {
	case "1":
		main()
	case withoutInotify:
		if err := os.WriteFile("/proc/sys/user/max_inotify_instances", []byte("0"), 0); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		main()
	case onlyIPv4, onlyIPv6:
		if err := runInFamily(os.Getenv(asProgram)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// process is a running sidecar.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	url  string
	done chan struct{} // closed after the exit
	log  syncbuffer.Buffer
}

// command returns the sidecar as a separate process with an empty environment.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = []string{asProgram + "=1", "GOCOVERDIR=" + t.TempDir()}
	return cmd
}

// run starts cmd, which is sidecar run on a free port, and waits until it listens. The process
// stops at the end of the test.
func run(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, done: make(chan struct{})}
	cmd.Stderr = &p.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { defer close(p.done); _ = cmd.Wait() }() // ProcessState has the result
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-p.done })
	p.eventually("listen", func() bool {
		_, rest, _ := strings.Cut(p.log.String(), `"listen":"`)
		address, _, ok := strings.Cut(rest, `"`)
		p.url = "http://" + address
		return ok
	})
	return p
}

func start(t *testing.T, args ...string) *process {
	t.Helper()
	return run(t, command(t, append([]string{"run", "--listen", "127.0.0.1:0", "--termination-log", "", "--poll", "20ms"},
		args...)...))
}

func (p *process) eventually(what string, ok func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); !ok(); {
		if time.Now().After(deadline) {
			p.t.Fatalf("it does not %s; the log is:\n%s", what, &p.log)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// get returns a response, with status 0 if there is none.
func (p *process) get(path string) (status int, body string) {
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(p.url + path)
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, ""
	}
	return resp.StatusCode, string(data)
}

func (p *process) status() (s state.Snapshot) {
	p.t.Helper()
	code, body := p.get("/status")
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		p.t.Fatalf("status: HTTP %d, %v", code, err)
	}
	return s
}

func (p *process) awaitReady() {
	p.t.Helper()
	p.eventually("get Ready", func() bool { code, _ := p.get("/readyz"); return code == http.StatusOK })
}

func (p *process) awaitPhase(want state.Phase) {
	p.t.Helper()
	p.eventually("get to "+string(want), func() bool { return p.status().Phase == want })
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// stop sends SIGTERM and expects a clean exit.
func (p *process) stop() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("it does not end; the log is:\n%s", &p.log)
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		p.t.Errorf("exit code %d; the log is:\n%s", code, &p.log)
	}
}

// noErrors fails the test if an error was logged.
func (p *process) noErrors() {
	p.t.Helper()
	if log := p.log.String(); strings.Contains(log, `"level":"ERROR"`) || strings.Contains(log, `"level":"WARN"`) {
		p.t.Errorf("the log has errors:\n%s", log)
	}
}

// pod is a fake platform with one pod of the example workspaces.
type pod struct {
	*platformtest.Pod
	platform *platformtest.Platform
	release  *platformtest.Release
	manifest string // path
	url      string
}

func newPod(t *testing.T, importTime time.Duration) *pod {
	t.Helper()
	r, err := platformtest.ReadRelease("../examples/workspaces", "release", "Release v1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	p := &pod{release: r, manifest: filepath.Join(t.TempDir(), "manifest.json")}
	p.platform = platformtest.New(platformtest.Options{ImportTime: func(string) time.Duration { return importTime },
		PodEvents: true})
	t.Cleanup(p.platform.Close)
	p.Pod = p.platform.NewPod("pod-0", r)
	p.write(t, r)
	return p
}

// write replaces the manifest by that of r: first the file with its workspaces, which the manifest names.
func (p *pod) write(t *testing.T, r *platformtest.Release) {
	t.Helper()
	files := encode(t, r)
	replaceFile(t, release.WorkspacesPath(p.manifest), files.Workspaces)
	replaceFile(t, p.manifest, files.Manifest)
}

// replaceFile replaces a file by a rename.
func replaceFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", data, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func encode(t *testing.T, r *platformtest.Release) release.Files {
	t.Helper()
	files, err := release.Split(r.Manifest("v1.0.0"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// listen serves h, usually the pod itself, on a port.
func (p *pod) listen(t *testing.T, h http.Handler) *platformtest.Server {
	t.Helper()
	server, err := platformtest.Listen(h, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	p.url = server.URL
	return server
}

func (p *pod) args() []string { return []string{"--platform-url", p.url, "--manifest", p.manifest} }

// complete fails the test unless every workspace is installed and no imports overlapped.
func (p *pod) complete(t *testing.T) {
	t.Helper()
	if got := len(p.platform.Installed()); got != 8 {
		t.Errorf("%d workspaces are installed", got)
	}
	if found := p.platform.Ledger().Overlaps(); found != nil {
		t.Errorf("imports at the same time: %v", found)
	}
}

// imports describes how often the workspaces were imported.
func (p *pod) imports() string {
	l := p.platform.Ledger()
	n := 0
	for _, i := range l.Imports {
		if i.Outcome == platformtest.Imported {
			n++
		}
	}
	return fmt.Sprintf("%d imports by %d requests", n, len(l.Bulks))
}

// maxBinary limits the size of the program, in bytes, because every node pulls it.
const maxBinary = 12_000_000

// build compiles the sidecar like the release build, without cgo.
func build(t *testing.T, path string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
