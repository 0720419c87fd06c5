// SPDX-License-Identifier: AGPL-3.0-or-later

package image

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

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
	idPattern   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)
	namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$`)
)

// RepositoryName is the default name of the platform repository of a release. It
// differs from release to release, so that it tells which one a pod carries.
func RepositoryName(releaseName string) string { return "Release " + releaseName }

// CheckNames reports names that cannot be part of an image's configuration.
func CheckNames(releaseName string, repository release.Repository, groups []string) error {
	if !namePattern.MatchString(releaseName) {
		return fmt.Errorf("release name %q: use at most 128 letters, digits and . _ + -, and start with a letter or digit", releaseName)
	}
	for _, id := range append([]string{repository.ID}, groups...) {
		if !idPattern.MatchString(id) {
			return fmt.Errorf("%q cannot be part of an environment variable's name: use at most 63 letters, digits, _ and - for repository ids and groups", id)
		}
	}
	if n := repository.Name; n == "" || len(n) > maxRepositoryName || !isPrintable(n) {
		return fmt.Errorf("repository name %q: use at most %d bytes of printable UTF-8", n, maxRepositoryName)
	}
	return checkDirectory(repository.Directory)
}

// checkDirectory refuses a directory that would hide or hold the release manifest,
// or be hidden by it.
func checkDirectory(dir string) error {
	switch {
	case !path.IsAbs(dir) || path.Clean(dir) != dir || dir == "/" || !isPrintable(dir):
		return fmt.Errorf("directory %q: use an absolute path below the root, such as /www/workspaces", dir)
	case within(dir, release.Directory) || within(release.Directory, dir):
		return fmt.Errorf("directory %q: the release manifest is in %s: use a directory beside it", dir, release.Directory)
	}
	return nil
}

func isPrintable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
