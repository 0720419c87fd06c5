// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	inlineCode = regexp.MustCompile("`([^`\n]+)`")
	// ownCommand matches a command line of one of our programs, up to the next command or comment.
	ownCommand = regexp.MustCompile(`(?:^|[\s/"'(])(?:builder|sidecar) [^|;&#\n]*`)
	longFlag   = regexp.MustCompile(`(?:^|[\s\[(])--([a-z][a-z0-9-]*)(…?)`)
	// flagOfReference matches a flag in a reference page: a line of help, or the first cell of a table.
	flagOfReference = regexp.MustCompile("(?m)^(?:[| `]*|  -., )--([a-z][a-z0-9-]*)")
)

var ownVariable = regexp.MustCompile(`\b(?:BUILDER|SIDECAR)_([A-Z_]+[A-Z])\b`)

// tokenVariables are variables without a flag, so that no token is in a process list.
var tokenVariables = []string{"git-token", "token", "from-token", "to-token"}

// foreignFlags are flags of other programs that the pages name without their command.
var foreignFlags = []string{
	"api-versions", "atomic", "previous", "rollback-on-failure", "set",
}

// Every flag of a command in the documentation is a flag of that command.
func TestFlagsOfCommandsInTheDocumentationExist(t *testing.T) {
	pages := markdownPages(t)
	commands := flagsByCommand(pages)
	checked := 0
	for name, text := range handwrittenPages(pages) {
		for _, code := range codeOf(text) {
			for _, line := range ownCommand.FindAllString(code, -1) {
				command := longestCommand(commands, strings.TrimLeft(line, " \n\t/\"'("))
				if command == "" {
					continue
				}
				for _, flag := range longFlag.FindAllStringSubmatch(line, -1) {
					checked++
					if !hasFlag(commands[command], flag) {
						t.Errorf("%s: %s has no flag --%s", name, command, flag[1])
					}
				}
			}
		}
	}
	if checked < 100 {
		t.Errorf("only %d flags were found in the pages", checked)
	}
}

// Every flag that a page names by itself is one of ours, or listed as another program's.
func TestFlagsInTheDocumentationExist(t *testing.T) {
	pages := markdownPages(t)
	all := map[string]bool{}
	for _, flags := range flagsByCommand(pages) {
		maps.Copy(all, flags)
	}
	for name, text := range handwrittenPages(pages) {
		for _, match := range inlineCode.FindAllStringSubmatch(codeBlock.ReplaceAllString(text, ""), -1) {
			if !strings.HasPrefix(match[1], "--") {
				continue
			}
			for _, flag := range longFlag.FindAllStringSubmatch(match[1], -1) {
				if !hasFlag(all, flag) && !slices.Contains(foreignFlags, flag[1]) {
					t.Errorf("%s: no command has the flag --%s", name, flag[1])
				}
			}
		}
	}
}

// Every variable of our programs that a page names is the variable of a flag, for all commands or one.
func TestVariablesInTheDocumentationExist(t *testing.T) {
	pages := markdownPages(t)
	known := map[string]bool{}
	for command, flags := range flagsByCommand(pages) {
		_, command, _ = strings.Cut(command, " ")
		for flag := range flags {
			known[flag] = true
			known[strings.ReplaceAll(command+"-"+flag, " ", "-")] = true
		}
	}
	checked := 0
	for name, text := range handwrittenPages(pages) {
		for _, match := range ownVariable.FindAllStringSubmatch(text, -1) {
			checked++
			flag := strings.ToLower(strings.ReplaceAll(match[1], "_", "-"))
			if !known[flag] && !slices.Contains(tokenVariables, flag) {
				t.Errorf("%s: no program reads %s", name, match[0])
			}
		}
	}
	if checked < 10 {
		t.Errorf("only %d variables were found in the pages", checked)
	}
}

// hasFlag looks up a match of longFlag. A name with an ellipsis stands for all flags that start with it.
func hasFlag(flags map[string]bool, match []string) bool {
	if match[2] == "" {
		return flags[match[1]]
	}
	for name := range flags {
		if strings.HasPrefix(name, match[1]) {
			return true
		}
	}
	return false
}

// handwrittenPages returns the pages that people write. Generated references are left out, and so are
// decisions and the changelog, which also name flags of the past.
func handwrittenPages(pages map[string]string) map[string]string {
	written := maps.Clone(pages)
	maps.DeleteFunc(written, func(name, _ string) bool {
		return strings.HasPrefix(name, "docs/reference/") || strings.HasPrefix(name, "docs/adr/") ||
			name == "CHANGELOG.md"
	})
	return written
}

// codeOf returns the code blocks and the inline code of a page, with continued lines joined.
func codeOf(text string) []string {
	code := codeBlock.FindAllString(text, -1)
	for _, match := range inlineCode.FindAllStringSubmatch(codeBlock.ReplaceAllString(text, ""), -1) {
		code = append(code, match[1])
	}
	for i := range code {
		code[i] = strings.ReplaceAll(code[i], "\\\n", " ")
	}
	return code
}

// flagsByCommand reads the flags of each command, such as "builder baseline audit", from the
// generated references.
func flagsByCommand(pages map[string]string) map[string]map[string]bool {
	commands := map[string]map[string]bool{}
	for _, page := range []string{"docs/reference/builder.md", "docs/reference/sidecar.md"} {
		for _, section := range strings.Split(pages[page], "\n## ")[1:] {
			title, text, _ := strings.Cut(section, "\n")
			flags := map[string]bool{"help": true}
			for _, match := range flagOfReference.FindAllStringSubmatch(text, -1) {
				flags[match[1]] = true
			}
			commands[title] = flags
		}
	}
	for _, command := range []string{"run", "once", "check"} {
		maps.Copy(commands["sidecar "+command], commands["Settings"])
	}
	return commands
}

// longestCommand returns the longest command that the words of a command line start with.
func longestCommand(commands map[string]map[string]bool, line string) string {
	for line != "" {
		if _, ok := commands[line]; ok {
			return line
		}
		line = line[:max(strings.LastIndexByte(line, ' '), 0)]
	}
	return ""
}
