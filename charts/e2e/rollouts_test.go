// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
)

// rollouts tests the upgrades and rollbacks of an installation under difficult conditions: the gateway is
// not ready while no pod of the service is, and the platform imports an older version over a newer one
// only by force. The sidecars repair changes after the import, but must never undo the import of another
// release.
func (c *cluster) rollouts(t *testing.T) {
	w := c.world(t, "rollouts", "readiness-needs-pod", "skip-newer")
	w.set = []string{"sidecar.settings.reconcile=repair", "sidecar.settings.reconcile-interval=1s"}
	c.prove(t, "first install with one replica does not deadlock",
		func(t *testing.T) string { return w.in(t).firstInstall() })
	c.prove(t, "rolling update imports B from the new pod while the old ones serve",
		func(t *testing.T) string { return w.in(t).rollingUpdate() })
	c.prove(t, "helm rollback restores A and the import follows", func(t *testing.T) string { return w.in(t).rollback() })
	c.prove(t, "a failing workspace blocks the rollout and the old pods keep serving",
		func(t *testing.T) string { return w.in(t).blockedRollout() })
	c.prove(t, "a restart of the service's container turns Ready at once",
		func(t *testing.T) string { return w.in(t).restart("workspaces") })
	c.prove(t, "a kill of the sidecar on the node turns Ready at once",
		func(t *testing.T) string { return w.in(t).restart("release-sidecar") })
	c.prove(t, "scale-up from 2 to 5 imports nothing", func(t *testing.T) string { return w.in(t).scaleUp() })
}

func (w *world) firstInstall() string {
	before, began := w.ledger(), time.Now()
	notes := w.install(standalone(releaseA, 1), "--wait")
	took := since(began)
	pods := w.awaitReady(1, releaseA)
	w.wantImports(before, releaseA, pods[0].Metadata.Name)
	w.wantInstalled(releaseA)
	w.t.Log(notes)
	out, err := w.helmTest()
	if err != nil || !strings.Contains(out, "Succeeded") || !strings.Contains(out, "confirmed") {
		w.t.Errorf("helm test: %v\n%s", err, out)
	}
	w.t.Log(out)
	if left := w.mustKubectl("get", "pods,jobs", "--selector", "app.kubernetes.io/name=workspaces-release-hook", "-o",
		"name"); left != "" {
		w.t.Errorf("hooks leave behind %s", left)
	}
	if got := strings.Fields(w.mustKubectl("get", "pods", "--selector", "app.kubernetes.io/instance=acme", "-o",
		"name")); len(got) != 1 {
		w.t.Errorf("the pod of the test looks like one of the service: %s", got)
	}
	return "helm install --wait: " + took + ", helm test succeeds"
}

// rollingUpdate upgrades from A to B and holds the import of B midway.
func (w *world) rollingUpdate() string {
	w.install(standalone(releaseA, 2), "--wait")
	old := of(w.awaitReady(2, releaseA), releaseA)
	traffic := w.startTraffic()
	before := w.ledger()
	w.steer("hold/"+held, "")
	w.install(standalone(releaseB, 2))
	importer := w.awaitImport(held, releaseB)
	w.awaitProbed(importer)
	if got := of(w.current(), releaseB); !slices.Equal(got, []string{importer}) {
		w.t.Errorf("%s imports, the pods of %s are %s", importer, releaseB, got)
	}
	w.wantServing(old, releaseA, traffic)
	began := time.Now()
	w.steer("resume/"+held, "")
	w.rolledOut("workspaces")
	took := since(began)
	w.awaitReady(2, releaseB)
	w.wantImports(before, releaseB, importer)
	w.wantInstalled(releaseB)
	answers := w.stopTraffic(traffic)
	if got := slices.Compact(answers); !slices.Equal(got[:1], []string{releaseA}) || got[len(got)-1] != releaseB {
		w.t.Errorf("the service answered with %s", got)
	}
	return "from the last import to the end of the rollout: " + took + "; 0 failed requests"
}

// wantServing fails unless exactly these pods are Ready and answer all traffic.
func (w *world) wantServing(pods []string, release, traffic string) {
	w.t.Helper()
	if diff := cmp.Diff(pods, w.endpoints("workspaces")); diff != "" {
		w.t.Errorf("endpoints of the service: %s", diff)
	}
	for _, p := range w.current() {
		if p.ready() != slices.Contains(pods, p.Metadata.Name) {
			w.t.Errorf("%s of %s is Ready: %t", p.Metadata.Name, p.release(), p.ready())
		}
	}
	if got := slices.Compact(w.answers(traffic)); !slices.Equal(got, []string{release}) {
		w.t.Errorf("the service answered with %s, want %s", got, release)
	}
}

// rollback rolls back to the revision before the last one.
func (w *world) rollback() string {
	before, began := w.ledger(), time.Now()
	w.helmRollback()
	took := since(began)
	w.wantImports(before, releaseA, of(w.awaitReady(2, releaseA), releaseA)...)
	w.wantInstalled(releaseA)
	if l := w.ledger(); !l.Bulks[len(l.Bulks)-1].Force && !slices.ContainsFunc(l.Bulks[len(before.Bulks):],
		func(b platformtest.Bulk) bool { return b.Force }) {
		w.t.Error("nothing was forced, so this platform would have skipped all")
	}
	return "helm rollback --wait: " + took
}

// blockedRollout tests an upgrade that cannot be imported, and its remedies.
func (w *world) blockedRollout() string {
	old := of(w.awaitReady(2, releaseA), releaseA)
	good := w.revision()
	traffic := w.startTraffic()
	w.steer("fail/"+held, "SlugAlreadyInUse: "+held+" belongs to another workspace")
	_, err := w.tryHelm(standalone(releaseC, 2, "workload.progressDeadlineSeconds=15"), "--wait", "--timeout", "20s")
	wantError(w.t, err, "context deadline exceeded")
	w.mustKubectl("wait", "deployment/workspaces", "--for=condition=Progressing=false", "--timeout", patience.String())
	stuck := of(w.current(), releaseC)
	if len(stuck) != 1 {
		w.t.Fatalf("pods of %s: %s", releaseC, stuck)
	}
	s := w.awaitProblem(stuck[0], "slug-taken")
	w.awaitProbed(stuck[0], "slug-taken", held, "remedy: ")
	w.wantServing(old, releaseA, traffic)
	out, err := w.tryKubectl("exec", stuck[0], "--container", "release-sidecar", "--", "/sidecar", "status")
	wantError(w.t, err, "exit code 5")
	if !strings.Contains(out, held) {
		w.t.Errorf("status does not name %s: %s", held, out)
	}
	w.t.Log(s.Problem.Message)

	// The pods that kept serving undo the part of C that was imported before the failure.
	w.steer("heal/"+held, "")
	w.helmRollback(good)
	w.wantInstalled(releaseA)
	if got := of(w.awaitReady(2, releaseA), releaseA); !slices.Equal(got, old) {
		w.t.Errorf("the pods are %s, not those that always served: %s", got, old)
	}
	if got := slices.Compact(w.stopTraffic(traffic)); !slices.Equal(got, []string{releaseA}) {
		w.t.Errorf("the service answered with %s", got)
	}
	return "helm upgrade --wait fails, the rollout counts as failed with `" + s.Problem.Reason + "`; 0 failed requests"
}

// restart kills a container of a Ready pod.
func (w *world) restart(container string) string {
	before, pods := w.ledger(), w.awaitReady(2, releaseA)
	p := w.kill(w.t, pods[0], container)
	running := p.container(container).State.Running.StartedAt
	w.awaitReady(2, releaseA)
	after := time.Since(running)
	w.wantNoImports(before)
	if after > 30*time.Second {
		w.t.Errorf("Ready only %s after the start of the container", after)
	}
	remark := fmt.Sprintf("the pod is Ready at most %.0f s after the start of the container", after.Seconds())
	if container == "release-sidecar" {
		remark += "; the sidecar has confirmed the release " + w.confirmedAfter(p.Metadata.Name) + " after its own"
	}
	return remark
}

// confirmedAfter returns the time to the confirmation from the log of a pod's sidecar.
func (w *world) confirmedAfter(pod string) string {
	w.t.Helper()
	for line := range strings.Lines(w.mustKubectl("logs", pod, "--container", "release-sidecar")) {
		if entry := decode[struct{ Msg, Took string }](w.t, line); entry.Msg == "release confirmed" {
			return entry.Took
		}
	}
	w.t.Errorf("%s does not say that it has confirmed the release", pod)
	return ""
}

func (w *world) scaleUp() string {
	before, began := w.ledger(), time.Now()
	w.install(standalone(releaseA, 5), "--wait")
	took := since(began)
	w.awaitReady(5, releaseA)
	w.wantNoImports(before)
	if got := w.endpoints("workspaces"); len(got) != 5 {
		w.t.Errorf("endpoints: %s", got)
	}
	return "helm upgrade --wait: " + took
}

// startTraffic sends requests to the Service from a pod in the namespace.
func (w *world) startTraffic() (pod string) {
	w.t.Helper()
	pod = fmt.Sprintf("traffic-%d", time.Now().UnixNano())
	w.apply(fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: %s}
spec:
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 1
  securityContext: {runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: ask
      image: %s
      imagePullPolicy: IfNotPresent
      command: [ask, "http://workspaces/v2/workspaces/platform"]
      securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
`, pod, stock))
	eventually(w.t, func() error {
		if len(w.answers(pod)) == 0 {
			return errNotYet
		}
		return nil
	})
	return pod
}

var releaseName = regexp.MustCompile(`^200 .*"name":"Release (v[0-9.]+)"`)

// answers lists the releases in the responses of the service, one entry for each change. Other responses
// are listed unchanged.
func (w *world) answers(traffic string) (all []string) {
	w.t.Helper()
	out, err := w.tryKubectl("logs", traffic)
	if err != nil {
		return nil // it has not started
	}
	for line := range strings.Lines(out) {
		if m := releaseName.FindStringSubmatch(line); m != nil {
			line = m[1]
		}
		all = append(all, line)
	}
	return all
}

// stopTraffic returns all answers, and fails if one is a failure.
func (w *world) stopTraffic(traffic string) (all []string) {
	w.t.Helper()
	all = w.answers(traffic)
	for _, a := range all {
		if !strings.HasPrefix(a, "v") {
			w.t.Errorf("a request failed: %s", a)
		}
	}
	w.mustKubectl("delete", "pod", traffic, "--wait=false")
	return all
}
