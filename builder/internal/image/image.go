// SPDX-License-Identifier: AGPL-3.0-or-later

// Package image makes the configuration of a release image out of the
// configuration of its base: variables, labels, history and time of creation. What
// it does not set stays as it is, also what it does not know.
//
// The variables are those by which the platform finds a repository in its own file
// system: WORKSPACES_STORAGE_GIT_PLATFORM_<id>_{NAME,TYPE,DIRPATH,MODE} and
// WORKSPACES_GROUP_<name>_LABELS (platform documentation, "Deployment" and
// "Environment variables").
package image

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/internal/release"
)

const (
	repositoryPrefix = "WORKSPACES_STORAGE_GIT_PLATFORM_"
	groupPrefix      = "WORKSPACES_GROUP_"
	groupSuffix      = "_LABELS"
)

// Config is what goes into the configuration of one image.
type Config struct {
	Manifest *release.Manifest
	// ManifestDigest is that of the encoded manifest.
	ManifestDigest digest.Digest
	// Labels are the user's. Ours must not be among them: see [CheckLabels].
	Labels map[string]string
	// Layers says what each of our layers holds, for the history.
	Layers []string
	// ReplaceRepository allows what would otherwise be a [ClashError].
	ReplaceRepository bool
	// KeepRepository wants a base that has the repository already, in the same directory:
	// the release adds to it.
	KeepRepository bool
}

// RepositoryNameVariable is the name of the variable that holds the repository's name.
func RepositoryNameVariable(r release.Repository) string { return repositoryPrefix + r.ID + "_NAME" }

// Apply returns the configuration of the image on top of base, the JSON of the
// base's configuration. For an image from scratch, see [Scratch].
//
// The error is a [*ClashError] if the base has a repository of the same id, or one in
// the same directory, in one below it, which the release would hide, or in one above
// it, which would take the release for a workspace of its own. It is a [*KeepError] if
// there is no repository to keep.
//
// An earlier release of ours in the base is no clash. Its variables go, whatever its
// id, and so do those of the groups that it names, whoever has set them; its files are
// hidden if they are in the same directory. In another one they stay in the image,
// where no variable points at them any more.
func Apply(base []byte, c Config) ([]byte, error) {
	var config configuration
	if err := json.Unmarshal(base, &config); err != nil {
		return nil, fmt.Errorf("decode the configuration of the base image: %w", err)
	}
	replaced := earlier(config.known.Labels)
	if c.KeepRepository {
		if err := CheckKeep(config.known.Env, c.Manifest.Repository); err != nil {
			return nil, err
		}
		replaced = origins{repositories: []string{c.Manifest.Repository.ID}} // its groups stay
	}
	for _, r := range clashes(config.known.Env, c.Manifest.Repository, replaced) {
		if !c.ReplaceRepository {
			return nil, &ClashError{ID: r.id, Directory: r.directory}
		}
		replaced.repositories = append(replaced.repositories, r.id)
	}
	config.known.Env = c.env(config.known.Env, replaced)
	config.known.Labels = c.labels(config.known.Labels)
	config.created = c.Manifest.Created
	config.history = c.history(config)
	return config.encode()
}

// Scratch returns the configuration of an image without a base, for [Apply].
func Scratch(platform ocispec.Platform) ([]byte, error) {
	config := ocispec.Image{Platform: platform}
	config.RootFS.Type = "layers"
	return json.Marshal(config)
}

// Variables returns the variables of the release, as NAME=value.
func (c Config) Variables() []string {
	r := c.Manifest.Repository
	prefix := repositoryPrefix + r.ID
	ours := []string{prefix + "_NAME=" + r.Name, prefix + "_TYPE=filesystem", prefix + "_DIRPATH=" + r.Directory,
		prefix + "_MODE=read-only"}
	for _, g := range c.Manifest.Groups {
		if len(g.Labels) > 0 {
			ours = append(ours, groupPrefix+g.Name+groupSuffix+"="+strings.Join(g.Labels, ","))
		}
	}
	return ours
}

// Rivals returns the ids of other repositories in variables whose directories overlap
// with that of the release.
func (c Config) Rivals(env []string) []string {
	var ids []string
	for _, r := range clashes(env, c.Manifest.Repository, origins{repositories: []string{c.Manifest.Repository.ID}}) {
		ids = append(ids, r.id)
	}
	return ids
}

// env returns the base's variables without those of what is replaced, and with ours
// at the end.
func (c Config) env(base []string, replaced origins) []string {
	for _, g := range c.Manifest.Groups {
		if len(g.Labels) > 0 {
			replaced.groups = append(replaced.groups, g.Name)
		}
	}
	kept := slices.DeleteFunc(slices.Clone(base), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return replaced.variable(name)
	})
	return append(kept, c.Variables()...)
}

// labels returns the base's labels, with the user's and ours in their place. Those
// of ours that this release has no value for are removed: they speak of the base.
func (c Config) labels(base map[string]string) map[string]string {
	labels := maps.Clone(base)
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, c.Labels)
	for key, value := range c.ours() {
		if value == "" {
			delete(labels, key)
		} else {
			labels[key] = value
		}
	}
	return labels
}

// Annotations returns what describes the image in its manifest: our labels, and the user's annotations.
func (c Config) Annotations(user map[string]string) map[string]string {
	annotations := map[string]string{}
	maps.Copy(annotations, user)
	for key, value := range c.ours() {
		if value != "" {
			annotations[key] = value
		}
	}
	return annotations
}

// ours returns our labels; an empty value means that there is none.
func (c Config) ours() map[string]string {
	m := c.Manifest
	var base release.Base
	if m.Base != nil {
		base = *m.Base
	}
	return map[string]string{
		ocispec.AnnotationCreated:         m.Created.Format(time.RFC3339),
		ocispec.AnnotationTitle:           "Prisme.ai workspaces " + m.Name,
		ocispec.AnnotationVersion:         m.Name,
		ocispec.AnnotationRevision:        m.Source.Commit,
		ocispec.AnnotationSource:          m.Source.URL,
		ocispec.AnnotationBaseImageName:   base.Name,
		ocispec.AnnotationBaseImageDigest: base.Digest.String(),
		release.LabelManifestDigest:       c.ManifestDigest.String(),
		release.LabelRepository:           m.Repository.ID,
		release.LabelDirectory:            m.Repository.Directory,
		release.LabelGroups:               strings.Join(m.GroupNames(), ","),
	}
}

// IsOurs reports whether a label or annotation is ours to set.
func IsOurs(key string) bool {
	_, ours := Config{Manifest: new(release.Manifest)}.ours()[key]
	return ours
}

// CheckLabels refuses labels or annotations of the user that are ours to set.
func CheckLabels(user map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(user)) {
		if IsOurs(key) || key == "" {
			return fmt.Errorf("label or annotation %q is set by the builder: choose another name", key)
		}
	}
	return nil
}

// history returns the base's entries and one for each of our layers. Where the base
// breaks the rule of one entry for each layer, this mends it: BuildKit would do so at
// the end, where our entries are.
func (c Config) history(base configuration) []ocispec.History {
	created := c.Manifest.Created
	history := slices.Clone(base.history)
	layers := 0
	for i := range history {
		h := &history[i]
		if h.Created == nil { // BuildKit would take the time of the build
			h.Created = &created
		}
		h.EmptyLayer = h.EmptyLayer || layers == base.layers
		if !h.EmptyLayer {
			layers++
		}
	}
	for ; layers < base.layers; layers++ {
		history = append(history, ocispec.History{
			Created: &created,
			Comment: "a layer of the base image, which has no history of it",
		})
	}
	for _, layer := range c.Layers {
		history = append(history, ocispec.History{
			Created:   &created,
			CreatedBy: "builder: " + layer,
			Comment:   "release " + c.Manifest.Name,
		})
	}
	return history
}
