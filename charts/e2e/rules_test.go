// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"testing"
)

// clusterRules tests rules that a cluster may have for all workloads.
func (c *cluster) clusterRules(t *testing.T) {
	w := c.world(t, "rules")
	c.prove(t, "a namespace with quotas of all resources takes every pod, and those of hooks",
		func(t *testing.T) string { return w.in(t).quota() })
	c.prove(t, "server-side apply of what helm template prints changes nothing the second time",
		func(t *testing.T) string { return w.in(t).applyTwice() })
}

// quota makes Kubernetes reject pods without requests and limits.
func (w *world) quota() string {
	w.apply(`
apiVersion: v1
kind: ResourceQuota
metadata: {name: all}
spec:
  hard:
    requests.cpu: 10
    requests.memory: 10Gi
    requests.ephemeral-storage: 100Gi
    limits.cpu: 20
    limits.memory: 10Gi
    limits.ephemeral-storage: 100Gi
`)
	set := []string{"sidecar.resources.limits.cpu=500m", "workload.resources.limits.cpu=2",
		"hooks.confirm.events={post-install}"}
	w.install(standalone(releaseA, 2, set...), "--wait")
	w.awaitReady(2, releaseA)
	if out, err := w.helmTest(); err != nil {
		w.t.Errorf("helm test: %v\n%s", err, out)
	}
	return "two values set limits of CPU"
}

// applyTwice applies the output of helm template, as other tools do.
func (w *world) applyTwice() string {
	mustRun(w.t, w.helm, "uninstall", "acme", "--namespace", w.namespace, "--wait")
	ways := [][]string{standalone(releaseA, 0, "networkPolicy.enabled=true", "workload.hpa.enabled=true"),
		standalone(releaseA, 0, "sidecar.native=false")}
	if w.minor >= 36 {
		ways = append(ways, []string{"inject.enabled=true", "release.current=" + service + ":" + releaseA})
	}
	for _, set := range ways {
		args := []string{"template", "acme", w.chart, "--namespace", w.namespace, "--no-hooks", "--values", "-",
			"--kube-version", w.version}
		for _, s := range set {
			args = append(args, "--set", s)
		}
		printed, err := command(w.t.Context(), helmValues, w.helm, args...)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, verb := range [][]string{{"apply", "--server-side"}, {"apply", "--server-side"}, {"diff", "--server-side"},
			{"delete", "--wait=false"}} {
			args := w.namespaced(append(verb, "-f", "-"))
			if out, err := command(w.t.Context(), printed, w.cluster.kubectl, args...); err != nil {
				w.t.Errorf("%s: %v\n%s", set, err, out)
			}
		}
	}
	return fmt.Sprintf("kubectl diff is empty, for %d ways to use the chart", len(ways))
}
