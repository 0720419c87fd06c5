// SPDX-License-Identifier: AGPL-3.0-or-later

package image

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/internal/release"
)

// ClashError says that the base carries a repository which the release would
// replace, and which is not an earlier release of ours.
type ClashError struct {
	// ID and Directory are those of the base's repository.
	ID, Directory string
}

func (e *ClashError) Error() string {
	where := ""
	if e.Directory != "" {
		where = " in " + e.Directory
	}
	return fmt.Sprintf("the base image already carries the platform repository %q%s, which is not one of our releases: its workspaces would be gone; "+
		"choose another --repository-id and --directory, or say --replace-repository if that is what you want", e.ID, where)
}

// CheckBase returns a [*ClashError] if the base (its configuration as JSON) has a
// repository of the same id, or one whose directory the release would hide. An
// earlier release in the base is no clash.
func CheckBase(base []byte, repository release.Repository) error {
	var config configuration
	if err := json.Unmarshal(base, &config); err != nil {
		return fmt.Errorf("decode the configuration of the base image: %w", err)
	}
	if found := clashes(config.known, repository); len(found) > 0 {
		return &ClashError{ID: found[0].id, Directory: found[0].directory}
	}
	return nil
}

// found is a repository that an image carries.
type found struct{ id, directory string }

// clashes returns the base's repositories, in the order of their ids, that are in
// the way and that no earlier release of ours has put there.
func clashes(base known, repository release.Repository) []found {
	byID := map[string]string{}
	for _, entry := range base.Env {
		name, value, _ := strings.Cut(entry, "=")
		id, key, ok := repositoryVariable(name)
		if !ok {
			continue
		}
		if key == "DIRPATH" {
			byID[id] = value
		} else if _, known := byID[id]; !known {
			byID[id] = ""
		}
	}
	ours := earlier(base.Labels)
	var list []found
	for id, directory := range byID {
		inTheWay := id == repository.ID || directory != "" && within(directory, repository.Directory)
		if inTheWay && !slices.Contains(ours.repositories, id) {
			list = append(list, found{id, directory})
		}
	}
	slices.SortFunc(list, func(a, b found) int { return strings.Compare(a.id, b.id) })
	return list
}

// within reports whether dir is parent, or below it: then parent's whiteout hides it.
func within(dir, parent string) bool {
	dir, parent = path.Clean(dir), path.Clean(parent)
	return dir == parent || strings.HasPrefix(dir, parent+"/")
}

// repositoryVariable splits WORKSPACES_STORAGE_GIT_PLATFORM_<id>_<KEY>. Ids may
// hold underscores, keys do not.
func repositoryVariable(name string) (id, key string, ok bool) {
	rest, ok := strings.CutPrefix(name, repositoryPrefix)
	if !ok {
		return "", "", false
	}
	i := strings.LastIndexByte(rest, '_')
	if i <= 0 {
		return "", "", false
	}
	return rest[:i], rest[i+1:], true
}

// origins are repositories and groups whose variables are replaced.
type origins struct{ repositories, groups []string }

// earlier returns what an earlier release of ours has set, by its labels.
func earlier(labels map[string]string) origins {
	if labels[release.LabelManifestDigest] == "" {
		return origins{}
	}
	return origins{
		repositories: []string{labels[release.LabelRepository]},
		groups:       strings.Split(labels[release.LabelGroups], ","),
	}
}

func (o origins) variable(name string) bool {
	if id, _, ok := repositoryVariable(name); ok {
		return slices.Contains(o.repositories, id)
	}
	group, isGroup := strings.CutPrefix(name, groupPrefix)
	group, isLabels := strings.CutSuffix(group, groupSuffix)
	return isGroup && isLabels && slices.Contains(o.groups, group)
}
