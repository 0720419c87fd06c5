// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"fmt"
	"net/http"
	"sync"
)

// mirrorWatch reports mirrors that fail. The layers above silently use the next mirror, or the
// registry itself.
type mirrorWatch struct {
	next   http.RoundTripper
	notify func(string)
	// mirrors maps the host of a mirror to its registry.
	mirrors map[string]string

	mu       sync.Mutex
	reported map[string]bool
}

func newMirrorWatch(mirrors map[string][]endpoint, notify func(string)) *mirrorWatch {
	w := &mirrorWatch{notify: notify, mirrors: map[string]string{}, reported: map[string]bool{}}
	for host, list := range mirrors {
		for _, mirror := range list {
			w.mirrors[mirror.host] = host
		}
	}
	return w
}

// RoundTrip implements [http.RoundTripper].
func (w *mirrorWatch) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := w.next.RoundTrip(req)
	if err != nil && req.Context().Err() == nil {
		w.reportOnce(req.URL.Host, err)
	}
	return resp, err
}

// reportOnce reports each failed mirror once.
func (w *mirrorWatch) reportOnce(mirror string, err error) {
	origin := w.mirrors[mirror]
	if origin == "" || w.notify == nil {
		return
	}
	w.mu.Lock()
	isNew := !w.reported[mirror]
	w.reported[mirror] = true
	w.mu.Unlock()
	if isNew {
		w.notify(fmt.Sprintf("the mirror %s of %s does not answer and is not used: %v", mirror, origin, err))
	}
}
