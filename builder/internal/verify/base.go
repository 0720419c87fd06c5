// SPDX-License-Identifier: AGPL-3.0-or-later

package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/builder/internal/image"
	"github.com/prismeai/workspaces-release/builder/internal/registry"
	"github.com/prismeai/workspaces-release/internal/terminal"
)

// checkBase compares the layers below the release, and the configuration of the image, with the
// base named in the manifest.
func (v *verifier) checkBase(ctx context.Context) error {
	v.beginChecks(Base)
	base := v.manifest.Base
	if base == nil {
		for i := range v.img.Manifests {
			if n := len(v.img.Manifests[i].Manifest.Layers); n != v.countOwnLayers() {
				v.addPlatformProblem(Base, v.img.Manifests[i].PlatformName(),
					"the manifest names no base, and there are %d layers below the release", n-v.countOwnLayers())
			}
		}
		return nil
	}
	if v.opts.Resolve == nil {
		v.skipCheck(Base, "it was not read (--skip-base)")
		return nil
	}
	name, _, _ := strings.Cut(base.Name, "@")
	img, err := v.opts.Resolve(ctx, name+"@"+base.Digest.String())
	if ctx.Err() != nil {
		return context.Cause(ctx)
	} else if err != nil {
		v.skipCheck(Base, "%v", err)
		return nil
	}
	defer img.Close()
	for i := range v.img.Manifests {
		v.compareBase(&v.img.Manifests[i], img)
	}
	return nil
}

func (v *verifier) compareBase(m *registry.Manifest, base *registry.Image) {
	platform := m.PlatformName()
	i := slices.IndexFunc(base.Manifests, func(b registry.Manifest) bool { return b.PlatformName() == platform })
	if i < 0 {
		v.addPlatformProblem(Base, platform, "%s has no image for it", base.Name)
		return
	}
	below := &base.Manifests[i]
	n := len(m.Config.RootFS.DiffIDs) - v.countOwnLayers()
	if !slices.Equal(m.Config.RootFS.DiffIDs[:n], below.Config.RootFS.DiffIDs) {
		v.addPlatformProblem(Base, platform, "the %d layers below the release are not the %d of %s", n,
			len(below.Config.RootFS.DiffIDs), base.Name)
	}
	for j := range min(n, len(below.Manifest.Layers)) {
		if got, want := m.Manifest.Layers[j].Digest, below.Manifest.Layers[j].Digest; got != want {
			v.addPlatformProblem(Base, platform, "layer %d is %s, and that of %s is %s", j+1, got, base.Name, want)
		}
	}
	if err := v.compareConfig(m, below); err != nil {
		v.addPlatformProblem(Base, platform, "its configuration: %v", err)
	}
}

// compareConfig applies the release to the configuration of the base and compares the result.
func (v *verifier) compareConfig(m, base *registry.Manifest) error {
	applied, err := image.Apply(base.RawConfig, v.config)
	if err != nil {
		return err
	}
	want, err := runSettings(applied)
	if err != nil {
		return err
	}
	got, err := runSettings(m.RawConfig)
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(mergeMaps(want, got))) {
		if key == "Env" {
			v.compareVariables(m.PlatformName(), stringItems(got[key]), stringItems(want[key]))
		} else if key == "Labels" {
			v.compareLabels(m.PlatformName(), got[key], want[key])
		} else if !reflect.DeepEqual(got[key], want[key]) {
			v.addPlatformProblem(Environment, m.PlatformName(), "%s is %s instead of %s, which the base has", key,
				formatValue(got[key]), formatValue(want[key]))
		}
	}
	return nil
}

// compareVariables reports names but no values, which may be secret.
func (v *verifier) compareVariables(platform string, got, want []string) {
	if slices.Equal(got, want) {
		return
	}
	differ := map[string]bool{}
	for _, lists := range [][2][]string{{got, want}, {want, got}} {
		for _, entry := range lists[0] {
			if name, _, _ := strings.Cut(entry, "="); !slices.Contains(lists[1], entry) {
				differ[name] = true
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(differ)) {
		v.addPlatformProblem(Environment, platform, "variable %s differs from what base and release require", name)
	}
	if len(differ) == 0 {
		v.addPlatformProblem(Environment, platform, "variables are in another order, or more than once")
	}
}

// compareLabels compares labels that are not the builder's. It does nothing without a provenance,
// because the labels that the user added or replaced are then unknown.
func (v *verifier) compareLabels(platform string, got, want any) {
	if v.parameters == nil {
		return
	}
	a, _ := got.(map[string]any)
	b, _ := want.(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(mergeMaps(a, b))) {
		if a[key] != b[key] && !image.IsOurs(key) {
			v.addPlatformProblem(Labels, platform, "label %s is %s instead of %s, which base and provenance require", key,
				formatValue(a[key]), formatValue(b[key]))
		}
	}
}

// stringItems returns the items of a JSON list as strings.
func stringItems(value any) []string {
	var list []string
	items, _ := value.([]any)
	for _, item := range items {
		list = append(list, fmt.Sprint(item))
	}
	return list
}

func mergeMaps(a, b map[string]any) map[string]any {
	all := map[string]any{}
	maps.Copy(all, a)
	maps.Copy(all, b)
	return all
}

// runSettings returns the parts of a configuration that determine how an image runs, by name.
func runSettings(config []byte) (map[string]any, error) {
	var decoded struct {
		Config       map[string]any `json:"config"`
		OS           any            `json:"os"`
		Architecture any            `json:"architecture"`
		Variant      any            `json:"variant"`
	}
	d := json.NewDecoder(bytes.NewReader(config))
	if err := d.Decode(&decoded); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	all := map[string]any{"os": decoded.OS, "architecture": decoded.Architecture, "variant": decoded.Variant}
	for key, value := range decoded.Config {
		all[key] = value
	}
	return all, nil
}

// formatValue formats a value as JSON of limited length.
func formatValue(value any) string {
	if value == nil {
		return "not there"
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return terminal.Shorten(string(text), 400)
}
