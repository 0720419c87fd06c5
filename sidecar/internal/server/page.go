// SPDX-License-Identifier: Apache-2.0

package server

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"io"
	"net/http"
	"time"

	"github.com/prismeai/workspaces-release/internal/version"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

//go:embed page.css
var pageCSS string

// page renders the state for people: HTML of one request, without script.
type page struct {
	build  version.Info
	pod    string
	policy string // the content security policy that allows its style
}

func newPage(build version.Info, pod string) *page {
	sum := sha256.Sum256([]byte(pageCSS))
	return &page{build: build, pod: pod, policy: contentSecurity("sha256-" + base64.StdEncoding.EncodeToString(sum[:]))}
}

// statusPage answers with the page. It loads itself again while things move, unless
// its reader asked it not to.
func (s *Server) statusPage(w http.ResponseWriter, r *http.Request) {
	now := s.look()
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", s.page.policy)
	if err := s.page.write(w, &now, s.Gate(), time.Now(), r.FormValue("refresh") == "off"); err != nil {
		s.Log.Debug("status page was not written", "error", err)
	}
}

func (p *page) write(w io.Writer, s *state.Snapshot, gate state.GatePolicy, now time.Time, still bool) error {
	v := newView(s, gate, now, p.build)
	v.Pod, v.Refreshes = p.pod, !still && !v.Settled
	var d document
	d.view(v)
	_, err := d.WriteTo(w)
	return err
}

func (d *document) view(v *view) {
	d.head(v)
	d.put("<main>\n")
	d.hero(v)
	if v.Warning != "" {
		d.put(`<section class="card warns">
<h2>This pod takes traffic without confirmation</h2>
<p>%s</p>
<p class="small">`, v.Warning)
		d.runbook(v.GateRunbook)
		d.put("</p>\n</section>\n")
	}
	if v.Problem != nil {
		d.problem(v.Problem)
	}
	if len(v.Groups) > 0 {
		d.groups(v)
	}
	d.facts(v.Facts)
	d.put("</main>\n")
	d.foot(v)
}

func (d *document) head(v *view) {
	d.put(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
`)
	if v.Refreshes {
		d.put(`<meta http-equiv="refresh" content="5">` + "\n")
	}
	d.put("<title>%s %s", v.Tone.Sign(), v.Headline)
	if v.Release != "" {
		d.put(" – %s", v.Release)
	}
	d.put("</title>\n<style>" + markup(pageCSS) + "</style>\n</head>\n<body>\n<header>\n<p>Workspaces release")
	if v.Pod != "" {
		d.put(" <span>on <bdi>%s</bdi></span>", v.Pod)
	}
	d.put("</p>\n</header>\n")
}

func (d *document) hero(v *view) {
	d.put(`<section class="hero %s" aria-labelledby="state">
<span class="sign" aria-hidden="true">%s</span>
<div>
<h1 id="state">%s</h1>
<p>%s</p>
`, v.Tone, v.Tone.Sign(), v.Headline, v.Summary)
	if v.Release != "" {
		d.put(`<p class="release"><bdi>%s</bdi></p>`+"\n", v.Release)
	}
	d.put("</div>\n")
	if v.Total > 0 {
		d.put(`<div class="progress">
<progress max="%s" value="%s" aria-label="Workspaces done"></progress>
<p><strong>%s</strong> of %s workspaces`, v.Total, v.Done, v.Done, v.Total)
		if v.Growing {
			d.put(" so far")
		}
		d.put("</p>\n</div>\n")
	}
	d.put("</section>\n")
}

func (d *document) problem(p *problem) {
	d.put(`<section class="card problem %s" aria-labelledby="problem">
<h2 id="problem">%s`, p.Tone, p.Title)
	if p.Group != "" {
		d.put(` <span class="of">in group <bdi>%s</bdi></span>`, p.Group)
	}
	d.put(`</h2>
<p class="message"><bdi>%s</bdi></p>
<h3>What to do</h3>
<p>%s</p>
<p class="small">`, p.Message, p.Remedy)
	d.runbook(p.Runbook)
	d.put(` · reason <code>%s</code> · since `, p.Reason)
	d.moment(p.Since)
	d.put("</p>\n</section>\n")
}

func (d *document) groups(v *view) {
	d.put(`<section aria-labelledby="groups">
<h2 id="groups">Groups</h2>
`)
	for n := range v.Groups {
		d.group(&v.Groups[n])
	}
	if v.MoreGroups > 0 {
		d.put(`<p class="more">%s more groups are not shown. <a href="status">All of them as JSON</a></p>`+"\n", v.MoreGroups)
	}
	d.put("</section>\n")
}

func (d *document) group(g *group) {
	d.put(`<details class="card group %s"`, g.Tone)
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
		d.put("workspaces not known yet")
	}
	d.put("</span></summary>\n")
	if len(g.Rows) > 0 {
		d.put("<ul>\n")
		for n := range g.Rows {
			d.row(&g.Rows[n])
		}
		d.put("</ul>\n")
	}
	if g.More != "" {
		d.put(`<p class="more">Not shown: %s. <a href="status">All of them as JSON</a></p>`+"\n", g.More)
	}
	d.put("</details>\n")
}

func (d *document) row(r *row) {
	d.put(`<li><span class="what"><bdi class="slug">%s</bdi> <bdi class="title">%s</bdi> <bdi class="version">%s</bdi></span>
<span class="badge %s"><span aria-hidden="true">%s</span> %s</span>`, r.Slug, r.Name, r.Version, r.Tone, r.Tone.Sign(), r.State)
	if r.Error != "" {
		d.put("\n"+`<bdi class="error">%s</bdi>`, r.Error)
	}
	d.put("</li>\n")
}

func (d *document) facts(facts []fact) {
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
			d.moment(*f.When)
		}
		d.put("</dd></div>\n")
	}
	d.put("</dl>\n</section>\n")
}

func (d *document) foot(v *view) {
	d.put("<footer>\n<p>As of %s. ", v.Now.Text())
	switch {
	case v.Refreshes:
		d.put(`This page loads itself again every 5 s: <a href="?refresh=off">hold it</a>.`)
	case v.Settled:
		d.put("Nothing moves, so this page stays as it is.")
	default:
		d.put(`This page is held: <a href=".">let it follow</a>.`)
	}
	d.put("</p>\n"+`<p><a href="status">Status as JSON</a> · <a href="metrics">Metrics</a> · sidecar %s`, v.Build.Version)
	if v.Build.Commit != "" {
		d.put(" (%s)", v.Build.Commit)
	}
	d.put("</p>\n</footer>\n</body>\n</html>\n")
}

func (d *document) moment(m moment) {
	d.put(`<time datetime="%s" title="%s">%s</time>`, m.UTC(), m.Text(), m.Distance)
}

func (d *document) runbook(r runbook) { d.put(`Runbook <a href="%s">%s</a>`, r.URL, r.Path) }
