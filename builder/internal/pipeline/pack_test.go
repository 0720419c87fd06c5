// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/builder/internal/engine/progress"
	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/source"
)

func packWorkspace(t *testing.T, f *fixture, path string, to io.Writer) (*pipeline.Reading, error) {
	t.Helper()
	display, err := progress.New(io.Discard, "plain")
	if err != nil {
		t.Fatal(err)
	}
	defer display.Close()
	spec, err := source.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	checks := f.opts.Checks
	alone := *checks.Workspaces
	alone.Alone = true
	checks.Workspaces = &alone
	return pipeline.Pack(t.Context(), display, pipeline.Input{Spec: spec,
		Source: source.Options{One: true, Workspace: "mail"}}, checks, to)
}

// zipped returns the files of an archive, by path.
func zipped(t *testing.T, data []byte) map[string]string {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range r.File {
		text, err := fs.ReadFile(r, f.Name)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = string(text)
	}
	return files
}

// The archive contains the checked files for every kind of source. Packing it again changes
// nothing.
func TestPackHoldsWhatWasChecked(t *testing.T) {
	f := newFixture(t)
	var out bytes.Buffer
	reading, err := packWorkspace(t, f, f.src, &out)
	if err != nil {
		t.Fatal(err)
	}
	files := zipped(t, out.Bytes())
	want := map[string]string{}
	for path, data := range samples() {
		if strings.HasPrefix(path, "mail/") {
			want[path] = data
		}
	}
	if diff := cmp.Diff(want, files); diff != "" || reading.Files != len(files) {
		t.Errorf("%d files: %s", reading.Files, diff)
	}

	// Data before an archive and in its local headers is not copied.
	odd := append([]byte("#!/bin/sh\n"+planted+"\n"), out.Bytes()...)
	path := filepath.Join(t.TempDir(), "odd.zip")
	if err := os.WriteFile(path, odd, 0o600); err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	if _, err := packWorkspace(t, f, path, &again); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), again.Bytes()) {
		t.Error("the archive is another one")
	}
}

func TestPackOfWhatMustNotBeUsed(t *testing.T) {
	f := newFixture(t)
	f.write(t, "mail/automations/x.yml", "a: 1 # "+planted+"\n")
	var failure *pipeline.Error
	if reading, err := packWorkspace(t, f, f.src, io.Discard); !errors.As(err, &failure) ||
		failure.Kind != pipeline.Secrets || reading == nil {
		t.Errorf("error %v", err)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestPackToAFullDisk(t *testing.T) {
	f := newFixture(t)
	var failure *pipeline.Error
	if reading, err := packWorkspace(t, f, f.src, fullDisk{}); !errors.As(err, &failure) ||
		failure.Kind != pipeline.Engine || reading != nil {
		t.Errorf("error %v", err)
	}
}
