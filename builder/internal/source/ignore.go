// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/gitignore"

	"github.com/prismeai/workspaces-release/internal/plaintext"
)

const (
	// IgnoreFile lists what does not ship, in .gitignore syntax. It is read at the top of the
	// source and in the directory of the workspaces.
	IgnoreFile = ".releaseignore"
	// TemporaryMetadata is the file that builder fmt writes before it replaces .import.yml. It
	// never ships.
	TemporaryMetadata = ".import.yml.builder-fmt"
	// maxIgnoreFile bounds the IgnoreFile, in bytes.
	maxIgnoreFile = 64 << 10
)

// ignored matches what the user excludes. The zero value matches nothing.
type ignored struct {
	patterns []gitignore.Pattern
	// place is the directory of the workspaces, to which the walker's paths are relative.
	place []string
	// lone is set if the first element of a path is a slug, not a directory of the source.
	lone bool
}

// isIgnored reports whether a path of the walker is excluded.
func (i *ignored) isIgnored(e entry) bool {
	parts := strings.Split(e.path, "/")
	if i.lone {
		parts = parts[1:]
	}
	if len(i.patterns) == 0 || len(parts) == 0 {
		return false
	}
	full := slices.Concat(i.place, parts)
	return gitignore.NewMatcher(i.patterns).Match(full, e.kind == folder)
}

// addPatterns adds patterns relative to a directory of the source.
func (i *ignored) addPatterns(globs, directory []string) error {
	for _, glob := range globs {
		if err := CheckGlob(glob); err != nil {
			return err
		}
		i.patterns = append(i.patterns, gitignore.ParsePattern(glob, directory))
	}
	return nil
}

// addFile adds the patterns of the ignore file in a directory of the source, if any.
func (i *ignored) addFile(list []entry, directory []string) error {
	data, err := readListedFile(list, IgnoreFile, maxIgnoreFile)
	if err != nil {
		return err
	}
	if data, err = plaintext.Decode(data); err != nil {
		return fmt.Errorf("%s: %w", IgnoreFile, err)
	}
	number := 0
	for line := range bytes.Lines(data) {
		number++
		glob := strings.TrimRight(string(line), "\r\n")
		if strings.TrimSpace(glob) == "" || strings.HasPrefix(glob, "#") {
			continue
		}
		if err := i.addPatterns([]string{glob}, directory); err != nil {
			return fmt.Errorf("%s, line %d: %w", IgnoreFile, number, err)
		}
	}
	return nil
}

// CheckGlob refuses globs that cannot match.
func CheckGlob(glob string) error {
	if strings.Trim(glob, "!/ ") == "" {
		return errors.New("the glob is empty")
	}
	for part := range strings.SplitSeq(glob, "/") {
		if _, err := path.Match(part, ""); err != nil {
			return fmt.Errorf("%q is not a glob: close the bracket, or write a backslash before it", printableName(glob))
		}
	}
	return nil
}
