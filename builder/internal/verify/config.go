// SPDX-License-Identifier: AGPL-3.0-or-later

package verify

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/image"
	"github.com/prismeai/workspaces-release/builder/internal/registry"
	"github.com/prismeai/workspaces-release/internal/release"
)

// checkLabels compares the builder's labels and annotations with the manifest. All others belong to
// the user or the base.
func (v *verifier) checkLabels(m *registry.Manifest) {
	platform := m.PlatformName()
	want := v.config.Annotations(nil)
	for _, of := range []struct {
		what  string
		found map[string]string
	}{{"label", m.Config.Config.Labels}, {"annotation", m.Manifest.Annotations}} {
		for _, key := range slices.Sorted(maps.Keys(want)) {
			check := Labels
			if key == release.LabelManifestDigest {
				check = Manifest
			}
			if got, ok := of.found[key]; !ok {
				v.addPlatformProblem(check, platform, "there is no %s %s, which should be %q", of.what, key, want[key])
			} else if got != want[key] {
				v.addPlatformProblem(check, platform, "%s %s is %q instead of %q", of.what, key, got, want[key])
			}
		}
		for _, key := range slices.Sorted(maps.Keys(of.found)) {
			if _, known := want[key]; !known && image.IsOurs(key) {
				v.addPlatformProblem(Labels, platform, "%s %s is %q, but there must be none", of.what, key, of.found[key])
			}
		}
	}
	v.checkAnnotations(m)
	if created := m.Config.Created; created == nil || !created.Equal(v.manifest.Created) {
		v.addPlatformProblem(Labels, platform, "the image was created at %v instead of %s", created,
			v.manifest.Created.Format(time.RFC3339))
	}
}

// checkAnnotations compares the user's annotations with the provenance, if there is one.
func (v *verifier) checkAnnotations(m *registry.Manifest) {
	if v.parameters == nil {
		return
	}
	want := v.config.Annotations(v.parameters.Annotations)
	for _, key := range slices.Sorted(maps.Keys(m.Manifest.Annotations)) {
		if _, known := want[key]; !known {
			v.addPlatformProblem(Labels, m.PlatformName(), "annotation %s is not in the provenance", key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(v.parameters.Annotations)) {
		if got := m.Manifest.Annotations[key]; got != want[key] {
			v.addPlatformProblem(Labels, m.PlatformName(),
				"annotation %s is %q instead of %q, which the provenance requires", key,
				got, want[key])
		}
	}
}

// checkEnvironment compares the variables that lead the platform to the release.
func (v *verifier) checkEnvironment(m *registry.Manifest) {
	want := map[string]string{}
	for _, entry := range v.config.Variables() {
		name, value, _ := strings.Cut(entry, "=")
		want[name] = value
	}
	seen := map[string]bool{}
	for _, entry := range m.Config.Config.Env {
		name, value, _ := strings.Cut(entry, "=")
		expected, ours := want[name]
		if ours && (value != expected || seen[name]) {
			v.addPlatformProblem(Environment, m.PlatformName(), "variable %s is %q; want it once, as %q", name, value,
				expected)
		}
		seen[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if !seen[name] {
			v.addPlatformProblem(Environment, m.PlatformName(), "there is no variable %s, which should be %q", name, want[name])
		}
	}
	for _, id := range v.config.Rivals(m.Config.Config.Env) {
		v.addPlatformProblem(Environment, m.PlatformName(),
			"the directories of the platform repositories %q and %q overlap", id, v.manifest.Repository.ID)
	}
}
