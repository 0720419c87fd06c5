// SPDX-License-Identifier: AGPL-3.0-or-later

package ruleset

import (
	"fmt"
	"io"
	"strings"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
)

// WriteText writes what there is to know of a rule, for people.
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

const pageHead = `# Rules

<!-- Written by go test ./builder/reference -update -->

` + "`builder validate`" + ` and ` + "`builder build`" + ` check the workspaces by these rules. ` + "`builder rules RULE`" + ` shows one of
them. An error stops a build. A warning stops it with ` + "`--strict`" + `.

## Change the severity

` + "`rules`" + ` in the release file sets another severity, for all files or for those that match a glob. The glob is relative to
the workspaces, and ` + "`**`" + ` stands for any directories. The last entry that matches counts. Every entry needs a reason.
After the last day in ` + "`until`" + ` (UTC) an entry does not count any more, and a warning says so. Rules whose severity is marked as fixed
cannot be lowered.

` + "```yaml" + `
rules:
  - rule: secret-unused
    path: mail-sender/**
    severity: off # error, warning, info or off
    reason: the vendor declares it for a later version
    until: "2027-01-31"
# Apps that the target has, such as those of its marketplace: import-undeclared and
# dependency-unknown do not report them.
externalApps: [Crawler]
` + "```" + `

What was lowered is counted in one line of the output, in ` + "`lowered`" + ` of ` + "`validate --format json`" + `, and under
` + "`prismeai.rules.lowered`" + ` in the metadata file of ` + "`build`" + `.

## All rules

`

// WriteMarkdown writes the page of all rules, with a heading and so an anchor for each.
func WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString(pageHead)
	b.WriteString("| rule | severity | reports |\n|---|---|---|\n")
	for _, r := range All() {
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s |\n", r.ID, r.ID, severityCell(r), escapeMarkdown(r.Title))
	}
	for _, r := range All() {
		fmt.Fprintf(&b, "\n### %s\n\n%s. %s\n\n", r.ID, escapeMarkdown(r.Title), escapeMarkdown(r.Meaning))
		fmt.Fprintf(&b, "- Severity: %s\n- Example: %s\n- Remedy: %s\n", severityCell(r), quoteCode(r.Example), escapeMarkdown(r.Remedy))
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

// escapeMarkdown keeps texts from being taken for markup.
func escapeMarkdown(s string) string {
	return strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "<", `\<`, "[", `\[`, "|", `\|`).Replace(s)
}

// quoteCode quotes text as code; Markdown reads nothing in it.
func quoteCode(s string) string {
	if strings.Contains(s, "`") {
		return "`` " + s + " ``"
	}
	return "`" + s + "`"
}
