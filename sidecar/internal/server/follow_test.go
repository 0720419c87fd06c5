// SPDX-License-Identifier: Apache-2.0

package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// reader expands and collapses groups on the page, focuses one, lets the page refresh, and reports
// the resulting state.
const reader = `<!DOCTYPE html><iframe src="/" width="1000" height="800"></iframe><script>
onload = () => {
  const frame = document.querySelector("iframe"), page = () => frame.contentDocument;
  const group = n => page().getElementById("group-" + n);
  group(1).querySelector("summary").click();
  group(2).querySelector("summary").click();
  group(3).querySelector("summary").focus();
  const before = page().querySelector("footer p").textContent;
  fetch("/next", {method: "POST"});
  const timer = setInterval(() => {
    if (!page().title.includes("Ready, but needs attention")) return;
    clearInterval(timer);
    document.title = [group(1).open, group(2).open, page().activeElement.closest("details")?.id,
      page().querySelector("link[rel=icon]").href.includes("b87503"), page().body.dataset.follow].join(" ");
  }, 50);
};
</script>`

// TestFollowingKeepsWhatAReaderDid checks that a refresh keeps expanded and collapsed groups and
// the focus.
func TestFollowingKeepsWhatAReaderDid(t *testing.T) {
	b := newBrowser(t)
	store := storeOf(failing())
	sidecar := New(store, options()).Handler()
	mux := http.NewServeMux()
	mux.Handle("/", sidecar)
	mux.HandleFunc("GET /reader", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, reader) })
	mux.HandleFunc("POST /next", func(http.ResponseWriter, *http.Request) {
		store.Update(func(s *state.Snapshot) {
			started := s.Started
			*s = *drifted()
			s.Started, s.Phase = started, state.Retrying // keep the page refreshing
		})
	})
	web := httptest.NewServer(unframed(mux))
	defer web.Close()
	dom, console := b.run(t, web.URL+"/reader", "--dump-dom", "--virtual-time-budget=20000")
	_, after, _ := strings.Cut(dom, "<title>")
	title, _, _ := strings.Cut(after, "</title>")
	if want := "true false group-3 true 5"; title != want {
		t.Errorf("the reader finds %q, want %q\n%s\n%s", title, want, console, dom)
	}
}

// unframed allows the test to embed the sidecar's page in a frame, which the page's headers forbid.
func unframed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&framable{w}, r)
	})
}

type framable struct{ http.ResponseWriter }

func (w *framable) WriteHeader(code int) {
	w.allow()
	w.ResponseWriter.WriteHeader(code)
}

func (w *framable) Write(b []byte) (int, error) {
	w.allow()
	return w.ResponseWriter.Write(b)
}

func (w *framable) allow() {
	h := w.Header()
	h.Set("Content-Security-Policy", strings.ReplaceAll(h.Get("Content-Security-Policy"), "frame-ancestors 'none'",
		"frame-ancestors 'self'"))
}
