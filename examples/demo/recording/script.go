// SPDX-License-Identifier: Apache-2.0

package main

import (
	"regexp"
	"strings"
)

// scenes are the sections of the demo in the recording: the start of each title, and an expression
// for the lines to keep.
var scenes = []struct {
	title string
	keep  *regexp.Regexp
}{
	{"Validate the workspaces", regexp.MustCompile(`^\$|^0 errors|^[123]\. group`)},
	{"Build the release", regexp.MustCompile(`^\$|^(pushed|release|groups|workspaces|scanned|moved) +`)},
	{"Build it again", regexp.MustCompile(`^(digest|moved) +`)},
	{"Someone commits a token", regexp.MustCompile(`^\$|: secret of kind|^  help: revoke|^\(exit code|^builder: secrets`)},
	{"The sidecar starts", regexp.MustCompile(`^\$|/readyz`)},
	{"Read the metrics", regexp.MustCompile(`^\$ sidecar|^(ready|release|group) +`)},
	{"On another platform", regexp.MustCompile(`^\$ sidecar run|/readyz|^(ready|problem|remedy|runbook) +`)},
	{"Someone frees the slug", regexp.MustCompile(`/readyz (503.*Import,|200)`)},
}

// replacements remove the parts that differ between runs, and options that do not matter to readers.
var replacements = []struct {
	pattern *regexp.Regexp
	text    string
}{
	{regexp.MustCompile(`127\.0\.0\.1:\d+/(prismeai|acme)/`), "registry/$1/"},
	{regexp.MustCompile(`/tmp/workspaces-release-demo-\d+/`), ""},
	{regexp.MustCompile(` --(digest-file|metadata-file|manifest|platform-url|listen|log-level|poll|url) \S+`), ""},
	{regexp.MustCompile(`(sha256:[0-9a-f]{12})[0-9a-f]{52}`), "$1…"},
	{regexp.MustCompile(`(fingerprint [0-9a-f]{8})[0-9a-f]{24}, also [\w-]+`), "$1…"},
}

// selectLines returns the lines to show. Every title of a section begins with "── ".
func selectLines(output string) []string {
	var lines []string
	var keep *regexp.Regexp
	for line := range strings.Lines(output) {
		line = strings.TrimRight(line, "\n")
		if title, isTitle := strings.CutPrefix(line, "── "); isTitle {
			if keep = findScene(title); keep != nil {
				lines = append(lines, "", "# "+title)
			}
			continue
		}
		if keep != nil && keep.MatchString(line) {
			lines = append(lines, wrapLine(shortenLine(line))...)
		}
	}
	return lines
}

// findScene returns the expression for the lines to keep of a section, or nil if it is not shown.
func findScene(title string) *regexp.Regexp {
	for _, scene := range scenes {
		if strings.HasPrefix(title, scene.title) {
			return scene.keep
		}
	}
	return nil
}

func shortenLine(line string) string {
	for _, r := range replacements {
		line = r.pattern.ReplaceAllString(line, r.text)
	}
	return line
}

// wrapLine fits a line into the columns. It truncates probe responses, which repeat, and breaks
// other lines: commands before an option, the rest at a space.
func wrapLine(line string) []string {
	if runes := []rune(line); strings.Contains(line, "/readyz") && len(runes) > columns {
		return []string{string(runes[:columns-1]) + "…"}
	}
	separator := " "
	if strings.HasPrefix(line, "$ ") {
		separator = " --"
	}
	var out []string
	for len([]rune(line)) > columns {
		first := string([]rune(line)[:columns])
		at := strings.LastIndex(first, separator)
		if at <= len(indent) {
			at = len(first)
		}
		out = append(out, line[:at])
		line = indent + strings.TrimLeft(line[at:], " ")
	}
	return append(out, line)
}

// indent starts each continuation line.
const indent = "    "
