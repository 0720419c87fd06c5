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
		for _, paragraph := range paragraphs(p.Description) {
			if isVerbatim(paragraph) {
				paragraph = fence(paragraph)
			}
			out.WriteString(paragraph + "\n\n")
		}
	}
	out.WriteString(fence(p.Usage) + "\n\n")
	if p.Examples != "" {
		out.WriteString(fence(p.Examples) + "\n\n")
	}
	if len(p.Commands) > 0 {
		out.WriteString("| command | |\n|---|---|\n")
		for _, c := range p.Commands {
			fmt.Fprintf(&out, "| [%s](#%s-%s) | %s |\n", c.Term, slug(p.Name), c.Term, cell(c.Text))
		}
		out.WriteString("\n")
	}
	for _, g := range p.Groups {
		h := &help{width: markdownWidth}
		for _, f := range g.Flags {
			h.flag(&f)
		}
		fmt.Fprintf(&out, "**%s**\n\n%s\n\n", g.Title, fence(h.out.String()))
	}
	if len(p.ExitCodes) > 0 {
		out.WriteString("| exit code | meaning |\n|---|---|\n")
		for _, c := range p.ExitCodes {
			fmt.Fprintf(&out, "| %s | %s |\n", c.Term, cell(c.Text))
		}
		out.WriteString("\n")
	}
	_, err := w.Write(out.Bytes())
	return err
}

func fence(text string) string { return "```\n" + strings.Trim(text, "\n") + "\n```" }

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
