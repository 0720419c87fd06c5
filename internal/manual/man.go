// SPDX-License-Identifier: Apache-2.0

package manual

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Edition is the metadata shared by all manual pages of a program.
type Edition struct {
	// Source is the program with its version, for the footer of the page.
	Source string
	Date   time.Time
}

// WriteMen writes a page of section 1 for each command to the directory man1 below dir, which it
// creates.
func WriteMen(dir string, pages []Page, edition Edition) error {
	section := filepath.Join(dir, "man1")
	if err := os.MkdirAll(section, 0o755); err != nil {
		return err
	}
	for _, p := range pages {
		var out bytes.Buffer
		if err := p.WriteMan(&out, edition); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(section, pageName(p.Name)+".1"), out.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// WriteMan writes the manual page in the macros of man(7).
func (p *Page) WriteMan(w io.Writer, edition Edition) error {
	m := new(man)
	fmt.Fprintf(&m.out, ".TH %s 1 %s \"%s\" \"Workspaces release\"\n",
		strings.ToUpper(pageName(p.Name)), edition.Date.Format(time.DateOnly), escapeRoff(edition.Source))
	m.writeSection("NAME")
	m.writeParagraph(pageName(p.Name) + " - " + p.Summary)
	m.writeSection("SYNOPSIS")
	m.writeMacro("B", p.Usage)
	m.writeSection("DESCRIPTION")
	if p.Description == "" {
		m.writeParagraph(p.Summary + ".")
	} else {
		m.writeProse(p.Description)
	}
	m.writeItems("COMMANDS", p.Commands)
	if len(p.Groups) > 0 {
		m.writeSection("OPTIONS")
	}
	for _, g := range p.Groups {
		m.writeMacro("SS", g.Title)
		for _, f := range g.Flags {
			m.writeFlag(&f)
		}
	}
	if p.Examples != "" {
		m.writeSection("EXAMPLES")
		m.writeVerbatim(p.Examples)
	}
	m.writeItems("EXIT STATUS", p.ExitCodes)
	m.writeItems("ENVIRONMENT", p.Environment)
	m.writeItems("FILES", p.Files)
	if len(p.SeeAlso) > 0 {
		m.writeSection("SEE ALSO")
		m.writeParagraph(strings.Join(p.SeeAlso, "(1), ") + "(1)")
	}
	_, err := w.Write(m.out.Bytes())
	return err
}

// sourceWidth is the line length of prose in the source of a page, in characters. It keeps escaped
// lines within 80 bytes.
const sourceWidth = 60

// man builds the roff source of a page.
type man struct{ out bytes.Buffer }

func (m *man) writeSection(name string) { m.writeMacro("SH", name) }

func (m *man) writeMacro(name, argument string) {
	fmt.Fprintf(&m.out, ".%s \"%s\"\n", name, strings.ReplaceAll(escapeRoff(argument), `"`, `\(dq`))
}

// writeParagraph writes one paragraph.
func (m *man) writeParagraph(text string) {
	for _, line := range wrapText(text, sourceWidth) {
		m.out.WriteString(escapeRoffLine(line) + "\n")
	}
}

func (m *man) writeProse(text string) {
	for i, p := range splitParagraphs(text) {
		if i > 0 {
			m.out.WriteString(".PP\n")
		}
		if isVerbatim(p) {
			m.writeVerbatim(p)
			continue
		}
		m.writeParagraph(p)
	}
}

func (m *man) writeVerbatim(text string) {
	m.out.WriteString(".RS 2\n.nf\n")
	for line := range strings.Lines(strings.Trim(text, "\n")) {
		m.out.WriteString(escapeRoffLine(strings.TrimRight(line, "\n")) + "\n")
	}
	m.out.WriteString(".fi\n.RE\n")
}

func (m *man) writeItems(title string, items []Item) {
	if len(items) == 0 {
		return
	}
	m.writeSection(title)
	for _, item := range items {
		m.out.WriteString(".TP\n")
		m.writeMacro("B", item.Term)
		m.writeParagraph(item.Text)
	}
}

func (m *man) writeFlag(f *Flag) {
	m.out.WriteString(".TP\n")
	if f.Short != "" {
		fmt.Fprintf(&m.out, "\\fB\\-%s\\fR, ", f.Short)
	}
	fmt.Fprintf(&m.out, "\\fB%s\\fR", escapeRoff("--"+f.Name))
	if f.Value != "" {
		fmt.Fprintf(&m.out, " \\fI%s\\fR", escapeRoff(f.Value))
	}
	m.out.WriteByte('\n')
	m.writeParagraph(f.formatText())
}

var roff = strings.NewReplacer(`\`, `\e`, "-", `\-`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`)

// escapeRoff escapes the special characters of roff.
func escapeRoff(text string) string { return roff.Replace(text) }

// escapeRoffLine escapes a whole line, which must not start like a roff request.
func escapeRoffLine(line string) string {
	line = escapeRoff(line)
	if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
		return `\&` + line
	}
	return line
}
