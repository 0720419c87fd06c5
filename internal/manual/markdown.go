// SPDX-License-Identifier: Apache-2.0

package manual

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// markdownWidth is the width of flag lists in Markdown, in columns.
const markdownWidth = 100

// WriteMarkdown writes the page as a section with a second-level heading.
func (p *Page) WriteMarkdown(w io.Writer) error {
	var out bytes.Buffer
	fmt.Fprintf(&out, "## %s\n\n%s.\n\n", p.Name, p.Summary)
	if p.Description != "" {
		for _, paragraph := range splitParagraphs(p.Description) {
			if isVerbatim(paragraph) {
				paragraph = codeBlock(paragraph)
			}
			out.WriteString(paragraph + "\n\n")
		}
	}
	out.WriteString(codeBlock(p.Usage) + "\n\n")
	if p.Examples != "" {
		out.WriteString(codeBlock(p.Examples) + "\n\n")
	}
	if len(p.Commands) > 0 {
		out.WriteString("| command | |\n|---|---|\n")
		for _, c := range p.Commands {
			fmt.Fprintf(&out, "| [%s](#%s-%s) | %s |\n", c.Term, pageName(p.Name), c.Term, escapeCell(c.Text))
		}
		out.WriteString("\n")
	}
	for _, g := range p.Groups {
		h := &help{width: markdownWidth}
		for _, f := range g.Flags {
			h.writeFlag(&f)
		}
		fmt.Fprintf(&out, "**%s**\n\n%s\n\n", g.Title, codeBlock(h.out.String()))
	}
	if len(p.ExitCodes) > 0 {
		out.WriteString("| exit code | meaning |\n|---|---|\n")
		for _, c := range p.ExitCodes {
			fmt.Fprintf(&out, "| %s | %s |\n", c.Term, escapeCell(c.Text))
		}
		out.WriteString("\n")
	}
	_, err := w.Write(out.Bytes())
	return err
}

func codeBlock(text string) string { return "```\n" + strings.Trim(text, "\n") + "\n```" }

func escapeCell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
