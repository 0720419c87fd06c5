// SPDX-License-Identifier: AGPL-3.0-or-later

// Package errtexttest checks tables of error texts against the sources that they were recorded from
// and against recorded errors.
package errtexttest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/errtext"
)

// Check requires that every phrase still is in the file that it was recorded from, as of the version
// that this module depends on, and that the table has the right meaning for every recorded error.
// There must be a recorded error for every phrase. recorded maps whole error texts to meanings.
func Check[T comparable](t *testing.T, table errtext.Table[T], recorded map[string]T) {
	t.Helper()
	for _, phrase := range table {
		checkOrigin(t, phrase.From, phrase.Text)
		if !isRecorded(phrase, recorded) {
			t.Errorf("there is no recorded error for %q", phrase.Text)
		}
	}
	for text, want := range recorded {
		if !table.Says(recordedError(text), want) {
			t.Errorf("the table does not say %v for %q", want, text)
		}
	}
}

// recordedError is the text of an error without its type.
type recordedError string

func (e recordedError) Error() string { return string(e) }

func isRecorded[T comparable](phrase errtext.Phrase[T], recorded map[string]T) bool {
	for text, means := range recorded {
		if means == phrase.Means && strings.Contains(text, phrase.Text) {
			return true
		}
	}
	return false
}

// origin matches a file or a directory in a version of a module.
var origin = regexp.MustCompile(`^([^@ ]+)@v[^/ ]+/?(.*)$`)

// goOrigin matches a file of the standard library.
var goOrigin = regexp.MustCompile(`^go1\.[0-9]+/(.+)$`)

// checkOrigin requires that a phrase is in the file that it was recorded from, if it is from a file.
func checkOrigin(t *testing.T, from, text string) {
	t.Helper()
	file := ""
	if module := origin.FindStringSubmatch(from); module != nil {
		dir := goTool(t, "list", "-m", "-f", "{{.Dir}}", module[1])
		if module[2] == "" {
			return
		}
		file = filepath.Join(dir, module[2])
	} else if std := goOrigin.FindStringSubmatch(from); std != nil {
		file = filepath.Join(goTool(t, "env", "GOROOT"), "src", std[1])
	} else if own, ok := strings.CutPrefix(from, "./"); ok {
		file = filepath.Join(filepath.Dir(goTool(t, "env", "GOMOD")), own)
	} else {
		return
	}
	source, err := os.ReadFile(file)
	if err != nil {
		t.Errorf("%q was recorded from %s: %v", text, from, err)
	} else if !strings.Contains(string(source), text) {
		t.Errorf("%q is no longer in %s: find the new text, and record it", text, from)
	}
}

// goTool returns the output of the go command.
func goTool(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", args...).Output()
	if err != nil {
		t.Fatalf("go %s: %v", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out))
}
