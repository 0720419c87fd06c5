// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"flag"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/prismeai/workspaces-release/sidecar/internal/config"
)

func TestHelpFitsTheTerminal(t *testing.T) {
	for _, p := range Pages() {
		command := strings.Fields(strings.TrimPrefix(p.Name, "sidecar"))
		var out bytes.Buffer
		if code := Run(t.Context(), append(command, "--help"), IO{Out: &out, Err: &out}); code != 0 {
			t.Fatalf("%s: exit code %d: %s", p.Name, code, out.String())
		}
		for line := range strings.Lines(out.String()) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 80 {
				t.Errorf("%s: a line of %d columns: %s", p.Name, n, line)
			}
		}
		if p.Examples == "" || !strings.Contains(out.String(), "\nExamples:\n") {
			t.Errorf("%s has no example", p.Name)
		}
	}
}

// TestFlagsAreVerbs checks that the description of each flag starts with a verb.
func TestFlagsAreVerbs(t *testing.T) {
	for _, p := range Pages() {
		for _, g := range p.Groups {
			for _, f := range g.Flags {
				first, _, _ := strings.Cut(f.Text, " ")
				if slices.Contains([]string{"a", "an", "the", "longest", "shortest", "whether", f.Value}, first) ||
					strings.HasSuffix(f.Text, ".") {
					t.Errorf("%s: the text of --%s does not start with a verb: %q", p.Name, f.Name, f.Text)
				}
			}
		}
	}
}

// TestExamplesParse checks that the commands and flags in examples exist.
func TestExamplesParse(t *testing.T) {
	parsed := 0
	for _, c := range new(app).commands() {
		for line := range strings.Lines(strings.ReplaceAll(c.examples, "\\\n", " ")) {
			if strings.HasPrefix(line, "#") {
				continue
			}
			parsed++
			words := regexp.MustCompile(`"[^"]*"|[^ \n]+`).FindAllString(line, -1)
			if err := parseExample(t, words); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
	}
	if parsed < 10 {
		t.Errorf("only %d examples were parsed", parsed)
	}
	if parseExample(t, []string{"sidecar", "status", "--nosuch"}) == nil ||
		parseExample(t, []string{"sidecar", "run", "--nosuch"}) == nil {
		t.Error("a flag that there is not is accepted")
	}
}

func parseExample(t *testing.T, words []string) error {
	t.Helper()
	c, err := new(app).findCommand(words[1])
	if err != nil {
		return err
	}
	if fs := c.flags(); fs != nil {
		return parseFlags(fs, words[2:])
	}
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	for _, s := range config.Default("").Settings() {
		if placeholder, _ := s.SplitUsage(); placeholder == "" {
			fs.Bool(s.Name, false, "")
		} else {
			fs.String(s.Name, "", "")
		}
	}
	return parseFlags(fs, words[2:])
}

func TestManualPagesHaveEverySection(t *testing.T) {
	for _, p := range ManualPages() {
		if p.Examples == "" || len(p.ExitCodes) == 0 || len(p.Environment) == 0 || len(p.Files) == 0 || len(p.SeeAlso) == 0 {
			t.Errorf("the manual page of %s lacks a section", p.Name)
		}
	}
}

func TestVersionFlag(t *testing.T) {
	for _, arg := range []string{"--version", "-v", "version"} {
		var out bytes.Buffer
		if code := Run(t.Context(), []string{arg}, IO{Out: &out, Err: &out}); code != 0 ||
			!strings.HasPrefix(out.String(), "sidecar ") {
			t.Errorf("%s: exit code %d, %s", arg, code, out.String())
		}
	}
}
