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

// maxRepositoryName bounds the displayed name of a repository, in bytes.
const maxRepositoryName = 128

// Names in environment variables and labels.
//
// Repository IDs and group names become part of a variable's name. Dashes are allowed because the
// platform's own groups have them (one-product): a process can have such a variable, although
// shells cannot refer to it.
var (
	idPattern   = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)
	namePattern = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$`)
)

// RepositoryName returns the default name of the repository. It differs between releases, so it
// identifies the release of a pod.
func RepositoryName(releaseName string) string { return "Release " + releaseName }

// CheckNames reports names that are invalid in an image configuration. The names of the release and
// the repository may be empty, since they are generated later.
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

// CheckGroups reports group names that are invalid in a variable's name, duplicate groups, and
// labels that are invalid in a comma-separated list.
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

// checkVariable refuses a name that is invalid in a variable's name.
func checkVariable(name string) error {
	if !idPattern.MatchString(name) {
		return fmt.Errorf("%q is part of an environment variable's name: use at most 63 letters, digits, _ and "+
			"-, and start with a letter or digit", name)
	}
	return nil
}

// checkDirectory refuses a directory that overlaps with that of the release manifest, or that
// belongs to the system.
func checkDirectory(dir string) error {
	switch {
	case !path.IsAbs(dir) || path.Clean(dir) != dir || dir == "/" || !isPrintable(dir):
		return errors.New("use an absolute path below the root, such as /www/workspaces")
	case strings.Contains(dir, "/.wh."):
		return errors.New("in an image, a name that starts with .wh. deletes other files")
	case isWithin(dir, release.Directory) || isWithin(release.Directory, dir):
		return fmt.Errorf("the release manifest is in %s: use a directory beside it", release.Directory)
	case isSystemDirectory(dir):
		return errors.New("the release would hide the files of the base there: use a separate directory, such as " +
			"/www/workspaces")
	}
	return nil
}

// systemDirectories belong to the operating system or the service. A release hides everything that
// the base has in its directory.
var systemDirectories = []string{
	"/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib32", "/lib64", "/media", "/mnt", "/opt", "/proc", "/root",
	"/run",
	"/sbin", "/srv", "/sys", "/tmp", "/usr", "/usr/bin", "/usr/lib", "/usr/local", "/usr/sbin", "/var", "/var/lib",
	"/www",
}

// isSystemDirectory reports whether dir is one of them, or below a kernel file system.
func isSystemDirectory(dir string) bool {
	for _, kernel := range []string{"/dev", "/proc", "/sys"} {
		if isWithin(dir, kernel) {
			return true
		}
	}
	return slices.Contains(systemDirectories, dir)
}

// isPrintable reports whether a text may appear in variables, labels and output.
func isPrintable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
