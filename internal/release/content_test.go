// SPDX-License-Identifier: Apache-2.0

package release_test

import (
	"crypto/sha256"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/internal/release"
)

// pipeline is the command in the documentation of ContentDigest.
const pipeline = `find . -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0r sha256sum -- | sha256sum`

// trees maps paths to contents. The unusual names test byte order, escaping and option parsing.
func trees() map[string]map[string]string {
	return map[string]map[string]string{
		"empty": {},
		"plain": {"index.yml": "name: x\n", "automations/a.yml": "a", "empty": ""},
		"order": {"a/b": "1", "a-b": "2", "a.b": "3", "a0": "4", "B": "5", "a/B": "6", "a b/c": "7"},
		"odd names": {
			"Custom Code.yml": "1", `back\slash`: "2", "line\nfeed": "3", "carriage\rreturn": "4", "tab\t": "5",
			"-n": "6", "--check": "7", "é": "8", "ü/ü": "9", "\xff\xfe": "10", "'quote\"": "11", "*": "12", `\n`: "13",
			"dir\nfeed/x": "14", "\u2028": "15",
		},
	}
}

func TestContentDigestIsThatOfTheShellPipeline(t *testing.T) {
	for name, tree := range trees() {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "sh", "-c", pipeline)
			cmd.Dir = write(t, tree)
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v: %s", err, err.(*exec.ExitError).Stderr)
			}
			want, _, _ := strings.Cut(string(out), " ")
			if got := release.ContentDigest(files(tree)).Encoded(); got != want {
				t.Errorf("digest %s, the pipeline prints %s", got, want)
			}
		})
	}
}

func write(t *testing.T, tree map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for path, content := range tree {
		file := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func files(tree map[string]string) []release.File {
	var list []release.File
	for _, path := range slices.Sorted(maps.Keys(tree)) {
		list = append(list, release.File{Path: path, Sum: sha256.Sum256([]byte(tree[path]))})
	}
	return list
}

func TestContentDigestDependsOnNothingButTheSet(t *testing.T) {
	list := files(trees()["odd names"])
	want := release.ContentDigest(list)
	slices.Reverse(list)
	before := slices.Clone(list)
	if got := release.ContentDigest(list); got != want {
		t.Errorf("digest of the reversed list is %s, want %s", got, want)
	}
	if !slices.Equal(before, list) {
		t.Error("the list was sorted in place")
	}
}

func TestContentDigestDistinguishesContents(t *testing.T) {
	seen := map[digest.Digest]string{}
	for name, tree := range map[string]map[string]string{
		"one":            {"a": "1"},
		"other content":  {"a": "2"},
		"other name":     {"b": "1"},
		"one more":       {"a": "1", "b": ""},
		"swapped":        {"a": "", "b": "1"},
		"a directory":    {"a/a": "1"},
		"a line feed":    {"a\n": "1"},
		"its escape":     {`a\n`: "1"},
		"a forged entry": {"a\n" + strings.Repeat("0", 64) + "  b": "1"},
	} {
		d := release.ContentDigest(files(tree))
		if other, taken := seen[d]; taken {
			t.Errorf("%q has the digest of %q", name, other)
		}
		seen[d] = name
	}
}
