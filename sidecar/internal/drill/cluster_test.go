// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// cluster is a kube-state-metrics with the pods of the drill. Prometheus scrapes it without
// honorLabels, so its labels become exported_namespace and so on.
type cluster struct {
	mu   sync.Mutex
	pods map[string]clusterPod // by namespace
	target
}

// clusterPod is a pod as reported by kube-state-metrics.
type clusterPod struct {
	sidecar bool // it has the container release-sidecar
	running bool // the container runs
}

// newCluster serves a cluster without pods until the test ends.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{pods: map[string]clusterPod{}}
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	c.target = target{"monitoring", "kube-state-metrics-0", "kube-state-metrics", strings.TrimPrefix(s.URL, "http://")}
	return c
}

// set sets the pod of a namespace.
func (c *cluster) set(namespace string, p clusterPod) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pods[namespace] = p
}

func (c *cluster) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	for namespace, p := range c.pods {
		writePod(w, namespace, p)
	}
}

func writePod(w io.Writer, namespace string, p clusterPod) {
	pod := fmt.Sprintf("namespace=%q,pod=%q", namespace, "pod-0")
	fmt.Fprintf(w, "kube_pod_info{%s,created_by_name=%q} 1\n", pod, "prismeai-core-prismeai-workspaces-6d5f9c7b8")
	fmt.Fprintf(w, "kube_pod_status_phase{%s,phase=%q} 1\n", pod, "Running")
	if !p.sidecar {
		return
	}
	running := 0
	if p.running {
		running = 1
	}
	fmt.Fprintf(w, "kube_pod_init_container_info{%s,container=%q} 1\n", pod, "release-sidecar")
	fmt.Fprintf(w, "kube_pod_init_container_status_running{%s,container=%q} %d\n", pod, "release-sidecar", running)
}

// conditions returns the conditions that only kube-state-metrics shows, and the targets to scrape.
func (c *cluster) conditions(t *testing.T) (all []condition, targets []target) {
	t.Helper()
	well := clusterPod{sidecar: true, running: true}
	add := func(alert string, bad clusterPod) {
		c.set(alert, well)
		targets = append(targets, newPod(t, alert, "pod-0").target)
		all = append(all, condition{alert: alert, namespace: alert, begin: func() { c.set(alert, bad) },
			end: func() { c.set(alert, well) }})
	}
	add("SidecarNotRunning", clusterPod{sidecar: true})
	add("SidecarMissing", clusterPod{})
	return all, targets
}
