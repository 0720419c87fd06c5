// SPDX-License-Identifier: AGPL-3.0-or-later

package image_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/builder/internal/image"
	"github.com/prismeai/workspaces-release/internal/release"
)

const variables = "WORKSPACES_STORAGE_GIT_PLATFORM_"

var epoch = time.Unix(1700000000, 0).UTC()

// manifest is a release with a labelled and an unlabelled group.
func manifest(change func(*release.Manifest)) *release.Manifest {
	m := &release.Manifest{
		Name:    "v2",
		Created: epoch,
		Source: release.Source{
			URL:    "https://git.example.com/acme/workspaces.git",
			Commit: strings.Repeat("ab", 20),
		},
		Base:       &release.Base{Name: "registry.example.com/base:1", Digest: digest.FromString("base")},
		Repository: release.Repository{ID: "release", Name: "Release v2", Directory: "/www/workspaces"},
		Groups:     []release.Group{{Name: "base1", Labels: []string{"core", "shared"}}, {Name: "one-product"}},
	}
	if change != nil {
		change(m)
	}
	return m
}

func config(change func(*release.Manifest)) image.Config {
	return image.Config{
		Manifest: manifest(change), ManifestDigest: digest.FromString("manifest"),
		Layers: []string{"workspaces in /www/workspaces", "manifest in /www/release"},
	}
}

// base returns a configuration as Docker and BuildKit write it, with changes to its top level.
func base(t *testing.T, change func(top map[string]any)) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "base.json"))
	if err != nil {
		t.Fatal(err)
	}
	if change == nil {
		return data
	}
	top := decodeFields[map[string]any](t, data)
	change(top)
	if data, err = json.Marshal(top); err != nil {
		t.Fatal(err)
	}
	return data
}

// withEnv returns base with other variables and labels.
func withEnv(t *testing.T, labels map[string]any, env ...string) []byte {
	return base(t, func(top map[string]any) {
		object := top["config"].(map[string]any)
		object["Env"], object["Labels"] = env, labels
	})
}

func decodeFields[T any](t *testing.T, data []byte) (v T) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber() // compare numbers as written
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func apply(t *testing.T, base []byte, c image.Config) []byte {
	t.Helper()
	applied, err := image.Apply(base, c)
	if err != nil {
		t.Fatal(err)
	}
	return applied
}

// file decodes a configuration with an independent decoder.
func file(t *testing.T, data []byte) *v1.ConfigFile {
	t.Helper()
	config, err := v1.ParseConfigFile(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func TestForeignFieldsAreUnchanged(t *testing.T) {
	before := decodeFields[map[string]any](t, base(t, nil))
	after := decodeFields[map[string]any](t, apply(t, base(t, nil), config(nil)))
	for _, object := range []map[string]any{before, after} {
		delete(object, "created")
		delete(object, "history")
		delete(object["config"].(map[string]any), "Env")
		delete(object["config"].(map[string]any), "Labels")
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Error(diff)
	}
}

// Fields that only Docker knows pass through unchanged.
func TestFieldsThatAreNotDecodedKeepTheirBytes(t *testing.T) {
	type object = map[string]json.RawMessage
	data := base(t, func(top map[string]any) {
		top["config"].(map[string]any)["Healthcheck"] = json.RawMessage(`{"Test":["CMD","true"],"Interval":3e10,"x":1.0}`)
	})
	before := decodeFields[object](t, decodeFields[object](t, data)["config"])["Healthcheck"]
	after := decodeFields[object](t, decodeFields[object](t, apply(t, data, config(nil)))["config"])["Healthcheck"]
	if !bytes.Equal(before, after) {
		t.Errorf("before %s, after %s", before, after)
	}
}

func TestVariables(t *testing.T) {
	ours := func(name string) []string {
		return []string{
			variables + "release_NAME=" + name, variables + "release_TYPE=filesystem",
			variables + "release_DIRPATH=/www/workspaces", variables + "release_MODE=read-only",
			"WORKSPACES_GROUP_base1_LABELS=core,shared",
		}
	}
	earlier := map[string]any{
		release.LabelManifestDigest: "sha256:00", release.LabelRepository: "previous",
		release.LabelGroups: "base1,gone,one-product",
	}
	tests := map[string]struct {
		labels map[string]any
		env    []string
		kept   []string
	}{
		"those of the base stay in their order, also twice": {
			env:  []string{"B=1", "A=2", "B=3", "NOTHING", "=x", ""},
			kept: []string{"B=1", "A=2", "B=3", "NOTHING", "=x", ""},
		},
		"those of an earlier release go, whatever its id": {
			labels: earlier,
			env: []string{
				"A=1", variables + "previous_NAME=Release v1", variables + "previous_TYPE=filesystem",
				variables + "previous_DIRPATH=/srv/old", variables + "previous_MODE=read-only",
				"WORKSPACES_GROUP_gone_LABELS=x", "WORKSPACES_GROUP_base1_LABELS=y",
				"WORKSPACES_GROUP_one-product_LABELS=z",
			},
			kept: []string{"A=1"},
		},
		"those of other repositories and groups stay": {
			labels: earlier,
			env: []string{
				variables + "previous_old_NAME=x", variables + "previou_NAME=y", variables + "_NAME=z",
				variables + "previous=a",
				"WORKSPACES_GROUP_vendor_LABELS=v", "WORKSPACES_GROUP_gone_LABEL=w", "WORKSPACES_GROUP_gone=u",
			},
			kept: []string{
				variables + "previous_old_NAME=x", variables + "previou_NAME=y", variables + "_NAME=z",
				variables + "previous=a",
				"WORKSPACES_GROUP_vendor_LABELS=v", "WORKSPACES_GROUP_gone_LABEL=w", "WORKSPACES_GROUP_gone=u",
			},
		},
		"labels of a group are replaced, not given twice": {
			env: []string{"WORKSPACES_GROUP_base1_LABELS=a", "A=1", "WORKSPACES_GROUP_base1_LABELS=b",
				"WORKSPACES_GROUP_one-product_LABELS=c"},
			kept: []string{"A=1", "WORKSPACES_GROUP_one-product_LABELS=c"},
		},
		"labels without a manifest's digest are not a release's": {
			labels: map[string]any{release.LabelRepository: "previous", release.LabelGroups: "gone"},
			env:    []string{variables + "previous_NAME=x", "WORKSPACES_GROUP_gone_LABELS=y"},
			kept:   []string{variables + "previous_NAME=x", "WORKSPACES_GROUP_gone_LABELS=y"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := file(t, apply(t, withEnv(t, test.labels, test.env...), config(nil))).Config.Env
			if diff := cmp.Diff(slices.Concat(test.kept, ours("Release v2")), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReleaseOnReleaseIsTheSameAsOnTheBase(t *testing.T) {
	first := config(func(m *release.Manifest) {
		m.Name, m.Repository = "v1", release.Repository{ID: "old", Name: "Release v1", Directory: "/srv/old"}
		m.Groups = []release.Group{{Name: "gone", Labels: []string{"x"}}}
		m.Source = release.Source{}
	})
	direct := file(t, apply(t, base(t, nil), config(nil)))
	stacked := file(t, apply(t, apply(t, base(t, nil), first), config(nil)))
	if diff := cmp.Diff(direct.Config.Env, stacked.Config.Env); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(direct.Config.Labels, stacked.Config.Labels); diff != "" {
		t.Error(diff)
	}
}

func TestLabels(t *testing.T) {
	c := config(nil)
	c.Labels = map[string]string{"team": "crm", "maintainer": "acme"}
	got := file(t, apply(t, base(t, nil), c)).Config.Labels
	want := map[string]string{
		"maintainer":                        "acme",
		"team":                              "crm",
		"org.opencontainers.image.licenses": "proprietary",
		ocispec.AnnotationCreated:           "2023-11-14T22:13:20Z",
		ocispec.AnnotationTitle:             "Prisme.ai workspaces v2",
		ocispec.AnnotationVersion:           "v2",
		ocispec.AnnotationRevision:          strings.Repeat("ab", 20),
		ocispec.AnnotationSource:            "https://git.example.com/acme/workspaces.git",
		ocispec.AnnotationBaseImageName:     "registry.example.com/base:1",
		ocispec.AnnotationBaseImageDigest:   digest.FromString("base").String(),
		release.LabelManifestDigest:         digest.FromString("manifest").String(),
		release.LabelRepository:             "release",
		release.LabelDirectory:              "/www/workspaces",
		release.LabelGroups:                 "base1,one-product",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	delete(want, "org.opencontainers.image.licenses")
	want["maintainer"] = "someone else"
	delete(want, "team")
	if diff := cmp.Diff(want, c.Annotations(map[string]string{"maintainer": "someone else"})); diff != "" {
		t.Errorf("annotations: %s", diff)
	}
}

// Labels about the base's source must not be attributed to the release.
func TestLabelsAboutBaseAreRemoved(t *testing.T) {
	got := file(t, apply(t, base(t, nil),
		config(func(m *release.Manifest) { m.Source, m.Base = release.Source{}, nil }))).Config.Labels
	for _, key := range []string{ocispec.AnnotationSource, ocispec.AnnotationRevision,
		ocispec.AnnotationBaseImageName} {
		if value, ok := got[key]; ok {
			t.Errorf("%s is %s", key, value)
		}
	}
}

func TestCheckLabels(t *testing.T) {
	for key, ok := range map[string]bool{
		"team": true, "org.opencontainers.image.licenses": true,
		"": false, ocispec.AnnotationCreated: false, ocispec.AnnotationSource: false,
		release.LabelManifestDigest: false,
	} {
		if err := image.CheckLabels(map[string]string{key: "x"}); (err == nil) != ok {
			t.Errorf("%q: %v", key, err)
		}
	}
}

func TestTimes(t *testing.T) {
	got := file(t, apply(t, base(t, nil), config(nil)))
	if !got.Created.Equal(epoch) {
		t.Errorf("created %s", got.Created)
	}
	var times []time.Time
	for _, h := range got.History {
		times = append(times, h.Created.Time)
	}
	want := []time.Time{
		time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 1, 2, 3, 4, 5, 5e8, time.UTC),
		time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.UTC), epoch, epoch,
	}
	if diff := cmp.Diff(want, times); diff != "" {
		t.Error(diff)
	}
}

// The specification requires one non-empty entry per layer.
func TestHistoryHasOneEntryForEachLayer(t *testing.T) {
	entry := func(empty bool) map[string]any { return map[string]any{"created_by": "x", "empty_layer": empty} }
	tests := map[string]struct {
		history []any
		layers  int
	}{
		"as it should be":          {[]any{entry(false), entry(true), entry(false)}, 2},
		"no history":               {nil, 3},
		"entries are missing":      {[]any{entry(false)}, 2},
		"more entries than layers": {[]any{entry(false), entry(false), entry(true), entry(false)}, 1},
		"no layers":                {[]any{entry(true)}, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := file(t, apply(t, base(t, func(top map[string]any) {
				diffIDs := slices.Repeat([]any{digest.FromString("layer").String()}, test.layers)
				top["history"], top["rootfs"] = test.history, map[string]any{"type": "layers", "diff_ids": diffIDs}
			}), config(nil)))
			filled := slices.DeleteFunc(slices.Clone(got.History), func(h v1.History) bool { return h.EmptyLayer })
			if want := test.layers + 2; len(filled) != want {
				t.Fatalf("%d entries with a layer instead of %d: %+v", len(filled), want, got.History)
			}
			last := filled[len(filled)-2:]
			if last[0].CreatedBy != "builder: workspaces in /www/workspaces" ||
				last[1].CreatedBy != "builder: manifest in /www/release" {
				t.Errorf("the last layers are %q and %q", last[0].CreatedBy, last[1].CreatedBy)
			}
			if slices.ContainsFunc(got.History, func(h v1.History) bool { return h.Created.IsZero() }) {
				t.Errorf("an entry has no time: %+v", got.History)
			}
		})
	}
}

func TestScratch(t *testing.T) {
	scratch, err := image.Scratch(ocispec.Platform{OS: "linux", Architecture: "arm", Variant: "v7"})
	if err != nil {
		t.Fatal(err)
	}
	got := file(t, apply(t, scratch, config(func(m *release.Manifest) { m.Base = nil })))
	if got.OS != "linux" || got.Architecture != "arm" || got.Variant != "v7" {
		t.Errorf("platform %s/%s/%s", got.OS, got.Architecture, got.Variant)
	}
	if len(got.History) != 2 || len(got.Config.Env) != 5 || got.RootFS.Type != "layers" {
		t.Errorf("configuration %+v", got)
	}
}

func TestBrokenBasesAreErrors(t *testing.T) {
	for _, text := range []string{
		``, `null`, `[]`, `{`, `{"config": 1}`, `{"config": {"Env": "x"}}`,
		`{"config": {"Labels": []}}`, `{"history": {}}`,
		`{"rootfs": {"diff_ids": "x"}}`, `{"history": [{"created": "yesterday"}]}`,
		`{"Config": {}}`, `{"CREATED": ""}`, `{"config": {"env": []}}`, `{"config": {"Labels": {}, "LABELS": {}}}`,
	} {
		if got, err := image.Apply([]byte(text), config(nil)); err == nil {
			t.Errorf("%s became %s", text, got)
		} else if !strings.Contains(err.Error(), "base image") {
			t.Errorf("%s: error %q does not say what is broken", text, err)
		}
	}
}

func TestMinimalBasesAreAccepted(t *testing.T) {
	for _, text := range []string{`{}`, `{"config": null}`, `{"config": {}, "history": null, "rootfs": null}`} {
		got := file(t, apply(t, []byte(text), config(nil)))
		if len(got.Config.Env) != 5 || len(got.History) != 2 {
			t.Errorf("%s: %+v", text, got)
		}
	}
}
