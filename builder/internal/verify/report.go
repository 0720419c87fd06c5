// SPDX-License-Identifier: AGPL-3.0-or-later

// Package verify reads a release image back and verifies that its labels, variables, layers and
// attestations follow from the release manifest, and that the manifest follows from the files.
//
// It trusts only digests. It does not verify who built the image, because a completely forged image
// is consistent too. Use signatures for that.
package verify

import (
	"fmt"
	"io"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/builder/internal/attest"
	"github.com/prismeai/workspaces-release/internal/document"
	"github.com/prismeai/workspaces-release/internal/release"
)

// Report is the outcome of a verification. Lists are never null.
type Report struct {
	Image  string        `json:"image"`
	Digest digest.Digest `json:"digest"`
	// Release is the name of the release; empty if its manifest cannot be read.
	Release   string   `json:"release,omitempty"`
	Platforms []string `json:"platforms"`
	// Files and Bytes count the content of the workspaces that was read.
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
	// Proven lists the checks without problems.
	Proven []Check `json:"proven"`
	// Problems is empty if the image is consistent.
	Problems []Problem `json:"problems"`
	// Unproven lists the checks that could not be made, with their reasons.
	Unproven []Unproven `json:"unproven"`

	// Manifest and Parameters are the inputs of a rebuild; nil if they cannot be read.
	Manifest   *release.Manifest  `json:"-"`
	Parameters *attest.Parameters `json:"-"`
	// Attested records which statements the image has.
	Attested attest.Kinds `json:"-"`
}

// Conclude adds the result of a check made elsewhere. Without messages, the check is proven.
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

// Check identifies a check.
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

// meanings explain the consequence of a problem, for each check.
var meanings = []struct {
	check   Check
	meaning string
}{
	{Blobs, "the registry or the layout serves other bytes than were pushed, or not all of them"},
	{
		Manifest,
		"the image does not describe what was built, and the sidecar would verify the import against the wrong description",
	},
	{Platforms, "not all platforms of the image ship what was approved"},
	{Layer, "a layer with workspaces is not the one that was scanned and described"},
	{Whiteout, "workspaces of the base, or of an earlier release, may be imported together with those of this release"},
	{Files, "the builder does not write such an entry: it was added to the layer later"},
	{Workspaces, "the files of the workspace differ from the files that were validated, scanned and approved"},
	{Order, "the platform would import in another order, or to other groups, than the workspaces ask for"},
	{Environment, "the platform may not find the release, may take something else for it, or run something else with it"},
	{Labels, "programs that read labels or annotations get wrong facts about the release"},
	{Base, "the release does not run on the base that it names"},
	{Scan, "the secret scan did not cover exactly what ships"},
	{Attestations, "statements are missing, or they are not about this release: do not rely on them"},
	{Source, "the image cannot be built from this source again: it was built from something else, or in another way"},
}

// Meaning returns the consequence of a problem found by the check.
func (c Check) Meaning() string {
	for _, m := range meanings {
		if m.check == c {
			return m.meaning
		}
	}
	return ""
}

// Problem is a deviation found by a check.
type Problem struct {
	Check Check `json:"check"`
	// Platform is empty if the problem is the same on all platforms.
	Platform string `json:"platform,omitempty"`
	// Message describes the actual and the expected state.
	Message string `json:"message"`
	// Meaning describes the consequence.
	Meaning string `json:"meaning"`
}

// Unproven is a check that could not be made, and the reason.
type Unproven struct {
	Check  Check  `json:"check"`
	Reason string `json:"reason"`
}

// maxProblems limits the number of problems reported for one check.
const maxProblems = 50

// results collects the results of the checks.
type results struct {
	problems []Problem
	unproven []Unproven
	made     []Check
}

// beginChecks records that checks are made.
func (f *results) beginChecks(checks ...Check) { f.made = append(f.made, checks...) }

func (f *results) addProblem(c Check, format string, args ...any) {
	f.addPlatformProblem(c, "", format, args...)
}

// addPlatformProblem adds a problem of one platform.
func (f *results) addPlatformProblem(c Check, platform, format string, args ...any) {
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

func (f *results) skipCheck(c Check, format string, args ...any) {
	f.unproven = append(f.unproven, Unproven{c, fmt.Sprintf(format, args...)})
}

// fillReport fills the lists of a report.
func (f *results) fillReport(r *Report) {
	r.Problems = append([]Problem{}, f.problems...)
	r.Unproven = append([]Unproven{}, f.unproven...)
	r.Proven = []Check{}
	for _, m := range meanings {
		failed := slices.ContainsFunc(f.problems, func(p Problem) bool { return p.Check == m.check })
		skipped := slices.ContainsFunc(f.unproven, func(u Unproven) bool { return u.Check == m.check })
		if slices.Contains(f.made, m.check) && !failed && !skipped {
			r.Proven = append(r.Proven, m.check)
		}
	}
}

// WriteJSON writes the report as a document of package document.
func (r *Report) WriteJSON(w io.Writer) error { return document.Write(w, r) }
