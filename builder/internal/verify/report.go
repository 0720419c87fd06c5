// SPDX-License-Identifier: AGPL-3.0-or-later

// Package verify reads a release image back and proves that it is what it says: that
// labels, variables, layers and attestations follow from the release manifest, and the
// manifest from the files.
//
// It trusts nothing but digests. Who made the image is another question, which a
// signature answers: an image that is forged in all of its parts is consistent, too.
package verify

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/builder/internal/attest"
	"github.com/prismeai/workspaces-release/internal/release"
)

// SchemaVersion is that of [Report] as JSON. Fields may be added under the same version.
const SchemaVersion = 1

// Report is the outcome of a verification. Lists are never null.
type Report struct {
	SchemaVersion int           `json:"schemaVersion"`
	Image         string        `json:"image"`
	Digest        digest.Digest `json:"digest"`
	// Release is the name of the release; empty if its manifest cannot be read.
	Release   string   `json:"release,omitempty"`
	Platforms []string `json:"platforms"`
	// Files and Bytes count what was read of the workspaces.
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
	// Proven lists the checks that found nothing.
	Proven []Check `json:"proven"`
	// Problems is empty for an image that is what it says.
	Problems []Problem `json:"problems"`
	// Unproven says what could not be checked, and why.
	Unproven []Unproven `json:"unproven"`

	// Manifest and Parameters are what a rebuild needs; nil if they cannot be read.
	Manifest   *release.Manifest  `json:"-"`
	Parameters *attest.Parameters `json:"-"`
	// Attested says which statements there are.
	Attested attest.Kinds `json:"-"`
}

// Conclude adds a check that was made elsewhere: proven, if there are no messages.
func (r *Report) Conclude(c Check, messages ...string) {
	for _, m := range messages {
		r.Problems = append(r.Problems, Problem{Check: c, Message: m, Meaning: c.Meaning()})
	}
	if len(messages) == 0 {
		r.Proven = append(r.Proven, c)
	}
}

// Skip adds a check that could not be made.
func (r *Report) Skip(c Check, reason string) {
	r.Unproven = append(r.Unproven, Unproven{c, reason})
}

// Check is something that is checked.
type Check string

// The checks.
const (
	Blobs        Check = "blobs"
	Manifest     Check = "manifest"
	Platforms    Check = "platforms"
	Layer        Check = "layer"
	Whiteout     Check = "whiteout"
	Files        Check = "files"
	Workspaces   Check = "workspaces"
	Order        Check = "order"
	Environment  Check = "environment"
	Labels       Check = "labels"
	Base         Check = "base"
	Scan         Check = "scan"
	Attestations Check = "attestations"
	Source       Check = "source"
)

// meanings say what follows from a problem of each check.
var meanings = []struct {
	check   Check
	meaning string
}{
	{Blobs, "the registry or the layout serves other bytes than were pushed, or not all of them"},
	{Manifest, "what the image says of its release is not what was built, and the sidecar would verify the import against it"},
	{Platforms, "what runs depends on the platform: not all of them ship what was approved"},
	{Layer, "a layer with workspaces is not the one that was scanned and described"},
	{Whiteout, "workspaces of the base, or of an earlier release, may be imported together with those of this release"},
	{Files, "the builder writes no such entry: it was put into the layer afterwards"},
	{Workspaces, "the files of the workspace are not those that were validated, scanned and approved"},
	{Order, "the platform would import in another order, or to other groups, than the workspaces ask for"},
	{Environment, "the platform may not find the release, may take something else for it, or run something else with it"},
	{Labels, "programs that read labels or annotations are told something else than the release is"},
	{Base, "what the release runs on is not the base that it names"},
	{Scan, "the secret scan did not cover exactly what ships"},
	{Attestations, "statements are missing, or they are not about this release: do not rely on them"},
	{Source, "the image cannot be built from this source again: it was built from something else, or in another way"},
}

// Meaning says what follows from a problem of the check.
func (c Check) Meaning() string {
	for _, m := range meanings {
		if m.check == c {
			return m.meaning
		}
	}
	return ""
}

// Problem is something that is not as it should be.
type Problem struct {
	Check Check `json:"check"`
	// Platform is empty for what is the same on all.
	Platform string `json:"platform,omitempty"`
	// Message says what was found, and what should be.
	Message string `json:"message"`
	// Meaning says what follows.
	Meaning string `json:"meaning"`
}

// Unproven is a check that could not be made, and why.
type Unproven struct {
	Check  Check  `json:"check"`
	Reason string `json:"reason"`
}

// maxProblems bounds how much is reported of one check.
const maxProblems = 50

// found collects problems.
type found struct {
	problems []Problem
	unproven []Unproven
	made     []Check
}

// begin notes that a check is made.
func (f *found) begin(checks ...Check) { f.made = append(f.made, checks...) }

func (f *found) add(c Check, format string, args ...any) { f.on(c, "", format, args...) }

// on adds a problem of one platform.
func (f *found) on(c Check, platform, format string, args ...any) {
	n := 0
	for _, p := range f.problems {
		if p.Check == c {
			n++
		}
	}
	switch {
	case n == maxProblems:
		f.problems = append(f.problems, Problem{Check: c, Message: "and more of the same kind", Meaning: c.Meaning()})
	case n < maxProblems:
		f.problems = append(f.problems, Problem{c, platform, fmt.Sprintf(format, args...), c.Meaning()})
	}
}

func (f *found) skip(c Check, format string, args ...any) {
	f.unproven = append(f.unproven, Unproven{c, fmt.Sprintf(format, args...)})
}

// conclude fills in the lists of a report.
func (f *found) conclude(r *Report) {
	r.Problems, r.Unproven, r.Proven = append([]Problem{}, f.problems...), append([]Unproven{}, f.unproven...), []Check{}
	for _, m := range meanings {
		failed := slices.ContainsFunc(f.problems, func(p Problem) bool { return p.Check == m.check })
		skipped := slices.ContainsFunc(f.unproven, func(u Unproven) bool { return u.Check == m.check })
		if slices.Contains(f.made, m.check) && !failed && !skipped {
			r.Proven = append(r.Proven, m.check)
		}
	}
}

// WriteJSON writes the report as JSON.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return fmt.Errorf("encode verification: %w", err)
	}
	return nil
}
