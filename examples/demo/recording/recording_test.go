// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestScript(t *testing.T) {
	output := `── A registry runs in this process.

── Build the release: validate, scan, assemble, push.

$ builder build x --base 127.0.0.1:4000/prismeai/y:v1 --push --digest-file /tmp/workspaces-release-demo-1/digest
#1 open x
pushed      127.0.0.1:4000/acme/y:v1@sha256:` + strings.Repeat("0a", 32) + `
time        open 50ms
(exit code 0 after 4s)
`
	want := []string{
		"",
		"# Build the release: validate, scan, assemble, push.",
		"$ builder build x --base registry/prismeai/y:v1 --push",
		"pushed      registry/acme/y:v1@sha256:0a0a0a0a0a0a…",
	}
	if diff := cmp.Diff(want, selectLines(output)); diff != "" {
		t.Error(diff)
	}
}

func TestWrapLine(t *testing.T) {
	long := strings.TrimSpace(strings.Repeat("word ", 45))
	for _, line := range wrapLine(long) {
		if n := len([]rune(line)); n > columns {
			t.Errorf("%d columns: %q", n, line)
		}
	}
	if got := strings.Fields(strings.Join(wrapLine(long), " ")); len(got) != 45 {
		t.Errorf("%d words are left of 45", len(got))
	}
}

// A run of the demo that failed must not replace the recording.
func TestRunRefusesAnIncompleteOutput(t *testing.T) {
	file := filepath.Join(t.TempDir(), "demo.svg")
	if err := run(strings.NewReader("── Build the release\n\n$ builder build\n"), file); err == nil {
		t.Error("an output of one command is accepted")
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file exists: %v", err)
	}
}

// The recording in the repository is XML, and shows every scene.
func TestRecordingOfTheDocumentation(t *testing.T) {
	data, err := os.ReadFile("../../../docs/demo.svg")
	if err != nil {
		t.Fatal(err)
	}
	for decoder := xml.NewDecoder(strings.NewReader(string(data))); ; {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, scene := range scenes {
		if !strings.Contains(string(data), "# "+scene.title) {
			t.Errorf("the recording does not show %q: run make recording", scene.title)
		}
	}
}
