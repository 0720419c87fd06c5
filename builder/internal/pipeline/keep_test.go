// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline_test

import (
	"archive/tar"
	"bytes"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/registry/registrytest"
	"github.com/prismeai/workspaces-release/builder/internal/report"
	"github.com/prismeai/workspaces-release/builder/internal/rootfs"
	"github.com/prismeai/workspaces-release/builder/internal/workspace"
	"github.com/prismeai/workspaces-release/builder/internal/workspace/workspacetest"
)

// products returns the workspaces that a vendor ships.
func products() workspacetest.Files {
	return workspacetest.Repository(
		workspacetest.Sample{Slug: "store", Groups: []string{"base1"}, App: "Store"},
		workspacetest.Sample{Slug: "studio", Groups: []string{"products"}, Uses: []string{"Store", "Built In"}},
	)
}

// vendorLayer returns a layer with files below a directory of an image.
func vendorLayer(t *testing.T, files workspacetest.Files) v1.Layer {
	t.Helper()
	var list []file
	for _, name := range slices.Sorted(maps.Keys(files)) {
		list = append(list, file{"www/workspaces/" + name, []byte(files[name])})
	}
	return static.NewLayer(tarball(t, list...), types.OCILayer)
}

// onProducts returns a fixture whose base ships the vendor's workspaces as the repository release.
func onProducts(t *testing.T, layers ...v1.Layer) *fixture {
	t.Helper()
	f := newFixture(t)
	f.opts.BaseRef = f.vendor(t, platforms, layers...).Ref
	f.opts.KeepBaseWorkspaces = true
	f.opts.Checks.Workspaces.Groups = append(f.opts.Checks.Workspaces.Groups, workspace.Group{Name: "products"})
	return f
}

func (f *fixture) vendor(t *testing.T, platforms []string, layers ...v1.Layer) registrytest.Pushed {
	t.Helper()
	return f.reg.PushBase(t, "vendor:v27", registrytest.Base{Platforms: platforms, Layers: layers, Env: []string{
		"WORKSPACES_STORAGE_GIT_PLATFORM_release_TYPE=filesystem", "WORKSPACES_STORAGE_GIT_PLATFORM_release_DIRPATH=/www/workspaces",
		"WORKSPACES_GROUP_base1_LABELS=vendor", "WORKSPACES_GROUP_products_LABELS=products",
	}})
}

// unpacked returns the workspaces in the image, with all layers applied.
func unpacked(t *testing.T, built *report.Build, platform string) workspacetest.Files {
	t.Helper()
	blobs, err := pull(t, strings.TrimSuffix(built.Images[0], ":v1")+"@"+built.Digest.String(), platform).Layers()
	if err != nil {
		t.Fatal(err)
	}
	var layers []rootfs.Layer
	for _, blob := range blobs {
		layers = append(layers, func() (io.ReadCloser, error) { return blob.Compressed() })
	}
	files := workspacetest.Files{}
	limits := rootfs.Limits{FileSize: 1 << 20, TotalSize: 1 << 20, Files: 1000, Unpacked: 1 << 30}
	err = rootfs.Read(layers, "/www/workspaces", limits, func(name string, data []byte) error {
		files[name] = string(data)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// The vendor's workspaces stay, ours are added, and the release manifest lists both, so that the
// platform imports all of them.
func TestWorkspacesOfTheBaseAreKept(t *testing.T) {
	f := onProducts(t, vendorLayer(t, products()))
	built := f.mustBuild(t)
	want := products()
	maps.Copy(want, samples())
	for _, platform := range platforms {
		if diff := cmp.Diff(want, unpacked(t, built, platform)); diff != "" {
			t.Errorf("%s: %s", platform, diff)
		}
	}
	groups := map[string][]string{}
	for _, g := range built.Manifest.Groups {
		groups[g.Name] = append(g.Workspaces, g.Labels...)
	}
	if diff := cmp.Diff(map[string][]string{"base1": {"mail", "store", "vendor", "core"}, "base2": {"crm"},
		"products": {"studio", "products"}}, groups); diff != "" {
		t.Error(diff)
	}
	if len(built.Manifest.Workspaces) != 4 || built.Manifest.FromBase() != 2 {
		t.Errorf("workspaces %+v", built.Manifest.Workspaces)
	}
	config, err := pull(t, built.Images[0], platforms[0]).ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"WORKSPACES_GROUP_base1_LABELS=vendor,core",
		"WORKSPACES_GROUP_products_LABELS=products"} {
		if !slices.Contains(config.Config.Env, want) {
			t.Errorf("%s is not among %v", want, config.Config.Env)
		}
	}
	checkKeptStatements(t, built)
}

// The statements must not claim that the scan covered the workspaces of the base.
func checkKeptStatements(t *testing.T, built *report.Build) {
	t.Helper()
	_, list := statements(t, built.Images[0])
	for _, statements := range list {
		scanned, err := statements[2].Scan()
		if err != nil || scanned.Coverage.Files != len(samples()) || scanned.Coverage.BaseWorkspaces != 2 {
			t.Errorf("coverage %+v: %v", scanned, err)
		}
		provenance, err := statements[0].Provenance()
		if err != nil || !provenance.BuildDefinition.ExternalParameters.KeepBaseWorkspaces {
			t.Errorf("provenance %+v: %v", provenance, err)
		}
		if !bytes.Contains(statements[1].Predicate, []byte("held by the base image")) {
			t.Error("the bill of materials does not tell the base's workspaces")
		}
	}
}

// The digests in the manifest are those of the files, so that the sidecar can check them.
func TestKeptWorkspacesHaveTheDigestsOfTheirFiles(t *testing.T) {
	alone := newFixture(t)
	alone.opts.BaseRef = ""
	alone.opts.Checks.Workspaces.Groups = []workspace.Group{{Name: "base1"}, {Name: "base2"}, {Name: "products"}}
	for name, text := range products() {
		alone.write(t, name, text)
	}
	want := alone.mustBuild(t).Manifest
	got := onProducts(t, vendorLayer(t, products())).mustBuild(t).Manifest
	for i, w := range got.Workspaces {
		w.FromBase = false
		if diff := cmp.Diff(want.Workspaces[i], w); diff != "" {
			t.Errorf("%s: %s", w.Slug, diff)
		}
	}
}

func TestReleaseOnAReleaseThatKeepsIt(t *testing.T) {
	f := onProducts(t, vendorLayer(t, products()))
	first := f.mustBuild(t)
	f.opts.BaseRef = strings.TrimSuffix(first.Images[0], ":v1") + "@" + first.Digest.String()
	f.read(t, workspacetest.Write(t, workspacetest.Repository(workspacetest.Sample{Slug: "third",
		Groups: []string{"base2"}, Uses: []string{"Mail"}})))
	second := f.mustBuild(t)
	want := products()
	maps.Copy(want, samples())
	for name := range unpacked(t, second, platforms[1]) {
		if !strings.HasPrefix(name, "third/") && want[name] == "" {
			t.Errorf("%s is new", name)
		}
		delete(want, name)
	}
	if len(want) > 0 || second.Manifest.FromBase() != 4 || len(second.Manifest.Workspaces) != 5 {
		t.Errorf("missing %v, workspaces %+v", want, second.Manifest.Workspaces)
	}
}

// The fake platform imports the union of the workspaces, each once.
func TestPlatformImportsWhatIsKept(t *testing.T) {
	built := onProducts(t, vendorLayer(t, products())).mustBuild(t)
	p := newProduction(t)
	want := map[string]string{"crm": "imported", "mail": "imported", "store": "imported", "studio": "imported"}
	if diff := cmp.Diff(want, p.deployFiles(t, built, unpacked(t, built, platforms[0]))); diff != "" {
		t.Error(diff)
	}
}

func TestBaseThatCannotBeKept(t *testing.T) {
	clash := workspacetest.Repository(workspacetest.Sample{Slug: "mail", Groups: []string{"base1"}})
	var link bytes.Buffer
	archive := tar.NewWriter(&link)
	if err := archive.WriteHeader(&tar.Header{Name: "www/workspaces/store", Typeflag: tar.TypeSymlink,
		Linkname: "/srv/store"}); err != nil {
		t.Fatal(err)
	}
	archive.Close()
	for name, test := range map[string]struct {
		layer  v1.Layer
		change func(*fixture)
		kind   pipeline.Kind
		want   string
	}{
		"the same slug":        {vendorLayer(t, clash), nil, pipeline.Invalid, "invalid"},
		"an unknown group":     {vendorLayer(t, products()), func(f *fixture) { f.opts.Checks.Workspaces.Groups = f.opts.Checks.Workspaces.Groups[:2] }, pipeline.Invalid, "invalid"},
		"another id":           {vendorLayer(t, products()), func(f *fixture) { f.opts.Repository.ID = "ours" }, pipeline.Usage, `"release" in /www/workspaces`},
		"another directory":    {vendorLayer(t, products()), func(f *fixture) { f.opts.Repository.Directory = "/srv/ours" }, pipeline.Usage, `"release" in /www/workspaces`},
		"no workspaces":        {vendorLayer(t, nil), nil, pipeline.Usage, "holds no workspaces"},
		"no base":              {vendorLayer(t, nil), func(f *fixture) { f.opts.BaseRef = "" }, pipeline.Usage, "needs a base"},
		"replaced, too":        {vendorLayer(t, products()), func(f *fixture) { f.opts.ReplaceRepository = true }, pipeline.Usage, "excludes --replace-repository"},
		"a link":               {static.NewLayer(link.Bytes(), types.OCILayer), nil, pipeline.Registry, "neither a file nor a directory"},
		"a layer that is none": {registrytest.Layer("no tar, and longer than a header of one would be" + strings.Repeat(".", 512)), nil, pipeline.Registry, "vendor:v27"},
		"a file too large":     {vendorLayer(t, products()), func(f *fixture) { f.opts.Input.Source.Limits.FileSize, f.opts.Input.Source.Limits.TotalSize = 10, 10 }, pipeline.Registry, "more than 10"},
	} {
		t.Run(name, func(t *testing.T) {
			f := onProducts(t, test.layer)
			if test.change != nil {
				test.change(f)
			}
			if _, err := f.refuse(t, test.kind); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v does not say %q", err, test.want)
			}
		})
	}
}

func TestPlatformsWhoseBasesDiffer(t *testing.T) {
	f := onProducts(t, vendorLayer(t, products()))
	other := products()
	other["store/index.yml"] += "# for another processor\n"
	var index v1.ImageIndex = empty.Index
	for i, files := range []workspacetest.Files{products(), other} {
		ref := f.vendor(t, platforms[i:i+1], vendorLayer(t, files)).Ref
		platform, err := v1.ParsePlatform(platforms[i])
		if err != nil {
			t.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: pull(t, ref, platforms[i]),
			Descriptor: v1.Descriptor{Platform: platform}})
	}
	f.opts.BaseRef = f.reg.PushIndex(t, "differ:1", index).Ref
	if _, err := f.refuse(t, pipeline.Usage); err == nil || !strings.Contains(err.Error(), "linux/arm64") {
		t.Errorf("error %v", err)
	}
}

// Only base layers that can contain workspaces are fetched, once for all platforms.
func TestKeepingReadsLayersOnce(t *testing.T) {
	below, hiding, top := registrytest.SizedLayer('x', 100), vendorLayer(t,
		workspacetest.Files{".wh..wh..opq": ""}), vendorLayer(t, products())
	f := onProducts(t, below, hiding, top)
	f.opts.DryRun = true
	f.reg.Reset()
	resolved := 0
	for _, stage := range f.mustBuild(t).Stages {
		if stage.Name == "base" {
			resolved++
		}
	}
	if resolved != 1 {
		t.Errorf("the base was resolved %d times", resolved)
	}
	for layer, want := range map[v1.Layer]int{below: 0, hiding: 1, top: 1} {
		digest, err := layer.Digest()
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for _, r := range f.reg.Requests() {
			if r.Method == http.MethodGet && strings.HasSuffix(r.Path, digest.String()) {
				got++
			}
		}
		if got != want {
			t.Errorf("%s was fetched %d times, not %d", digest, got, want)
		}
	}
}

// A comparison reads kept workspaces from the layers of the base.
func TestDiffReadsWhatIsKept(t *testing.T) {
	f := onProducts(t, vendorLayer(t, products()))
	first := f.mustBuild(t)
	next := products()
	next["store/automations/handle-request-0.yml"] += "# of the next version\n"
	f.opts.BaseRef = f.vendor(t, platforms, vendorLayer(t, products()), vendorLayer(t, next)).Ref
	second := f.mustBuild(t)
	repository := strings.TrimSuffix(first.Images[0], ":v1")
	r, err := f.diff(t, repository+"@"+first.Digest.String(), repository+"@"+second.Digest.String())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Workspaces) != 1 || r.Workspaces[0].Slug != "store" || r.Unchanged != 3 {
		t.Fatalf("compared %+v", r.Workspaces)
	}
	if files := r.Workspaces[0].Files; len(files) != 1 || files[0].Path != "automations/handle-request-0.yml" {
		t.Errorf("compared %+v", files)
	}
}
