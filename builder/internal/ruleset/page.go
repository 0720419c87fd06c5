// SPDX-License-Identifier: AGPL-3.0-or-later

package ruleset

import (
	_ "embed"
	"fmt"
	"io"
	"strings"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
)

// WriteText writes the documentation of a rule as text.
func WriteText(w io.Writer, r diagnostic.Rule) error {
	_, err := fmt.Fprintf(w, "%s (%s)\n\n%s.\n%s\n\nexample  %s\nremedy   %s\nseverity %s\nsee      %s\n",
		r.ID, r.Severity, r.Title, r.Meaning, r.Example, r.Remedy, describeSeverity(r), diagnostic.URL(r.ID))
	return err
}

func describeSeverity(r diagnostic.Rule) string {
	if r.Fixed {
		return string(r.Severity) + "; the release file cannot lower it"
	}
	return string(r.Severity) + "; rules in the release file can set another one"
}

//go:embed page.md
var pageHead string

// WriteMarkdown writes the page of all rules, with a heading, and hence an anchor, for each.
func WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString(pageHead)
	b.WriteString("| rule | severity | reports |\n|---|---|---|\n")
	for _, r := range All() {
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s |\n", r.ID, r.ID, severityCell(r), escapeMarkdown(r.Title))
	}
	for _, r := range All() {
		fmt.Fprintf(&b, "\n### %s\n\n%s. %s\n\n", r.ID, escapeMarkdown(r.Title), escapeMarkdown(r.Meaning))
		fmt.Fprintf(&b, "- Severity: %s\n", severityCell(r))
		fmt.Fprintf(&b, "- Example: %s\n", quoteCode(r.Example))
		fmt.Fprintf(&b, "- Remedy: %s\n", escapeMarkdown(r.Remedy))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func severityCell(r diagnostic.Rule) string {
	if r.Fixed {
		return string(r.Severity) + ", fixed"
	}
	return string(r.Severity)
}

// escapeMarkdown escapes Markdown syntax.
func escapeMarkdown(s string) string {
	return strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "<", `\<`, "[", `\[`, "|", `\|`).Replace(s)
}

// quoteCode formats a text as inline code.
func quoteCode(s string) string {
	if strings.Contains(s, "`") {
		return "`` " + s + " ``"
	}
	return "`" + s + "`"
}
