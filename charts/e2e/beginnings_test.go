// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// beginnings tests what happens before pods are Ready.
func (c *cluster) beginnings(t *testing.T) {
	w := c.world(t, "beginnings")
	c.prove(t, "pods become Ready only after the import", func(t *testing.T) string { return w.in(t).order() })
	c.prove(t, "a kill of the sidecar in the middle of an import loses and repeats nothing",
		func(t *testing.T) string { return w.in(t).crash() })
}

// order tests a first install whose import is held.
func (w *world) order() string {
	before := w.ledger()
	w.steer("hold/"+held, "")
	w.install(standalone(releaseA, 2))
	importer := w.awaitImport(held, releaseA)
	pods := w.await("two pods", func(all []*pod) bool { return len(all) == 2 })
	for _, p := range pods {
		w.awaitProbed(p.Metadata.Name)
	}
	for _, p := range w.current() {
		if p.ready() {
			w.t.Errorf("%s is Ready while %s imports", p.Metadata.Name, importer)
		}
	}
	if got := w.endpoints("workspaces"); len(got) > 0 {
		w.t.Errorf("the service has endpoints: %s", got)
	}
	resumed := time.Now()
	w.steer("resume/"+held, "")
	w.awaitReady(2, releaseA)
	took := since(resumed)
	w.wantImports(before, releaseA, importer)
	w.wantInstalled(releaseA)
	return "both pods are Ready " + took + " after the last import went on"
}

// crash kills the importing sidecar. The platform continues the import.
func (w *world) crash() string {
	before := w.ledger()
	w.steer("hold/"+held, "")
	w.install(standalone(releaseB, 2))
	importer := w.awaitImport(held, releaseB)
	pods := w.current()
	w.kill(w.t, pods[slices.IndexFunc(pods, func(p *pod) bool { return p.Metadata.Name == importer })], "release-sidecar")
	eventually(w.t, func() error { // it is back, and knows that it is not confirmed
		s, err := w.status(importer)
		if err == nil && (s.Confirmed || s.Phase == "waiting" || s.Phase == "preflight") {
			err = fmt.Errorf("%+v", s)
		}
		return err
	})
	w.steer("resume/"+held, "")
	w.awaitReady(2, releaseB)
	w.wantImports(before, releaseB, importer)
	w.wantInstalled(releaseB)
	return "each workspace is imported once"
}
