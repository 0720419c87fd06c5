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

// Sizes of the picture, in pixels of a page that is 1000 wide.
const (
	pictureWidth = 1000
	boxHeight    = 26
	boxGap       = 8
	headHeight   = 34
	columnGap    = 70
	// maxBoxes bounds the boxes of a group: the others are counted in one.
	maxBoxes = 24
	// maxColumns is how many groups stand side by side.
	maxColumns = 4
)

// box is a workspace in the picture.
type box struct {
	slug, label, class string
	x, y, width        int
}

// picture draws the order of the import: a column per group, in each the workspaces that
// change and what they depend on, from top to bottom. The others are counted.
func (d *Dossier) picture() template.HTML {
	p := painter{dossier: d, boxes: map[string]*box{}, classes: map[string]string{}}
	for _, w := range d.Report.Workspaces {
		if !w.OnlyVersion && len(w.Classes) > 0 {
			p.classes[w.Slug] = string(w.Classes[0])
		}
	}
	p.providers = providers(d.Newer)
	p.shown = p.choose()
	p.layOut()
	return template.HTML(p.svg()) //nolint:gosec // every text in it is escaped
}

// providers maps the slugs of apps to the workspaces that publish them.
func providers(m *release.Manifest) map[string]string {
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
	// classes holds the most important class of each workspace that changes.
	classes map[string]string
	shown   map[string]bool
	boxes   map[string]*box
	order   []*box
	heads   []*box
	height  int
}

// choose returns the workspaces that get a box of their own: all, if they are few; else those
// that change, and those that these depend on.
func (p *painter) choose() map[string]bool {
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

// layOut gives each box its place.
func (p *painter) layOut() {
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

// svg writes the picture. Colours are those of the page, so that it is right in the dark, too.
func (p *painter) svg() string {
	var out strings.Builder
	fmt.Fprintf(&out, `<svg viewBox="0 0 %d %d" role="img" aria-label="Import order">`,
		pictureWidth, max(p.height, headHeight))
	out.WriteString(`<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7"` +
		` orient="auto"><path d="M0 0 8 4 0 8z" class="tip"/></marker></defs>`)
	for _, h := range p.heads {
		fmt.Fprintf(&out, `<text x="%d" y="%d" class="head">%s</text>`, h.x, h.y+22, escape(shorten(h.label, h.width)))
	}
	for _, b := range p.order {
		p.arrows(&out, b)
	}
	for _, b := range p.order {
		fmt.Fprintf(&out, `<rect x="%d" y="%d" width="%d" height="%d" rx="4" class="box %s"/>`,
			b.x, b.y, b.width, boxHeight, b.class)
		fmt.Fprintf(&out, `<text x="%d" y="%d" class="label">%s<title>%s</title></text>`,
			b.x+9, b.y+17, escape(shorten(b.label, b.width)), escape(b.label))
	}
	out.WriteString("</svg>")
	return out.String()
}

// arrows draws what a workspace comes after.
func (p *painter) arrows(out *strings.Builder, b *box) {
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

// shorten cuts a label that does not fit into a box.
func shorten(label string, width int) string {
	const letter = 8
	most := max(width/letter-2, 4)
	if utf8.RuneCountInString(label) <= most {
		return label
	}
	return string([]rune(label)[:most-1]) + "…"
}

func escape(text string) string { return template.HTMLEscapeString(text) }
