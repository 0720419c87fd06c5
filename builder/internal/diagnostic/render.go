// SPDX-License-Identifier: AGPL-3.0-or-later

package diagnostic

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

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

// WriteJSON writes {"diagnostics":[…],"summary":{…}}, the list never null.
func WriteJSON(w io.Writer, ds []Diagnostic) error {
	report := struct {
		Diagnostics []Diagnostic `json:"diagnostics"`
		Summary     Summary      `json:"summary"`
	}{append([]Diagnostic{}, ds...), Summarize(ds)}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(report); err != nil {
		return fmt.Errorf("encode diagnostics: %w", err)
	}
	return nil
}

// repository heads the diagnostics that belong to no file.
const repository = "(repository)"

// WriteHuman writes sorted diagnostics as linters do: grouped by file, and a
// line with the counts at the end. Color uses ANSI sequences.
func WriteHuman(w io.Writer, ds []Diagnostic, color bool) error {
	p := printer{Writer: bufio.NewWriter(w), color: color, width: placeWidth(ds)}
	for i, d := range ds {
		if i == 0 || ds[i-1].File != d.File {
			fmt.Fprintln(p, p.paint(underline, cmp.Or(terminal.Safe(d.File), repository)))
		}
		p.diagnostic(d, i > 0 && ds[i-1].File == d.File && ds[i-1].Help == d.Help)
		if i == len(ds)-1 || ds[i+1].File != d.File {
			fmt.Fprintln(p)
		}
	}
	summary := Summarize(ds)
	fmt.Fprintln(p, p.paint(summary.style(), summary.String()))
	return p.Flush()
}

// ANSI styles.
const (
	red       = "31"
	yellow    = "33"
	blue      = "34"
	green     = "32"
	dim       = "2"
	underline = "4"
)

type printer struct {
	*bufio.Writer
	color bool
	width int
}

func (p printer) paint(style, text string) string {
	if !p.color {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}

// diagnostic writes one line, and a second one with the help unless that was
// just given.
func (p printer) diagnostic(d Diagnostic, helped bool) {
	severity := fmt.Sprintf("%-7s", d.Severity)
	fmt.Fprintf(p, "  %*s  %s  %s  %s\n", p.width, d.place(), p.paint(d.style(), severity), terminal.Safe(d.Message), p.paint(dim, d.Rule))
	if d.Help != "" && !helped {
		fmt.Fprintf(p, "  %*s  %s\n", p.width, "", p.paint(dim, "help: "+terminal.Safe(d.Help)))
	}
}

func (d Diagnostic) place() string {
	switch {
	case d.Line == 0:
		return "-"
	case d.Column == 0:
		return strconv.Itoa(d.Line)
	default:
		return fmt.Sprintf("%d:%d", d.Line, d.Column)
	}
}

func (d Diagnostic) style() string {
	switch d.Severity {
	case Error:
		return red
	case Warning:
		return yellow
	default:
		return blue
	}
}

func (s Summary) style() string {
	switch {
	case s.Errors > 0:
		return red
	case s.Warnings > 0:
		return yellow
	default:
		return green
	}
}

func placeWidth(ds []Diagnostic) int {
	width := 1
	for _, d := range ds {
		width = max(width, len(d.place()))
	}
	return width
}
