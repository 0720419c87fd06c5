// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	gotar "github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/internal/release"
)

// parts are what the image of a release is made of, for whoever changes one of them.
type parts struct {
	config      *v1.ConfigFile
	annotations map[string]string
	below       []v1.Layer
	// content and about are the entries of the layers with the workspaces and with the
	// release manifest.
	content, about []*entry
}

// entry is an entry of a layer.
type entry struct {
	tar.Header
	data []byte
}

const manifestName = "www/release/manifest.json"

// dissect takes an image apart.
func dissect(t *testing.T, img v1.Image) *parts {
	t.Helper()
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	all, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	ours := len(all) - 2
	return &parts{
		config: config.DeepCopy(), annotations: manifest.Annotations, below: all[:ours],
		content: entries(t, all[ours]), about: entries(t, all[ours+1]),
	}
}

func entries(t *testing.T, l v1.Layer) []*entry {
	t.Helper()
	plain, err := l.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	var list []*entry
	for r := tar.NewReader(plain); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, &entry{*header, data})
	}
}

// entry returns what is called name, in either layer.
func (p *parts) entry(name string) *entry {
	all := slices.Concat(p.content, p.about)
	return all[slices.IndexFunc(all, func(e *entry) bool { return e.Name == name })]
}

// add adds a file like the others at the end of the workspaces.
func (p *parts) add(name, text string) {
	header := p.content[len(p.content)-1].Header
	header.Name = name
	p.content = append(p.content, &entry{header, []byte(text)})
}

func (p *parts) remove(name string) {
	without := func(list []*entry) []*entry {
		return slices.DeleteFunc(list, func(e *entry) bool { return e.Name == name })
	}
	p.content, p.about = without(p.content), without(p.about)
}

// describe changes the release manifest.
func (p *parts) describe(t *testing.T, change func(*release.Manifest)) {
	t.Helper()
	e := p.entry(manifestName)
	m, err := release.Unmarshal(e.data)
	if err != nil {
		t.Fatal(err)
	}
	change(m)
	if e.data, err = release.Encode(m); err != nil {
		t.Fatal(err)
	}
}

// honest makes the manifest say which layer there is, and the labels which manifest: what
// a careful forger would do.
func (p *parts) honest(t *testing.T) *parts {
	t.Helper()
	blob, plain := pack(t, p.content)
	p.describe(t, func(m *release.Manifest) {
		m.Layer = release.Layer{Digest: digest.FromBytes(blob), DiffID: digest.FromBytes(plain), Size: int64(len(blob))}
	})
	return p.label()
}

// label makes the labels say which manifest there is.
func (p *parts) label() *parts {
	sum := digest.FromBytes(p.entry(manifestName).data).String()
	p.config.Config.Labels[release.LabelManifestDigest] = sum
	p.annotations[release.LabelManifestDigest] = sum
	return p
}

// pack returns a compressed layer, and the tar within.
func pack(t *testing.T, list []*entry) (blob, plain []byte) {
	t.Helper()
	var archive, packed bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, e := range list {
		header := e.Header
		header.Size = int64(len(e.data))
		if err := w.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(e.data); err != nil {
			t.Fatal(err)
		}
	}
	zip := gzip.NewWriter(&packed)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := zip.Write(archive.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes(), archive.Bytes()
}

// image puts the parts together.
func (p *parts) image(t *testing.T) v1.Image {
	t.Helper()
	all := slices.Clone(p.below)
	for _, list := range [][]*entry{p.content, p.about} {
		blob, _ := pack(t, list)
		l, err := gotar.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(blob)), nil }, gotar.WithMediaType(types.OCILayer))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	config := p.config.DeepCopy()
	config.RootFS.DiffIDs, config.History = nil, nil
	img, err := mutate.ConfigFile(mutate.MediaType(empty.Image, types.OCIManifestSchema1), config)
	if err != nil {
		t.Fatal(err)
	}
	if img, err = mutate.AppendLayers(mutate.ConfigMediaType(img, types.OCIConfigJSON), all...); err != nil {
		t.Fatal(err)
	}
	annotated, ok := mutate.Annotations(img, p.annotations).(v1.Image)
	if !ok {
		t.Fatal("annotations make something else of an image")
	}
	return annotated
}
