// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/internal/golden"
	"github.com/prismeai/workspaces-release/sidecar/internal/config"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// TestReference compares the reference with the program.
func TestReference(t *testing.T) {
	golden.Compare(t, "../../../docs/reference/sidecar.md", reference())
}

// The guide has the exit codes of the reference, with what to do.
func TestExitCodesOfTheGuide(t *testing.T) {
	guide, err := os.ReadFile("../../../docs/sidecar.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range exitCodes() {
		if row := fmt.Sprintf("\n| %d | %s |", c.Code, c.Meaning); !strings.Contains(string(guide), row) {
			t.Errorf("docs/sidecar.md has no row %q", row)
		}
	}
}

func reference() string {
	var b strings.Builder
	b.WriteString(`# Reference of the sidecar

<!-- Written by go test ./sidecar/internal/cli -run TestReference -update -->

The commands run, once and check take the settings below.

`)
	for _, p := range Pages()[1:] {
		if p.Groups[0].Title != flagsTitle { // settings have a table
			p.Groups = nil
		}
		if err := p.WriteMarkdown(&b); err != nil {
			panic(err)
		}
	}
	b.WriteString("\n## Exit codes\n\n| code | meaning |\n|---|---|\n")
	for _, c := range exitCodes() {
		fmt.Fprintf(&b, "| %d | %s |\n", c.Code, c.Meaning)
	}
	b.WriteString(`
## Settings

A setting is a flag, an environment variable and a key of the YAML file of ` + "`--config`" + `, all of the
same name: ` + "`--token-file`, `SIDECAR_TOKEN_FILE`, `token-file:`" + `. The flag takes precedence over the
variable, and the variable over the file. Unknown keys and unknown variables that start with ` + "`SIDECAR_`" + `
are errors. ` + "`--print-config`" + ` prints the result in the format of the file.

The sidecar reloads the file when it changes. It ignores an invalid file, and reports it in
` + "`workspaces_import_config_last_reload_successful`" + `. Settings marked ↻ take effect after a restart.
`)
	section := ""
	for _, s := range config.Default("").Settings() {
		if s.Section != section {
			section = s.Section
			fmt.Fprintf(&b, "\n### %s\n\n| flag | environment | default | |\n|---|---|---|---|\n", section)
		}
		writeSetting(&b, &s)
	}
	return b.String()
}

func writeSetting(b *strings.Builder, s *config.Setting) {
	placeholder, usage := s.SplitUsage()
	env := "`" + s.EnvironmentVariable() + "`"
	if s.Alias != "" {
		env += ", `" + s.Alias + "`"
	}
	if s.Fixed {
		usage += " ↻"
	}
	value := ""
	if v := defaultText(s.Value()); v != "" {
		value = "`" + s.Value() + "`"
	}
	fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", strings.TrimSpace("--"+s.Name+" "+placeholder), env, value,
		strings.ReplaceAll(usage, "|", "\\|"))
}

// TestHelpNamesEverything checks that the help lists all commands and flags.
func TestHelpNamesEverything(t *testing.T) {
	var out bytes.Buffer
	if code := Run(t.Context(), []string{"run", "--help"}, IO{Out: &out, Err: &out}); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, s := range config.Default("").Settings() {
		if !strings.Contains(out.String(), "\n      --"+s.Name) {
			t.Errorf("the help lacks --%s", s.Name)
		}
	}
	out.Reset()
	if code := Run(t.Context(), nil, IO{Out: &out, Err: &out}); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, c := range exitCodes() {
		if !strings.Contains(strings.Join(strings.Fields(out.String()), " "), c.Meaning) {
			t.Errorf("the help lacks exit code %d", c.Code)
		}
	}
}

// TestAdviceNamesFlags checks that all flags in the advice exist.
func TestAdviceNamesFlags(t *testing.T) {
	known := map[string]bool{}
	for _, s := range config.Default("").Settings() {
		known["--"+s.Name] = true
	}
	named := 0
	for _, r := range state.Reasons() {
		for _, flag := range regexp.MustCompile(`--[a-z]+(-[a-z]+)*`).FindAllString(state.Advise(r).Remedy, -1) {
			named++
			if !known[flag] {
				t.Errorf("the advice for %s names %s, which there is not", r, flag)
			}
		}
	}
	if named < 5 {
		t.Errorf("only %d flags are named: the test looks at nothing", named)
	}
}
