// SPDX-License-Identifier: Apache-2.0

package server

import "fmt"

func (d *document) writeProblem(p *problem) {
	d.put(`<section class="card problem %s" id="problem-card" aria-labelledby="problem">
<h2 id="problem">`, p.Tone)
	many := p.Cause != nil && len(p.Cause.Slugs) > 1
	switch {
	case many:
		d.put("%s: %s", p.Cause.Count(), p.Title)
	case p.Group != "":
		d.put(`%s <span class="of">in group <bdi>%s</bdi></span>`, p.Title, p.Group)
	default:
		d.put("%s", p.Title)
	}
	d.put(`</h2>
<p class="message"><bdi>%s</bdi></p>
`, p.Message)
	if many {
		d.writeWorkspaceList(p.Cause)
	}
	d.put(`<h3>What to do</h3>
<p>%s</p>
<p class="small">`, p.Remedy)
	d.writeRunbook(p.Runbook)
	d.put(` · reason <code>%s</code> · first seen `, p.Reason)
	d.writeMoment(p.Since)
	d.put("</p>\n</section>\n")
}

// writeCauses writes a card for each cause that the problem card does not cover.
func (d *document) writeCauses(v *view) {
	shown := 0
	for _, c := range v.Causes {
		if v.Problem != nil && v.Problem.Cause == c {
			continue
		}
		if shown++; shown <= maxCauses {
			d.writeCause(c)
		}
	}
	if shown > maxCauses {
		more := pluralize(shown-maxCauses, "more cause")
		d.put(`<p class="more">%s are not shown. <a href="status">All errors as JSON</a></p>`+"\n", more)
	}
}

func (d *document) writeCause(c *cause) {
	d.put(`<section class="card bad cause" id="%s" aria-labelledby="%s-title">
<h2 id="%s-title">%s: %s</h2>
<p class="message"><bdi>%s</bdi></p>
`, c.ID, c.ID, c.ID, c.Count(), c.Title, c.Error)
	d.writeWorkspaceList(c)
	if c.Remedy != "" {
		d.put("<h3>What to do</h3>\n<p>%s</p>\n", c.Remedy)
	}
	if c.Runbook.URL != "" {
		d.put(`<p class="small">`)
		d.writeRunbook(c.Runbook)
		d.put(` · reason <code>%s</code></p>`+"\n", c.reason)
	}
	d.put("</section>\n")
}

// writeWorkspaceList writes the list of workspaces of a cause.
func (d *document) writeWorkspaceList(c *cause) {
	d.put(`<details class="which" id="%s-list"><summary>Which workspaces</summary>`+"\n<p>", c.ID)
	for n, slug := range c.Slugs {
		if n > 0 {
			d.put(", ")
		}
		d.put("<bdi>%s</bdi>", slug)
	}
	if c.More > 0 {
		d.put(` and %s more: <a href="status">all of them as JSON</a>`, c.More)
	}
	d.put("</p>\n</details>\n")
}

func (d *document) writeGroups(v *view) {
	d.put(`<section aria-labelledby="groups">
<h2 id="groups">Groups</h2>
`)
	for n := range v.Groups {
		d.writeGroup(&v.Groups[n], fmt.Sprintf("group-%d", n+1))
	}
	if v.MoreGroups > 0 {
		more := pluralize(v.MoreGroups, "more group")
		d.put(`<p class="more">%s are not shown. <a href="status">All of them as JSON</a></p>`+"\n", more)
	}
	d.put("</section>\n")
}

func (d *document) writeGroup(g *group, id string) {
	d.put(`<details class="card group %s" id="%s"`, g.Tone, id)
	if g.Open {
		d.put(" open")
	}
	d.put(`>
<summary><span class="name"><bdi>%s</bdi></span>
<span class="badge %s"><span aria-hidden="true">%s</span> %s</span>
<span class="count">`, g.Name, g.Tone, g.Tone.Sign(), g.State)
	if g.Total > 0 {
		d.put("%s of %s", g.Done, g.Total)
	} else {
		d.put("workspaces unknown")
	}
	d.put("</span></summary>\n")
	if len(g.Rows) > 0 {
		d.put("<ul>\n")
		for n := range g.Rows {
			d.writeRow(&g.Rows[n])
		}
		d.put("</ul>\n")
	}
	if g.More != "" {
		d.put(`<p class="more">Not shown: %s. <a href="status">All of them as JSON</a></p>`+"\n", g.More)
	}
	d.put("</details>\n")
}

func (d *document) writeRow(r *row) {
	d.put(`<li><span class="what"><bdi class="slug">%s</bdi> <bdi class="title">%s</bdi> `, r.Slug, r.Name)
	d.put(`<bdi class="version">%s</bdi></span>
<span class="badge %s"><span aria-hidden="true">%s</span> %s</span>`, r.Version, r.Tone, r.Tone.Sign(), r.State)
	switch {
	case r.Cause != nil:
		d.put("\n"+`<a class="error" href="#%s">%s</a>`, r.Cause.Anchor, r.Cause.Title)
	case r.Error != "":
		d.put("\n"+`<bdi class="error">%s</bdi>`, r.Error)
	}
	d.put("</li>\n")
}

func (d *document) writeFacts(facts []fact) {
	d.put(`<section aria-labelledby="details">
<h2 id="details">Details</h2>
<dl class="card">
`)
	for _, f := range facts {
		d.put("<div><dt>%s</dt><dd>", f.Name)
		if f.Text != "" {
			d.put("<bdi>%s</bdi>", f.Text)
		}
		if f.Text != "" && f.When != nil {
			d.put(" ")
		}
		if f.When != nil {
			d.writeMoment(*f.When)
		}
		d.put("</dd></div>\n")
	}
	d.put("</dl>\n</section>\n")
}
