// SPDX-License-Identifier: Apache-2.0

package server

import (
	"cmp"
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

//go:embed page.js
var pageJS string

// page renders the state as a self-contained HTML page. The page is complete without its script,
// which only refreshes it.
type page struct {
	build    version.Info
	place    place
	runbooks string // base URL
	policy   string // Content-Security-Policy that allows its inline style and script
}

// place identifies the pod of the page. Unknown parts are empty.
type place struct{ Pod, Namespace, Cluster string }

func newPage(build version.Info, at place, runbooks string) *page {
	policy := contentSecurity + "; style-src " + policyHash(pageCSS) + "; script-src " + policyHash(pageJS) +
		"; connect-src 'self'; img-src data:"
	return &page{
		build:    build,
		place:    at,
		runbooks: cmp.Or(runbooks, publicRunbookURL(build)),
		policy:   policy,
	}
}

// policyHash returns the Content-Security-Policy source for an inline style or script.
func policyHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// serveStatusPage serves the HTML status page. The page refreshes itself during an import, unless the
// URL has ?refresh=off.
func (s *Server) serveStatusPage(w http.ResponseWriter, r *http.Request) {
	now := s.currentState()
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", s.page.policy)
	if err := s.page.writePage(w, &now, s.Gate(), time.Now(), r.FormValue("refresh") == "off"); err != nil {
		s.Log.Debug("cannot write the status page", "error", err)
	}
}

func (p *page) writePage(w io.Writer, s *state.Snapshot, gate state.GatePolicy, now time.Time, still bool) error {
	v := newView(s, gate, now, p.build, p.runbooks)
	v.Place = p.place
	v.Refreshes = !still && !v.Settled
	var d document
	d.writeView(v)
	_, err := d.WriteTo(w)
	return err
}

func (d *document) writeView(v *view) {
	d.writeHead(v)
	d.writeHeader(v)
	d.writeHTML("<main>\n")
	d.writeHero(v)
	if v.Warning != "" {
		d.writeHTML(`<section class="card warns" id="warning">
<h2>This pod receives traffic without confirmation</h2>
<p>%s</p>
<p class="small">`, v.Warning)
		d.writeRunbook(v.GateRunbook)
		d.writeHTML("</p>\n</section>\n")
	}
	if v.Problem != nil {
		d.writeProblem(v.Problem)
	}
	d.writeCauses(v)
	if len(v.Groups) > 0 {
		d.writeGroups(v)
	}
	d.writeFacts(v.Facts)
	d.writeHTML("</main>\n")
	d.writeFooter(v)
}

func (d *document) writeHead(v *view) {
	d.writeHTML(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
`)
	if v.Refreshes {
		d.writeHTML(`<noscript><meta http-equiv="refresh" content="5"></noscript>` + "\n")
	}
	d.writeHTML(`<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'`+
		`%3E%3Ccircle cx='4' cy='4' r='4' fill='%23%s'/%3E%3C/svg%3E">`+"\n", v.Tone.Color())
	d.writeHTML("<title>%s %s", v.Tone.Sign(), v.Headline)
	if v.Release != "" {
		d.writeHTML(" – %s", v.Release)
	}
	d.writeHTML("</title>\n<style>" + markup(pageCSS) + "</style>\n<script>" + markup(pageJS) + "</script>\n</head>\n")
}

func (d *document) writeHeader(v *view) {
	if v.Refreshes {
		d.writeHTML("<body data-follow=\"5\">\n")
	} else {
		d.writeHTML("<body data-follow=\"0\">\n")
	}
	d.writeHTML("<header id=\"top\">\n<p>Workspaces release")
	if v.Place.Pod != "" {
		d.writeHTML(" <span>on <bdi>%s</bdi></span>", v.Place.Pod)
	}
	if v.Place.Namespace != "" {
		d.writeHTML(" <span>in <bdi>%s</bdi></span>", v.Place.Namespace)
	}
	if v.Place.Cluster != "" {
		d.writeHTML(" <span>of <bdi>%s</bdi></span>", v.Place.Cluster)
	}
	d.writeHTML("</p>\n<p class=\"follow\">")
	switch {
	case v.Refreshes:
		d.writeHTML(`Live · <a href="?refresh=off">Pause</a>`)
	case v.Settled:
		d.writeHTML(`Up to date · <a href=".">Refresh</a>`)
	default:
		d.writeHTML(`Paused at %s · <a href=".">Resume</a>`, v.Now.Text())
	}
	d.writeHTML("</p>\n" + `<p class="lost" role="status">The sidecar no longer responds. This is its last status.</p>
</header>
`)
}

func (d *document) writeHero(v *view) {
	d.writeHTML(`<section class="hero %s" aria-labelledby="state">
<span class="sign" aria-hidden="true">%s</span>
<div>
<h1 id="state">%s</h1>
<p>%s</p>
`, v.Tone, v.Tone.Sign(), v.Headline, v.Summary)
	if v.Release != "" {
		d.writeHTML(`<p class="release"><bdi>%s</bdi></p>`+"\n", v.Release)
	}
	d.writeHTML("</div>\n")
	if v.Bar.Total() > 0 {
		d.writeBar(v)
	}
	d.writeHTML("</section>\n")
}

// writeBar draws the progress with SVG attributes: a Content-Security-Policy with hashes forbids inline
// widths.
func (d *document) writeBar(v *view) {
	b := v.Bar
	d.writeHTML(`<div class="progress">
<svg viewBox="0 0 %s 1" preserveAspectRatio="none" role="img" aria-label="Workspaces: %s">`, b.Total(), b.Text())
	d.writeHTML(`<rect class="good" width="%s" height="1"/><rect class="bad" x="%s" width="%s" height="1"/></svg>
<p><strong>%s</strong> of %s workspaces`, b.Done, b.Done, b.Failed, b.Done, b.Total())
	if v.Growing {
		d.writeHTML(" so far")
	}
	d.writeHTML("</p>\n")
	if left := b.Left(); left != "" {
		d.writeHTML(`<p class="legend">%s</p>`+"\n", left)
	}
	d.writeHTML("</div>\n")
}

func (d *document) writeFooter(v *view) {
	d.writeHTML("<footer id=\"foot\">\n<p>As of %s.</p>\n", v.Now.Text())
	d.writeHTML(`<p><a href="status">Status as JSON</a> · <a href="metrics">Metrics</a> · sidecar %s`, v.Build.Version)
	if v.Build.Commit != "" {
		d.writeHTML(" (%s)", v.Build.Commit)
	}
	d.writeHTML("</p>\n</footer>\n</body>\n</html>\n")
}

func (d *document) writeMoment(m moment) {
	d.writeHTML(`<time datetime="%s" title="%s">%s</time>`, m.UTC(), m.Text(), m.Distance)
}

func (d *document) writeRunbook(r runbook) { d.writeHTML(`Runbook <a href="%s">%s</a>`, r.URL, r.Path) }
