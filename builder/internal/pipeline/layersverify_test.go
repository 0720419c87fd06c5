// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/internal/release"
)

// layerForgeries each change one thing in an image with two layers of workspaces, and name the
// checks that find it.
var layerForgeries = map[string]struct {
	forge func(t *testing.T, p *parts)
	want  string
}{
	"nothing": {func(*testing.T, *parts) {}, ""},
	"a whiteout in an upper layer": {func(_ *testing.T, p *parts) {
		p.more[0] = slices.Insert(p.more[0], 1, p.entry("www/workspaces/.wh..wh..opq"))
	}, "layer 2 hides the workspaces in the layers below it"},
	"no whiteout": {func(_ *testing.T, p *parts) {
		p.remove("www/workspaces/.wh..wh..opq")
	}, "no opaque whiteout"},
	"a file in two layers": {func(_ *testing.T, p *parts) {
		p.more[0] = append(p.more[0], p.content[len(p.content)-1])
	}, "is in the layers twice"},
	"a workspace in another layer": {func(_ *testing.T, p *parts) {
		last := len(p.content) - 1
		slug := strings.Split(p.content[last].Name, "/")[2]
		for _, e := range slices.Clone(p.content) {
			if strings.HasPrefix(e.Name, "www/workspaces/"+slug+"/") {
				p.more[0] = append(p.more[0], e)
				p.remove(e.Name)
			}
		}
	}, "which the manifest lists for another layer"},
	"more layers in the manifest than in the image": {func(t *testing.T, p *parts) {
		p.below = nil
		p.describe(t, func(m *release.Manifest) {
			missing := release.Layer{Digest: digest.FromString("x"), DiffID: digest.FromString("y")}
			m.Layers = append(m.Layers, release.ContentLayer{Layer: missing})
		})
	}, "the manifest describes a release of 5"},
	"another order in the manifest": {func(t *testing.T, p *parts) {
		p.describe(t, func(m *release.Manifest) {
			slices.Reverse(m.Layers)
			m.Layer = m.Layers[0].Layer
		})
	}, "layer 1 is sha256:"},
}

func TestVerifyFindsForgeriesInSeveralLayers(t *testing.T) {
	f := newFixture(t)
	f.useMany(t, 30, 100)
	if n := len(f.mustBuild(t).Manifest.Layers); n != 2 {
		t.Fatalf("%d layers", n)
	}
	for name, test := range layerForgeries {
		t.Run(name, func(t *testing.T) {
			p := dissect(t, pull(t, f.reg.Ref("out:v1"), "linux/amd64"))
			if strings.HasSuffix(name, "the manifest") || strings.Contains(name, "in the image") {
				p.honest(t)
				test.forge(t, p)
				p.label()
			} else {
				test.forge(t, p)
				p.honest(t)
			}
			r := f.verify(t, f.reg.PushImage(t, "forged:1", p.image(t)).Ref)
			found := fmt.Sprintf("%+v", r.Problems)
			if (len(r.Problems) > 0) != (test.want != "") || !strings.Contains(found, test.want) {
				t.Errorf("problems %s, want %q", found, test.want)
			}
		})
	}
}

// A layer that hides workspaces in the manifest is refused.
func TestDiffRefusesLayersThatHideOthers(t *testing.T) {
	f := newFixture(t)
	f.useMany(t, 30, 100)
	f.mustBuild(t)
	older := f.reg.Ref("out:v1")
	f.write(t, "ws-0007/notes.md", "other notes\n")
	for name, want := range map[string]string{
		"a whiteout in an upper layer":  "hides /www/workspaces in the layers below it",
		"another order in the manifest": "or not in its place",
	} {
		p := dissect(t, pull(t, older, "linux/amd64")).honest(t)
		layerForgeries[name].forge(t, p)
		if !strings.Contains(name, "manifest") {
			p.honest(t)
		}
		_, err := f.diff(t, f.reg.PushImage(t, "forged:1", p.label().image(t)).Ref, f.src)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// The limit applies to the sum of the layers: no single layer exceeds it.
func TestLimitsHoldForAllLayersTogether(t *testing.T) {
	f := newFixture(t)
	f.useMany(t, 30, 20_000)
	f.mustBuild(t)
	limits := source.Limits{FileSize: 1 << 20, TotalSize: 300_000, Files: 1}
	opts := pipeline.VerifyOptions{Image: f.reg.Ref("out:v1"), Registry: f.opts.Registry, Limits: limits}
	r, err := pipeline.Verify(t.Context(), opts)
	if err != nil || !strings.Contains(fmt.Sprintf("%+v", r.Problems), "the unpacked layer is larger than") {
		t.Errorf("%+v, %v", r, err)
	}
}
