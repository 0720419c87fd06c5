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

// Summarize counts diagnostics.
func Summarize(ds []Diagnostic) Summary {
	return Summary{Errors: Count(ds, Error), Warnings: Count(ds, Warning), Infos: Count(ds, Info)}
}

// String is such as "3 errors, 2 warnings". It leaves out infos if there are none.
func (s Summary) String() string {
	text := terminal.Plural(s.Errors, "error") + ", " + terminal.Plural(s.Warnings, "warning")
	if s.Infos > 0 {
		text += ", " + terminal.Plural(s.Infos, "info")
	}
	return text
}

// Lowered says which diagnostics of a rule got a lower severity from the release file.
type Lowered struct {
	Rule string `json:"rule"`
	// Path is the glob of the setting, empty if it is for all files.
	Path string `json:"path,omitempty"`
	// Severity is the one that the diagnostics got; those that are off are in no list.
	Severity Severity `json:"severity"`
	Count    int      `json:"count"`
	Reason   string   `json:"reason"`
	// Until is the last day of the setting, such as 2027-01-31; empty if it has none.
	Until string `json:"until,omitempty"`
}

// Report is what a validation found.
type Report struct {
	// Diagnostics are sorted: see [Sort].
	Diagnostics []Diagnostic
	Lowered     []Lowered
}

// Linked is a diagnostic with the address where its rule is described.
type Linked struct {
	Diagnostic
	URL string `json:"url"`
}

// Document is a report as programs read it. No list is null.
type Document struct {
	Diagnostics []Linked  `json:"diagnostics"`
	Lowered     []Lowered `json:"lowered"`
	Summary     Summary   `json:"summary"`
}

// Document returns what [Report.WriteJSON] writes.
func (r Report) Document() Document {
	doc := Document{[]Linked{}, append([]Lowered{}, r.Lowered...), Summarize(r.Diagnostics)}
	for _, d := range r.Diagnostics {
		doc.Diagnostics = append(doc.Diagnostics, Linked{d, URL(d.Rule)})
	}
	return doc
}

// WriteJSON writes {"schemaVersion":1,"diagnostics":[…],"lowered":[…],"summary":{…}}, no list null. Each
// diagnostic has the address of its rule's description as url.
func (r Report) WriteJSON(w io.Writer) error {
	return document.Write(w, r.Document())
}
