// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// rotation tests a platform that accepts only the token.
func (c *cluster) rotation(t *testing.T) {
	w := c.world(t, "rotation", "refuse-headers", "pod-token")
	c.prove(t, "token rotation through the Secret, without a restart",
		func(t *testing.T) string { return w.in(t).rotate() })
}

func (w *world) rotate() string {
	const second, third = "at:second", "at:third"
	before := w.ledger()
	w.steer("token", second) // that of the Secret is worth nothing from the beginning
	w.install(standalone(releaseA, 1, "sidecar.identity=token", "sidecar.settings.reconcile-interval=2s"))
	pod := w.await("a pod", func(all []*pod) bool { return len(all) == 1 })[0].Metadata.Name
	w.awaitProblem(pod, "identity-refused")
	began := time.Now()
	w.putToken(second)
	w.awaitReady(1, releaseA)
	took := since(began)
	w.wantImports(before, releaseA, pod)

	w.steer("token", third)
	w.awaitProblem(pod, "identity-refused")
	w.awaitReady(1, releaseA) // trouble afterwards is an alert, not an outage
	w.putToken(third)
	w.awaitProblem(pod, "")
	p := w.awaitReady(1, releaseA)[0]
	if p.Metadata.Name != pod || p.container("release-sidecar").RestartCount != 0 {
		w.t.Errorf("%s was replaced or restarted: %+v", pod, p)
	}
	told := w.mustKubectl("get", "--raw", w.podProxy(pod, "metrics")) + w.mustKubectl("logs", pod, "--all-containers")
	for _, secret := range []string{token, second, third} {
		if strings.Contains(told, secret) {
			w.t.Errorf("metrics or logs tell %s", secret)
		}
	}
	return "Ready " + took +
		" after the Secret changed (the kubelet may take a minute); Ready all through the second rotation"
}

func (w *world) putToken(value string) {
	w.t.Helper()
	w.mustKubectl("patch", "secret", "platform-token", "--type=merge", "--patch",
		fmt.Sprintf(`{"stringData":{"token":%q}}`, value))
}
