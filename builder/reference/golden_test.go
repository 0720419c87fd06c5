// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/cli"
	"github.com/prismeai/workspaces-release/internal/golden"
)

// volatile matches the values that differ between machines and builds of the same documents.
var volatile = regexp.MustCompile(`sha256:[0-9a-f]{64}|"(?:version|go|platform|buildkit|trufflehog)": "(?:devel|go1|linux/|v\d)[^"]*"`)

// TestGoldenDocuments compares the JSON of the commands with one document each: of the example
// workspaces, of a copy with an invalid workspace and a secret, and of an image of both.
func TestGoldenDocuments(t *testing.T) {
	dir := t.TempDir()
	examples := filepath.Join(dir, "examples")
	changed := filepath.Join(dir, "changed")
	for _, target := range []string{examples, changed} {
		if err := os.CopyFS(target, os.DirFS("../../examples/workspaces")); err != nil {
			t.Fatal(err)
		}
	}
	automation := filepath.Join(changed, "mail-sender", "automations", "leak.yml")
	text := "slug: other\nname: Leak\ndo:\n  - set: {name: apiPassword, value: Tr0ub4dor-and-3-horses}\n"
	if err := os.WriteFile(automation, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	image := filepath.Join(dir, "release.tar")
	run := func(want int, args ...string) []byte {
		t.Helper()
		var out, errs bytes.Buffer
		if code := cli.Run(t.Context(), args, cli.IO{Out: &out, Err: &errs}); code != want {
			t.Fatalf("%q ended with %d instead of %d: %s", args, code, want, errs.String())
		}
		return out.Bytes()
	}
	run(0, "build", examples, "--base", "scratch", "--platform", "linux/amd64", "--release", "v1",
		"--output", "type=oci,dest="+image)
	for name, c := range map[string]struct {
		code int
		args []string
	}{
		"validate":     {3, []string{"validate", changed}},
		"scan":         {183, []string{"scan", changed, "--include-detector", "dsul"}},
		"plan":         {0, []string{"plan", examples}},
		"diff":         {0, []string{"diff", examples, changed}},
		"requirements": {0, []string{"requirements", examples}},
		"inspect":      {0, []string{"inspect", "oci-layout://" + image}},
		"verify":       {0, []string{"verify", "oci-layout://" + image}},
		"version":      {0, []string{"version"}},
	} {
		document := run(c.code, append(c.args, "--format", "json")...)
		document = []byte(strings.ReplaceAll(string(document), dir, "DIRECTORY"))
		document = volatile.ReplaceAllFunc(document, func(value []byte) []byte {
			key, _, ok := strings.Cut(string(value), `": "`)
			if !ok {
				return []byte("sha256:DIGEST")
			}
			return []byte(key + `": "VERSION"`)
		})
		golden.Compare(t, filepath.Join("testdata", name+".json"), document)
	}
}
