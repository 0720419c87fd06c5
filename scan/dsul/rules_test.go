// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"crypto/sha256"
	"flag"
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
)

var update = flag.Bool("update", false, "write the digest of the rules anew")

// digestFile holds the digest, and is not a part of what it is of.
const digestFile = "rules.go"

// digestOfCode digests all that decides what is found: every word of the code, its word
// lists and its expressions, and none of its comments and spaces.
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

// TestRulesDigest fails when a rule, a word list or anything else of this package has
// changed and the digest has not: releases and cached verdicts name the rules by it.
func TestRulesDigest(t *testing.T) {
	want := digestOfCode(t, unchanged)
	if *update {
		source, err := os.ReadFile(digestFile)
		if err != nil {
			t.Fatal(err)
		}
		written := regexp.MustCompile(`sha256:[0-9a-f]{64}`).ReplaceAll(source, []byte(want))
		if err := os.WriteFile(digestFile, written, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if rulesDigest != want {
		t.Errorf("the rules have changed: run go test ./scan/dsul -run TestRulesDigest -update")
	}
}

// TestDigestFollowsTheCode: a word in a list and a digit in an expression count, and a
// comment does not.
func TestDigestFollowsTheCode(t *testing.T) {
	before := digestOfCode(t, unchanged)
	for name, change := range map[string]struct {
		file, old, with string
		counts          bool
	}{
		"a word":                  {"names.go", "passwort ", "", true},
		"a number":                {"place.go", "6*len(n.Value)", "7*len(n.Value)", true},
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

// TestDescriptionNamesTheCode, beside the rules in use.
func TestDescriptionNamesTheCode(t *testing.T) {
	if describeRules(Rules(), rulesDigest) != newDetector(t).Describe().Rules {
		t.Error("a detector does not describe its code")
	}
	if describeRules(Rules(), "sha256:1") == describeRules(Rules(), "sha256:2") {
		t.Error("the digest of the code does not count")
	}
}
