// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline_test

import (
	"archive/tar"
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/builder/internal/attest"
	"github.com/prismeai/workspaces-release/builder/internal/engine"
	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/registry"
	"github.com/prismeai/workspaces-release/builder/internal/registry/registrytest"
	"github.com/prismeai/workspaces-release/builder/internal/report"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/secret"
)

// contents returns the files of a layer by path.
func contents(t *testing.T, layer v1.Layer) map[string]string {
	t.Helper()
	plain, err := layer.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	files := map[string]string{}
	for archive := tar.NewReader(plain); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		} else if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag == tar.TypeReg {
			files["/"+header.Name] = string(data)
		}
	}
}

func TestImageHoldsTheWorkspacesAndTheManifestOnEveryPlatform(t *testing.T) {
	f := newFixture(t)
	built := f.mustBuild(t)
	want := map[string]string{"/www/workspaces/.wh..wh..opq": ""}
	for name, text := range samples() {
		want["/www/workspaces/"+name] = text
	}
	files, err := release.Split(built.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	for _, ref := range built.Images {
		if got := f.reg.Descriptor(t, strings.TrimPrefix(ref,
			f.reg.Host()+"/")).Digest.String(); got != built.Digest.String() {
			t.Errorf("%s is %s, reported as %s", ref, got, built.Digest)
		}
		for _, platform := range platforms {
			layers, err := pull(t, ref, platform).Layers()
			if err != nil || len(layers) != 5 {
				t.Fatalf("%d layers, %v", len(layers), err)
			}
			if diff := cmp.Diff(want, contents(t, layers[2])); diff != "" {
				t.Errorf("%s for %s: %s", ref, platform, diff)
			}
			listed := map[string]string{"/www/release/.wh..wh..opq": "", "/" + workspacesName: string(files.Workspaces)}
			if diff := cmp.Diff(listed, contents(t, layers[3])); diff != "" {
				t.Errorf("%s for %s: %s", ref, platform, diff)
			}
			manifest := map[string]string{release.ManifestPath: string(files.Manifest)}
			if diff := cmp.Diff(manifest, contents(t, layers[4])); diff != "" {
				t.Errorf("%s for %s: %s", ref, platform, diff)
			}
			if got, _ := layers[2].Digest(); got.String() != built.Manifest.Layer.Digest.String() {
				t.Errorf("the layer is %s, the manifest says %s", got, built.Manifest.Layer.Digest)
			}
		}
	}
}

func TestConfigurationIsTheBasesWithOurs(t *testing.T) {
	f := newFixture(t)
	f.opts.Labels, f.opts.Annotations = map[string]string{"team": "crm"}, map[string]string{"ticket": "4711"}
	built := f.mustBuild(t)
	img := pull(t, built.Images[0], "linux/arm64")
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	env := []string{
		"NODE_ENV=production",
		"WORKSPACES_STORAGE_GIT_PLATFORM_release_NAME=Release v1", "WORKSPACES_STORAGE_GIT_PLATFORM_release_TYPE=filesystem",
		"WORKSPACES_STORAGE_GIT_PLATFORM_release_DIRPATH=/www/workspaces", "WORKSPACES_STORAGE_GIT_PLATFORM_release_MODE=read-only",
		"WORKSPACES_GROUP_base1_LABELS=core",
	}
	if diff := cmp.Diff(env, config.Config.Env); diff != "" {
		t.Error(diff)
	}
	labels := config.Config.Labels
	if labels["team"] != "crm" || labels[release.LabelManifestDigest] != built.ManifestDigest.String() ||
		labels[ocispec.AnnotationBaseImageDigest] != f.base.Digest.String() ||
		labels[ocispec.AnnotationBaseImageName] != f.base.Ref {
		t.Errorf("labels %v", labels)
	}
	if config.Architecture != "arm64" || len(config.History) != 5 || len(config.RootFS.DiffIDs) != 5 {
		t.Errorf("configuration %+v", config)
	}
	manifest, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if manifest.Annotations["ticket"] != "4711" || manifest.Annotations[ocispec.AnnotationVersion] != "v1" ||
		manifest.Annotations["team"] != "" {
		t.Errorf("annotations %v", manifest.Annotations)
	}
}

func TestReportTellsWhatWasMade(t *testing.T) {
	f := newFixture(t)
	f.write(t, "README.md", "Read me.")
	built := f.mustBuild(t)
	var stages []string
	for _, s := range built.Stages {
		stages = append(stages, s.Name)
	}
	slices.Sort(stages)
	if diff := cmp.Diff([]string{"assemble and publish", "base", "open", "read"}, stages); diff != "" {
		t.Error(diff)
	}
	if built.Traffic.Sent == 0 || built.Traffic.Received == 0 || built.Unscanned == 0 || len(built.Dropped) != 1 {
		t.Errorf("report %+v", built)
	}
	if diff := cmp.Diff([]string{f.opts.Outputs[1].Dest}, built.Files); diff != "" {
		t.Error(diff)
	}
	if built.Descriptor.Digest != built.Digest || built.Descriptor.MediaType != ocispec.MediaTypeImageIndex {
		t.Errorf("descriptor %+v", built.Descriptor)
	}
	sum := 0
	for _, w := range built.Manifest.Workspaces {
		sum += w.Files
	}
	if sum != len(samples()) || built.Manifest.Scan.Files != sum {
		t.Errorf("%d files in workspaces, %d scanned, %d in the source", sum, built.Manifest.Scan.Files, len(samples()))
	}
}

func TestDryRunWritesNothingAndTellsTheDigest(t *testing.T) {
	f := newFixture(t)
	f.opts.DryRun = true
	dry := f.mustBuild(t)
	f.unpublished(t)
	if got := uploads(f.reg); len(got) > 0 {
		t.Errorf("sent to the registry: %v", got)
	}
	f.opts.DryRun = false
	if built := f.mustBuild(t); built.Digest != dry.Digest || !dry.DryRun {
		t.Errorf("told %s, built %s", dry.Digest, built.Digest)
	}
}

func TestRebuildUploadsNothing(t *testing.T) {
	f := newFixture(t)
	f.mustBuild(t)
	f.reg.Reset()
	f.mustBuild(t)
	if got := uploads(f.reg); len(got) > 0 {
		t.Errorf("sent to the registry: %v", got)
	}
}

func TestPlatformsFollowTheBase(t *testing.T) {
	parse := func(arch string) ocispec.Platform { return ocispec.Platform{OS: "linux", Architecture: arch} }
	tests := map[string]struct {
		wanted []ocispec.Platform
		images int
		index  bool
	}{
		"all":          {nil, 2, true},
		"one":          {[]ocispec.Platform{parse("arm64")}, 1, false},
		"one, twice":   {[]ocispec.Platform{parse("arm64"), parse("arm64")}, 1, false},
		"in any order": {[]ocispec.Platform{parse("arm64"), parse("amd64")}, 2, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.opts.Platforms = test.wanted
			f.opts.Attest = attest.Kinds{} // attestations require an index, even for a single platform
			built := f.mustBuild(t)
			inspected, err := pipeline.Inspect(t.Context(), client(t, nil), built.Images[0])
			if err != nil {
				t.Fatal(err)
			}
			if len(inspected.Platforms) != test.images ||
				(built.Descriptor.MediaType == ocispec.MediaTypeImageIndex) != test.index {
				t.Errorf("%v as %s", inspected.Platforms, built.Descriptor.MediaType)
			}
		})
	}
}

// An index may list a platform twice, for example with different compressions.
func TestPlatformThatTheBaseHasTwiceIsBuiltOnce(t *testing.T) {
	f := newFixture(t)
	var index v1.ImageIndex = empty.Index
	for _, layer := range []string{"first", "second"} {
		img, err := mutate.AppendLayers(empty.Image, registrytest.Layer(layer))
		if err != nil {
			t.Fatal(err)
		}
		img = registrytest.Configure(t, img, func(config *v1.ConfigFile) {
			config.OS, config.Architecture, config.Config.Env = "linux", "amd64", []string{"LAYER=" + layer}
		})
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}})
	}
	f.opts.BaseRef = f.reg.PushIndex(t, "twice:1", index).Ref
	f.opts.Attest = attest.Kinds{}
	built := f.mustBuild(t)
	config, err := pull(t, built.Images[0], "linux/amd64").ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Config.Env[0] != "LAYER=first" || config.RootFS.DiffIDs[0].String() != digest.FromString("first").String() {
		t.Errorf("variables %v on the layers %v", config.Config.Env, config.RootFS.DiffIDs)
	}
	if built.Descriptor.MediaType != ocispec.MediaTypeImageManifest {
		t.Errorf("descriptor %+v", built.Descriptor)
	}
}

func TestBasesOfAllKinds(t *testing.T) {
	for name, base := range map[string]registrytest.Base{
		"one image":       {},
		"one of docker":   {Docker: true},
		"index of docker": {Docker: true, Platforms: platforms},
		"variant":         {Platforms: []string{"linux/arm/v7"}},
		"many layers":     {Layers: layers(40)},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.opts.BaseRef = f.reg.PushBase(t, "kind:1", base).Ref
			built := f.mustBuild(t)
			if _, err := pipeline.Inspect(t.Context(), client(t, nil), built.Images[1]); err != nil {
				t.Error(err)
			}
		})
	}
}

func layers(n int) []v1.Layer {
	var list []v1.Layer
	for i := range n {
		list = append(list, registrytest.SizedLayer(byte(i+1), 10))
	}
	return list
}

func TestScratchHoldsTheReleaseAlone(t *testing.T) {
	f := newFixture(t)
	f.opts.BaseRef = ""
	built := f.mustBuild(t)
	img := pull(t, built.Images[0], "linux/amd64")
	layers, err := img.Layers()
	if err != nil || len(layers) != 3 || built.Manifest.Base != nil {
		t.Errorf("%d layers, base %v, %v", len(layers), built.Manifest.Base, err)
	}
	f.opts.Platforms = []ocispec.Platform{{OS: "linux", Architecture: "arm64"}, {OS: "linux", Architecture: "s390x"},
		{OS: "linux", Architecture: "arm64"}}
	built = f.mustBuild(t)
	inspected, err := pipeline.Inspect(t.Context(), client(t, nil), built.Images[0])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"linux/arm64", "linux/s390x"}, inspected.Platforms); diff != "" {
		t.Error(diff)
	}
}

func TestReleaseOnAReleaseReplacesIt(t *testing.T) {
	f := newFixture(t)
	f.opts.BaseRef = f.mustBuild(t).Images[0]
	f.opts.Release = "v2"
	f.opts.Outputs = []engine.Output{{Kind: engine.Push, Names: []string{f.reg.Ref("out:v2")}}}
	built := f.mustBuild(t)
	config, err := pull(t, built.Images[0], "linux/amd64").ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, entry := range config.Config.Env {
		if strings.Contains(entry, "_release_NAME=") {
			count++
			if !strings.HasSuffix(entry, "=Release v2") {
				t.Error(entry)
			}
		}
	}
	if count != 1 || len(config.RootFS.DiffIDs) != 8 {
		t.Errorf("%d names in %v", count, config.Config.Env)
	}
}

func TestClashStopsTheBuildUnlessItIsMeant(t *testing.T) {
	f := newFixture(t)
	f.opts.BaseRef = f.reg.PushBase(t, "vendor:1", registrytest.Base{
		Env: []string{"WORKSPACES_STORAGE_GIT_PLATFORM_products_DIRPATH=/www/workspaces"},
	}).Ref
	if _, err := f.refuse(t, pipeline.Usage); !strings.Contains(err.Error(), "--replace-repository") {
		t.Errorf("error %q does not say what to do", err)
	}
	f.opts.ReplaceRepository = true
	built := f.mustBuild(t)
	config, err := pull(t, built.Images[0], "linux/amd64").ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(config.Config.Env, func(e string) bool { return strings.Contains(e, "products") }) {
		t.Errorf("variables %v", config.Config.Env)
	}
}

// The archive contains only the image, which the index of the other outputs lists.
func TestDockerArchiveAndPushAgree(t *testing.T) {
	f := newFixture(t)
	f.opts.Platforms = []ocispec.Platform{{OS: "linux", Architecture: "amd64"}}
	archive := filepath.Join(f.out, "docker.tar")
	f.opts.Outputs = append(f.opts.Outputs, engine.Output{Kind: engine.Docker, Names: []string{"example.test/x:1"},
		Dest: archive})
	built := f.mustBuild(t)
	inspect := func(ref string) *pipeline.Inspected {
		t.Helper()
		inspected, err := pipeline.Inspect(t.Context(), client(t, nil), ref)
		if err != nil {
			t.Fatal(err)
		}
		return inspected
	}
	for _, ref := range []string{built.Images[0], built.Images[1], registry.LayoutScheme + f.opts.Outputs[1].Dest} {
		if got := inspect(ref); got.Digest != built.Digest || len(got.Attestations) != 3 {
			t.Errorf("%s is %s instead of %s, with the attestations %v", ref, got.Digest, built.Digest, got.Attestations)
		}
	}
	alone := inspect(registry.LayoutScheme + archive)
	if image := inspect(built.Images[0]).Attestations[0].Image; alone.Digest != image || len(alone.Attestations) > 0 {
		t.Errorf("the archive holds %s instead of %s, with the attestations %v", alone.Digest, image, alone.Attestations)
	}
}

// The builder's credentials must not appear in any of its outputs.
func TestNoSecretGetsIntoImageOrReport(t *testing.T) {
	f := newFixtureWith(t, registrytest.Options{Username: "ci", Password: planted})
	auth := base64.StdEncoding.EncodeToString([]byte("ci:" + planted))
	f.opts.Registry = client(t, map[string]string{"DOCKER_AUTH_CONFIG": `{"auths":{"` + f.reg.Host() + `":{"auth":"` +
		auth + `"}}}`})
	f.opts.Input.Source.Username, f.opts.Input.Source.Token = "ci", secret.New(planted)
	f.opts.Outputs = f.opts.Outputs[1:] // the layout is read without a password
	built := f.mustBuild(t)
	if n := f.reg.Count("", registrytest.Manifest); n == 0 {
		t.Fatal("the registry was not asked")
	}
	metadata := filepath.Join(t.TempDir(), "meta.json")
	var summary bytes.Buffer
	if err := errors.Join(report.WriteSummary(&summary, built), report.WriteMetadata(metadata, built)); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"image": readFile(t, built.Files[0]), "metadata": readFile(t, metadata), "summary": summary.String(), "progress": f.shown.String(),
	} {
		for _, canary := range []string{planted, auth, f.opts.TempDir} {
			if strings.Contains(text, canary) {
				t.Errorf("%s is in the %s", canary, name)
			}
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestNamesOfReleases(t *testing.T) {
	f := newFixture(t)
	f.opts.Release = ""
	first := f.mustBuild(t).Manifest
	if len(first.Name) != 12 || first.Repository.Name != "Release "+first.Name {
		t.Errorf("named %q, repository %q", first.Name, first.Repository.Name)
	}
	f.write(t, "mail/NEW.md", "new")
	if second := f.mustBuild(t).Manifest; second.Name == first.Name {
		t.Errorf("other content has the same name %q", second.Name)
	}
	f.opts.Release, f.opts.Repository.Name = "v9", "Ours"
	if third := f.mustBuild(t).Manifest; third.Name != "v9" || third.Repository.Name != "Ours" {
		t.Errorf("named %q, repository %q", third.Name, third.Repository.Name)
	}
}

func TestWrongOptionsAreRefusedBeforeAnyWork(t *testing.T) {
	late, early := time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(-1, 0)
	tests := map[string]struct {
		kind   pipeline.Kind
		change func(*pipeline.BuildOptions)
	}{
		"no validation":        {pipeline.Internal, func(o *pipeline.BuildOptions) { o.Checks.Workspaces = nil }},
		"no scanner":           {pipeline.Internal, func(o *pipeline.BuildOptions) { o.Checks.Scanner = nil }},
		"no registry client":   {pipeline.Internal, func(o *pipeline.BuildOptions) { o.Registry = nil }},
		"release":              {pipeline.Usage, func(o *pipeline.BuildOptions) { o.Release = "a b" }},
		"repository":           {pipeline.Usage, func(o *pipeline.BuildOptions) { o.Repository.ID = "" }},
		"directory":            {pipeline.Usage, func(o *pipeline.BuildOptions) { o.Repository.Directory = "www" }},
		"group twice":          {pipeline.Usage, func(o *pipeline.BuildOptions) { o.Checks.Workspaces.Groups[1].Name = "base1" }},
		"after the year 9999":  {pipeline.Usage, func(o *pipeline.BuildOptions) { o.Epoch = &late }},
		"before 1970":          {pipeline.Usage, func(o *pipeline.BuildOptions) { o.Epoch = &early }},
		"name by digest":       {pipeline.Usage, func(o *pipeline.BuildOptions) { o.Outputs[0].Names[0] += "@" + digest.FromString("x").String() }},
		"name with spaces":     {pipeline.Usage, func(o *pipeline.BuildOptions) { o.Outputs[0].Names[0] = "a b" }},
		"one file twice":       {pipeline.Usage, func(o *pipeline.BuildOptions) { o.Outputs = append(o.Outputs, o.Outputs[1]) }},
		"file is a directory":  {pipeline.Usage, func(o *pipeline.BuildOptions) { o.Outputs[1].Dest = filepath.Dir(o.Outputs[1].Dest) }},
		"file in no directory": {pipeline.Usage, func(o *pipeline.BuildOptions) { o.Outputs[1].Dest += "/x" }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			test.change(&f.opts)
			f.refuse(t, test.kind)
			if got := f.reg.Requests(); len(got) > 0 {
				t.Errorf("the registry was asked: %v", got)
			}
		})
	}
}

func TestOptionsThatDoNotFitTheBaseAreRefused(t *testing.T) {
	tests := map[string]struct {
		kind   pipeline.Kind
		want   string
		change func(*pipeline.BuildOptions)
	}{
		"platform that the base lacks": {pipeline.Usage, "linux/amd64, linux/arm64", func(o *pipeline.BuildOptions) {
			o.Platforms = []ocispec.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "riscv64"}}
		}},
		"docker archive of two platforms": {pipeline.Usage, "--platform", func(o *pipeline.BuildOptions) { o.Outputs[1].Kind = engine.Docker }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			test.change(&f.opts)
			if _, err := f.refuse(t, test.kind); !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q does not say %q", err, test.want)
			}
		})
	}
}

// Without a base, the build does not connect to a daemon.
func TestNoDaemonIsReachedWithoutABase(t *testing.T) {
	f := newFixture(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var reached atomic.Int32
	var served sync.WaitGroup
	served.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			reached.Add(1)
			conn.Close()
		}
	})
	if f.opts.BuildKit, err = engine.NewRemote(engine.RemoteOptions{Address: "tcp://" +
		listener.Addr().String()}); err != nil {
		t.Fatal(err)
	}
	f.opts.BaseRef = f.reg.Ref("nosuch:1")
	_, _, err = f.build(t, t.Context())
	listener.Close()
	served.Wait()
	if failure, ok := errors.AsType[*pipeline.Error](err); !ok || failure.Kind != pipeline.Registry || reached.Load() > 0 {
		t.Errorf("error %v, connections: %d", err, reached.Load())
	}
}
