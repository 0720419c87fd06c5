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
		h.prose(p.Summary + ".")
	} else {
		h.prose(p.Description)
	}
	h.heading("Usage")
	h.hang("  ", "    ", p.Usage)
	if p.Examples != "" {
		h.heading("Examples")
		h.verbatim(p.Examples)
	}
	h.items("Commands", p.Commands)
	for _, g := range p.Groups {
		h.heading(g.Title)
		for _, f := range g.Flags {
			h.flag(&f)
		}
	}
	h.items("Exit codes", p.ExitCodes)
	if p.Footer != "" {
		h.line("")
		h.prose(p.Footer)
	}
	_, err := w.Write(h.out.Bytes())
	return err
}

// help builds the text of a help page.
type help struct {
	width int
	out   bytes.Buffer
}

func (h *help) line(text string) {
	h.out.WriteString(strings.TrimRight(text, " "))
	h.out.WriteByte('\n')
}

func (h *help) heading(title string) {
	h.line("")
	h.line(title + ":")
}

func (h *help) prose(text string) {
	for i, p := range paragraphs(text) {
		if i > 0 {
			h.line("")
		}
		if isVerbatim(p) {
			h.line(p)
			continue
		}
		for _, line := range wrap(p, h.width) {
			h.line(line)
		}
	}
}

// verbatim writes lines unchanged, indented by two columns.
func (h *help) verbatim(text string) {
	for line := range strings.Lines(strings.Trim(text, "\n")) {
		h.line("  " + strings.TrimRight(line, "\n"))
	}
}

// hang writes wrapped text whose first line starts with first and whose other lines start with
// rest.
func (h *help) hang(first, rest, text string) {
	for _, line := range wrap(text, h.width-utf8.RuneCountInString(rest)) {
		h.line(first + line)
		first = rest
	}
}

func (h *help) items(title string, items []Item) {
	if len(items) == 0 {
		return
	}
	h.heading(title)
	for _, item := range items {
		h.hang(fmt.Sprintf("  %-*s", termColumn-2, item.Term), strings.Repeat(" ", termColumn), item.Text)
	}
}

func (h *help) flag(f *Flag) {
	term := "      " + f.term()
	if f.Short != "" {
		term = "  -" + f.Short + ", " + f.term()
	}
	indent := strings.Repeat(" ", textColumn)
	gap := textColumn - utf8.RuneCountInString(term)
	if gap < 2 {
		h.line(term)
		h.hang(indent, indent, f.text())
		return
	}
	h.hang(term+strings.Repeat(" ", gap), indent, f.text())
}
