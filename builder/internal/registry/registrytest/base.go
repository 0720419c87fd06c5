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
	// Platforms ("linux/amd64") makes an index with one image per platform. If it is empty, the base
	// is a single manifest for linux/amd64.
	Platforms []string
	// Env, Labels, Cmd and User are set in the configuration of every image.
	Env    []string
	Labels map[string]string
	Cmd    []string
	User   string
	// Layers are the compressed layers of every image, lowest first. Their content is arbitrary. Nil
	// means two small layers.
	Layers []v1.Layer
	// Docker selects Docker media types instead of OCI ones.
	Docker bool
}

// Pushed is an image in the registry.
type Pushed struct {
	// Ref is the reference by tag, Pinned the reference by digest.
	Ref, Pinned string
	Digest      v1.Hash
}

// PushBase adds a base image as "repo:tag". It bypasses authentication, faults and the recording of
// requests.
func (s *Server) PushBase(t testing.TB, repoTag string, base Base) Pushed {
	t.Helper()
	if len(base.Platforms) == 0 {
		return s.PushImage(t, repoTag, base.newImage(t, v1.Platform{OS: "linux", Architecture: "amd64"}))
	}
	index := mutate.IndexMediaType(v1.ImageIndex(empty.Index),
		base.mediaType(types.OCIImageIndex, types.DockerManifestList))
	for _, p := range base.Platforms {
		platform, err := v1.ParsePlatform(p)
		if err != nil {
			t.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        base.newImage(t, *platform),
			Descriptor: v1.Descriptor{Platform: platform},
		})
	}
	return s.PushIndex(t, repoTag, index)
}

// PushImage adds an image as "repo:tag", like [Server.PushBase].
func (s *Server) PushImage(t testing.TB, repoTag string, img v1.Image) Pushed {
	t.Helper()
	tag := s.parseTag(t, repoTag)
	if err := remote.Write(tag, img, s.withHandler()); err != nil {
		t.Fatal(err)
	}
	return newPushed(t, tag, img)
}

// PushIndex adds an index as "repo:tag", like [Server.PushBase].
func (s *Server) PushIndex(t testing.TB, repoTag string, index v1.ImageIndex) Pushed {
	t.Helper()
	tag := s.parseTag(t, repoTag)
	if err := remote.WriteIndex(tag, index, s.withHandler()); err != nil {
		t.Fatal(err)
	}
	return newPushed(t, tag, index)
}

// Descriptor resolves "repo:tag", like [Server.PushBase] without a request that is recorded. Its
// Manifest holds the raw document.
func (s *Server) Descriptor(t testing.TB, repoTag string) *remote.Descriptor {
	t.Helper()
	ref, err := name.ParseReference(s.Ref(repoTag), name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	desc, err := remote.Get(ref, s.withHandler())
	if err != nil {
		t.Fatal(err)
	}
	return desc
}

// Tags returns the tags of a repository without a request that is recorded. A repository that does
// not exist has none.
func (s *Server) Tags(t testing.TB, repo string) []string {
	t.Helper()
	repository, err := name.NewRepository(s.Ref(repo), name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	tags, err := remote.List(repository, s.withHandler())
	var answer *transport.Error
	if errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound {
		return nil
	} else if err != nil {
		t.Fatal(err)
	}
	return tags
}

// newPushed describes an artifact that was added with a tag.
func newPushed(t testing.TB, tag name.Tag, artifact interface{ Digest() (v1.Hash, error) }) Pushed {
	t.Helper()
	digest, err := artifact.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return Pushed{Ref: tag.Name(), Pinned: tag.Context().Name() + "@" + digest.String(), Digest: digest}
}

// parseTag parses a name in this registry.
func (s *Server) parseTag(t testing.TB, repoTag string) name.Tag {
	t.Helper()
	tag, err := name.NewTag(s.Ref(repoTag), name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	return tag
}

// withHandler sends requests to the registry's handler without a connection.
func (s *Server) withHandler() remote.Option { return remote.WithTransport(handlerTransport{s.inner}) }

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

// mediaType returns the OCI or the Docker media type.
func (b Base) mediaType(oci, docker types.MediaType) types.MediaType {
	if b.Docker {
		return docker
	}
	return oci
}

// newImage makes the image of one platform, which is the same in every run.
func (b Base) newImage(t testing.TB, platform v1.Platform) v1.Image {
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

// Layer makes a layer of the given bytes, which are not a tar archive: an engine that unpacks the
// layer fails.
func Layer(content string) v1.Layer {
	return static.NewLayer([]byte(content), types.OCILayer)
}

// SizedLayer makes a layer of size bytes that differs for each seed, to measure transfers.
func SizedLayer(seed byte, size int) v1.Layer {
	content := bytes.Repeat([]byte{seed}, size)
	return static.NewLayer(content, types.OCILayer)
}
