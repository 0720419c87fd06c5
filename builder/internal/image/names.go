// SPDX-License-Identifier: AGPL-3.0-or-later

package image

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
	"github.com/prismeai/workspaces-release/internal/release"
)

// maxRepositoryName bounds what people read in a list of repositories, in bytes.
const maxRepositoryName = 128

// Names that end up in names of environment variables, and in labels.
//
// Ids of repositories and names of groups are part of a variable's name. Dashes are
// allowed because the platform's own groups have them (one-product): the process
// gets such a variable all the same, only shells cannot name it.
var (
	idPattern   = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)
	namePattern = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$`)
)

// RepositoryName is the default name of the platform repository of a release. It
// differs from release to release, so that it tells which one a pod carries.
func RepositoryName(releaseName string) string { return "Release " + releaseName }

// CheckNames reports names that cannot be part of an image's configuration. The names
// of the release and of the repository may be empty: those are made later, and good.
func CheckNames(releaseName string, repository release.Repository, groups []release.Group) error {
	if releaseName != "" && !namePattern.MatchString(releaseName) {
		return fmt.Errorf("release name %q: use at most 128 letters, digits and . _ + -, and start with a "+
			"letter or digit", releaseName)
	}
	if n := repository.Name; len(n) > maxRepositoryName || !isPrintable(n) {
		return fmt.Errorf("repository name %q: use at most %d bytes of printable UTF-8", n, maxRepositoryName)
	}
	if err := checkVariable(repository.ID); err != nil {
		return fmt.Errorf("repository id %w", err)
	}
	if err := checkDirectory(repository.Directory); err != nil {
		return fmt.Errorf("directory %q: %w", repository.Directory, err)
	}
	return CheckGroups(groups)
}

// CheckGroups reports names of groups that cannot be part of a variable's name, groups that
// are named twice, and labels that cannot be in a list with commas.
func CheckGroups(groups []release.Group) error {
	seen := map[string]bool{}
	for _, g := range groups {
		if err := checkVariable(g.Name); err != nil {
			if strings.ContainsAny(g.Name, " ,;") {
				return fmt.Errorf("group %w; name several groups one by one: --group a --group b", err)
			}
			return fmt.Errorf("group %w", err)
		}
		if seen[g.Name] {
			return fmt.Errorf("group %q is named twice", g.Name)
		}
		seen[g.Name] = true
		for _, label := range g.Labels {
			if label == "" || strings.Contains(label, ",") || !isPrintable(label) {
				return fmt.Errorf("label %q of group %q: use printable UTF-8 without commas", label, g.Name)
			}
		}
	}
	return nil
}

// checkVariable refuses what cannot be part of a variable's name.
func checkVariable(name string) error {
	if !idPattern.MatchString(name) {
		return fmt.Errorf("%q is part of an environment variable's name: use at most 63 letters, digits, _ and "+
			"-, and start with a letter or digit", name)
	}
	return nil
}

// checkDirectory refuses a directory that would hide or hold the release manifest,
// or be hidden by it.
func checkDirectory(dir string) error {
	switch {
	case !path.IsAbs(dir) || path.Clean(dir) != dir || dir == "/" || !isPrintable(dir):
		return errors.New("use an absolute path below the root, such as /www/workspaces")
	case strings.Contains(dir, "/.wh."):
		return errors.New("in an image, a name that starts with .wh. deletes other files")
	case within(dir, release.Directory) || within(release.Directory, dir):
		return fmt.Errorf("the release manifest is in %s: use a directory beside it", release.Directory)
	case isSystemDirectory(dir):
		return errors.New("the release would hide what the base has there: use a directory of its own, such as " +
			"/www/workspaces")
	}
	return nil
}

// systemDirectories belong to the operating system or to the service. A release hides all
// that its base has in its directory.
var systemDirectories = []string{
	"/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib32", "/lib64", "/media", "/mnt", "/opt", "/proc", "/root",
	"/run",
	"/sbin", "/srv", "/sys", "/tmp", "/usr", "/usr/bin", "/usr/lib", "/usr/local", "/usr/sbin", "/var", "/var/lib",
	"/www",
}

// isSystemDirectory reports whether dir is one of these, or below one whose content is the kernel's.
func isSystemDirectory(dir string) bool {
	for _, kernel := range []string{"/dev", "/proc", "/sys"} {
		if within(dir, kernel) {
			return true
		}
	}
	return slices.Contains(systemDirectories, dir)
}

// isPrintable is for what goes into variables and labels, and is shown to people.
func isPrintable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
