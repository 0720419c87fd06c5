// SPDX-License-Identifier: AGPL-3.0-or-later

package engine_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/builder/internal/engine"
	"github.com/prismeai/workspaces-release/internal/secret"
)

var epoch = time.Unix(1700000000, 0).UTC()

// build runs the engine in a new state directory and shows its progress in the log of the test. It
// fails the test on warnings from BuildKit.
func build(t *testing.T, ctx context.Context, spec engine.Spec,
	credentials engine.Credentials) (*engine.Result, error) {
	t.Helper()
	return buildAt(t, ctx, engine.Options{
		Root:        t.TempDir(),
		Hosts:       docker.ConfigureDefaultRegistries(docker.WithPlainHTTP(docker.MatchLocalhost)),
		Credentials: credentials,
	}, spec)
}

func buildAt(t *testing.T, ctx context.Context, opts engine.Options, spec engine.Spec) (*engine.Result, error) {
	t.Helper()
	progress := make(engine.Progress)
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		for status := range progress {
			for _, v := range status.Vertexes {
				if v.Error != "" {
					t.Log(v.Name, v.Error)
				}
			}
			for _, w := range status.Warnings {
				t.Errorf("warning: %s", w.Short)
			}
		}
	}()
	result, err := engine.Build(ctx, opts, spec, progress)
	<-shown
	return result, err
}

func isRegistry(err error) bool {
	var refused *engine.RegistryError
	return errors.As(err, &refused)
}

func mustBuild(t *testing.T, spec engine.Spec) *engine.Result {
	t.Helper()
	result, err := build(t, t.Context(), spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// layers seals a single layer with one file.
func layers(t *testing.T, path, body string) engine.Layers {
	t.Helper()
	store, err := engine.NewLayerStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Add(func(w io.Writer) (digest.Digest, error) { return writeLayer(w, path, body) }); err != nil {
		t.Fatal(err)
	}
	sealed, err := store.Seal()
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func writeLayer(w io.Writer, path, body string) (digest.Digest, error) {
	var plain bytes.Buffer
	archive := tar.NewWriter(&plain)
	err := errors.Join(
		archive.WriteHeader(&tar.Header{Name: path, Mode: 0o644, Size: int64(len(body)), ModTime: epoch}),
		func() error { _, err := io.WriteString(archive, body); return err }(),
		archive.Close())
	compressed := gzip.NewWriter(w)
	_, werr := compressed.Write(plain.Bytes())
	return digest.FromBytes(plain.Bytes()), errors.Join(err, werr, compressed.Close())
}

// spec returns a spec on a base, with one history entry per layer in the configuration.
func spec(t *testing.T, base base, out ...engine.Output) engine.Spec {
	t.Helper()
	s := engine.Spec{
		Base:        base.ref,
		Layers:      layers(t, "www/workspaces/hello/index.yml", "name: hello\n"),
		Annotations: map[string]string{"org.opencontainers.image.version": "v1"},
		Epoch:       epoch,
		Outputs:     out,
	}
	for _, arch := range base.architectures {
		history := append(make([]ocispec.History, base.layers), ocispec.History{CreatedBy: "builder", Created: &epoch})
		image := ocispec.Image{Created: &epoch, Platform: ocispec.Platform{OS: "linux", Architecture: arch}, History: history}
		image.Config.Env = []string{"RELEASE=v1"}
		config, err := json.Marshal(image)
		if err != nil {
			t.Fatal(err)
		}
		s.Platforms = append(s.Platforms, engine.Platform{Platform: image.Platform, Config: config})
	}
	return s
}

func TestLayersAreMergedOverEveryPlatformOfTheBase(t *testing.T) {
	reg := newRegistry(t)
	b := reg.pushBase(t, "base:1", "amd64", "arm64")
	s := spec(t, b, engine.Output{Kind: engine.Push, Names: []string{reg.host + "/out:1", reg.host + "/other:2"}})
	result := mustBuild(t, s)

	for _, ref := range s.Outputs[0].Names {
		index := reg.index(t, ref)
		if got, _ := index.Digest(); got.String() != result.Digest.String() {
			t.Errorf("%s has digest %s, the engine said %s", ref, got, result.Digest)
		}
		manifest, err := index.IndexManifest()
		if err != nil {
			t.Fatal(err)
		}
		var architectures []string
		for i, desc := range manifest.Manifests {
			architectures = append(architectures, desc.Platform.Architecture)
			image, err := index.Image(desc.Digest)
			if err != nil {
				t.Fatal(err)
			}
			checkImage(t, image, b.diffIDs[i])
		}
		if diff := cmp.Diff([]string{"amd64", "arm64"}, architectures); diff != "" {
			t.Error(diff)
		}
	}
}

// checkImage requires the layers of the base, then ours, and our configuration.
func checkImage(t *testing.T, image v1.Image, base []v1.Hash) {
	t.Helper()
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(base, config.RootFS.DiffIDs[:len(base)], cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("layers of the base: %s", diff)
	}
	if got := len(config.RootFS.DiffIDs); got != len(base)+1 {
		t.Errorf("%d layers instead of %d", got, len(base)+1)
	}
	if diff := cmp.Diff([]string{"RELEASE=v1"}, config.Config.Env); diff != "" {
		t.Error(diff)
	}
	if !config.Created.Time.Equal(epoch) || !config.History[len(base)].Created.Time.Equal(epoch) {
		t.Errorf("created %s, history %s instead of %s", config.Created, config.History[len(base)].Created, epoch)
	}
	manifest, err := image.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if manifest.Annotations["org.opencontainers.image.version"] != "v1" {
		t.Errorf("annotations %v", manifest.Annotations)
	}
}

func TestSameInputGivesSameDigestWhateverTheOutput(t *testing.T) {
	reg := newRegistry(t)
	b := reg.pushBase(t, "base:1", "amd64")
	tarball := filepath.Join(t.TempDir(), "image.tar")
	computed := mustBuild(t, spec(t, b))
	pushed := mustBuild(t, spec(t, b, engine.Output{Kind: engine.Push, Names: []string{reg.host + "/out:1"}}))
	written := mustBuild(t, spec(t, b, engine.Output{Kind: engine.OCI, Dest: tarball}))
	both := mustBuild(t, spec(t, b,
		engine.Output{Kind: engine.Push, Names: []string{reg.host + "/out:2", reg.host + "/other:2"}},
		engine.Output{Kind: engine.Docker, Dest: filepath.Join(t.TempDir(), "docker.tar")}))
	if computed.Digest != pushed.Digest || pushed.Digest != written.Digest || written.Digest != both.Digest {
		t.Errorf("computed %s, pushed %s, written %s, pushed and written for docker %s", computed.Digest, pushed.Digest,
			written.Digest, both.Digest)
	}
	if got := layoutDigest(t, tarball); got != written.Digest.String() {
		t.Errorf("the OCI layout holds %s instead of %s", got, written.Digest)
	}
}

// layoutDigest unpacks an OCI layout and returns the digest of its only image.
func layoutDigest(t *testing.T, tarball string) string {
	t.Helper()
	f, err := os.Open(tarball)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dir := t.TempDir()
	archive := tar.NewReader(f)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		data, err := io.ReadAll(archive)
		path := filepath.Join(dir, header.Name)
		if err := errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	return manifest.Manifests[0].Digest.String()
}

func TestImageFromScratchHoldsTheLayersAlone(t *testing.T) {
	reg := newRegistry(t)
	mustBuild(t, spec(t, base{architectures: []string{"amd64"}},
		engine.Output{Kind: engine.Push, Names: []string{reg.host + "/content:1"}}))
	checkImage(t, reg.image(t, reg.host+"/content:1"), nil)
}

func TestDockerArchiveIsWritten(t *testing.T) {
	reg := newRegistry(t)
	dest := filepath.Join(t.TempDir(), "image.tar")
	mustBuild(t, spec(t, reg.pushBase(t, "base:1", "amd64"),
		engine.Output{Kind: engine.Docker, Names: []string{"example.test/x:1"}, Dest: dest}))
	data, err := os.ReadFile(dest)
	if err != nil || !bytes.Contains(data, []byte("manifest.json")) {
		t.Errorf("docker archive of %d bytes: %v", len(data), err)
	}
}

func TestFailedBuildLeavesNoFileAndNoTag(t *testing.T) {
	reg := newRegistry(t)
	dir := t.TempDir()
	s := spec(t, reg.pushBase(t, "base:1", "amd64"),
		engine.Output{Kind: engine.OCI, Dest: filepath.Join(dir, "image.tar")},
		engine.Output{Kind: engine.Push, Names: []string{reg.host + "/out:1"}})
	reg.fail(func(r *http.Request) bool {
		return r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/out/manifests/")
	})
	_, err := build(t, t.Context(), s, nil)
	if !isRegistry(err) {
		t.Errorf("error %v instead of one of the registry", err)
	}
	reg.fail(nil)
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("left behind: %v", entries)
	}
	if _, err := remote.Head(reference(t, reg.host+"/out:1")); err == nil {
		t.Error("the tag exists")
	}
}

// A release reaches both of two registries or, unless a registry fails at the very end, neither.
func TestNoNameIsPushedBeforeEveryRepositoryHasTheImage(t *testing.T) {
	first, second := newRegistry(t), newRegistry(t)
	b := first.pushBase(t, "base:1", "amd64")
	s := spec(t, b, engine.Output{Kind: engine.Push, Names: []string{first.host + "/out:1", first.host + "/out:2",
		second.host + "/out:1"}})
	second.fail(func(r *http.Request) bool { return r.Method == http.MethodPost })
	_, err := build(t, t.Context(), s, nil)
	var refused *engine.RegistryError
	if !errors.As(err, &refused) || refused.Ref != second.host+"/out" {
		t.Errorf("error %v does not name the repository that refused: %+v", err, refused)
	}
	for _, name := range s.Outputs[0].Names[:2] {
		if _, err := remote.Head(reference(t, name)); err == nil {
			t.Errorf("%s exists", name)
		}
	}
}

// Tags cannot be pushed atomically, but the first one must refer to a complete image.
func TestNameThatIsRefusedLeavesWholeImagesUnderTheOthers(t *testing.T) {
	first, second := newRegistry(t), newRegistry(t)
	b := first.pushBase(t, "base:1", "amd64", "arm64")
	s := spec(t, b, engine.Output{Kind: engine.Push, Names: []string{first.host + "/out:1", second.host + "/out:1"}})
	second.fail(func(r *http.Request) bool {
		return r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/manifests/1")
	})
	_, err := build(t, t.Context(), s, nil)
	var refused *engine.RegistryError
	if !errors.As(err, &refused) || refused.Ref != s.Outputs[0].Names[1] {
		t.Errorf("error %v does not name the image that was refused: %+v", err, refused)
	}
	index := first.index(t, s.Outputs[0].Names[0])
	if err := validate.Index(index); err != nil {
		t.Errorf("the first is not whole: %v", err)
	}
	if _, err := remote.Head(reference(t, s.Outputs[0].Names[1])); err == nil {
		t.Error("the second exists")
	}
}

func TestHistoryIsKeptAsItIs(t *testing.T) {
	reg := newRegistry(t)
	later := epoch.Add(24 * time.Hour)
	s := spec(t, reg.pushBase(t, "base:1", "amd64"), engine.Output{Kind: engine.Push,
		Names: []string{reg.host + "/out:1"}})
	var config ocispec.Image
	if err := json.Unmarshal(s.Platforms[0].Config, &config); err != nil {
		t.Fatal(err)
	}
	config.History = []ocispec.History{
		{CreatedBy: "a", Created: &later}, {CreatedBy: "b", Created: &epoch}, {CreatedBy: "c", Created: &later},
		{CreatedBy: "d", Created: &later, EmptyLayer: true}, {CreatedBy: "ours", Created: &epoch},
	}
	var err error
	if s.Platforms[0].Config, err = json.Marshal(config); err != nil {
		t.Fatal(err)
	}
	mustBuild(t, s)
	got, err := reg.image(t, reg.host+"/out:1").RawConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	var pushed ocispec.Image
	if err := json.Unmarshal(got, &pushed); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(config.History, pushed.History); diff != "" {
		t.Error(diff)
	}
}

func TestMissingBaseIsTheRegistrysError(t *testing.T) {
	reg := newRegistry(t)
	b := reg.pushBase(t, "base:1", "amd64")
	b.ref = reg.host + "/nothere:1@" + digest.FromString("x").String()
	if _, err := build(t, t.Context(), spec(t, b), nil); !isRegistry(err) {
		t.Errorf("error %v instead of one of the registry", err)
	}
}

func TestInterruptedPushLeavesNoTag(t *testing.T) {
	reg := newRegistry(t)
	s := spec(t, reg.pushBase(t, "base:1", "amd64"),
		engine.Output{Kind: engine.Push, Names: []string{reg.host + "/out:1"}})
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("interrupted by the test")
	reg.fail(func(r *http.Request) bool {
		if r.Method == http.MethodPost {
			cancel(cause)
			<-r.Context().Done()
		}
		return false
	})
	if _, err := build(t, ctx, s, nil); !errors.Is(err, cause) {
		t.Errorf("error %v does not tell the cause", err)
	}
	if _, err := remote.Head(reference(t, reg.host+"/out:1")); err == nil {
		t.Error("the tag exists")
	}
}

func TestCredentialsArePresentedToTheRegistry(t *testing.T) {
	reg := newRegistry(t)
	b := reg.pushBase(t, "base:1", "amd64")
	reg.require("ci", "s3cr3t")
	s := spec(t, b, engine.Output{Kind: engine.Push, Names: []string{reg.host + "/out:1"}})
	if _, err := build(t, t.Context(), s, nil); !isRegistry(err) {
		t.Errorf("without credentials: %v", err)
	}
	asked := ""
	_, err := build(t, t.Context(), s, func(_ context.Context, host string) (string, secret.Value, error) {
		asked = host
		return "ci", secret.New("s3cr3t"), nil
	})
	if err != nil || asked != reg.host {
		t.Errorf("asked for %q, error %v", asked, err)
	}
}

func reference(t *testing.T, s string) name.Reference {
	t.Helper()
	ref, err := name.ParseReference(s)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// BenchmarkStartAndStop measures the cost of embedding with a build of a single layer.
func BenchmarkStartAndStop(b *testing.B) {
	store, err := engine.NewLayerStore(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	if _, err := store.Add(func(w io.Writer) (digest.Digest, error) { return writeLayer(w, "x", "x") }); err != nil {
		b.Fatal(err)
	}
	sealed, err := store.Seal()
	if err != nil {
		b.Fatal(err)
	}
	config := []byte(`{"os":"linux","architecture":"amd64","history":[{"created":"1970-01-01T00:00:00Z"}]}`)
	s := engine.Spec{Layers: sealed, Epoch: epoch, Platforms: []engine.Platform{{
		Platform: ocispec.Platform{OS: "linux", Architecture: "amd64"}, Config: config}}}
	for b.Loop() {
		progress := make(engine.Progress)
		go func() {
			for range progress {
			}
		}()
		if _, err := engine.Build(b.Context(), engine.Options{Root: b.TempDir(), Hosts: docker.ConfigureDefaultRegistries()},
			s, progress); err != nil {
			b.Fatal(err)
		}
	}
}
