// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/internal/secret"
)

// workspaces creates a directory of two workspaces.
func workspaces(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, slug := range []string{"good", "bad"} {
		w := filepath.Join(dir, slug)
		if err := os.Mkdir(w, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, content := range map[string]string{"index.yml": "name: " + slug,
			".import.yml": "version: {name: v1}\ngroups: [base1]"} {
			if err := os.WriteFile(filepath.Join(w, name), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

func TestProgramImportsAndPrints(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	code := make(chan int)
	go func() {
		code <- run(ctx, []string{"--listen", "127.0.0.1:0", "--gateway", "127.0.0.1:0", "--token", "t", "--import-time",
			"1ms",
			"--event-lag", "0s", "--fail", "bad=slug is taken", "--release-dir", workspaces(t)}, nil, w, io.Discard)
		w.Close()
	}()
	head := make([]byte, 0, 500)
	for strings.Count(string(head), "\n") < 2 {
		b := make([]byte, 100)
		n, err := r.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		head = append(head, b[:n]...)
	}
	var rest bytes.Buffer
	copied := make(chan struct{})
	go func() { defer close(copied); io.Copy(&rest, r) }()

	urls := regexp.MustCompile(`http://\S+`).FindAllString(string(head), 2)
	c, err := platform.New(platform.Options{BaseURL: urls[0] + "/v2", Identity: platform.Headers(platform.LocalHeaders())})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdleConnections()
	got, err := c.Pull(ctx, platform.PullRequest{Repository: "release", Groups: []string{"base1"}})
	if err != nil || !got.Report.Failed() {
		t.Errorf("%+v, %v", got, err)
	}
	gateway, err := platform.New(platform.Options{BaseURL: urls[1],
		Identity: platform.Bearer(platform.Fixed(secret.New("t")))})
	if err != nil {
		t.Fatal(err)
	}
	defer gateway.CloseIdleConnections()
	if page, err := gateway.Events(ctx, platform.EventQuery{}); err != nil || len(page.Events) != 4 {
		t.Errorf("%+v, %v", page, err)
	}
	cancel()
	if got := <-code; got != 0 {
		t.Errorf("exit code %d", got)
	}
	<-copied
	for _, want := range []string{"imported     good v1", "error        bad v1", "group base1: error",
		"gateway events       200"} {
		if !strings.Contains(rest.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, rest.String())
		}
	}
}

func TestFlagsAreChecked(t *testing.T) {
	dir := workspaces(t)
	for want, args := range map[string][]string{
		"give one of":          {},
		"--share and --join":   {"--release-dir", dir, "--share", ":0"},
		"no other argument":    {"--release-dir", dir, "x"},
		"<id>_DIRPATH":         {"--join", "http://platform"},
		"want slug=message":    {"--release-dir", dir, "--fail", "slug"},
		"unknown variant":      {"--release-dir", dir, "--variant", "nope"},
		"not defined: -nope":   {"--nope"},
		"hide-last-pull, keep": {"--help"},
	} {
		var stderr bytes.Buffer
		code := run(t.Context(), args, nil, io.Discard, &stderr)
		if wantCode := map[bool]int{true: 0, false: 2}[len(args) > 0 &&
			args[0] == "--help"]; code != wantCode || !strings.Contains(stderr.String(), want) {
			t.Errorf("%v: exit code %d, %s", args, code, stderr.String())
		}
	}
}

func TestFailuresToServe(t *testing.T) {
	dir := workspaces(t)
	for _, args := range [][]string{
		{"--release-dir", filepath.Join(dir, "none")},
		{"--release-dir", dir, "--listen", "127.0.0.1:99999"},
		{"--release-dir", dir, "--listen", "127.0.0.1:0", "--gateway", "127.0.0.1:99999"},
	} {
		if code := run(t.Context(), args, nil, io.Discard, io.Discard); code != 1 {
			t.Errorf("%v: exit code %d", args, code)
		}
	}
}

func TestEveryVariantIsABoolOfItsOwn(t *testing.T) {
	var o platformtest.Options
	seen := map[*bool]bool{}
	for name, on := range variantFlags(&o) {
		s, err := parseSettings([]string{"--release-dir", "x", "--variant", name}, nil, io.Discard)
		if err != nil || !*variantFlags(&s.options)[name] || seen[on] {
			t.Errorf("variant %s: %v", name, err)
		}
		seen[on] = true
	}
}
