// SPDX-License-Identifier: Apache-2.0

package server

import "fmt"

func (d *document) writeProblem(p *problem) {
	d.writeHTML(`<section class="card problem %s" id="problem-card" aria-labelledby="problem">
<h2 id="problem">`, p.Tone)
	many := p.Cause != nil && len(p.Cause.Slugs) > 1
	switch {
	case many:
		d.writeHTML("%s: %s", p.Cause.Count(), p.Title)
	case p.Group != "":
		d.writeHTML(`%s <span class="of">in group <bdi>%s</bdi></span>`, p.Title, p.Group)
	default:
		d.writeHTML("%s", p.Title)
	}
	d.writeHTML(`</h2>
<p class="message"><bdi>%s</bdi></p>
`, p.Message)
	if many {
		d.writeWorkspaceList(p.Cause)
	}
	d.writeHTML(`<h3>What to do</h3>
<p>%s</p>
<p class="small">`, p.Remedy)
	d.writeRunbook(p.Runbook)
	d.writeHTML(` · reason <code>%s</code> · first seen `, p.Reason)
	d.writeMoment(p.Since)
	d.writeHTML("</p>\n</section>\n")
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
		d.writeHTML(`<p class="more">%s are not shown. <a href="status">All errors as JSON</a></p>`+"\n", more)
	}
}

func (d *document) writeCause(c *cause) {
	d.writeHTML(`<section class="card bad cause" id="%s" aria-labelledby="%s-title">
<h2 id="%s-title">%s: %s</h2>
<p class="message"><bdi>%s</bdi></p>
`, c.ID, c.ID, c.ID, c.Count(), c.Title, c.Error)
	d.writeWorkspaceList(c)
	if c.Remedy != "" {
		d.writeHTML("<h3>What to do</h3>\n<p>%s</p>\n", c.Remedy)
	}
	if c.Runbook.URL != "" {
		d.writeHTML(`<p class="small">`)
		d.writeRunbook(c.Runbook)
		d.writeHTML(` · reason <code>%s</code></p>`+"\n", c.reason)
	}
	d.writeHTML("</section>\n")
}

// writeWorkspaceList writes the list of workspaces of a cause.
func (d *document) writeWorkspaceList(c *cause) {
	d.writeHTML(`<details class="which" id="%s-list"><summary>Which workspaces</summary>`+"\n<p>", c.ID)
	for n, slug := range c.Slugs {
		if n > 0 {
			d.writeHTML(", ")
		}
		d.writeHTML("<bdi>%s</bdi>", slug)
	}
	if c.More > 0 {
		d.writeHTML(` and %s more: <a href="status">all of them as JSON</a>`, c.More)
	}
	d.writeHTML("</p>\n</details>\n")
}

func (d *document) writeGroups(v *view) {
	d.writeHTML(`<section aria-labelledby="groups">
<h2 id="groups">Groups</h2>
`)
	for n := range v.Groups {
		d.writeGroup(&v.Groups[n], fmt.Sprintf("group-%d", n+1))
	}
	if v.MoreGroups > 0 {
		more := pluralize(v.MoreGroups, "more group")
		d.writeHTML(`<p class="more">%s are not shown. <a href="status">All of them as JSON</a></p>`+"\n", more)
	}
	d.writeHTML("</section>\n")
}

func (d *document) writeGroup(g *group, id string) {
	d.writeHTML(`<details class="card group %s" id="%s"`, g.Tone, id)
	if g.Open {
		d.writeHTML(" open")
	}
	d.writeHTML(`>
<summary><span class="name"><bdi>%s</bdi></span>
<span class="badge %s"><span aria-hidden="true">%s</span> %s</span>
<span class="count">`, g.Name, g.Tone, g.Tone.Sign(), g.State)
	if g.Total > 0 {
		d.writeHTML("%s of %s", g.Done, g.Total)
	} else {
		d.writeHTML("workspaces unknown")
	}
	d.writeHTML("</span></summary>\n")
	if len(g.Rows) > 0 {
		d.writeHTML("<ul>\n")
		for n := range g.Rows {
			d.writeRow(&g.Rows[n])
		}
		d.writeHTML("</ul>\n")
	}
	if g.More != "" {
		d.writeHTML(`<p class="more">Not shown: %s. <a href="status">All of them as JSON</a></p>`+"\n", g.More)
	}
	d.writeHTML("</details>\n")
}

func (d *document) writeRow(r *row) {
	d.writeHTML(`<li><span class="what"><bdi class="slug">%s</bdi> <bdi class="title">%s</bdi> `, r.Slug, r.Name)
	d.writeHTML(`<bdi class="version">%s</bdi></span>
<span class="badge %s"><span aria-hidden="true">%s</span> %s</span>`, r.Version, r.Tone, r.Tone.Sign(), r.State)
	switch {
	case r.Cause != nil:
		d.writeHTML("\n"+`<a class="error" href="#%s">%s</a>`, r.Cause.Anchor, r.Cause.Title)
	case r.Error != "":
		d.writeHTML("\n"+`<bdi class="error">%s</bdi>`, r.Error)
	}
	d.writeHTML("</li>\n")
}

func (d *document) writeFacts(facts []fact) {
	d.writeHTML(`<section aria-labelledby="details">
<h2 id="details">Details</h2>
<dl class="card">
`)
	for _, f := range facts {
		d.writeHTML("<div><dt>%s</dt><dd>", f.Name)
		if f.Text != "" {
			d.writeHTML("<bdi>%s</bdi>", f.Text)
		}
		if f.Text != "" && f.When != nil {
			d.writeHTML(" ")
		}
		if f.When != nil {
			d.writeMoment(*f.When)
		}
		d.writeHTML("</dd></div>\n")
	}
	d.writeHTML("</dl>\n</section>\n")
}
