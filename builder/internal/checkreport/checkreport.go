// SPDX-License-Identifier: AGPL-3.0-or-later

// Package checkreport writes the results of the validation and the secret scan as one report, in
// formats for users and CI systems. Equal results give equal bytes, and no report contains a
// secret.
package checkreport

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/internal/document"
	"github.com/prismeai/workspaces-release/internal/junit"
	"github.com/prismeai/workspaces-release/internal/sarif"
	"github.com/prismeai/workspaces-release/internal/terminal"
	"github.com/prismeai/workspaces-release/internal/workflow"
	"github.com/prismeai/workspaces-release/scan"
	"github.com/prismeai/workspaces-release/scan/format"
)

// CodeQuality is GitLab's code quality report, which merge requests show in every tier. It contains
// only the diagnostics.
const CodeQuality format.Format = "codequality"

// Formats lists the formats of a report. [format.GitLab] contains only the findings of the scan.
func Formats() []format.Format { return append(format.All(), CodeQuality) }

// Results are the results of the checks.
type Results struct {
	// Diagnostics is nil if nothing was validated.
	Diagnostics *diagnostic.Report
	// Scan is nil if nothing was scanned.
	Scan  *scan.Report
	About format.About
	// Failure is why the run failed, unless because of the results.
	Failure string
	// Incomplete is set if the run failed before the checks were complete.
	Incomplete bool
}

// HaveErrors reports whether the results prevent a release.
func (r *Results) HaveErrors() bool {
	if r.Diagnostics != nil && diagnostic.Count(r.Diagnostics.Diagnostics, diagnostic.Error) > 0 {
		return true
	}
	return r.Scan != nil && len(r.Scan.Problems)+r.Scan.Count(scan.Error)+r.Scan.History.Errors() > 0
}

// Write writes a report.
func Write(w io.Writer, f format.Format, r Results) error {
	if r.Incomplete {
		r.About.Failure = r.Failure
	}
	switch f {
	case format.Human:
		return r.writeHuman(w)
	case format.JSON:
		return r.writeJSON(w)
	case format.SARIF:
		return r.writeSARIF(w)
	case format.JUnit:
		return r.writeJUnit(w)
	case format.GitHub:
		return r.writeGitHub(w)
	case CodeQuality:
		return r.writeCodeQuality(w)
	}
	found := r.Scan
	if found == nil {
		found = &scan.Report{}
	}
	return format.Write(w, f, found, r.About)
}

// isValidated reports whether the validation has results. One that ended early without a diagnostic
// must not look as if it had passed.
func (r *Results) isValidated() bool {
	return r.Diagnostics != nil && !(r.Incomplete && len(r.Diagnostics.Diagnostics) == 0)
}

func (r *Results) writeHuman(w io.Writer) error {
	var errs []error
	if r.isValidated() {
		errs = append(errs, r.Diagnostics.WriteHuman(w, diagnostic.Human{}))
	}
	if r.Scan != nil {
		errs = append(errs, r.Scan.WriteHuman(w, r.About.Verbose))
	}
	if r.Failure != "" {
		_, err := fmt.Fprintf(w, "the run failed: %s\n", terminal.Lines(r.Failure))
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// writeJSON writes the document of the single check, or that of the scan with the validation
// embedded.
func (r *Results) writeJSON(w io.Writer) error {
	var found any
	if r.Scan == nil && r.Diagnostics != nil {
		found = struct {
			diagnostic.Document
			Error string `json:"error,omitempty"`
		}{r.Diagnostics.Document(), r.Failure}
	} else {
		both := struct {
			*scan.Report
			Validation *diagnostic.Document `json:"validation,omitempty"`
			Error      string               `json:"error,omitempty"`
		}{Report: r.Scan, Error: r.Failure}
		if r.Diagnostics != nil {
			validation := r.Diagnostics.Document()
			both.Validation = &validation
		}
		found = both
	}
	return document.Write(w, found)
}

func (r *Results) writeSARIF(w io.Writer) error {
	var runs []sarif.Run
	if r.Diagnostics != nil {
		runs = append(runs, r.sarifRun())
	}
	if r.Scan != nil || len(runs) == 0 {
		found := r.Scan
		if found == nil {
			found = &scan.Report{}
		}
		runs = append(runs, format.Run(found, r.About))
	}
	return sarif.Write(w, runs...)
}

func (r *Results) writeJUnit(w io.Writer) error {
	var suites []junit.Suite
	if r.isValidated() {
		suites = append(suites, r.junitSuite())
	}
	if r.Scan != nil {
		suites = append(suites, format.Suite(r.Scan, r.About))
	}
	if r.Failure != "" {
		name := r.About.Tool.Name
		failure := &junit.Failure{Message: r.Failure, Type: "run-failed", Text: r.Failure + "\n"}
		suites = append(suites, junit.Suite{
			Name:  name,
			Cases: []junit.Case{{Class: name, Name: r.About.Command, Failure: failure}},
		})
	}
	return junit.Write(w, suites...)
}

func (r *Results) writeGitHub(w io.Writer) error {
	out := bufio.NewWriter(w)
	if r.Diagnostics != nil {
		r.annotate(out)
	}
	if r.Scan != nil {
		if err := format.Write(out, format.GitHub, r.Scan, r.About); err != nil {
			return err
		}
	}
	if r.Failure != "" {
		a := workflow.Annotation{Command: "error", Title: r.About.Tool.Name + " " + r.About.Command, Text: r.Failure}
		_ = a.Write(out) // Flush returns the error
	}
	return out.Flush()
}

func encodeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encode report: %w", err)
	}
	return nil
}
