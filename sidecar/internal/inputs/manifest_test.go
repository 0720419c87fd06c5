// SPDX-License-Identifier: Apache-2.0

package inputs

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/internal/limit"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
	"github.com/prismeai/workspaces-release/sidecar/internal/watch"
	"github.com/prismeai/workspaces-release/sidecar/internal/watch/watchtest"
)

// splitOf returns the files of the manifest of a release with one workspace.
func splitOf(t *testing.T, name string) release.Files {
	t.Helper()
	r := &platformtest.Release{ID: "release", Name: "Release " + name, Workspaces: []platformtest.Workspace{
		{Slug: "workspace-of-" + name, Name: name, Version: name, Groups: []string{"base1"}},
	}}
	files, err := release.Split(r.Manifest(name))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// mounted returns the files of a manifest by name.
func mounted(files release.Files) map[string]string {
	return map[string]string{
		"manifest.json": string(files.Manifest), "manifest.workspaces.json": string(files.Workspaces),
	}
}

func TestASplitManifest(t *testing.T) {
	files := splitOf(t, "v1")
	mount, err := watchtest.NewMount(t.TempDir(), mounted(files))
	if err != nil {
		t.Fatal(err)
	}
	s := source(t, "--manifest", mount.Path("manifest.json"))
	first := mustLoad(t, s)
	if first.Desired.Digest != digest.FromBytes(files.Manifest).String() || len(first.Desired.Groups) != 1 {
		t.Errorf("%+v", first.Desired)
	}
	if second := mustLoad(t, s); &first.Desired.Groups[0] != &second.Desired.Groups[0] {
		t.Error("the same manifest is decoded again")
	}
	next := splitOf(t, "v2")
	if err := mount.Swap(mounted(next)); err != nil {
		t.Fatal(err)
	}
	if got := mustLoad(t, s).Desired.Digest; got != digest.FromBytes(next.Manifest).String() {
		t.Errorf("digest %s after the files were replaced", got)
	}
}

func TestWorkspacesThatCannotBeLoaded(t *testing.T) {
	files := splitOf(t, "v1")
	path := put(t, filepath.Join(t.TempDir(), "manifest.json"), string(files.Manifest))
	wantFailure(t, source(t, "--manifest", path), state.ManifestUnreadable, "mount or copy all of /www/release")
	other := release.WorkspacesPath(path)
	put(t, other, string(splitOf(t, "v2").Workspaces))
	wantFailure(t, source(t, "--manifest", path), state.ManifestUnreadable, "and the manifest names one with digest")
	put(t, other, string(files.Workspaces)+strings.Repeat(" ", 1000))
	wantFailure(t, source(t, "--manifest", path), state.ManifestUnreadable, "larger than")
	put(t, other, string(files.Workspaces))
	mustLoad(t, source(t, "--manifest", path))
}

// swapping replaces the files of a manifest after each read of the first one.
type swapping struct {
	t      *testing.T
	mount  *watchtest.Mount
	left   int
	number int
	next   func(number int) release.Files
}

func (s *swapping) read(ctx context.Context, path string, maxBytes int64) ([]byte, error) {
	data, err := watch.Read(ctx, path, maxBytes)
	if filepath.Base(path) == "manifest.json" && s.left > 0 {
		s.left--
		s.number++
		if err := s.mount.Swap(mounted(s.next(s.number))); err != nil {
			s.t.Fatal(err)
		}
	}
	return data, err
}

// Files that are replaced between the two reads are never mixed.
func TestFilesOfAManifestBelongTogether(t *testing.T) {
	versions := []release.Files{splitOf(t, "v1"), splitOf(t, "v2.10")}
	for _, swaps := range []int{1, 5, maxPairs, maxPairs + 1} {
		mount, err := watchtest.NewMount(t.TempDir(), mounted(versions[0]))
		if err != nil {
			t.Fatal(err)
		}
		s := &swapping{t: t, mount: mount, left: swaps, next: func(n int) release.Files { return versions[n%2] }}
		found, err := readManifest(t.Context(), mount.Path("manifest.json"), s.read)
		if swaps > maxPairs {
			if err == nil {
				t.Errorf("%d swaps: %+v", swaps, found.manifest)
			}
			continue
		}
		if err != nil {
			t.Errorf("%d swaps: %v", swaps, err)
			continue
		}
		if want := digest.FromBytes(versions[swaps%2].Manifest); found.digest != want {
			t.Errorf("%d swaps: digest %s instead of %s", swaps, found.digest, want)
		}
	}
}

// A broken pair that does not change is read twice, not for ever.
func TestABrokenPairIsReported(t *testing.T) {
	files := splitOf(t, "v1")
	reads := 0
	read := func(_ context.Context, path string, maxBytes int64) ([]byte, error) {
		reads++
		if path == "manifest.json" {
			return files.Manifest, nil
		}
		if maxBytes != int64(len(files.Workspaces)) {
			t.Errorf("the limit is %d bytes", maxBytes)
		}
		return nil, &limit.Error{Subject: path, Max: maxBytes}
	}
	_, err := readManifest(t.Context(), "manifest.json", read)
	if !errors.As(err, new(*limit.Error)) || reads != 4 {
		t.Errorf("%d reads, error %v", reads, err)
	}
	_, err = readManifest(t.Context(), "manifest.json", func(_ context.Context, path string, _ int64) ([]byte, error) {
		return nil, fs.ErrNotExist
	})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}
