// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// injection tests the injection into the pods of the vendor's Deployment.
func (c *cluster) injection(t *testing.T) {
	w := c.world(t, "injection")
	if c.minor < 36 {
		c.prove(t, "inject mode is refused on an old cluster", func(t *testing.T) string {
			_, err := w.in(t).tryHelm([]string{"inject.enabled=true"})
			wantError(t, err, "inject.enabled: Kubernetes")
			return "it wants Kubernetes 1.36"
		})
		return
	}
	c.prove(t, "inject mode adds the sidecar to the vendor's pods, and only the sidecar imports",
		func(t *testing.T) string { return w.in(t).inject() })
	c.prove(t, "an injected rollout follows the image of the service",
		func(t *testing.T) string { return w.in(t).injectedRollout() })
	c.prove(t, "failure policy Fail creates no pod, Ignore one without sidecar",
		func(t *testing.T) string { return w.in(t).failurePolicy() })
	c.prove(t, "removing the chart removes the injection", func(t *testing.T) string { return w.in(t).uninject() })
}

func injected(pod string, err error) error {
	if err == nil && !strings.Contains(pod, "release-sidecar") {
		return errors.New("it has no sidecar")
	}
	return err
}

func notInjected(pod string, err error) error {
	if err == nil && strings.Contains(pod, "release-sidecar") {
		return errors.New("it has the sidecar")
	}
	return err
}

func (w *world) inject() string {
	w.t.Log(w.install([]string{"inject.enabled=true", "release.current=" + service + ":" + releaseA}))
	w.wantVendorPod(injected) // Helm has waited for it
	before, began := w.ledger(), time.Now()
	w.apply(w.vendorManifest(releaseA))
	w.rolledOut(vendor)
	took := since(began)
	pods := w.awaitReady(2, releaseA)
	wantSidecars(w.t, pods, true)
	w.wantImports(before, releaseA, of(pods, releaseA)...)
	for _, b := range w.ledger().Bulks {
		if strings.HasPrefix(b.CorrelationID, "native") {
			w.t.Errorf("the service started an import: %+v", b)
		}
	}
	if out, err := w.helmTest(); err != nil {
		w.t.Errorf("helm test: %v\n%s", err, out)
	}
	return "rollout: " + took
}

func (w *world) injectedRollout() string {
	before, old := w.ledger(), of(w.current(), releaseA)
	w.install([]string{"inject.enabled=true", "release.current=" + service + ":" + releaseB})
	w.wantVendorPod(injected)
	began := time.Now()
	for _, pod := range old {
		w.awaitProblem(pod, "superseded")
	}
	took := since(began)
	w.steer("hold/"+held, "")
	w.apply(w.vendorManifest(releaseB))
	importer := w.awaitImport(held, releaseB)
	w.awaitProbed(importer)
	if got := w.endpoints("workspaces"); strings.Join(got, " ") != strings.Join(old, " ") {
		w.t.Errorf("endpoints are %s, not %s", got, old)
	}
	w.steer("resume/"+held, "")
	w.rolledOut(vendor)
	w.awaitReady(2, releaseB)
	w.wantImports(before, releaseB, importer)
	return "the manifest comes from the new image without a change of values; the running pods know " + took +
		" after release.current changed that they are superseded"
}

// failurePolicy tests a policy that names a container that the pods do not have.
func (w *world) failurePolicy() string {
	// The hook cannot see an injection that fails.
	w.install([]string{"inject.enabled=true", "target.container=nobody", "hooks.injection.enabled=false"})
	w.awaitVendorPod(func(_ string, err error) error {
		if err == nil || !strings.Contains(err.Error(), "denied") {
			return fmt.Errorf("the pod is not refused: %v", err)
		}
		return nil
	})
	_, err := w.vendorPod(releaseA)
	wantError(w.t, err, "the pod has no container nobody, it has prismeai-workspaces")
	w.t.Log(err)
	if text := err.Error(); len(text) > 1000 {
		w.t.Errorf("the message has %d bytes", len(text))
	}
	w.install([]string{"inject.enabled=true", "target.container=nobody", "inject.failurePolicy=Ignore",
		"hooks.injection.enabled=false"})
	w.awaitVendorPod(notInjected)
	return "where a pod cannot be changed"
}

func (w *world) uninject() string {
	mustRun(w.t, w.helm, "uninstall", "acme", "--namespace", w.namespace, "--wait")
	w.awaitVendorPod(notInjected)
	if out := mustRun(w.t, w.cluster.kubectl, "get", "mutatingadmissionpolicies,mutatingadmissionpolicybindings", "-o",
		"name"); strings.Contains(out, w.namespace) {
		w.t.Errorf("left behind: %s", out)
	}
	w.mustKubectl("rollout", "restart", "deployment/"+vendor)
	w.rolledOut(vendor)
	wantSidecars(w.t, w.awaitReady(2, releaseB), false)
	return "pods are as the vendor's Deployment says"
}
