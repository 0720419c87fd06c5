// SPDX-License-Identifier: AGPL-3.0-or-later

package engine

import (
	"encoding/json"
	"io"
	"path/filepath"
	"testing"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/moby/buildkit/cache/metadata"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	bolt "go.etcd.io/bbolt"
)

// The image lists the committed layers in order, and a layer that was closed is not in it.
func TestLayerStoreSealsTheCommittedLayers(t *testing.T) {
	store, err := NewLayerStore(filepath.Join(t.TempDir(), "layers"))
	if err != nil {
		t.Fatal(err)
	}
	abandoned, err := store.Create()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(abandoned, "abandoned"); err != nil {
		t.Fatal(err)
	}
	var want []ocispec.Descriptor
	for _, text := range []string{"first", "second"} {
		desc, err := store.Add(func(w io.Writer) (digest.Digest, error) {
			_, err := io.WriteString(w, text)
			return digest.FromString("tar of " + text), err
		})
		if err != nil {
			t.Fatal(err)
		}
		if desc.Digest != digest.FromString(text) || desc.Size != int64(len(text)) {
			t.Errorf("%q has the descriptor %+v", text, desc)
		}
		want = append(want, desc)
	}
	if err := abandoned.Close(); err != nil {
		t.Fatal(err)
	}
	sealed, err := store.Seal()
	if err != nil {
		t.Fatal(err)
	}
	got := readJSON[ocispec.Manifest](t, sealed.Store, ocispec.Descriptor{Digest: sealed.Manifest})
	if len(got.Layers) != len(want) || got.Layers[0].Digest != want[0].Digest || got.Layers[1].Digest != want[1].Digest {
		t.Errorf("layers %+v instead of %+v", got.Layers, want)
	}
	config := readJSON[ocispec.Image](t, sealed.Store, got.Config)
	if ids := config.RootFS.DiffIDs; len(ids) != 2 || ids[1] != digest.FromString("tar of second") {
		t.Errorf("diff IDs %v", ids)
	}
	if _, err := content.ReadBlob(t.Context(), sealed.Store, want[0]); err != nil {
		t.Error(err)
	}
}

// The engine's state is deleted after the build, so BuildKit need not sync it.
func TestDisableSyncReachesTheDatabase(t *testing.T) {
	store, err := metadata.NewStore(filepath.Join(t.TempDir(), "metadata_v2.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	syncs := func() (on bool) {
		if err := store.DB().View(func(tx *bolt.Tx) error { on = !tx.DB().NoSync; return nil }); err != nil {
			t.Fatal(err)
		}
		return on
	}
	if !syncs() {
		t.Fatal("BuildKit opens the database without syncs: disableSync is not needed any more")
	}
	if err := disableSync(store.DB()); err != nil {
		t.Fatal(err)
	}
	if syncs() {
		t.Error("the database still syncs")
	}
}

// readJSON decodes a blob of a store.
func readJSON[T any](t *testing.T, store content.Store, desc ocispec.Descriptor) (v T) {
	t.Helper()
	data, err := content.ReadBlob(t.Context(), store, desc)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}
