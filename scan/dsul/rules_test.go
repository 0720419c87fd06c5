// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"crypto/sha256"
	"fmt"
	"go/scanner"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/internal/golden"
)

// digestFile contains the digest, and is excluded from it.
const digestFile = "rules.go"

// digestOfCode returns the digest of everything that determines the findings: all tokens of the
// code, including word lists and expressions, but not comments and white space.
func digestOfCode(t *testing.T, change func(file, text string) string) string {
	t.Helper()
	h := sha256.New()
	for _, dir := range []string{".", "../internal/lines", "../internal/literal"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(files)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") || file == digestFile {
				continue
			}
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			writeTokens(h, change(file, string(source)))
		}
	}
	return fmt.Sprintf("sha256:%x", h.Sum(nil))
}

func writeTokens(w io.Writer, source string) {
	var s scanner.Scanner
	files := token.NewFileSet()
	s.Init(files.AddFile("", -1, len(source)), []byte(source), nil, 0)
	for {
		_, kind, text := s.Scan()
		if kind == token.EOF {
			return
		}
		fmt.Fprintf(w, "%d %q\n", kind, text)
	}
}

func unchanged(_, text string) string { return text }

// TestRulesDigest fails if the package has changed and the digest has not, because releases and
// cached verdicts identify the rules by the digest.
func TestRulesDigest(t *testing.T) {
	want := digestOfCode(t, unchanged)
	if golden.Updating() {
		source, err := os.ReadFile(digestFile)
		if err != nil {
			t.Fatal(err)
		}
		written := regexp.MustCompile(`sha256:[0-9a-f]{64}`).ReplaceAll(source, []byte(want))
		golden.Write(t, digestFile, written)
		return
	}
	if rulesDigest != want {
		t.Errorf("the rules have changed: run go test ./scan/dsul -run TestRulesDigest -update")
	}
}

// TestDigestFollowsTheCode: a word in a list and a digit in an expression change the digest,
// but a comment does not.
func TestDigestFollowsTheCode(t *testing.T) {
	before := digestOfCode(t, unchanged)
	for name, change := range map[string]struct {
		file, old, with string
		counts          bool
	}{
		"a word":                  {"names.go", "passwort ", "", true},
		"a number":                {"matches.go", "6*len(n.Value)", "7*len(n.Value)", true},
		"a comment":               {"names.go", "// strength says how much", "// strength tells how much", false},
		"a space":                 {"names.go", "type strength int", "type  strength int", false},
		"a helper's":              {"../internal/lines/lines.go", "column - 1", "column - 2", true},
		"the order of statements": {"names.go", "if len(name) > maxName {", "if maxName > len(name) {", true},
	} {
		applied := false
		after := digestOfCode(t, func(file, text string) string {
			if file != change.file {
				return text
			}
			changed := strings.Replace(text, change.old, change.with, 1)
			applied = changed != text
			return changed
		})
		if !applied {
			t.Errorf("%s: %q is not in %s any more", name, change.old, change.file)
		}
		if (after != before) != change.counts {
			t.Errorf("%s: the digest changes: %v, want %v", name, after != before, change.counts)
		}
	}
}

// TestDescriptionNamesTheCode: the description depends on the code as well as the enabled
// rules.
func TestDescriptionNamesTheCode(t *testing.T) {
	if describeRules(Rules(), rulesDigest) != newDetector(t).Describe().Rules {
		t.Error("a detector does not describe its code")
	}
	if describeRules(Rules(), "sha256:1") == describeRules(Rules(), "sha256:2") {
		t.Error("the digest of the code does not count")
	}
}
