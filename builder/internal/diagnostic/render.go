// SPDX-License-Identifier: AGPL-3.0-or-later

package diagnostic

import (
	"io"

	"github.com/prismeai/workspaces-release/internal/document"
	"github.com/prismeai/workspaces-release/internal/terminal"
)

// Summary counts diagnostics by severity.
type Summary struct {
	Errors   int `json:"errors"`
	Warnings int `json:"warnings"`
	Infos    int `json:"infos"`
}

// Summarize counts diagnostics by severity.
func Summarize(ds []Diagnostic) Summary {
	return Summary{Errors: Count(ds, Error), Warnings: Count(ds, Warning), Infos: Count(ds, Info)}
}

// String returns a text such as "3 errors, 2 warnings". It omits infos if there are none.
func (s Summary) String() string {
	text := terminal.Plural(s.Errors, "error") + ", " + terminal.Plural(s.Warnings, "warning")
	if s.Infos > 0 {
		text += ", " + terminal.Plural(s.Infos, "info")
	}
	return text
}

// Lowered counts the diagnostics of a rule whose severity the release file lowered.
type Lowered struct {
	Rule string `json:"rule"`
	// Path is the glob of the setting; empty for all files.
	Path string `json:"path,omitempty"`
	// Severity is the new severity. Diagnostics with severity off are not listed.
	Severity Severity `json:"severity"`
	Count    int      `json:"count"`
	Reason   string   `json:"reason"`
	// Until is the last day of the setting, such as 2027-01-31; may be empty.
	Until string `json:"until,omitempty"`
}

// Report is the result of a validation.
type Report struct {
	// Diagnostics are sorted by [Sort].
	Diagnostics []Diagnostic
	Lowered     []Lowered
}

// Linked is a diagnostic with a link to the documentation of its rule.
type Linked struct {
	Diagnostic
	URL string `json:"url"`
}

// Document is the JSON encoding of a report. No list is null.
type Document struct {
	Diagnostics []Linked  `json:"diagnostics"`
	Lowered     []Lowered `json:"lowered"`
	Summary     Summary   `json:"summary"`
}

// Document returns the value that [Report.WriteJSON] encodes.
func (r Report) Document() Document {
	doc := Document{[]Linked{}, append([]Lowered{}, r.Lowered...), Summarize(r.Diagnostics)}
	for _, d := range r.Diagnostics {
		doc.Diagnostics = append(doc.Diagnostics, Linked{d, URL(d.Rule)})
	}
	return doc
}

// WriteJSON writes {"schemaVersion":1,"diagnostics":[…],"lowered":[…],"summary":{…}}. No list is
// null. The url of each diagnostic links to the documentation of its rule.
func (r Report) WriteJSON(w io.Writer) error {
	return document.Write(w, r.Document())
}
