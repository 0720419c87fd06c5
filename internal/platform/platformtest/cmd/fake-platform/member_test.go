// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/internal/platform"
)

// started is a program that runs until the test ends.
type started struct {
	lines chan string
	stop  context.CancelFunc
	code  chan int
	err   bytes.Buffer // read it after the exit only
}

func start(t *testing.T, env []string, args ...string) *started {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	s := &started{lines: make(chan string, 1000), stop: cancel, code: make(chan int, 1)}
	go func() {
		code := run(ctx, args, env, w, &s.err)
		_ = w.Close() // it never fails
		s.code <- code
	}()
	go func() {
		defer close(s.lines)
		for scan := bufio.NewScanner(r); scan.Scan(); {
			s.lines <- scan.Text()
		}
	}()
	t.Cleanup(cancel)
	return s
}

// url returns the URL in the next line that starts with what.
func (s *started) url(t *testing.T, what string) string {
	t.Helper()
	line := <-s.lines
	if !strings.HasPrefix(line, what) {
		t.Fatalf("%q is not %s", line, what)
	}
	return strings.Replace(regexp.MustCompile(`http://\S+`).FindString(line), "[::]", "127.0.0.1", 1)
}

// TestMembersTakeTheVariablesOfTheService runs a platform and two pods, one of which starts its own
// import.
func TestMembersTakeTheVariablesOfTheService(t *testing.T) {
	p := start(t, nil, "--share", "127.0.0.1:0", "--gateway", "127.0.0.1:0", "--service-url", "http://127.0.0.1:1",
		"--token", "t", "--import-time", "1ms")
	shared, gateway := p.url(t, "shared on"), p.url(t, "gateway on")
	env := []string{"PORT=0", "HOSTNAME=pod-7", "WORKSPACES_STORAGE_GIT_PLATFORM_acme_NAME=Release v7",
		"WORKSPACES_STORAGE_GIT_PLATFORM_acme_DIRPATH=" + workspaces(t), "STARTUP_IMPORT_GROUPS=base1"}
	member := start(t, env, "--join", shared)
	c, err := platform.New(platform.Options{BaseURL: member.url(t, "pod-7 on"),
		Identity: platform.Headers(platform.LocalHeaders())})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdleConnections()
	if w, err := c.Platform(t.Context()); err != nil || w.Repositories["acme"].Name != "Release v7" {
		t.Errorf("%+v, %v", w, err)
	}
	for line := range p.lines {
		if strings.Contains(line, "pod-7   group base1: imported") {
			break
		}
	}
	resp, err := http.Get(gateway + "/sys/healthcheck")
	if err != nil || resp.Body.Close() != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%v, %v", resp, err)
	}
	p.stop()
	if code := <-p.code; code != 0 {
		t.Errorf("exit code %d of the platform: %s", code, &p.err)
	}
	if code := <-member.code; code != 1 || !strings.Contains(member.err.String(), "the platform is gone") {
		t.Errorf("exit code %d of the pod: %s", code, &member.err)
	}
}

func TestMemberStopsInOrder(t *testing.T) {
	p := start(t, nil, "--share", "127.0.0.1:0")
	env := []string{"PORT=0", "WORKSPACES_STORAGE_GIT_PLATFORM_release_NAME=R",
		"WORKSPACES_STORAGE_GIT_PLATFORM_release_DIRPATH=" + workspaces(t)}
	member := start(t, env, "--join", p.url(t, "shared on"))
	member.url(t, "pod-0 on")
	member.stop()
	if code := <-member.code; code != 0 {
		t.Errorf("exit code %d: %s", code, &member.err)
	}
}

func TestMembersThatCannotBe(t *testing.T) {
	p := start(t, nil, "--share", "127.0.0.1:0")
	shared, dir := p.url(t, "shared on"), workspaces(t)
	const name, path = "WORKSPACES_STORAGE_GIT_PLATFORM_release_NAME=R", "WORKSPACES_STORAGE_GIT_PLATFORM_release_DIRPATH="
	for _, c := range []struct {
		want   int
		says   string
		shared string
		env    []string
	}{
		{2, "no name of a repository", shared, []string{path + dir}},
		{1, "open release", shared, []string{name, path + dir + "/none"}},
		{1, "join the platform", "http://127.0.0.1:1", []string{name, path + dir}},
		{1, "parse", "http://a b", []string{name, path + dir}},
		{1, "listen", shared, []string{name, path + dir, "PORT=99999"}},
	} {
		m := start(t, c.env, "--join", c.shared)
		if code := <-m.code; code != c.want || !strings.Contains(m.err.String(), c.says) {
			t.Errorf("%s: exit code %d, %s", c.says, code, &m.err)
		}
	}
}
