// SPDX-License-Identifier: AGPL-3.0-or-later

package layer_test

import (
	"bytes"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/builder/internal/layer"
)

// The golden digest of a layer with many blocks, which are compressed in parallel. The rules of
// [TestGoldenDigest] apply here too.
func TestGoldenDigestOfManyBlocks(t *testing.T) {
	const want = digest.Digest("sha256:6c22707b769a5081df8f85a1afad5e00c34752a83710d5a9a2a00b87afb41e73")
	if got, _ := write(t, options, corpus()); got.Digest != want {
		t.Errorf("digest %s, want %s", got.Digest, want)
	}
}

// TestDigestDependsOnNothingElse runs the golden tests with variations that must not matter.
func TestDigestDependsOnNothingElse(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	for _, env := range []string{"GOMAXPROCS=1", "GOMAXPROCS=4", "TZ=Asia/Kolkata", "LC_ALL=tr_TR.UTF-8",
		"SOURCE_DATE_EPOCH=1"} {
		t.Run(env, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestGoldenDigest", "-test.v")
			cmd.Env = append(os.Environ(), env)
			out, err := cmd.CombinedOutput()
			if err != nil || bytes.Count(out, []byte("--- PASS: ")) != 3 {
				t.Errorf("%v:\n%s", err, out)
			}
		})
	}
}

// Every input of the layer changes its digest.
func TestDigestDependsOnTheInput(t *testing.T) {
	seen := map[digest.Digest]string{}
	for name, change := range map[string]func(*layer.Options, map[string][]byte){
		"nothing":   func(*layer.Options, map[string][]byte) {},
		"directory": func(o *layer.Options, _ map[string][]byte) { o.Directory = "/srv/workspaces" },
		"parents":   func(o *layer.Options, _ map[string][]byte) { o.Parents = true },
		"content":   func(_ *layer.Options, f map[string][]byte) { f["hr/index.yml"] = []byte("name: RH\n") },
		"name": func(_ *layer.Options, f map[string][]byte) {
			f["hr/Index.yml"] = f["hr/index.yml"]
			delete(f, "hr/index.yml")
		},
		"more": func(_ *layer.Options, f map[string][]byte) { f["hr/z"] = nil },
	} {
		opts, files := options, small()
		change(&opts, files)
		l, _ := write(t, opts, files)
		if other, found := seen[l.DiffID]; found {
			t.Errorf("%s and %s have the same layer", name, other)
		}
		seen[l.DiffID] = name
	}
}
