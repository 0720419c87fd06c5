// SPDX-License-Identifier: Apache-2.0

package manual

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

const (
	// defaultWidth is the width of the help if the terminal's width is unknown, in columns.
	defaultWidth = 80
	// minWidth is the minimum width of the help, below which words would be cut.
	minWidth = 50
	// textColumn is the column at which the description of a flag starts. A longer flag gets its
	// own line.
	textColumn = 30
	// termColumn is the column at which the description of a command or exit code starts.
	termColumn = 16
)

// Width returns the number of columns for help written to w: the value of the variable COLUMNS,
// otherwise the width of the terminal, otherwise 80.
func Width(w io.Writer, columns string) int {
	width, err := strconv.Atoi(columns)
	if err != nil || width <= 0 {
		width = defaultWidth
		if file, ok := w.(*os.File); ok {
			if found, _, err := term.GetSize(int(file.Fd())); err == nil && found > 0 {
				width = found
			}
		}
	}
	return max(width, minWidth)
}

// WriteHelp writes the page as text with lines of at most width columns.
func (p *Page) WriteHelp(w io.Writer, width int) error {
	h := &help{width: width}
	if p.Description == "" {
		h.writeProse(p.Summary + ".")
	} else {
		h.writeProse(p.Description)
	}
	h.writeHeading("Usage")
	h.writeHanging("  ", "    ", p.Usage)
	if p.Examples != "" {
		h.writeHeading("Examples")
		h.writeVerbatim(p.Examples)
	}
	h.writeItems("Commands", p.Commands)
	for _, g := range p.Groups {
		h.writeHeading(g.Title)
		for _, f := range g.Flags {
			h.writeFlag(&f)
		}
	}
	h.writeItems("Exit codes", p.ExitCodes)
	if p.Footer != "" {
		h.writeLine("")
		h.writeProse(p.Footer)
	}
	_, err := w.Write(h.out.Bytes())
	return err
}

// help builds the text of a help page.
type help struct {
	width int
	out   bytes.Buffer
}

func (h *help) writeLine(text string) {
	h.out.WriteString(strings.TrimRight(text, " "))
	h.out.WriteByte('\n')
}

func (h *help) writeHeading(title string) {
	h.writeLine("")
	h.writeLine(title + ":")
}

func (h *help) writeProse(text string) {
	for i, p := range splitParagraphs(text) {
		if i > 0 {
			h.writeLine("")
		}
		if isVerbatim(p) {
			h.writeLine(p)
			continue
		}
		for _, line := range wrapText(p, h.width) {
			h.writeLine(line)
		}
	}
}

// writeVerbatim writes lines unchanged, indented by two columns.
func (h *help) writeVerbatim(text string) {
	for line := range strings.Lines(strings.Trim(text, "\n")) {
		h.writeLine("  " + strings.TrimRight(line, "\n"))
	}
}

// writeHanging writes wrapped text whose first line starts with first and whose other lines start with
// rest.
func (h *help) writeHanging(first, rest, text string) {
	for _, line := range wrapText(text, h.width-utf8.RuneCountInString(rest)) {
		h.writeLine(first + line)
		first = rest
	}
}

func (h *help) writeItems(title string, items []Item) {
	if len(items) == 0 {
		return
	}
	h.writeHeading(title)
	for _, item := range items {
		h.writeHanging(fmt.Sprintf("  %-*s", termColumn-2, item.Term), strings.Repeat(" ", termColumn), item.Text)
	}
}

func (h *help) writeFlag(f *Flag) {
	term := "      " + f.formatTerm()
	if f.Short != "" {
		term = "  -" + f.Short + ", " + f.formatTerm()
	}
	indent := strings.Repeat(" ", textColumn)
	gap := textColumn - utf8.RuneCountInString(term)
	if gap < 2 {
		h.writeLine(term)
		h.writeHanging(indent, indent, f.formatText())
		return
	}
	h.writeHanging(term+strings.Repeat(" ", gap), indent, f.formatText())
}
