// SPDX-License-Identifier: Apache-2.0

package server

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"
	"net/http"
	"time"

	"github.com/prismeai/workspaces-release/internal/version"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

// page renders the state for people: HTML of one request, without script.
type page struct {
	html   *template.Template
	build  version.Info
	pod    string
	policy string // the content security policy that allows its style
}

func newPage(build version.Info, pod string) *page {
	sum := sha256.Sum256([]byte(pageCSS))
	return &page{
		html:   template.Must(template.New("page").Parse(pageHTML)),
		build:  build,
		pod:    pod,
		policy: contentSecurity("sha256-" + base64.StdEncoding.EncodeToString(sum[:])),
	}
}

// people answers with the page. It loads itself again while things move, unless
// its reader asked it not to.
func (s *Server) people(w http.ResponseWriter, r *http.Request) {
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
	v.Style, v.Pod, v.Refreshes = template.CSS(pageCSS), p.pod, !still && !v.Settled
	return p.html.Execute(w, v)
}
