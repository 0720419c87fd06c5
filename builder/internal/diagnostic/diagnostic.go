// SPDX-License-Identifier: AGPL-3.0-or-later

// Package diagnostic holds what is wrong with a repository of workspaces, in
// the form that compilers and linters use: a rule, a place, a message, a remedy.
package diagnostic

import (
	"cmp"
	"fmt"
	"slices"
)

// Severity says whether a diagnostic stops a build.
type Severity string

// The severities, worst first.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Info    Severity = "info"
	// Off is the severity of a rule that reports nothing. No diagnostic has it.
	Off Severity = "off"
)

// Level orders severities: 0 for [Off], 3 for [Error], -1 for what is none.
func (s Severity) Level() int { return slices.Index([]Severity{Off, Info, Warning, Error}, s) }

// Diagnostic is one thing that is wrong or worth knowing.
type Diagnostic struct {
	Severity Severity `json:"severity"`
	// Rule is the stable id of the check, in kebab case, such as "slug-duplicate".
	Rule string `json:"rule"`
	// File is relative to the root of the workspaces, with slashes.
	// It is empty when the diagnostic concerns the repository as a whole.
	File string `json:"file,omitempty"`
	// Line and Column are 1-based; 0 means that the place is the file as a whole.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
	// Message says what is wrong. It never holds a secret.
	Message string `json:"message"`
	// Help says what to do about it.
	Help string `json:"help,omitempty"`
}

// Position returns file:line:col as far as they are known.
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

// Sort orders diagnostics by place, then by rule and message.
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

// Count returns how many diagnostics have the severity.
func Count(ds []Diagnostic, s Severity) int {
	n := 0
	for _, d := range ds {
		if d.Severity == s {
			n++
		}
	}
	return n
}

// Strict returns a copy in which every warning is an error.
func Strict(ds []Diagnostic) []Diagnostic {
	out := slices.Clone(ds)
	for i := range out {
		if out[i].Severity == Warning {
			out[i].Severity = Error
		}
	}
	return out
}
