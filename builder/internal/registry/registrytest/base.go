// SPDX-License-Identifier: AGPL-3.0-or-later

package registrytest

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Base describes a synthetic base image.
type Base struct {
	// Platforms ("linux/amd64") makes an index of one image a platform. None makes
	// a single manifest, for linux/amd64.
	Platforms []string
	// Env, Labels, Cmd and User go to every image's configuration.
	Env    []string
	Labels map[string]string
	Cmd    []string
	User   string
	// Layers are the compressed layers of every image, bottom first. They are not
	// looked into: nil makes two small ones.
	Layers []v1.Layer
	// Docker makes docker media types instead of OCI ones.
	Docker bool
}

// Pushed is an image in the registry.
type Pushed struct {
	// Ref is the reference by tag, Pinned the one by digest.
	Ref, Pinned string
	Digest      v1.Hash
}

// PushBase puts a base image under name ("repo:tag"). It goes around
// authentication, faults and the record of requests.
func (s *Server) PushBase(t testing.TB, repoTag string, base Base) Pushed {
	t.Helper()
	if len(base.Platforms) == 0 {
		return s.PushImage(t, repoTag, base.image(t, v1.Platform{OS: "linux", Architecture: "amd64"}))
	}
	index := mutate.IndexMediaType(v1.ImageIndex(empty.Index),
		base.mediaType(types.OCIImageIndex, types.DockerManifestList))
	for _, p := range base.Platforms {
		platform, err := v1.ParsePlatform(p)
		if err != nil {
			t.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        base.image(t, *platform),
			Descriptor: v1.Descriptor{Platform: platform},
		})
	}
	return s.PushIndex(t, repoTag, index)
}

// PushImage puts a ready image under name ("repo:tag"), around everything.
func (s *Server) PushImage(t testing.TB, repoTag string, img v1.Image) Pushed {
	t.Helper()
	tag := s.tag(t, repoTag)
	if err := remote.Write(tag, img, s.direct()); err != nil {
		t.Fatal(err)
	}
	return pushed(t, tag, img)
}

// PushIndex puts a ready index under name ("repo:tag"), around everything.
func (s *Server) PushIndex(t testing.TB, repoTag string, index v1.ImageIndex) Pushed {
	t.Helper()
	tag := s.tag(t, repoTag)
	if err := remote.WriteIndex(tag, index, s.direct()); err != nil {
		t.Fatal(err)
	}
	return pushed(t, tag, index)
}

// Descriptor returns what a reference in this registry ("repo:tag") stands for,
// around everything; its Manifest holds the raw document.
func (s *Server) Descriptor(t testing.TB, repoTag string) *remote.Descriptor {
	t.Helper()
	ref, err := name.ParseReference(s.Ref(repoTag), name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	desc, err := remote.Get(ref, s.direct())
	if err != nil {
		t.Fatal(err)
	}
	return desc
}

// Tags returns the tags of a repository in this registry, around everything. One
// that nothing was pushed to has none.
func (s *Server) Tags(t testing.TB, repo string) []string {
	t.Helper()
	repository, err := name.NewRepository(s.Ref(repo), name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	tags, err := remote.List(repository, s.direct())
	var answer *transport.Error
	if errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound {
		return nil
	} else if err != nil {
		t.Fatal(err)
	}
	return tags
}

// pushed describes what was put under tag.
func pushed(t testing.TB, tag name.Tag, artifact interface{ Digest() (v1.Hash, error) }) Pushed {
	t.Helper()
	digest, err := artifact.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return Pushed{Ref: tag.Name(), Pinned: tag.Context().Name() + "@" + digest.String(), Digest: digest}
}

// tag parses a name in this registry.
func (s *Server) tag(t testing.TB, repoTag string) name.Tag {
	t.Helper()
	tag, err := name.NewTag(s.Ref(repoTag), name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	return tag
}

// direct hands requests to the registry's handler without a connection.
func (s *Server) direct() remote.Option { return remote.WithTransport(handlerTransport{s.inner}) }

type handlerTransport struct{ handler http.Handler }

func (h handlerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	req := r.Clone(r.Context())
	if req.Body == nil {
		req.Body = http.NoBody
	}
	req.RequestURI = r.URL.RequestURI()
	h.handler.ServeHTTP(w, req)
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// mediaType chooses between the two families.
func (b Base) mediaType(oci, docker types.MediaType) types.MediaType {
	if b.Docker {
		return docker
	}
	return oci
}

// image makes the image of one platform. It is the same on every run: no time of day
// and nothing random is in it.
func (b Base) image(t testing.TB, platform v1.Platform) v1.Image {
	t.Helper()
	img := mutate.MediaType(empty.Image, b.mediaType(types.OCIManifestSchema1, types.DockerManifestSchema2))
	img = mutate.ConfigMediaType(img, b.mediaType(types.OCIConfigJSON, types.DockerConfigJSON))
	layers := b.Layers
	if layers == nil {
		layers = []v1.Layer{Layer("base layer 1"), Layer("base layer 2")}
	}
	img, err := mutate.AppendLayers(img, layers...)
	if err != nil {
		t.Fatal(err)
	}
	return Configure(t, img, func(config *v1.ConfigFile) {
		config.OS, config.Architecture, config.Variant = platform.OS, platform.Architecture, platform.Variant
		config.Created = v1.Time{Time: time.Unix(0, 0).UTC()}
		config.Config.Env, config.Config.Labels = b.Env, b.Labels
		config.Config.Cmd, config.Config.User = b.Cmd, b.User
		config.History = nil
		for i := range layers {
			config.History = append(config.History, v1.History{CreatedBy: fmt.Sprintf("base step %d", i+1)})
		}
	})
}

// Configure returns img with a changed configuration.
func Configure(t testing.TB, img v1.Image, change func(*v1.ConfigFile)) v1.Image {
	t.Helper()
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	change(config)
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return img
}

// Layer makes a layer of the given bytes. It is no tar: an engine that unpacks it fails.
func Layer(content string) v1.Layer {
	return static.NewLayer([]byte(content), types.OCILayer)
}

// SizedLayer makes a layer of size bytes, different for each seed, to measure what is moved.
func SizedLayer(seed byte, size int) v1.Layer {
	content := bytes.Repeat([]byte{seed}, size)
	return static.NewLayer(content, types.OCILayer)
}
