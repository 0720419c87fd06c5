// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"html"
	"strings"
	"time"
)

// The size of the terminal in characters, and of a character in pixels.
const (
	columns   = 100
	rows      = 26
	charWidth = 7.8
	rowHeight = 18
	margin    = 16
	titleBar  = 30
)

// The pauses between two lines.
const (
	pauseTitle   = 1300 * time.Millisecond
	pauseCommand = 900 * time.Millisecond
	pauseOutput  = 180 * time.Millisecond
	pauseEnd     = 6 * time.Second
)

// drawAnimation returns an animated SVG. Where animation is off, such as in print, it shows the last lines.
func drawAnimation(lines []string) string {
	var total time.Duration
	for _, line := range lines {
		total += pauseAfter(line)
	}
	total += pauseEnd

	width := 2*margin + columns*charWidth
	height := titleBar + rows*rowHeight + 2*margin
	var b strings.Builder
	fmt.Fprintf(&b,
		`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %d" role="img" aria-label="Recording of make demo">`+"\n",
		width, height)
	b.WriteString("<style>\n" + style + formatKeyframes(lines, total) + "</style>\n")
	fmt.Fprintf(&b, `<rect width="%.0f" height="%d" rx="8" fill="#0d1117"/>`+"\n", width, height)
	fmt.Fprintf(&b, `<text x="%.0f" y="20" text-anchor="middle" class="bar">make demo</text>`+"\n", width/2)
	fmt.Fprintf(&b, `<svg x="%d" y="%d" width="%.0f" height="%d"><g class="scroll">`+"\n", margin, titleBar,
		columns*charWidth, rows*rowHeight+4)
	for i, line := range lines {
		if line == "" {
			continue
		}
		fmt.Fprintf(&b, `<text y="%d" class="%s">%s</text>`+"\n", (i+1)*rowHeight-4, lineClass(line), html.EscapeString(line))
	}
	fmt.Fprintf(&b, `<rect class="cover" x="-1" width="%.0f" height="%d"/>`+"\n",
		2+columns*charWidth, len(lines)*rowHeight)
	b.WriteString("</g></svg>\n</svg>\n")
	return b.String()
}

const style = `text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;` +
	`white-space:pre;fill:#c9d1d9}
.bar{fill:#8b949e}.title{fill:#79c0ff;font-weight:bold}.command{fill:#f0f6fc;font-weight:bold}` +
	`.bad{fill:#ff7b72}.good{fill:#7ee787}.cover{fill:#0d1117}
`

// formatKeyframes returns the CSS that shows the lines one by one, like a terminal: a cover hides the
// lines to come, and the lines scroll once they fill the window.
func formatKeyframes(lines []string, total time.Duration) string {
	move := func(pixels int) string { return fmt.Sprintf("{transform:translateY(%dpx)}", pixels) }
	scroll := func(shown int) string { return move(min(0, rows-shown) * rowHeight) }
	cover := func(shown int) string { return move(shown * rowHeight) }
	var scrolls, covers strings.Builder
	var at time.Duration
	for i, line := range lines {
		percent := 100 * at.Seconds() / total.Seconds()
		fmt.Fprintf(&scrolls, "%.2f%%%s\n", percent, scroll(i+1))
		fmt.Fprintf(&covers, "%.2f%%%s\n", percent, cover(i+1))
		at += pauseAfter(line)
	}
	seconds := total.Seconds()
	return ".scroll" + scroll(len(lines)) + "\n.cover" + cover(len(lines)) + "\n" +
		fmt.Sprintf("@media (prefers-reduced-motion:no-preference){.scroll{animation:scroll %.1fs step-end infinite}"+
			".cover{animation:cover %.1fs step-end infinite}}\n", seconds, seconds) +
		"@keyframes scroll{\n" + scrolls.String() + "}\n@keyframes cover{\n" + covers.String() + "}\n"
}

func pauseAfter(line string) time.Duration {
	switch lineClass(line) {
	case "title":
		return pauseTitle
	case "command":
		return pauseCommand
	default:
		return pauseOutput
	}
}

// lineClass returns the CSS class of a line.
func lineClass(line string) string {
	switch {
	case strings.HasPrefix(line, "# "):
		return "title"
	case strings.HasPrefix(line, "$ "):
		return "command"
	case strings.Contains(line, "not ready") || strings.Contains(line, "secret of kind") ||
		strings.Contains(line, "code 183"):
		return "bad"
	case strings.Contains(line, "/readyz 200") || strings.HasPrefix(line, "pushed ") ||
		strings.HasPrefix(line, "0 errors"):
		return "good"
	default:
		return "out"
	}
}
