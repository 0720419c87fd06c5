// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"os"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/registry/registrytest"
)

// brokenPipe returns the end of a pipe without a reader.
func brokenPipe(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	t.Cleanup(func() { w.Close() })
	return w
}

// fullDevice returns a file that refuses every write.
func fullDevice(t *testing.T) *os.File {
	t.Helper()
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// Failed writes are an error for results, but not for progress. Neither ends the builder before it
// has cleaned up.
func TestFailedWrites(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{})
	base, src := pushBase(t, reg), workspaces(t)
	build := func(tag string) []string {
		return []string{"build", src, "--base", base, "-t", reg.Ref(tag), "--push", "--release", "v1",
			"--progress", "plain"}
	}
	tests := []struct {
		name, tag      string
		args           []string
		stdout, stderr *os.File
		code           int
		says           string
		quiet          bool
	}{
		{
			name:   "broken standard output",
			tag:    "first:v1",
			args:   build("first:v1"),
			stdout: brokenPipe(t),
			code:   8,
			says:   "write /dev/stdout: broken pipe",
		},
		{
			name:   "full standard output",
			tag:    "second:v1",
			args:   build("second:v1"),
			stdout: fullDevice(t),
			code:   8,
			says:   "write /dev/stdout: no space left on device",
		},
		{name: "broken standard error", tag: "third:v1", args: build("third:v1"), stderr: brokenPipe(t)},
		{name: "plan into a broken pipe", args: []string{"plan", src}, stdout: brokenPipe(t), code: 8, quiet: true},
		{
			name:   "diagnostics into a broken pipe",
			args:   []string{"validate", src},
			stdout: brokenPipe(t),
			code:   8,
			quiet:  true,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := builder(t, nil, tt.args...)
			if tt.stdout != nil {
				p.Stdout = tt.stdout
			}
			if tt.stderr != nil {
				p.Stderr = tt.stderr
			}
			p.run(t, tt.code)
			p.says(t, tt.says)
			if tt.quiet && p.stderr.Len() > 0 {
				t.Errorf("standard error says %q", p.stderr.String())
			}
			if tt.tag != "" && !exists(t, reg.Ref(tt.tag)) {
				t.Error("the image was not pushed")
			}
		})
	}
}

// A process without standard streams must not use the first file that it opens as one.
func TestClosedStreams(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{})
	p := builder(t, nil, "build", workspaces(t), "--base", pushBase(t, reg), "-t", reg.Ref("out:v1"),
		"--push", "--release", "v1")
	p.Path, p.Args = "/bin/sh", append([]string{"sh", "-c", `exec "$@" <&- >&- 2>&-`, "sh",
		link(t, "builder")}, p.Args[1:]...)
	p.run(t, 0)
	if !exists(t, reg.Ref("out:v1")) {
		t.Error("the image was not pushed")
	}
}

// Unwritable results are detected before any work is done.
func TestUnwritableResults(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{})
	base, src, missing := pushBase(t, reg), workspaces(t), t.TempDir()+"/missing/file"
	for _, flags := range [][]string{
		{"--metadata-file", missing}, {"--digest-file", missing}, {"--report", "json=" + missing},
		{"--output", "type=oci,dest=" + missing},
	} {
		t.Run(flags[0], func(t *testing.T) {
			p := builder(t, nil, append([]string{"build", src, "--base", base, "-t", reg.Ref("out:v1"),
				"--push"}, flags...)...)
			p.run(t, 2)
			p.says(t, missing+": its directory does not exist")
			if exists(t, reg.Ref("out:v1")) {
				t.Error("the image was pushed")
			}
		})
	}
}
