// SPDX-License-Identifier: AGPL-3.0-or-later

package engine_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/google/go-containerregistry/pkg/name"
	ggcr "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/builder/internal/engine"
)

func gz(t *testing.T, files map[string]string) func(io.Writer) (digest.Digest, error) {
	return func(w io.Writer) (digest.Digest, error) {
		var buf bytes.Buffer
		tw := tar.NewWriter(&buf)
		for name, body := range files {
			tw.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(body))})
			io.WriteString(tw, body)
		}
		tw.Close()
		z := gzip.NewWriter(w)
		z.Write(buf.Bytes())
		return digest.FromBytes(buf.Bytes()), z.Close()
	}
}

func TestSpike(t *testing.T) {
	ctx := t.Context()
	reg := httptest.NewServer(ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0))))
	defer reg.Close()
	host := strings.TrimPrefix(reg.URL, "http://")

	var idx v1.ImageIndex = empty.Index
	for _, arch := range []string{"amd64", "arm64"} {
		img, err := random.Image(1000, 3)
		if err != nil {
			t.Fatal(err)
		}
		cf, _ := img.ConfigFile()
		cf = cf.DeepCopy()
		cf.OS, cf.Architecture = "linux", arch
		img, err = mutate.ConfigFile(img, cf)
		if err != nil {
			t.Fatal(err)
		}
		idx = mutate.AppendManifests(idx, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	ref, _ := name.ParseReference(host + "/base:1")
	if err := remote.WriteIndex(ref, idx); err != nil {
		t.Fatal(err)
	}
	d, _ := idx.Digest()

	ls, err := engine.NewLayerStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ls.Add(ctx, gz(t, map[string]string{"www/workspaces/x": "hello"})); err != nil {
		t.Fatal(err)
	}
	layers, err := ls.Seal(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var ps []engine.Platform
	for _, arch := range []string{"amd64", "arm64"} {
		cfg := []byte(`{"os":"linux","architecture":"` + arch + `","created":"1970-01-01T00:00:00Z","config":{"Env":["A=b"]},"history":[{},{},{},{"created_by":"me","created":"1970-01-01T00:00:00Z"}]}`)
		ps = append(ps, engine.Platform{Platform: ocispec.Platform{OS: "linux", Architecture: arch}, Config: cfg})
	}
	progress := make(engine.Progress)
	go func() {
		for s := range progress {
			for _, v := range s.Vertexes {
				t.Log(v.Name, v.Cached, v.Error)
			}
		}
	}()
	_ = client.ExporterOCI
	start := time.Now()
	res, err := engine.Build(ctx, engine.Options{
		Root:  t.TempDir(),
		Hosts: docker.ConfigureDefaultRegistries(docker.WithPlainHTTP(docker.MatchLocalhost)),
	}, engine.Spec{
		Base: host + "/base:1@" + d.String(), Platforms: ps, Layers: layers, Epoch: time.Unix(0, 0),
		Annotations: map[string]string{"a.b": "c"},
		Outputs:     []engine.Output{{Kind: engine.Push, Names: []string{host + "/out:1", host + "/other:2"}}, {Kind: engine.OCI, Dest: t.TempDir() + "/x.tar"}},
	}, progress)
	t.Log(time.Since(start))
	if err != nil {
		t.Fatal(err)
	}
	out, _ := name.ParseReference(host + "/out:1")
	got, err := remote.Get(out)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(string(got.Manifest), res.Digest)
	i, _ := got.ImageIndex()
	im, _ := i.IndexManifest()
	img, _ := i.Image(im.Manifests[1].Digest)
	m, _ := img.RawManifest()
	c, _ := img.RawConfigFile()
	var x any
	json.Unmarshal(c, &x)
	t.Log(string(m), string(c))
	_ = os.Stdout
}
