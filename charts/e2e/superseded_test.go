// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
)

// twoReleases tests what happens while pods of two releases run.
func (c *cluster) twoReleases(t *testing.T) {
	w := c.world(t, "two-releases")
	c.prove(t, "an old pod that comes back during a rollout imports nothing, from A to B",
		func(t *testing.T) string { return w.in(t).comeBack(releaseA, releaseB) })
	c.prove(t, "an old pod that comes back during a rollout imports nothing, from B to A",
		func(t *testing.T) string { return w.in(t).comeBack(releaseB, releaseA) })
	c.prove(t, "helm rollback of a failed release ends when the release before it is imported again",
		func(t *testing.T) string { return w.in(t).rollBackFailure() })
	c.prove(t, "a drain in the middle of an import leaves no lock",
		func(t *testing.T) string { return w.in(t).drainImporter() })
}

// comeBack evicts a pod of the old release when the first pod of the new release is Ready.
func (w *world) comeBack(from, to string) string {
	w.install(standalone(from, 2), "--wait")
	w.awaitReady(2, from)
	before := w.ledger()
	w.steer("hold/"+held, "")
	w.install(standalone(to, 2))
	importer := w.awaitImport(held, to)
	w.mustKubectl("rollout", "pause", "deployment/workspaces") // so that the old ReplicaSet still wants its pods
	w.steer("resume/"+held, "")
	w.await("a pod of "+to+" is Ready", func(all []*pod) bool { return len(readyOf(all, to)) > 0 })
	victim := of(w.current(), from)[0]
	w.evict(victim)
	var back string
	w.await("a pod of "+from+" in place of "+victim, func(all []*pod) bool {
		began := w.podOf(all, importer).Metadata.CreationTimestamp
		for _, p := range all {
			if p.release() == from && p.Metadata.CreationTimestamp.After(began) {
				back = p.Metadata.Name
			}
		}
		return back != ""
	})
	s := w.awaitProblem(back, "superseded")
	if s.Confirmed {
		w.t.Errorf("%s of %s is confirmed", back, from)
	}
	w.wantInstalled(to)
	w.mustKubectl("rollout", "resume", "deployment/workspaces")
	w.rolledOut("workspaces")
	for _, p := range w.awaitReady(2, to) {
		if s, err := w.status(p.Metadata.Name); err != nil || !s.Confirmed || s.Problem.Reason != "" {
			w.t.Errorf("%s: %+v, %v", p.Metadata.Name, s, err)
		}
	}
	w.wantImports(before, to, importer)
	w.wantInstalled(to)
	if out, err := w.helmTest(); err != nil {
		w.t.Errorf("helm test: %v\n%s", err, out)
	}
	return fmt.Sprintf("%d of %d workspaces are of %s; the pod that came back reports `superseded`", workspaceCount,
		workspaceCount, to)
}

func readyOf(all []*pod, version string) (names []string) {
	for _, p := range all {
		if p.release() == version && p.ready() {
			names = append(names, p.Metadata.Name)
		}
	}
	return names
}

func (w *world) podOf(all []*pod, name string) *pod {
	w.t.Helper()
	for _, p := range all {
		if p.Metadata.Name == name {
			return p
		}
	}
	w.t.Fatalf("no pod %s", name)
	return nil
}

// evict requests the eviction of a pod, as kubectl drain does.
func (w *world) evict(pod string) {
	w.t.Helper()
	body := fmt.Sprintf(`{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":%q,"namespace":%q}}`, pod,
		w.namespace)
	path := "/api/v1/namespaces/" + w.namespace + "/pods/" + pod + "/eviction"
	if _, err := command(w.t.Context(), body, w.cluster.kubectl, "create", "--raw", path, "-f", "-"); err != nil {
		w.t.Fatal(err)
	}
}

// rollBackFailure rolls back a release of which all workspaces but one were imported.
func (w *world) rollBackFailure() string {
	w.install(standalone(releaseA, 2), "--wait")
	old := of(w.awaitReady(2, releaseA), releaseA)
	good := w.revision()
	w.steer("fail/"+held, "SlugAlreadyInUse: "+held+" belongs to another workspace")
	_, err := w.tryHelm(standalone(releaseC, 2), "--wait", "--timeout", "20s")
	wantError(w.t, err, "context deadline exceeded")
	wantError(w.t, w.installed(releaseA), releaseC)
	if out, err := w.helmTest(); err == nil {
		w.t.Errorf("helm test succeeds with two releases in the database: %s", out)
	}

	before, began := w.ledger(), time.Now()
	done := make(chan error, 1)
	go func() {
		_, err := command(w.t.Context(), "", w.helm, "rollback", "acme", good, "--namespace", w.namespace, "--wait",
			"--timeout", "5m")
		done <- err
	}()
	w.await("no pod of "+releaseC, func(all []*pod) bool { return len(of(all, releaseC)) == 0 })
	// Hold the import of the rollback, too, to read the status of the old pods meanwhile.
	w.steer("hold/"+held, "")
	w.steer("heal/"+held, "")
	w.awaitReimport(before)
	noticed := since(began)
	select {
	case err := <-done:
		w.t.Fatalf("helm rollback --wait ends before the import: %v", err)
	default:
	}
	w.wantNotConfirmed(old)
	if out, err := w.helmTest(); err == nil {
		w.t.Errorf("helm test succeeds during the import: %s", out)
	}
	w.steer("resume/"+held, "")
	if err := <-done; err != nil {
		w.t.Fatal(err)
	}
	took := since(began)
	w.wantInstalled(releaseA)
	w.wantOneImporter()
	if out, err := w.helmTest(); err != nil {
		w.t.Errorf("helm test: %v\n%s", err, out)
	}
	if got := of(w.awaitReady(2, releaseA), releaseA); strings.Join(got, " ") != strings.Join(old, " ") {
		w.t.Errorf("the pods are %s, not those that always served: %s", got, old)
	}
	return fmt.Sprintf("%d of %d workspaces are those of before; its pods import again %s after the command, which took "+
		"%s",
		workspaceCount, workspaceCount, noticed, took)
}

// awaitReimport waits until release A is imported again, up to the held workspace.
func (w *world) awaitReimport(before platformtest.Ledger) {
	w.t.Helper()
	within(w.t, 2*patience, func() error { // a file that is late, and a pod that therefore waits
		for _, i := range w.ledger().Imports[len(before.Imports):] {
			if i.Slug == held && i.Version == releaseA && i.Outcome == "" {
				return nil
			}
		}
		return errNotYet
	})
}

// wantNotConfirmed fails unless sidecar status --fresh exits, for each pod, with the code for a platform
// that has another release, or with the code for a held lock while one of the pods imports.
func (w *world) wantNotConfirmed(pods []string) {
	w.t.Helper()
	foreign := 0
	for _, pod := range pods {
		out, err := w.tryKubectl("exec", pod, "--container", "release-sidecar", "--", "/sidecar", "status", "--fresh")
		switch {
		case err != nil && strings.Contains(err.Error(), "exit code 10"):
			foreign++
		default:
			wantError(w.t, err, "exit code 7")
		}
		w.t.Log(out)
	}
	if foreign == 0 {
		w.t.Error("no pod says that the platform has another release")
	}
}

// drainImporter stops the importing pod, as a drain of its node does.
func (w *world) drainImporter() string {
	w.install(standalone(releaseA, 2, "workload.terminationGracePeriodSeconds=60"), "--wait")
	w.awaitReady(2, releaseA)
	before := w.ledger()
	w.steer("hold/"+held, "")
	w.install(standalone(releaseB, 2, "workload.terminationGracePeriodSeconds=60"))
	importer := w.awaitImport(held, releaseB)
	began := time.Now()
	w.mustKubectl("delete", "pod", importer, "--wait=false")
	eventually(w.t, func() error { // its service is being stopped, and waits for the import
		out, err := w.tryKubectl("logs", importer, "--container", "release-sidecar")
		if err == nil && !strings.Contains(out, "no import starts from now on") {
			err = errNotYet
		}
		return err
	})
	w.steer("resume/"+held, "")
	w.rolledOut("workspaces")
	took := since(began)
	w.awaitReady(2, releaseB)
	w.wantInstalled(releaseB)
	w.wantOneImporter()
	l := w.ledger()
	for _, i := range l.Imports[len(before.Imports):] {
		if i.Outcome != platformtest.Imported || i.Version != releaseB {
			w.t.Errorf("%s %s by %s: %q", i.Slug, i.Version, i.Pod, i.Outcome)
		}
	}
	for _, h := range l.Locks[len(before.Locks):] {
		if h.Expired || h.End.IsZero() {
			w.t.Errorf("a lock is left behind: %+v", h)
		}
	}
	return "rollout: " + took
}
