// SPDX-License-Identifier: AGPL-3.0-or-later

package report_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/builder/internal/report"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/internal/golden"
	"github.com/prismeai/workspaces-release/internal/release"
)

// built is a build with a value in every field.
func built() *report.Build {
	image := digest.FromString("image")
	return &report.Build{
		Digest:     image,
		Descriptor: ocispec.Descriptor{MediaType: ocispec.MediaTypeImageIndex, Digest: image, Size: 856},
		Images: []string{"registry.example.com/acme/prismeai-workspaces:v2",
			"mirror.example.com:5000/release:v2"},
		Files:          []string{"out/image.tar"},
		Manifest:       manifest(),
		ManifestDigest: digest.FromString("manifest"),
		Unscanned:      3100,
		Dropped: []source.Drop{
			{Path: ".gitlab-ci.yml", Reason: "hidden entries at the top are not workspaces"},
			{Path: "README.md", Reason: "files at the top belong to no workspace"},
			{Path: "renovate.json", Reason: "files at the top belong to no workspace"},
		},
		Traffic: report.Traffic{Sent: 8_300_000, Received: 12_345},
		Stages:  []report.Stage{{Name: "open", Duration: 1_499_999}, {Name: "read", Duration: 712 * time.Millisecond}},
	}
}

func manifest() *release.Manifest {
	return &release.Manifest{
		SchemaVersion: release.SchemaVersion,
		Name:          "v2",
		Created:       time.Unix(1700000000, 0).UTC(),
		Source: release.Source{
			URL: "https://git.example.com/acme/workspaces.git", Commit: strings.Repeat("ab", 20), Ref: "main",
			Subdir: "workspaces", Dirty: true,
		},
		Base: &release.Base{
			Name:   "registry.example.com/prismeai-workspaces:v27",
			Digest: digest.FromString("base"),
		},
		Repository: release.Repository{ID: "release", Name: "Release v2", Directory: "/www/workspaces"},
		Layer: release.Layer{
			Digest: digest.FromString("layer"),
			DiffID: digest.FromString("tar"),
			Size:   7_900_000,
		},
		Groups: []release.Group{
			{Name: "base1", Labels: []string{"core"}, Workspaces: []string{"mail-sender", "crm"}},
			{Name: "one-product"},
		},
		Workspaces: []release.Workspace{
			{
				Slug:      "crm",
				Name:      "CRM",
				Version:   "v1.0.0",
				DependsOn: []string{"Mail"},
				Files:     12,
				Bytes:     34_567,
				Digest:    digest.FromString("crm"),
			},
			{Slug: "mail-sender", Name: "Mail", App: "Mail", Files: 1, Bytes: 999, Digest: digest.FromString("mail")},
		},
		Scan: release.Scan{
			Scanners: []release.Scanner{{
				Name:      "TruffleHog",
				Version:   "v3.95.9",
				Detectors: 860,
				Rules:     digest.FromString("rules"),
			}},
			Policy: digest.FromString("policy"), Files: 13, Bytes: 35_566,
		},
		Tool: release.Tool{Name: "builder", Version: "v0.1.0"},
	}
}

// write returns the file that fn writes into a new directory.
func write(t *testing.T, name string, into func(path string) error) (path string, data []byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	if err := into(path); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, data
}

func TestMetadata(t *testing.T) {
	_, data := write(t, "meta.json", func(path string) error { return report.WriteMetadata(path, built()) })
	golden.Compare(t, "testdata/metadata.json", data)
}

// The keys are an interface: those of docker buildx, and the builder's below a prefix.
func TestMetadataKeys(t *testing.T) {
	keys := func(b *report.Build) []string {
		_, data := write(t, "meta.json", func(path string) error { return report.WriteMetadata(path, b) })
		var object map[string]any
		if err := json.Unmarshal(data, &object); err != nil {
			t.Fatal(err)
		}
		return slices.Sorted(maps.Keys(object))
	}
	always := []string{
		"containerimage.descriptor", "containerimage.digest",
		"prismeai.registry.bytes", "prismeai.release", "prismeai.release.manifest.digest",
		"prismeai.stages", "schemaVersion",
	}
	if diff := cmp.Diff(always, keys(&report.Build{Manifest: manifest()})); diff != "" {
		t.Errorf("of a build that was written to a file: %s", diff)
	}
	all := append(slices.Clone(always), "image.name", "prismeai.source.dropped")
	slices.Sort(all)
	if diff := cmp.Diff(all, keys(built())); diff != "" {
		t.Errorf("of a build that was pushed: %s", diff)
	}
}

// prismeai.release is the whole manifest.
func TestMetadataHoldsTheReleaseManifest(t *testing.T) {
	_, data := write(t, "meta.json", func(path string) error { return report.WriteMetadata(path, built()) })
	var object struct {
		Release json.RawMessage `json:"prismeai.release"`
	}
	if err := json.Unmarshal(data, &object); err != nil {
		t.Fatal(err)
	}
	got, err := release.Load(object.Release, nil)
	if err != nil {
		t.Fatal(err)
	}
	one, err1 := release.Encode(got)
	two, err2 := release.Encode(manifest())
	if err1 != nil || err2 != nil || !bytes.Equal(one, two) {
		t.Errorf("%v %v: %s", err1, err2, cmp.Diff(string(one), string(two)))
	}
}

func TestDigestFileHoldsTheDigestAlone(t *testing.T) {
	path, data := write(t, "digest", func(path string) error { return report.WriteDigest(path, built()) })
	if string(data) != digest.FromString("image").String() {
		t.Errorf("%q", data)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// A concurrent reader sees the complete old or new file.
func TestFilesAreReplacedAsAWhole(t *testing.T) {
	path, _ := write(t, "digest", func(path string) error { return os.WriteFile(path, []byte("old"), 0o600) })
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := report.WriteDigest(path, built()); err != nil {
		t.Fatal(err)
	}
	if old, err := io.ReadAll(reader); err != nil || string(old) != "old" {
		t.Errorf("the open file became %q, %v", old, err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestInvalidReleaseIsNotWritten(t *testing.T) {
	b := built()
	b.Manifest.Name = ""
	path := filepath.Join(t.TempDir(), "meta.json")
	if err := report.WriteMetadata(path, b); err == nil {
		t.Error("it was written")
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("there is a file")
	}
}

func TestFileThatCannotBeWrittenIsAnError(t *testing.T) {
	dir := t.TempDir()
	taken := filepath.Join(dir, "taken")
	if err := os.Mkdir(taken, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{taken, filepath.Join(dir, "none", "file")} {
		for _, err := range []error{report.WriteDigest(path, built()), report.WriteMetadata(path, built())} {
			if err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: error %v", path, err)
			}
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestCheckPath(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for path, ok := range map[string]bool{
		file: true, filepath.Join(dir, "new"): true, "new": true,
		dir: false, link: false, "/dev/null": false, filepath.Join(file, "below"): false,
		filepath.Join(dir, "none", "new"): false, "none/new": false,
	} {
		if err := report.CheckPath(path); (err == nil) != ok {
			t.Errorf("%s: %v", path, err)
		} else if err != nil && !strings.Contains(err.Error(), path) {
			t.Errorf("error %q does not name %s", err, path)
		}
	}
}
