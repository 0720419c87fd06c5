// SPDX-License-Identifier: AGPL-3.0-or-later

package engine_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	ggcr "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// baseLayers is the number of layers of a base image.
const baseLayers = 3

// testRegistry is an in-process registry that fails on request.
type testRegistry struct {
	host string

	mu             sync.Mutex
	failing        func(*http.Request) bool
	user, password string
}

func newRegistry(t *testing.T) *testRegistry {
	t.Helper()
	return wrapRegistry(t, ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0))))
}

func wrapRegistry(t *testing.T, handler http.Handler) *testRegistry {
	t.Helper()
	r := new(testRegistry)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch user, password, _ := req.BasicAuth(); {
		case user != r.user || password != r.password:
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
		case r.fails(req):
			http.Error(w, "no", http.StatusForbidden)
		default:
			handler.ServeHTTP(w, req)
		}
	}))
	t.Cleanup(server.Close)
	r.host = strings.TrimPrefix(server.URL, "http://")
	return r
}

func (r *testRegistry) fails(req *http.Request) bool {
	r.mu.Lock()
	failing := r.failing
	r.mu.Unlock()
	return failing != nil && failing(req)
}

// fail makes the registry refuse the requests for which failing returns true.
func (r *testRegistry) fail(failing func(*http.Request) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failing = failing
}

// require makes the registry require a user and a password.
func (r *testRegistry) require(user, password string) { r.user, r.password = user, password }

// base is an image to build on.
type base struct {
	ref           string // by digest
	architectures []string
	layers        int
	diffIDs       [][]v1.Hash
}

// pushBase pushes an index with one image per architecture.
func (r *testRegistry) pushBase(t *testing.T, repository string, architectures ...string) base {
	t.Helper()
	b := base{architectures: architectures, layers: baseLayers}
	var index v1.ImageIndex = empty.Index
	for _, arch := range architectures {
		image, err := random.Image(1024, baseLayers)
		if err != nil {
			t.Fatal(err)
		}
		config, err := image.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		config = config.DeepCopy()
		config.OS, config.Architecture = "linux", arch
		if image, err = mutate.ConfigFile(image, config); err != nil {
			t.Fatal(err)
		}
		b.diffIDs = append(b.diffIDs, config.RootFS.DiffIDs)
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
	ref := reference(t, r.host+"/"+repository)
	if err := remote.WriteIndex(ref, index); err != nil {
		t.Fatal(err)
	}
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	b.ref = ref.Name() + "@" + digest.String()
	return b
}

func (r *testRegistry) index(t *testing.T, ref string) v1.ImageIndex {
	t.Helper()
	index, err := remote.Index(reference(t, ref))
	if err != nil {
		t.Fatal(err)
	}
	return index
}

func (r *testRegistry) image(t *testing.T, ref string) v1.Image {
	t.Helper()
	image, err := remote.Image(reference(t, ref))
	if err != nil {
		t.Fatal(err)
	}
	return image
}
