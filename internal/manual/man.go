// SPDX-License-Identifier: Apache-2.0

package manual

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
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
		if err := os.WriteFile(filepath.Join(section, slug(p.Name)+".1"), out.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// EpochDate parses SOURCE_DATE_EPOCH, in seconds since 1970. It returns the current time if epoch
// is empty.
func EpochDate(epoch string) (time.Time, error) {
	if epoch == "" {
		return time.Now().UTC(), nil
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("invalid SOURCE_DATE_EPOCH %q: want seconds since 1970", epoch)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// WriteMan writes the manual page in the macros of man(7).
func (p *Page) WriteMan(w io.Writer, edition Edition) error {
	m := new(man)
	fmt.Fprintf(&m.out, ".TH %s 1 %s \"%s\" \"Workspaces release\"\n",
		strings.ToUpper(slug(p.Name)), edition.Date.Format(time.DateOnly), escape(edition.Source))
	m.section("NAME")
	m.text(slug(p.Name) + " - " + p.Summary)
	m.section("SYNOPSIS")
	m.macro("B", p.Usage)
	m.section("DESCRIPTION")
	if p.Description == "" {
		m.text(p.Summary + ".")
	} else {
		m.prose(p.Description)
	}
	m.items("COMMANDS", p.Commands)
	if len(p.Groups) > 0 {
		m.section("OPTIONS")
	}
	for _, g := range p.Groups {
		m.macro("SS", g.Title)
		for _, f := range g.Flags {
			m.flag(&f)
		}
	}
	if p.Examples != "" {
		m.section("EXAMPLES")
		m.verbatim(p.Examples)
	}
	m.items("EXIT STATUS", p.ExitCodes)
	m.items("ENVIRONMENT", p.Environment)
	m.items("FILES", p.Files)
	if len(p.SeeAlso) > 0 {
		m.section("SEE ALSO")
		m.text(strings.Join(p.SeeAlso, "(1), ") + "(1)")
	}
	_, err := w.Write(m.out.Bytes())
	return err
}

// sourceWidth is the line length of prose in the source of a page, in characters. It keeps escaped
// lines within 80 bytes.
const sourceWidth = 60

// man builds the roff source of a page.
type man struct{ out bytes.Buffer }

func (m *man) section(name string) { m.macro("SH", name) }

func (m *man) macro(name, argument string) {
	fmt.Fprintf(&m.out, ".%s \"%s\"\n", name, strings.ReplaceAll(escape(argument), `"`, `\(dq`))
}

// text writes one paragraph.
func (m *man) text(text string) {
	for _, line := range wrap(text, sourceWidth) {
		m.out.WriteString(escapeLine(line) + "\n")
	}
}

func (m *man) prose(text string) {
	for i, p := range paragraphs(text) {
		if i > 0 {
			m.out.WriteString(".PP\n")
		}
		if isVerbatim(p) {
			m.verbatim(p)
			continue
		}
		m.text(p)
	}
}

func (m *man) verbatim(text string) {
	m.out.WriteString(".RS 2\n.nf\n")
	for line := range strings.Lines(strings.Trim(text, "\n")) {
		m.out.WriteString(escapeLine(strings.TrimRight(line, "\n")) + "\n")
	}
	m.out.WriteString(".fi\n.RE\n")
}

func (m *man) items(title string, items []Item) {
	if len(items) == 0 {
		return
	}
	m.section(title)
	for _, item := range items {
		m.out.WriteString(".TP\n")
		m.macro("B", item.Term)
		m.text(item.Text)
	}
}

func (m *man) flag(f *Flag) {
	m.out.WriteString(".TP\n")
	if f.Short != "" {
		fmt.Fprintf(&m.out, "\\fB\\-%s\\fR, ", f.Short)
	}
	fmt.Fprintf(&m.out, "\\fB%s\\fR", escape("--"+f.Name))
	if f.Value != "" {
		fmt.Fprintf(&m.out, " \\fI%s\\fR", escape(f.Value))
	}
	m.out.WriteByte('\n')
	m.text(f.text())
}

var roff = strings.NewReplacer(`\`, `\e`, "-", `\-`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`)

// escape escapes the special characters of roff.
func escape(text string) string { return roff.Replace(text) }

// escapeLine escapes a whole line, which must not start like a roff request.
func escapeLine(line string) string {
	line = escape(line)
	if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
		return `\&` + line
	}
	return line
}
