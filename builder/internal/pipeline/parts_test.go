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

// parts are the modifiable parts of a release image.
type parts struct {
	config      *v1.ConfigFile
	annotations map[string]string
	below       []v1.Layer
	// content, listed and about are the entries of the first layer with workspaces, of the layer with
	// the workspaces of the release manifest, and of the layer with the release manifest. more
	// contains those of further layers with workspaces.
	content, listed, about []*entry
	more                   [][]*entry
}

// entry is an entry of a layer.
type entry struct {
	tar.Header
	data []byte
}

const (
	manifestName   = "www/release/manifest.json"
	workspacesName = "www/release/manifest.workspaces.json"
)

// dissect splits an image into its parts.
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
	last := len(all) - 1
	p := &parts{config: config.DeepCopy(), annotations: manifest.Annotations, about: entries(t, all[last]),
		listed: entries(t, all[last-1])}
	first := last - 1 - len(p.manifest(t).Layers)
	p.below = all[:first]
	p.content = entries(t, all[first])
	for _, l := range all[first+1 : last-1] {
		p.more = append(p.more, entries(t, l))
	}
	return p
}

// manifest returns the release manifest.
func (p *parts) manifest(t *testing.T) *release.Manifest {
	t.Helper()
	m, err := release.Load(p.entry(manifestName).data, func(release.FileReference) ([]byte, error) {
		return p.entry(workspacesName).data, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// contents returns the entries of all layers with workspaces.
func (p *parts) contents() [][]*entry { return append([][]*entry{p.content}, p.more...) }

// layers returns the entries of all layers of the release, the lowest first.
func (p *parts) layers() [][]*entry {
	if p.listed == nil {
		return append(p.contents(), p.about)
	}
	return append(p.contents(), p.listed, p.about)
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

// entry returns the entry with the given name from any layer.
func (p *parts) entry(name string) *entry {
	all := slices.Concat(p.layers()...)
	return all[slices.IndexFunc(all, func(e *entry) bool { return e.Name == name })]
}

// add adds a file at the end of the first layer with workspaces.
func (p *parts) add(name, text string) {
	header := p.content[len(p.content)-1].Header
	header.Name = name
	p.content = append(p.content, &entry{header, []byte(text)})
}

func (p *parts) remove(name string) {
	without := func(list []*entry) []*entry {
		return slices.DeleteFunc(list, func(e *entry) bool { return e.Name == name })
	}
	p.content = without(p.content)
	p.listed = without(p.listed)
	p.about = without(p.about)
}

// describe modifies the release manifest.
func (p *parts) describe(t *testing.T, change func(*release.Manifest)) {
	t.Helper()
	m := p.manifest(t)
	change(m)
	files, err := release.Split(m)
	if err != nil {
		t.Fatal(err)
	}
	p.entry(manifestName).data = files.Manifest
	p.entry(workspacesName).data = files.Workspaces
}

// asBefore has the release manifest in one document, as older builders wrote it.
func (p *parts) asBefore(t *testing.T) *parts {
	t.Helper()
	encoded, err := release.Encode(p.manifest(t))
	if err != nil {
		t.Fatal(err)
	}
	whole := *p.entry(manifestName)
	whole.data = encoded
	p.about = append(slices.DeleteFunc(p.listed, func(e *entry) bool { return e.Name == workspacesName }), &whole)
	p.listed = nil
	return p.label()
}

// honest updates the layers in the manifest and the digest of the manifest in the labels, as a
// careful forger would.
func (p *parts) honest(t *testing.T) *parts {
	t.Helper()
	p.describe(t, func(m *release.Manifest) {
		for i, list := range p.contents() {
			blob, plain := pack(t, list)
			m.Layers[i].Layer = release.Layer{Digest: digest.FromBytes(blob), DiffID: digest.FromBytes(plain),
				Size: int64(len(blob))}
		}
		m.Layer = m.Layers[0].Layer
	})
	return p.label()
}

// label updates the digest of the manifest in the labels.
func (p *parts) label() *parts {
	sum := digest.FromBytes(p.entry(manifestName).data).String()
	p.config.Config.Labels[release.LabelManifestDigest] = sum
	p.annotations[release.LabelManifestDigest] = sum
	return p
}

// pack returns a compressed layer and its uncompressed tar.
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

// image assembles the parts.
func (p *parts) image(t *testing.T) v1.Image {
	t.Helper()
	all := slices.Clone(p.below)
	for _, list := range p.layers() {
		blob, _ := pack(t, list)
		l, err := gotar.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(blob)), nil },
			gotar.WithMediaType(types.OCILayer))
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
