// SPDX-License-Identifier: AGPL-3.0-or-later

// Package checkreport writes what the checks of a source have found, the validation and
// the secret scan, in one report, in the formats that people and CI systems read. The same
// results give the same bytes, and none of them holds a secret.
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

// CodeQuality is GitLab's report of code quality, which a merge request shows in every
// tier. It has the diagnostics alone.
const CodeQuality format.Format = "codequality"

// Formats lists the formats of a report with a secret scan, in which [format.GitLab] has
// the findings of the scan alone.
func Formats() []format.Format { return append(format.All(), CodeQuality) }

// Results are what the checks found.
type Results struct {
	// Diagnostics is nil where nothing was validated, Scan where nothing was scanned.
	Diagnostics *diagnostic.Report
	Scan        *scan.Report
	About       format.About
	// Failure is why the run failed, if that is for another reason than what was found.
	Failure string
	// Incomplete means that the run failed before the checks had seen everything.
	Incomplete bool
}

// HaveErrors reports whether something was found that a release must not have.
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

// validated reports whether there is something to say of the validation: one that ended
// early and has found nothing must not look as if it had passed.
func (r *Results) validated() bool {
	return r.Diagnostics != nil && !(r.Incomplete && len(r.Diagnostics.Diagnostics) == 0)
}

func (r *Results) writeHuman(w io.Writer) error {
	var errs []error
	if r.validated() {
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

// writeJSON writes the document of the one check that was made, and of several that of the
// scan with the validation in it.
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
		runs = append(runs, r.run())
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
	if r.validated() {
		suites = append(suites, r.suite())
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

func encode(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encode report: %w", err)
	}
	return nil
}
