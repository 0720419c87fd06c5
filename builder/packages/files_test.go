// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"
	"github.com/spdx/tools-golang/spdxlib"

	"github.com/prismeai/workspaces-release/internal/golden"
)

// listTar lists a compressed tar: permissions, size and time by name.
func listTar(t *testing.T, data string) map[string]string {
	t.Helper()
	compressed, err := gzip.NewReader(strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for in := tar.NewReader(compressed); ; {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return files
		} else if err != nil {
			t.Fatal(err)
		}
		files[header.Name] = describe(header.FileInfo().Mode(), header.ModTime)
	}
}

func listZip(t *testing.T, data string) map[string]string {
	t.Helper()
	archive, err := zip.NewReader(strings.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range archive.File {
		if _, err := io.ReadAll(must(t)(f.Open())); err != nil {
			t.Fatal(err)
		}
		files[f.Name] = describe(f.Mode(), f.Modified)
	}
	return files
}

func must(t *testing.T) func(io.ReadCloser, error) io.ReadCloser {
	return func(r io.ReadCloser, err error) io.ReadCloser {
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
}

func describe(mode os.FileMode, modified time.Time) string {
	return mode.String() + " " + modified.UTC().Format(time.RFC3339)
}

// The files of one release: archives, chart, checksums, bills of materials and notes.
func TestFiles(t *testing.T) {
	o := testOptions(t)
	writeFiles(t, o.dir, map[string]string{"sidecar.oci.tar": "an image", checksumFile: "of an earlier run"})
	if err := run(o); err != nil {
		t.Fatal(err)
	}
	files := golden.ReadDir(t, o.dir)
	want := []string{
		"RELEASE_NOTES.md", "SHA256SUMS",
		"builder_1.2.3_darwin_amd64.tar.gz", "builder_1.2.3_darwin_amd64.tar.gz.spdx.json",
		"builder_1.2.3_darwin_arm64.tar.gz", "builder_1.2.3_darwin_arm64.tar.gz.spdx.json",
		"builder_1.2.3_linux_amd64.tar.gz", "builder_1.2.3_linux_amd64.tar.gz.spdx.json",
		"builder_1.2.3_linux_arm64.tar.gz", "builder_1.2.3_linux_arm64.tar.gz.spdx.json",
		"builder_1.2.3_windows_amd64.zip", "builder_1.2.3_windows_amd64.zip.spdx.json",
		"sidecar.oci.tar",
		"sidecar_1.2.3_linux_amd64.tar.gz", "sidecar_1.2.3_linux_amd64.tar.gz.spdx.json",
		"workspaces-builder.json", "workspaces-builder.rb",
		"workspaces-release-1.2.3.tgz", "workspaces-release-1.2.3.tgz.spdx.json",
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(files))); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	at := moment.Format(time.RFC3339)
	text, program := "-rw-r--r-- "+at, "-rwxr-xr-x "+at
	for name, c := range map[string]struct {
		list func(*testing.T, string) map[string]string
		want map[string]string
	}{
		"builder_1.2.3_linux_arm64.tar.gz": {listTar, map[string]string{
			"LICENSE": text, "README.md": text, "builder": program,
		}},
		"builder_1.2.3_windows_amd64.zip": {listZip, map[string]string{
			"LICENSE": text, "README.md": text, "builder.exe": program,
		}},
		"sidecar_1.2.3_linux_amd64.tar.gz": {listTar, map[string]string{
			"LICENSE": text, "README.md": text, "sidecar": program,
		}},
		"workspaces-release-1.2.3.tgz": {listTar, map[string]string{
			"workspaces-release/Chart.yaml": text, "workspaces-release/values.yaml": text,
			"workspaces-release/charts/other/Chart.yaml": text,
		}},
	} {
		if diff := cmp.Diff(c.want, c.list(t, files[name])); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if want := "### Added\n\n- A release.\n"; files[notesFile] != want {
		t.Errorf("notes %q, want %q", files[notesFile], want)
	}
	checkSums(t, files)
	for name, text := range files {
		if strings.HasSuffix(name, ".spdx.json") {
			checkBill(t, name, text)
		}
	}
}

// checkSums checks that the checksums cover every file, with those that were there before.
func checkSums(t *testing.T, files map[string]string) {
	t.Helper()
	want := map[string]string{}
	for name, text := range files {
		if name != checksumFile {
			sum := sha256.Sum256([]byte(text))
			want[name] = hex.EncodeToString(sum[:])
		}
	}
	got := map[string]string{}
	for line := range strings.Lines(files[checksumFile]) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		got[name] = sum
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("checksums (-want +got):\n%s", diff)
	}
}

func checkBill(t *testing.T, name, text string) {
	t.Helper()
	var doc v2_3.Document
	if err := spdxjson.ReadInto(strings.NewReader(text), &doc); err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if err := spdxlib.ValidateDocument(&doc); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	described, err := spdxlib.GetDescribedPackageIDs(&doc)
	if err != nil || len(described) != 1 || len(doc.Packages) < 2 {
		t.Errorf("%s describes %v of %d packages: %v", name, described, len(doc.Packages), err)
	}
	if p := doc.Packages[0]; p.PackageVersion != "v"+number || p.PackageLicenseDeclared == "" {
		t.Errorf("%s describes %s %s, licence %q", name, p.PackageName, p.PackageVersion, p.PackageLicenseDeclared)
	}
}

// Package managers get the archives of the release, with their checksums.
func TestPackageManagers(t *testing.T) {
	o := testOptions(t)
	if err := run(o); err != nil {
		t.Fatal(err)
	}
	files := golden.ReadDir(t, o.dir)
	for _, name := range []string{"workspaces-builder.rb", "workspaces-builder.json"} {
		got := files[name]
		for archive, data := range files {
			sum := sha256.Sum256([]byte(data))
			got = strings.ReplaceAll(got, hex.EncodeToString(sum[:]), "checksum of "+archive)
		}
		golden.Compare(t, filepath.Join("testdata", name), got)
	}
}
