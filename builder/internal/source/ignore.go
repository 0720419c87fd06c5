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
)

const (
	// IgnoreFile lists what does not ship, in the notation of .gitignore. It is read at
	// the top of the source and beside the workspaces.
	IgnoreFile = ".releaseignore"
	// TemporaryMetadata is what builder fmt writes before it replaces .import.yml. It
	// never ships.
	TemporaryMetadata = ".import.yml.builder-fmt"
	// maxIgnoreFile bounds the IgnoreFile, in bytes.
	maxIgnoreFile = 64 << 10
)

// ignored knows what the user leaves out. The zero value leaves nothing out.
type ignored struct {
	patterns []gitignore.Pattern
	// place is the directory of the workspaces, below which the walker's paths are.
	place []string
	// lone says that the first name of a path is a slug and not a directory of the source.
	lone bool
}

// matches reports whether an entry with a path of the walker is left out.
func (i *ignored) matches(e entry) bool {
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

// add takes patterns that are relative to a directory of the source.
func (i *ignored) add(globs, directory []string) error {
	for _, glob := range globs {
		if err := CheckGlob(glob); err != nil {
			return err
		}
		i.patterns = append(i.patterns, gitignore.ParsePattern(glob, directory))
	}
	return nil
}

// addFile takes the patterns of the ignore file in a directory of the source, if it has one.
func (i *ignored) addFile(list []entry, directory []string) error {
	data, err := readListedFile(list, IgnoreFile, maxIgnoreFile)
	if err != nil {
		return err
	}
	number := 0
	for line := range bytes.Lines(data) {
		number++
		glob := strings.TrimRight(string(line), "\r\n")
		if strings.TrimSpace(glob) == "" || strings.HasPrefix(glob, "#") {
			continue
		}
		if err := i.add([]string{glob}, directory); err != nil {
			return fmt.Errorf("%s, line %d: %w", IgnoreFile, number, err)
		}
	}
	return nil
}

// CheckGlob refuses globs that could match nothing.
func CheckGlob(glob string) error {
	if strings.Trim(glob, "!/ ") == "" {
		return errors.New("the glob is empty")
	}
	for part := range strings.SplitSeq(glob, "/") {
		if _, err := path.Match(part, ""); err != nil {
			return fmt.Errorf("%q is not a glob: close the bracket, or write a backslash before it", printable(glob))
		}
	}
	return nil
}
