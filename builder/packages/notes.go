// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// notesFile has the text of the release on GitHub.
const notesFile = "RELEASE_NOTES.md"

// writeNotes writes the section of the changelog about the version.
func (r *release) writeNotes() error {
	notes, err := r.findNotes()
	if err != nil {
		return err
	}
	return r.writeFile(notesFile, []byte(notes))
}

// findNotes returns the section of the changelog about the version.
func (r *release) findNotes() (string, error) {
	changelog, err := os.ReadFile(filepath.Join(r.root, "CHANGELOG.md"))
	if err != nil {
		return "", err
	}
	notes, ok := findSection(string(changelog), r.versionNumber())
	if !ok {
		return "", fmt.Errorf("CHANGELOG.md has no section [%s] with an entry: move there what is in [Unreleased]",
			r.versionNumber())
	}
	return notes, nil
}

// findSection returns the text below the heading of a version, in the format of
// https://keepachangelog.com. It reports false if there is no text.
func findSection(changelog, version string) (string, bool) {
	var section strings.Builder
	inside := false
	for line := range strings.Lines(changelog) {
		if strings.HasPrefix(line, "## ") {
			inside = strings.HasPrefix(line, "## ["+version+"]")
			continue
		}
		if inside {
			section.WriteString(line)
		}
	}
	text := strings.TrimSpace(section.String())
	return text + "\n", text != ""
}
