// SPDX-License-Identifier: AGPL-3.0-or-later

package diagnostic

import "fmt"

// Rule is a check. Every package lists its rules as data, and creates its diagnostics from them.
type Rule struct {
	// ID is stable, in kebab case, and unique in the program.
	ID string
	// Severity is the default.
	Severity Severity
	// Fixed rules cannot be lowered: they protect the operators of the release, or the release
	// cannot be built without them.
	Fixed bool
	// Title describes the problem in a few words.
	Title string
	// Meaning describes the consequence: what the platform does, or loses.
	Meaning string
	// Example is the smallest input that the rule reports.
	Example string
	// Remedy describes what to do.
	Remedy string
}

// Report returns a diagnostic of the rule at a position; see [Diagnostic].
func (r Rule) Report(file string, line, column int, format string, args ...any) Diagnostic {
	return Diagnostic{
		Severity: r.Severity,
		Rule:     r.ID,
		File:     file,
		Line:     line,
		Column:   column,
		Message:  fmt.Sprintf(format, args...),
		Help:     r.Remedy,
	}
}

// pageURL is the documentation of all rules.
const pageURL = "https://github.com/prismeai/workspaces-release/blob/main/docs/reference/rules.md"

// URL returns the link to the documentation of a rule.
func URL(id string) string { return pageURL + "#" + id }
