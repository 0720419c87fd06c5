// SPDX-License-Identifier: Apache-2.0

package release_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/internal/golden"
	"github.com/prismeai/workspaces-release/internal/release"
)

func split(t testing.TB, m *release.Manifest) release.Files {
	t.Helper()
	files, err := release.Split(m)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// load joins the files of a manifest.
func load(files release.Files) (*release.Manifest, error) {
	return release.Load(files.Manifest, func(release.FileReference) ([]byte, error) { return files.Workspaces, nil })
}

// The golden files are the format that released programs read. They may gain fields; any other
// difference requires another schema version.
func TestSplitIsCanonical(t *testing.T) {
	files := split(t, full())
	golden.Compare(t, "testdata/head.json", files.Manifest)
	golden.Compare(t, "testdata/head.workspaces.json", files.Workspaces)
}

func TestSplitAndLoad(t *testing.T) {
	for name, m := range map[string]*release.Manifest{
		"full": full(),
		"one layer, as older builders describe it": changed(func(m *release.Manifest) { m.Layers = nil }),
		"no layer": changed(func(m *release.Manifest) { m.Layer, m.Layers = release.Layer{}, nil }),
	} {
		want := *m
		if m.Layer != (release.Layer{}) {
			want.Layers = m.ContentLayers()
		}
		files := split(t, m)
		got, err := load(files)
		if diff := cmp.Diff(&want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("%s: %v, (-want +got):\n%s", name, err, diff)
		}
		if again := split(t, got); !cmp.Equal(files, again) {
			t.Errorf("%s: split again: %s", name, cmp.Diff(files, again))
		}
	}
}

// The second file is the same blob for every release of the same workspaces.
func TestWorkspacesDoNotDependOnTheCommit(t *testing.T) {
	want := split(t, full())
	got := split(t, changed(func(m *release.Manifest) {
		m.Name = "v2.5.0"
		m.Created = time.Unix(1800000000, 0).UTC()
		m.Source = release.Source{URL: "https://git.example.com/other.git", Commit: strings.Repeat("f", 40)}
		m.Base.Digest = digest.FromString("other base")
		m.Repository.Name = "Release v2.5.0"
		m.Scan.Policy = digest.FromString("other policy")
		m.Scan.Accepted = []string{"ff00"}
		m.Tool.Version = "v1.1.0"
	}))
	if !bytes.Equal(want.Workspaces, got.Workspaces) {
		t.Error(cmp.Diff(string(want.Workspaces), string(got.Workspaces)))
	}
	if bytes.Equal(want.Manifest, got.Manifest) {
		t.Error("the manifest of another release is the same")
	}
	other := split(t, changed(func(m *release.Manifest) { m.Workspaces[0].Digest = digest.FromString("other") }))
	if bytes.Equal(want.Workspaces, other.Workspaces) || bytes.Equal(want.Manifest, other.Manifest) {
		t.Error("other workspaces do not change both files")
	}
}

// Images of older builders contain one document.
func TestLoadReadsOneDocument(t *testing.T) {
	data, err := os.ReadFile("testdata/full.json")
	if err != nil {
		t.Fatal(err)
	}
	got, err := release.Load(data, func(release.FileReference) ([]byte, error) {
		t.Error("another file is read")
		return nil, nil
	})
	if diff := cmp.Diff(full(), got); err != nil || diff != "" {
		t.Errorf("%v, (-want +got):\n%s", err, diff)
	}
}

func TestLoadRefuses(t *testing.T) {
	good := split(t, full())
	edit := func(data []byte, older, newer string) []byte {
		if !bytes.Contains(data, []byte(older)) {
			t.Fatalf("%s does not hold %s", data, older)
		}
		return bytes.Replace(data, []byte(older), []byte(newer), 1)
	}
	// naming returns the manifest with a reference to other workspaces.
	naming := func(workspaces []byte) release.Files {
		manifest := bytes.ReplaceAll(good.Manifest, []byte(digest.FromBytes(good.Workspaces)),
			[]byte(digest.FromBytes(workspaces)))
		if len(workspaces) != len(good.Workspaces) {
			t.Fatalf("%d bytes of workspaces instead of %d", len(workspaces), len(good.Workspaces))
		}
		return release.Files{Manifest: manifest, Workspaces: workspaces}
	}
	for name, c := range map[string]struct {
		in   release.Files
		want string
	}{
		"other workspaces": {release.Files{Manifest: good.Manifest, Workspaces: edit(good.Workspaces, "mail", "male")},
			"and the manifest names one with digest"},
		"workspaces cut off": {release.Files{Manifest: good.Manifest, Workspaces: good.Workspaces[:99]}, "and 99 bytes"},
		"more workspaces": {release.Files{Manifest: good.Manifest, Workspaces: append(bytes.Clone(good.Workspaces), ' ')},
			"and the manifest names one with digest"},
		"no workspaces":          {release.Files{Manifest: good.Manifest}, "and 0 bytes"},
		"a reference to nothing": {release.Files{Manifest: edit(good.Manifest, "workspacesFile", "other")}, `by "" instead of`},
		"another algorithm": {release.Files{Manifest: edit(good.Manifest, `"digest":"sha256:`+
			digest.FromBytes(good.Workspaces).Encoded(), `"digest":"sha512:00`)}, "instead of a SHA-256 digest"},
		"a negative size":    {release.Files{Manifest: edit(good.Manifest, `"size":`, `"size":-`)}, "the limit is"},
		"an enormous size":   {release.Files{Manifest: edit(good.Manifest, `"size":`, `"size":99999999`)}, "the limit is"},
		"workspaces of text": {naming(bytes.Repeat([]byte("x"), len(good.Workspaces))), "workspaces: decode release manifest"},
		"an inconsistency":   {naming(edit(good.Workspaces, `"slug":"mail"`, `"slug":"male"`)), `workspace "male" is in no group`},
		"a head without a name": {release.Files{Manifest: edit(good.Manifest, `"name":"v2.4.0"`, `"name":""`),
			Workspaces: good.Workspaces}, "the release name"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := load(c.in)
			if got != nil || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("loaded %v, error %v; want the error %q", got, err, c.want)
			}
		})
	}
}

func TestLoadReportsAMissingFile(t *testing.T) {
	files := split(t, full())
	_, err := release.Load(files.Manifest, func(release.FileReference) ([]byte, error) { return nil, fs.ErrNotExist })
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

func TestWorkspacesPath(t *testing.T) {
	for manifest, want := range map[string]string{
		release.ManifestPath: "/www/release/manifest.workspaces.json",
		"m.json":             "m.workspaces.json",
		"/etc/manifest":      "/etc/manifest.workspaces.json",
	} {
		if got := release.WorkspacesPath(manifest); got != want {
			t.Errorf("the workspaces of %s are in %s instead of %s", manifest, got, want)
		}
	}
}

func TestSplitRefusesAnInvalidManifest(t *testing.T) {
	if files, err := release.Split(new(release.Manifest)); err == nil || files.Manifest != nil {
		t.Errorf("split into %s, error %v", files.Manifest, err)
	}
}

// FuzzLoad checks that loaded manifests are valid, and that splitting them is a fixed point.
func FuzzLoad(f *testing.F) {
	for _, m := range []*release.Manifest{full(), many(3)} {
		files := split(f, m)
		f.Add(files.Manifest, files.Workspaces)
	}
	f.Add([]byte(`{"schemaVersion":2,"workspacesFile":{}}`), []byte(`{}`))
	f.Fuzz(func(t *testing.T, manifest, workspaces []byte) {
		m, err := load(release.Files{Manifest: withReference(manifest, workspaces), Workspaces: workspaces})
		if err != nil {
			return
		}
		first := split(t, m)
		again, err := load(first)
		if err != nil {
			t.Fatalf("load what was split: %v\n%s\n%s", err, first.Manifest, first.Workspaces)
		}
		if second := split(t, again); !cmp.Equal(first, second) {
			t.Errorf("split again (-first +second):\n%s", cmp.Diff(first, second))
		}
	})
}

// withReference returns the manifest with the right reference to its workspaces, if it is JSON.
func withReference(manifest, workspaces []byte) []byte {
	var head map[string]any
	if json.Unmarshal(manifest, &head) != nil || head == nil {
		return manifest
	}
	head["workspacesFile"] = release.FileReference{Digest: digest.FromBytes(workspaces), Size: int64(len(workspaces))}
	encoded, err := json.Marshal(head)
	if err != nil {
		return manifest
	}
	return encoded
}
