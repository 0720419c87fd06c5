// SPDX-License-Identifier: AGPL-3.0-or-later

// Package image derives the configuration of a release image from that of its base: variables,
// labels, history and creation time. It keeps all other fields, including unknown ones.
//
// The variables declare the repository to the platform:
// WORKSPACES_STORAGE_GIT_PLATFORM_<id>_{NAME,TYPE,DIRPATH,MODE} and WORKSPACES_GROUP_<name>_LABELS
// (platform documentation, "Deployment" and "Environment variables").
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

// Config is the input for the configuration of one image.
type Config struct {
	Manifest *release.Manifest
	// ManifestDigest is the digest of the encoded manifest.
	ManifestDigest digest.Digest
	// Labels are the user's labels. They must not include the builder's own: see [CheckLabels].
	Labels map[string]string
	// Layers describes the added layers, for the history.
	Layers []string
	// ReplaceRepository suppresses the [ClashError].
	ReplaceRepository bool
	// KeepRepository requires a base with the repository in the same directory, to which the
	// release is added.
	KeepRepository bool
}

// RepositoryNameVariable returns the name of the variable with the repository's name.
func RepositoryNameVariable(r release.Repository) string { return repositoryPrefix + r.ID + "_NAME" }

// Apply returns the configuration of the release image. base is the JSON configuration of the base;
// for an image without a base, see [Scratch].
//
// The error is a [*ClashError] if the base has a repository with the same ID, or in the same
// directory, in a subdirectory (which the release would hide), or in a parent directory (which
// would treat the release as a workspace). It is a [*KeepError] if there is no repository to keep.
//
// An earlier release in the base does not clash. Its variables are removed, whatever its ID, and so
// are those of its groups, even if the base set them. Its files are hidden if they are in the same
// directory; otherwise they stay in the image, but no variable refers to them.
func Apply(base []byte, c Config) ([]byte, error) {
	var config configuration
	if err := json.Unmarshal(base, &config); err != nil {
		return nil, fmt.Errorf("decode the configuration of the base image: %w", err)
	}
	replaced := findEarlier(config.known.Labels)
	if c.KeepRepository {
		if err := CheckKeep(config.known.Env, c.Manifest.Repository); err != nil {
			return nil, err
		}
		replaced = origins{repositories: []string{c.Manifest.Repository.ID}} // its groups are kept
	}
	for _, r := range findClashes(config.known.Env, c.Manifest.Repository, replaced) {
		if !c.ReplaceRepository {
			return nil, &ClashError{ID: r.id, Directory: r.directory}
		}
		replaced.repositories = append(replaced.repositories, r.id)
	}
	config.known.Env = c.mergeEnv(config.known.Env, replaced)
	config.known.Labels = c.mergeLabels(config.known.Labels)
	config.created = c.Manifest.Created
	config.history = c.extendHistory(config)
	return config.encodeConfig()
}

// Scratch returns the configuration of an image without a base, for [Apply].
func Scratch(platform ocispec.Platform) ([]byte, error) {
	config := ocispec.Image{Platform: platform}
	config.RootFS.Type = "layers"
	return json.Marshal(config)
}

// Variables returns the variables of the release as NAME=value.
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

// Rivals returns the IDs of other repositories in the variables whose directories overlap with that
// of the release.
func (c Config) Rivals(env []string) []string {
	var ids []string
	for _, r := range findClashes(env, c.Manifest.Repository, origins{
		repositories: []string{c.Manifest.Repository.ID},
	}) {
		ids = append(ids, r.id)
	}
	return ids
}

// mergeEnv returns the variables of the base without the replaced ones, followed by those of the
// release.
func (c Config) mergeEnv(base []string, replaced origins) []string {
	for _, g := range c.Manifest.Groups {
		if len(g.Labels) > 0 {
			replaced.groups = append(replaced.groups, g.Name)
		}
	}
	kept := slices.DeleteFunc(slices.Clone(base), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return replaced.ownsVariable(name)
	})
	return append(kept, c.Variables()...)
}

// mergeLabels returns the labels of the base, overridden by those of the user and of the release.
// Labels of the builder without a value are removed: they describe the base.
func (c Config) mergeLabels(base map[string]string) map[string]string {
	labels := maps.Clone(base)
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, c.Labels)
	for key, value := range c.ownLabels() {
		if value == "" {
			delete(labels, key)
		} else {
			labels[key] = value
		}
	}
	return labels
}

// Annotations returns the annotations of the manifest: the builder's labels and the user's
// annotations.
func (c Config) Annotations(user map[string]string) map[string]string {
	annotations := map[string]string{}
	maps.Copy(annotations, user)
	for key, value := range c.ownLabels() {
		if value != "" {
			annotations[key] = value
		}
	}
	return annotations
}

// ownLabels returns the builder's labels; an empty value means none.
func (c Config) ownLabels() map[string]string {
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

// IsOurs reports whether the builder sets a label or annotation.
func IsOurs(key string) bool {
	_, ours := Config{Manifest: new(release.Manifest)}.ownLabels()[key]
	return ours
}

// CheckLabels refuses labels or annotations that the builder sets.
func CheckLabels(user map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(user)) {
		if IsOurs(key) || key == "" {
			return fmt.Errorf("label or annotation %q is set by the builder: choose another name", key)
		}
	}
	return nil
}

// extendHistory returns the history of the base with an entry per added layer. If the base does not
// have an entry per layer, extendHistory corrects that; BuildKit would correct it at the end, where
// the added entries are.
func (c Config) extendHistory(base configuration) []ocispec.History {
	created := c.Manifest.Created
	history := slices.Clone(base.history)
	layers := 0
	for i := range history {
		h := &history[i]
		if h.Created == nil { // BuildKit would use the build time
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
