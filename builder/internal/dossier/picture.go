// SPDX-License-Identifier: AGPL-3.0-or-later

package dossier

import (
	"fmt"
	"html/template"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/prismeai/workspaces-release/internal/release"
)

// Dimensions in pixels, on a page of width 1000.
const (
	pictureWidth = 1000
	boxHeight    = 26
	boxGap       = 8
	headHeight   = 34
	columnGap    = 70
	// maxBoxes bounds the boxes of a group; the last one counts the others.
	maxBoxes = 24
	// maxColumns is the number of groups side by side.
	maxColumns = 4
)

// box is a workspace in the picture.
type box struct {
	slug, label, class string
	x, y, width        int
}

// drawPicture draws the import order: a column per group with the changed workspaces and their
// dependencies from top to bottom. Other workspaces are counted.
func (d *Dossier) drawPicture() template.HTML {
	p := painter{dossier: d, boxes: map[string]*box{}, classes: map[string]string{}}
	for _, w := range d.Report.Workspaces {
		if !w.OnlyVersion && len(w.Classes) > 0 {
			p.classes[w.Slug] = string(w.Classes[0])
		}
	}
	p.providers = mapProviders(d.Newer)
	p.shown = p.chooseShown()
	p.layOutBoxes()
	return template.HTML(p.renderSVG()) // every text in it is escaped
}

// mapProviders maps app slugs to the workspaces that publish them.
func mapProviders(m *release.Manifest) map[string]string {
	out := map[string]string{}
	for _, w := range m.Workspaces {
		if w.App != "" {
			out[w.App] = w.Slug
		}
	}
	return out
}

type painter struct {
	dossier   *Dossier
	providers map[string]string
	// classes holds the most important class of each changed workspace.
	classes map[string]string
	shown   map[string]bool
	boxes   map[string]*box
	order   []*box
	heads   []*box
	height  int
}

// chooseShown returns the workspaces with their own box: all, if there are few; otherwise the
// changed ones and their dependencies.
func (p *painter) chooseShown() map[string]bool {
	shown := map[string]bool{}
	for _, w := range p.dossier.Newer.Workspaces {
		if len(p.dossier.Newer.Workspaces) <= maxBoxes {
			shown[w.Slug] = true
		}
		if p.classes[w.Slug] == "" {
			continue
		}
		shown[w.Slug] = true
		for _, app := range w.DependsOn {
			if provider := p.providers[app]; provider != "" {
				shown[provider] = true
			}
		}
	}
	return shown
}

// layOutBoxes sets the position of each box.
func (p *painter) layOutBoxes() {
	groups := p.dossier.Newer.Groups
	columns := min(max(len(groups), 1), maxColumns)
	width := (pictureWidth - columnGap*(columns-1)) / columns
	top := 0
	for i, g := range groups {
		column := i % columns
		if column == 0 {
			top = p.height
		}
		x := column * (width + columnGap)
		p.heads = append(p.heads, &box{
			label: fmt.Sprintf("%d. %s", i+1, p.dossier.Hide(g.Name)),
			x:     x,
			y:     top,
			width: width,
		})
		y := top + headHeight
		hidden := 0
		drawn := 0
		for number, slug := range g.Workspaces {
			if !p.shown[slug] || drawn == maxBoxes {
				hidden++
				continue
			}
			drawn++
			b := &box{
				slug: slug, label: fmt.Sprintf("%d. %s", number+1, p.dossier.Hide(slug)), class: p.classes[slug],
				x: x, y: y, width: width,
			}
			p.order = append(p.order, b)
			if p.boxes[slug] == nil {
				p.boxes[slug] = b
			}
			y += boxHeight + boxGap
		}
		if hidden > 0 {
			label := fmt.Sprintf("%d more", hidden)
			p.order = append(p.order, &box{label: label, class: "others", x: x, y: y, width: width})
			y += boxHeight + boxGap
		}
		p.height = max(p.height, y+boxGap)
	}
}

// renderSVG renders the picture in the colours of the page, so that it also works in dark mode.
func (p *painter) renderSVG() string {
	var out strings.Builder
	fmt.Fprintf(&out, `<svg viewBox="0 0 %d %d" role="img" aria-label="Import order">`,
		pictureWidth, max(p.height, headHeight))
	out.WriteString(`<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7"` +
		` orient="auto"><path d="M0 0 8 4 0 8z" class="tip"/></marker></defs>`)
	for _, h := range p.heads {
		fmt.Fprintf(&out, `<text x="%d" y="%d" class="head">%s</text>`, h.x, h.y+22,
			escapeHTML(shortenLabel(h.label, h.width)))
	}
	for _, b := range p.order {
		p.drawArrows(&out, b)
	}
	for _, b := range p.order {
		fmt.Fprintf(&out, `<rect x="%d" y="%d" width="%d" height="%d" rx="4" class="box %s"/>`,
			b.x, b.y, b.width, boxHeight, b.class)
		fmt.Fprintf(&out, `<text x="%d" y="%d" class="label">%s<title>%s</title></text>`,
			b.x+9, b.y+17, escapeHTML(shortenLabel(b.label, b.width)), escapeHTML(b.label))
	}
	out.WriteString("</svg>")
	return out.String()
}

// drawArrows draws arrows from the dependencies of a workspace.
func (p *painter) drawArrows(out *strings.Builder, b *box) {
	i := slices.IndexFunc(p.dossier.Newer.Workspaces, func(w release.Workspace) bool { return w.Slug == b.slug })
	if i < 0 || b.slug == "" {
		return
	}
	for _, app := range p.dossier.Newer.Workspaces[i].DependsOn {
		from := p.boxes[p.providers[app]]
		if from == nil || from == b {
			continue
		}
		if from.x == b.x {
			side := b.x - 22
			if b.x == 0 {
				side = b.x + b.width + 22
			}
			edge := b.x
			if side > b.x {
				edge = b.x + b.width
			}
			fmt.Fprintf(out, `<path d="M%d %dC%d %d %d %d %d %d" class="arrow" marker-end="url(#tip)"/>`,
				edge, from.y+boxHeight/2, side, from.y+boxHeight/2, side, b.y+boxHeight/2, edge, b.y+boxHeight/2)
			continue
		}
		start := from.x + from.width
		end := b.x
		middle := (start + end) / 2
		fmt.Fprintf(out, `<path d="M%d %dC%d %d %d %d %d %d" class="arrow" marker-end="url(#tip)"/>`,
			start, from.y+boxHeight/2, middle, from.y+boxHeight/2, middle, b.y+boxHeight/2, end, b.y+boxHeight/2)
	}
}

// shortenLabel truncates a label that does not fit into a box.
func shortenLabel(label string, width int) string {
	const letter = 8
	most := max(width/letter-2, 4)
	if utf8.RuneCountInString(label) <= most {
		return label
	}
	return string([]rune(label)[:most-1]) + "…"
}

func escapeHTML(text string) string { return template.HTMLEscapeString(text) }
