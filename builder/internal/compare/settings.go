// SPDX-License-Identifier: AGPL-3.0-or-later

package compare

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/builder/internal/image"
	"github.com/prismeai/workspaces-release/internal/release"
)

// settingKey identifies a setting of an image.
type settingKey struct{ kind, name string }

// compareImages compares the settings of two images outside of the workspaces.
func (t *hunkBuilder) compareImages(ctx context.Context, older, newer *Release) ([]Setting, error) {
	list := append([]Setting{}, compareSettings(manifestSettings(older.Manifest), manifestSettings(newer.Manifest))...)
	byChange := map[string]int{}
	platforms := 0
	for _, platform := range unionOfKeys(older.Images, newer.Images) {
		before, was := older.Images[platform]
		after, is := newer.Images[platform]
		if !was || !is {
			list = append(list, Setting{
				Kind:   "platform",
				Name:   platform,
				Change: Change[*string]{presenceValue(was), presenceValue(is)},
			})
			continue
		}
		platforms++
		for _, s := range compareSettings(imageSettings(before, older.Manifest), imageSettings(after, newer.Manifest)) {
			key, err := json.Marshal(s)
			if err != nil {
				return nil, err
			}
			at, known := byChange[string(key)]
			if !known {
				at = len(list)
				list = append(list, s)
				byChange[string(key)] = at
			}
			list[at].Platforms = append(list[at].Platforms, platform)
		}
	}
	for i := range list {
		list[i].Class = list[i].classify()
		if len(list[i].Platforms) == platforms {
			list[i].Platforms = nil
		}
	}
	slices.SortStableFunc(list, func(a, b Setting) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name))
	})
	return list, t.learnSettings(ctx, list)
}

// classify returns the class of a setting. Labels and the scanner's version and rules do not affect
// what the image does.
func (s Setting) classify() Class {
	if s.Kind == "label" || s.Kind == "scan" {
		return Metadata
	}
	return Behaviour
}

// presenceValue returns an empty value if a setting is present, else nil.
func presenceValue(is bool) *string {
	if !is {
		return nil
	}
	return new(string)
}

// learnSettings searches the values for secrets, encoded as a workspace would write them.
func (t *hunkBuilder) learnSettings(ctx context.Context, list []Setting) error {
	for i, s := range list {
		for _, value := range []*string{s.Old, s.New} {
			if value == nil || *value == "" {
				continue
			}
			reason, err := t.learnSetting(ctx, s.Name, *value)
			if err != nil {
				return err
			}
			if reason != "" {
				withheld := "(" + reason + ")"
				list[i].Old = &withheld
				list[i].New = &withheld
			}
		}
	}
	return nil
}

// learnSetting returns why a value must not be shown, if so. If JSON escapes part of a secret, the
// secret cannot be redacted.
func (t *hunkBuilder) learnSetting(ctx context.Context, name, value string) (reason string, err error) {
	var file bytes.Buffer
	enc := json.NewEncoder(&file)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(map[string]string{name: value}); err != nil {
		return "", err
	}
	const path = "image/settings.json"
	delete(t.hidden, path)
	if err := t.learnFile(ctx, path, file.Bytes()); err != nil {
		return "", err
	}
	text := file.String()
	if t.hidden[path] == "" && !strings.Contains(text, value) && t.opts.Redactor.Redact(text) != text {
		t.hidden[path] = noteEncoded
	}
	return cmp.Or(t.hidden[""], t.hidden[path]), nil
}

func unionOfKeys[K cmp.Ordered, V any](a, b map[K]V) []K {
	all := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(all)
	return slices.Compact(all)
}

// compareSettings returns the settings that differ, in any order.
func compareSettings(older, newer map[settingKey]string) []Setting {
	var list []Setting
	value := func(m map[settingKey]string, key settingKey) *string {
		if v, ok := m[key]; ok {
			return &v
		}
		return nil
	}
	all := maps.Clone(older)
	maps.Copy(all, newer)
	for key := range all {
		before := value(older, key)
		after := value(newer, key)
		if before == nil || after == nil || *before != *after {
			list = append(list, Setting{Kind: key.kind, Name: key.name, Change: Change[*string]{before, after}})
		}
	}
	return list
}

// manifestSettings returns the settings in the release manifest.
func manifestSettings(m *release.Manifest) map[settingKey]string {
	settings := map[settingKey]string{
		{"repository", "id"}:        m.Repository.ID,
		{"repository", "directory"}: m.Repository.Directory,
		{"scan", "policy"}:          m.Scan.Policy.String(),
	}
	if m.Base != nil {
		settings[settingKey{"base", ""}] = m.Base.Name + "@" + m.Base.Digest.String()
	}
	for _, s := range m.Scan.Scanners {
		settings[settingKey{"scan", s.Name}] = fmt.Sprintf("%s, %d detectors, rules %s", s.Version,
			s.Detectors, s.Rules)
	}
	return settings
}

// imageSettings returns the settings in the image configuration, except those that change with
// every release: the project's own labels and the repository name.
func imageSettings(img ocispec.Image, m *release.Manifest) map[settingKey]string {
	settings := map[settingKey]string{}
	c := img.Config
	for kind, value := range map[string]string{
		"user": c.User, "working directory": c.WorkingDir, "stop signal": c.StopSignal,
		"entrypoint": formatList(c.Entrypoint), "command": formatList(c.Cmd),
		"ports":   formatList(slices.Sorted(maps.Keys(c.ExposedPorts))),
		"volumes": formatList(slices.Sorted(maps.Keys(c.Volumes))),
	} {
		if value != "" {
			settings[settingKey{kind, ""}] = value
		}
	}
	for _, entry := range c.Env {
		name, value, _ := strings.Cut(entry, "=")
		if name != image.RepositoryNameVariable(m.Repository) || value != m.Repository.Name {
			settings[settingKey{"variable", name}] = value
		}
	}
	for name, value := range c.Labels {
		if !image.IsOurs(name) {
			settings[settingKey{"label", name}] = value
		}
	}
	return settings
}

// formatList formats a list as a Dockerfile does.
func formatList(items []string) string {
	if len(items) == 0 {
		return ""
	}
	text, err := json.Marshal(items)
	if err != nil {
		return fmt.Sprint(items)
	}
	return string(text)
}
