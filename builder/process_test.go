// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/prismeai/workspaces-release/builder/internal/git/gittest"
	"github.com/prismeai/workspaces-release/builder/internal/registry/registrytest"
	"github.com/prismeai/workspaces-release/internal/needs"
)

const (
	// self is the test binary. It is executed by descriptor, so that any user can run it.
	self = "/proc/self/exe"
	// exampleWorkspaces is a valid repository of workspaces.
	exampleWorkspaces = "../examples/workspaces"
	// patience bounds a run of the builder, to end runs that hang. It measures nothing.
	patience = 5 * time.Minute
)

// TestMain runs the builder, or a program that the builder uses, if the test binary is started
// under its name. The tests thus run real processes without linking anything twice.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "builder":
		main()
	case sandboxName:
		fmt.Fprintln(os.Stderr, enterSandbox(os.Args[1], os.Args[2], os.Args[3:]))
		os.Exit(1)
	case fakeHelper:
		os.Exit(helpWithCredentials(os.Stdin, os.Stdout, os.Stderr, os.Getenv))
	default:
		m.Run()
	}
}

// program is a run of the builder.
type program struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer
	// temp is its TMPDIR, which must be empty afterwards.
	temp string
}

// builder prepares a run whose environment is only env, TMPDIR, and a HOME that does not exist.
func builder(t *testing.T, env map[string]string, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	p := &program{Cmd: exec.CommandContext(ctx, self, args...), temp: needs.PublicDir(t)}
	p.Args[0] = "builder"
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	all := map[string]string{"TMPDIR": p.temp, "HOME": "/nonexistent"}
	maps.Copy(all, env)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		p.Env = append(p.Env, key+"="+all[key])
	}
	return p
}

// run runs the builder, and checks the exit code and that nothing is left behind.
func (p *program) run(t *testing.T, want int) {
	t.Helper()
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	p.wait(t, want)
}

func (p *program) wait(t *testing.T, want int) {
	t.Helper()
	var exit *exec.ExitError
	if err := p.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v\n%s", err, p.stderr.String())
	}
	if got := p.ProcessState.ExitCode(); got != want {
		t.Errorf("%q ended with %s instead of exit code %d\nstdout: %s\nstderr: %s",
			p.Args[1:], p.ProcessState, want, p.stdout.String(), p.stderr.String())
	}
	p.checkTemp(t)
}

// checkTemp checks that no temporary file is left behind.
func (p *program) checkTemp(t *testing.T) {
	t.Helper()
	left, err := os.ReadDir(p.temp)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind in TMPDIR: %v %v", left, err)
	}
}

// interruptAfter starts the program, sends the signal once reached is closed, and waits for exit code 130.
func (p *program) interruptAfter(t *testing.T, reached <-chan struct{}, sig os.Signal) {
	t.Helper()
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-reached:
	case <-time.After(patience):
		t.Error("the operation did not begin")
	}
	if err := p.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	p.wait(t, 130)
}

// checkUnknownOutcome checks that a report exists and says that the outcome is unknown.
func checkUnknownOutcome(t *testing.T, report string) {
	t.Helper()
	data, err := os.ReadFile(report)
	if err != nil || !strings.Contains(string(data), `"outcome": "unknown"`) {
		t.Errorf("%v: %s", err, data)
	}
}

// says checks for texts on standard error.
func (p *program) says(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(p.stderr.String(), text) {
			t.Errorf("standard error does not say %q:\n%s", text, p.stderr.String())
		}
	}
}

// workspaces copies the example workspaces to a directory that every user can read.
func workspaces(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(needs.PublicDir(t), "workspaces")
	if err := os.CopyFS(dir, os.DirFS(exampleWorkspaces)); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return errors.Join(err, os.Chmod(path, 0o755))
		}
		return os.Chmod(path, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// link returns a path that runs the test binary as the program of that name.
func link(t *testing.T, program string) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), program)
	if err := os.Symlink(exe, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// committed creates a Git repository with one commit of a directory.
func committed(t *testing.T, dir string) *gittest.Repository {
	t.Helper()
	var files []gittest.File
	for path, data := range tree(t, dir) {
		files = append(files, gittest.File{Path: path, Data: data})
	}
	repository := gittest.NewRepository(t)
	repository.Commit(t, "main", files...)
	return repository
}

// pushBase pushes a base image for two platforms to the registry.
func pushBase(t *testing.T, reg *registrytest.Server) string {
	t.Helper()
	return reg.PushBase(t, "prismeai-workspaces:v1", registrytest.Base{
		Platforms: []string{"linux/amd64", "linux/arm64"}, Env: []string{"NODE_ENV=production"},
	}).Ref
}

// exists reports whether a registry has an image.
func exists(t *testing.T, ref string) bool {
	t.Helper()
	parsed, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	_, err = remote.Head(parsed)
	return err == nil
}
