// SPDX-License-Identifier: AGPL-3.0-or-later

package diagnostic

import "fmt"

// Rule is one check. Each package that checks lists its rules as data; every
// diagnostic is made from one of them.
type Rule struct {
	// ID is stable, in kebab case, and unique in the program.
	ID string
	// Severity is the default.
	Severity Severity
	// Fixed means that nobody can lower the severity: the rule protects whoever runs the
	// release, or no release can be made of what it reports.
	Fixed bool
	// Title says in a few words what is wrong.
	Title string
	// Meaning says what follows from it: what the platform does, or loses.
	Meaning string
	// Example is the smallest input that the rule reports.
	Example string
	// Remedy says what to do.
	Remedy string
}

// Report returns a diagnostic of the rule. The place is that of [Diagnostic].
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

// pageURL is the address of the page that describes every rule.
const pageURL = "https://github.com/prismeai/workspaces-release/blob/main/docs/reference/rules.md"

// URL returns the address of the description of a rule.
func URL(id string) string { return pageURL + "#" + id }
