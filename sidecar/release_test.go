// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
)

// TestReplicas starts five pods of one release at the same time.
func TestReplicas(t *testing.T) {
	t.Parallel()
	p := newPod(t, 30*time.Millisecond)
	var all []*process
	for n := range 5 {
		replica := &pod{Pod: p.platform.NewPod(fmt.Sprintf("replica-%d", n), p.release), platform: p.platform,
			manifest: p.manifest}
		replica.listen(t, replica)
		all = append(all, start(t, append(replica.args(), "--pod-name", replica.Name)...))
	}
	for _, s := range all {
		s.awaitReady()
	}
	for _, s := range all {
		s.stop()
		s.noErrors()
	}
	p.complete(t)
	l := p.platform.Ledger()
	imported := 0
	for _, i := range l.Imports {
		if i.Outcome == platformtest.Imported {
			imported++
		}
	}
	if imported != 8 {
		t.Errorf("%d imports of 8 workspaces", imported)
	}
}

// TestAnotherRelease replaces a confirmed release with the next one. The pod stays Ready and
// reports which release it has.
func TestAnotherRelease(t *testing.T) {
	t.Parallel()
	p := newPod(t, 20*time.Millisecond)
	var serving atomic.Pointer[platformtest.Pod]
	serving.Store(p.Pod)
	p.listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serving.Load().ServeHTTP(w, r) }))
	s := start(t, append(p.args(), "--watch-interval", "1h")...)
	s.awaitReady()

	next := *p.release
	next.Name = "Release v1.1.0"
	next.Workspaces = append([]platformtest.Workspace{}, next.Workspaces...)
	for n := range next.Workspaces {
		next.Workspaces[n].Version = "v9"
	}
	serving.Store(p.platform.NewPod("pod-next", &next))
	old := s.status().Release.ManifestDigest
	p.write(t, &next)
	s.eventually("confirm the next release", func() bool {
		if code, text := s.get("/readyz"); code != http.StatusOK {
			t.Errorf("the pod is not Ready any more: %s", text)
		}
		now := s.status()
		return now.Confirmed && now.Release.ManifestDigest != old
	})
	s.stop()
	s.noErrors()
	for _, w := range p.platform.Installed() {
		if w.Version != "v9" {
			t.Errorf("%s is at %s", w.Slug, w.Version)
		}
	}
}
