// SPDX-License-Identifier: AGPL-3.0-or-later

// Package diagnostic describes problems of workspaces as compilers and linters do: rule, position,
// message, remedy.
package diagnostic

import (
	"cmp"
	"fmt"
	"slices"
)

// Severity determines whether a diagnostic stops a build.
type Severity string

// The severities, worst first.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Info    Severity = "info"
	// Off disables a rule. No diagnostic has this severity.
	Off Severity = "off"
)

// Level orders severities from 0 ([Off]) to 3 ([Error]). It returns -1 for an unknown severity.
func (s Severity) Level() int { return slices.Index([]Severity{Off, Info, Warning, Error}, s) }

// Diagnostic is a problem or a hint.
type Diagnostic struct {
	Severity Severity `json:"severity"`
	// Rule is the stable ID of the rule in kebab case, such as "slug-duplicate".
	Rule string `json:"rule"`
	// File is relative to the root of the workspaces, with slashes. It is empty if the diagnostic
	// concerns the whole repository.
	File string `json:"file,omitempty"`
	// Line and Column are 1-based. 0 means the whole file.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
	// Message describes the problem. It never contains a secret.
	Message string `json:"message"`
	// Help describes the remedy.
	Help string `json:"help,omitempty"`
}

// Position returns file:line:col, as far as known.
func (d Diagnostic) Position() string {
	switch {
	case d.Line == 0:
		return d.File
	case d.Column == 0:
		return fmt.Sprintf("%s:%d", d.File, d.Line)
	default:
		return fmt.Sprintf("%s:%d:%d", d.File, d.Line, d.Column)
	}
}

// Sort sorts diagnostics by position, rule and message.
func Sort(ds []Diagnostic) {
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		return cmp.Or(
			cmp.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Rule, b.Rule),
			cmp.Compare(a.Message, b.Message),
		)
	})
}

// Count returns the number of diagnostics with a severity.
func Count(ds []Diagnostic, s Severity) int {
	n := 0
	for _, d := range ds {
		if d.Severity == s {
			n++
		}
	}
	return n
}

// Strict returns a copy with all warnings turned into errors.
func Strict(ds []Diagnostic) []Diagnostic {
	out := slices.Clone(ds)
	for i := range out {
		if out[i].Severity == Warning {
			out[i].Severity = Error
		}
	}
	return out
}
