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
	return fmt.Sprintf("the base image already carries the platform repository %q%s, which is not one of our "+
		"releases, and which this release would replace: "+
		"choose another --repository-id and --directory, or say --keep-base-workspaces to add to it, or "+
		"--replace-repository if that is what you want", e.ID, where)
}

// KeepError says that the base has no repository that the release could add to.
type KeepError struct {
	// ID and Directory are those of the release's repository.
	ID, Directory string
	// Found lists what the base has, as id in directory.
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

// CheckKeep returns a [*KeepError] unless the repository is among those of a base with
// these variables.
func CheckKeep(env []string, repository release.Repository) error {
	missing := &KeepError{ID: repository.ID, Directory: repository.Directory}
	for _, f := range repositories(env) {
		if f.id == repository.ID && f.directory != "" && path.Clean(f.directory) == repository.Directory {
			return nil
		}
		missing.Found = append(missing.Found, fmt.Sprintf("%q in %s", f.id, cmp.Or(f.directory, "Git")))
	}
	return missing
}

// GroupLabels returns the labels of a group that the variables of an image's configuration set.
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

// found is a repository that an image carries. Its directory is empty if it is not
// one of the image, but of a Git repository.
type found struct{ id, directory string }

// clashes returns the repositories of the base's variables that are in the way and
// that no earlier release of ours has put there.
func clashes(env []string, repository release.Repository, ours origins) []found {
	return slices.DeleteFunc(repositories(env), func(f found) bool {
		inTheWay := f.id == repository.ID || f.directory != "" &&
			(within(f.directory, repository.Directory) || within(repository.Directory, f.directory))
		return !inTheWay || slices.Contains(ours.repositories, f.id)
	})
}

// repositories returns the repositories that variables describe, in the order of
// their first variables. As for a process, the last value of a variable counts.
func repositories(env []string) []found {
	var list []found
	remote := map[string]bool{}
	for _, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		id, key, ok := repositoryVariable(name)
		if !ok {
			continue
		}
		i := slices.IndexFunc(list, func(f found) bool { return f.id == id })
		if i < 0 {
			i, list = len(list), append(list, found{id: id})
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

// within reports whether dir is parent, or below it.
func within(dir, parent string) bool {
	dir, parent = path.Clean(dir), path.Clean(parent)
	return dir == parent || strings.HasPrefix(dir, strings.TrimSuffix(parent, "/")+"/")
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

// variable reports whether a variable of that name describes one of them.
func (o origins) variable(name string) bool {
	if id, _, ok := repositoryVariable(name); ok {
		return slices.Contains(o.repositories, id)
	}
	group, isGroup := strings.CutPrefix(name, groupPrefix)
	group, isLabels := strings.CutSuffix(group, groupSuffix)
	return isGroup && isLabels && slices.Contains(o.groups, group)
}
