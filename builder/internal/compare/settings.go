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

// setting names something of an image.
type setting struct{ kind, name string }

// settings compares what surrounds the workspaces in two images.
func (t *teller) settings(ctx context.Context, older, newer *Release) ([]Setting, error) {
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
				Change: Change[*string]{present(was), present(is)},
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
				at, list = len(list), append(list, s)
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

// classify says what kind of change a setting is. The scanner's version and rules, and labels,
// change nothing of what the image does.
func (s Setting) classify() Class {
	if s.Kind == "label" || s.Kind == "scan" {
		return Metadata
	}
	return Behaviour
}

// present is the value of something that is there, or is not.
func present(is bool) *string {
	if !is {
		return nil
	}
	return new(string)
}

// learnSettings looks for secrets in the values, which it writes as a workspace would.
func (t *teller) learnSettings(ctx context.Context, list []Setting) error {
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
				list[i].Old, list[i].New = &withheld, &withheld
			}
		}
	}
	return nil
}

// learnSetting says why a value is not shown. What JSON writes in another way than it is
// cannot be hidden, once it is a part of a secret.
func (t *teller) learnSetting(ctx context.Context, name, value string) (reason string, err error) {
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

// compareSettings lists what differs, in any order.
func compareSettings(older, newer map[setting]string) []Setting {
	var list []Setting
	value := func(m map[setting]string, key setting) *string {
		if v, ok := m[key]; ok {
			return &v
		}
		return nil
	}
	all := maps.Clone(older)
	maps.Copy(all, newer)
	for key := range all {
		before, after := value(older, key), value(newer, key)
		if before == nil || after == nil || *before != *after {
			list = append(list, Setting{Kind: key.kind, Name: key.name, Change: Change[*string]{before, after}})
		}
	}
	return list
}

// manifestSettings are what the release manifest says of the image.
func manifestSettings(m *release.Manifest) map[setting]string {
	settings := map[setting]string{
		{"repository", "id"}:        m.Repository.ID,
		{"repository", "directory"}: m.Repository.Directory,
		{"scan", "policy"}:          m.Scan.Policy.String(),
	}
	if m.Base != nil {
		settings[setting{"base", ""}] = m.Base.Name + "@" + m.Base.Digest.String()
	}
	for _, s := range m.Scan.Scanners {
		settings[setting{"scan", s.Name}] = fmt.Sprintf("%s, %d detectors, rules %s", s.Version, s.Detectors, s.Rules)
	}
	return settings
}

// imageSettings are what the configuration of an image says, without what every release
// has anew: our own labels, and the name of the repository.
func imageSettings(img ocispec.Image, m *release.Manifest) map[setting]string {
	settings := map[setting]string{}
	c := img.Config
	for kind, value := range map[string]string{
		"user": c.User, "working directory": c.WorkingDir, "stop signal": c.StopSignal,
		"entrypoint": list(c.Entrypoint), "command": list(c.Cmd),
		"ports": list(slices.Sorted(maps.Keys(c.ExposedPorts))), "volumes": list(slices.Sorted(maps.Keys(c.Volumes))),
	} {
		if value != "" {
			settings[setting{kind, ""}] = value
		}
	}
	for _, entry := range c.Env {
		name, value, _ := strings.Cut(entry, "=")
		if name != image.RepositoryNameVariable(m.Repository) || value != m.Repository.Name {
			settings[setting{"variable", name}] = value
		}
	}
	for name, value := range c.Labels {
		if !image.IsOurs(name) {
			settings[setting{"label", name}] = value
		}
	}
	return settings
}

// list writes a list as a Dockerfile does.
func list(items []string) string {
	if len(items) == 0 {
		return ""
	}
	text, err := json.Marshal(items)
	if err != nil {
		return fmt.Sprint(items)
	}
	return string(text)
}
