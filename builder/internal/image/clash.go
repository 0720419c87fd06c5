// SPDX-License-Identifier: AGPL-3.0-or-later

package image

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/internal/release"
)

// ClashError reports a repository of the base that the release would replace and that is not an
// earlier release.
type ClashError struct {
	// ID and Directory identify the repository of the base.
	ID, Directory string
}

func (e *ClashError) Error() string {
	where := ""
	if e.Directory != "" {
		where = " in " + e.Directory
	}
	return fmt.Sprintf("the base image already has the platform repository %q%s, which builder did not create "+
		"and which this release would replace: choose another --repository-id and --directory, "+
		"or use --keep-base-workspaces to add to it, or --replace-repository to replace it", e.ID, where)
}

// KeepError reports that the base has no repository to add to.
type KeepError struct {
	// ID and Directory identify the repository of the release.
	ID, Directory string
	// Found lists the repositories of the base as id in directory.
	Found []string
}

func (e *KeepError) Error() string {
	has := "it has none"
	if len(e.Found) > 0 {
		has = "it has " + strings.Join(e.Found, ", ") + ": give --repository-id and --directory of the one to keep"
	}
	return fmt.Sprintf("the base image has no platform repository %q in %s whose workspaces could be kept; %s", e.ID,
		e.Directory, has)
}

// CheckKeep returns a [*KeepError] unless the variables of the base declare the repository.
func CheckKeep(env []string, repository release.Repository) error {
	missing := &KeepError{ID: repository.ID, Directory: repository.Directory}
	for _, f := range listRepositories(env) {
		if f.id == repository.ID && f.directory != "" && path.Clean(f.directory) == repository.Directory {
			return nil
		}
		missing.Found = append(missing.Found, fmt.Sprintf("%q in %s", f.id, cmp.Or(f.directory, "Git")))
	}
	return missing
}

// GroupLabels returns the labels of a group from the variables of an image.
func GroupLabels(env []string, group string) []string {
	var labels []string
	for _, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		if name == groupPrefix+group+groupSuffix && value != "" {
			labels = strings.Split(value, ",")
		}
	}
	return labels
}

// foundRepository is a repository declared by an image. Its directory is empty if it is a Git
// repository.
type foundRepository struct{ id, directory string }

// findClashes returns the repositories of the base that conflict with the release and are not of an
// earlier release.
func findClashes(env []string, repository release.Repository, ours origins) []foundRepository {
	return slices.DeleteFunc(listRepositories(env), func(f foundRepository) bool {
		inTheWay := f.id == repository.ID || f.directory != "" &&
			(isWithin(f.directory, repository.Directory) || isWithin(repository.Directory, f.directory))
		return !inTheWay || slices.Contains(ours.repositories, f.id)
	})
}

// listRepositories returns the repositories declared by variables, in the order of their first
// variables. As in a process environment, the last value of a variable wins.
func listRepositories(env []string) []foundRepository {
	var list []foundRepository
	remote := map[string]bool{}
	for _, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		id, key, ok := splitVariable(name)
		if !ok {
			continue
		}
		i := slices.IndexFunc(list, func(f foundRepository) bool { return f.id == id })
		if i < 0 {
			i = len(list)
			list = append(list, foundRepository{id: id})
		}
		switch key {
		case "DIRPATH":
			list[i].directory = value
		case "TYPE":
			remote[id] = value != "filesystem"
		}
	}
	for i, f := range list {
		if remote[f.id] {
			list[i].directory = ""
		}
	}
	return list
}

// isWithin reports whether dir is parent or below it.
func isWithin(dir, parent string) bool {
	dir = path.Clean(dir)
	parent = path.Clean(parent)
	return dir == parent || strings.HasPrefix(dir, strings.TrimSuffix(parent, "/")+"/")
}

// splitVariable splits WORKSPACES_STORAGE_GIT_PLATFORM_<id>_<KEY>. IDs may contain underscores,
// keys do not.
func splitVariable(name string) (id, key string, ok bool) {
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

// origins are the repositories and groups whose variables are replaced.
type origins struct{ repositories, groups []string }

// findEarlier returns the repository and groups of an earlier release, from its labels.
func findEarlier(labels map[string]string) origins {
	if labels[release.LabelManifestDigest] == "" {
		return origins{}
	}
	return origins{
		repositories: []string{labels[release.LabelRepository]},
		groups:       strings.Split(labels[release.LabelGroups], ","),
	}
}

// ownsVariable reports whether a variable describes one of them.
func (o origins) ownsVariable(name string) bool {
	if id, _, ok := splitVariable(name); ok {
		return slices.Contains(o.repositories, id)
	}
	group, isGroup := strings.CutPrefix(name, groupPrefix)
	group, isLabels := strings.CutSuffix(group, groupSuffix)
	return isGroup && isLabels && slices.Contains(o.groups, group)
}
