// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"bytes"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/pflag"

	"github.com/prismeai/workspaces-release/internal/manual"
)

// helpOf returns the help of a command as a user gets it.
func helpOf(t *testing.T, columns string, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	streams := IO{In: strings.NewReader(""), Out: &out, Err: &errs, Env: []string{"COLUMNS=" + columns}}
	if code := Run(t.Context(), append(args, "--help"), streams); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	return out.String()
}

// commandNames lists all commands, and the program itself as "".
func commandNames() []string {
	names := []string{""}
	for _, cmd := range listRunnable(new(app).newRootCommand()) {
		names = append(names, strings.TrimPrefix(cmd.CommandPath(), "builder "))
	}
	return names
}

func TestHelpFitsTheTerminal(t *testing.T) {
	for _, name := range commandNames() {
		for _, columns := range []string{"", "80", "120"} {
			width, err := strconv.Atoi(columns)
			if err != nil {
				width = 80
			}
			help := helpOf(t, columns, strings.Fields(name)...)
			longest := 0
			for line := range strings.Lines(help) {
				longest = max(longest, utf8.RuneCountInString(strings.TrimRight(line, "\n")))
			}
			if longest > width {
				t.Errorf("the help of %q has a line of %d columns in a terminal of %d:\n%s", name, longest, width, help)
			}
			if width == 120 && name == "build" && longest < 100 {
				t.Errorf("COLUMNS is without effect: the longest line has %d columns", longest)
			}
		}
	}
}

func TestHelpHasExamplesAndGroups(t *testing.T) {
	all := Pages()
	if len(all) < 15 {
		t.Fatalf("only %d commands are documented", len(all))
	}
	for _, p := range all {
		if p.Examples == "" {
			t.Errorf("%s has no example", p.Name)
		}
		for _, g := range p.Groups {
			for _, f := range g.Flags {
				if g.Title == "" {
					t.Errorf("%s: --%s is in no group: call group where it is registered", p.Name, f.Name)
				}
				checkText(t, p.Name, f)
			}
		}
	}
}

// checkText demands that the text of a flag says what the flag does, in the imperative.
func checkText(t *testing.T, command string, f manual.Flag) {
	t.Helper()
	if !regexp.MustCompile(`^[a-z]+ `).MatchString(f.Text) || strings.HasSuffix(f.Text, ".") {
		t.Errorf("%s: the text of --%s does not start with a verb, or ends with a full stop: %q", command, f.Name, f.Text)
	}
	first, _, _ := strings.Cut(f.Text, " ")
	if slices.Contains([]string{"a", "an", "the", "file", "name", "whether", "how", f.Value}, first) && first != "name" {
		t.Errorf("%s: the text of --%s starts with %q, not with a verb", command, f.Name, first)
	}
}

// TestExamplesParse demands that each example names a command and flags that there are, and
// has arguments that the command takes.
func TestExamplesParse(t *testing.T) {
	parsed := 0
	for _, name := range commandNames() {
		cmd, _, err := new(app).newRootCommand().Find(strings.Fields(name))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(strings.ReplaceAll(cmd.Example, "\\\n", " ")) {
			for _, args := range calls(line) {
				parsed++
				if err := parseCall(args); err != nil {
					t.Errorf("%s: %s: %v", cmd.CommandPath(), strings.TrimSpace(line), err)
				}
			}
		}
	}
	if parsed < 30 {
		t.Errorf("only %d examples were parsed", parsed)
	}
}

// calls returns the arguments of each call of the builder in a line for a shell.
func calls(line string) [][]string {
	if strings.HasPrefix(strings.TrimSpace(line), "#") {
		return nil
	}
	var found [][]string
	for _, call := range regexp.MustCompile(`builder [^|>()]*`).FindAllString(line, -1) {
		found = append(found, words(call)[1:])
	}
	return found
}

// words splits a call at spaces that are not in double quotes.
func words(call string) []string {
	list := regexp.MustCompile(`"[^"]*"|[^ \n]+`).FindAllString(call, -1)
	for i := range list {
		list[i] = strings.Trim(list[i], `"`)
	}
	return list
}

// parseCall parses flags and arguments without running the command.
func parseCall(args []string) error {
	root := (&app{IO: IO{Out: io.Discard, Err: io.Discard}}).newRootCommand()
	cmd, rest, err := root.Find(args)
	if err != nil {
		return err
	}
	cmd.Flags().AddFlagSet(cmd.InheritedFlags())
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	return cmd.ValidateArgs(cmd.Flags().Args())
}

// TestParseCallFindsMistakes shows that the test of the examples can fail.
func TestParseCallFindsMistakes(t *testing.T) {
	for _, call := range []string{"bulid x", "plan", "plan a b", "plan a --nosuch", "plan a --format png",
		"completion ksh"} {
		if parseCall(words(call)) == nil {
			t.Errorf("builder %s is accepted", call)
		}
	}
}

// TestEveryFlagIsInTheHelp compares the help with what the command takes.
func TestEveryFlagIsInTheHelp(t *testing.T) {
	for _, cmd := range listRunnable(new(app).newRootCommand()) {
		help := helpOf(t, "80", strings.Fields(cmd.CommandPath())[1:]...)
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden && !strings.Contains(help, "--"+f.Name) {
				t.Errorf("%s: the help lacks --%s", cmd.Name(), f.Name)
			}
		})
	}
}

func TestHelpCommand(t *testing.T) {
	var out, errs bytes.Buffer
	streams := IO{Out: &out, Err: &errs}
	if code := Run(t.Context(), []string{"help", "plan"}, streams); code != 0 || out.String() != helpOf(t, "80", "plan") {
		t.Errorf("exit code %d, output %s", code, out.String())
	}
	if code := Run(t.Context(), []string{"help", "bulid"}, streams); code != exitUsage ||
		!strings.Contains(errs.String(), "Did you mean build") {
		t.Errorf("exit code %d, errors %s", code, errs.String())
	}
}
