// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// pod is the part of a pod with a sidecar that the tests read.
type pod struct {
	Metadata struct {
		Name              string
		DeletionTimestamp string
		CreationTimestamp time.Time
	}
	Spec struct {
		NodeName                   string
		InitContainers, Containers []struct{ Name, Image string }
		Volumes                    []struct{ Image struct{ Reference string } }
	}
	Status struct {
		Conditions                               []condition
		InitContainerStatuses, ContainerStatuses []container
	}
}

type condition struct {
	Type, Status       string
	LastTransitionTime time.Time
}

type container struct {
	Name, ContainerID string
	RestartCount      int
	State             struct {
		Running *struct{ StartedAt time.Time }
	}
}

func (p *pod) ready() bool {
	return p.Metadata.DeletionTimestamp == "" && slices.ContainsFunc(p.Status.Conditions,
		func(c condition) bool { return c.Type == "Ready" && c.Status == "True" })
}

func (p *pod) container(name string) container {
	all := slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses)
	if i := slices.IndexFunc(all, func(c container) bool { return c.Name == name }); i >= 0 {
		return all[i]
	}
	return container{}
}

func (p *pod) has(name string) bool { return p.container(name).Name != "" }

// release returns the version that the pod carries, from its images.
func (p *pod) release() string {
	var images []string
	for _, c := range p.Spec.Containers {
		images = append(images, c.Image)
	}
	for _, v := range p.Spec.Volumes {
		images = append(images, v.Image.Reference)
	}
	for _, image := range images {
		if _, tag, ok := strings.Cut(image, ":"); ok && strings.HasPrefix(tag, "v") {
			return tag
		}
	}
	return ""
}

// watch follows the pods with sidecars in a namespace. Each time a pod turns Ready, watch checks that the
// platform has the whole release of the pod.
type watch struct {
	mu      sync.Mutex
	pods    map[string]*pod
	changed chan struct{} // closed and replaced on each change
	ended   error
}

func (w *world) watchPods() *watch {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, w.cluster.kubectl,
		w.namespaced([]string{"get", "pods", "--selector", "e2e=pod", "--watch", "--output-watch-events", "-o", "json"})...)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		w.t.Fatal(err)
	}
	s := &watch{pods: map[string]*pod{}, changed: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.read(out, w)
		_ = cmd.Wait() // it was killed, or read told
	}()
	w.t.Cleanup(func() { cancel(); <-done })
	return s
}

func (s *watch) read(events io.Reader, w *world) {
	for dec := json.NewDecoder(events); ; {
		var event struct {
			Type   string
			Object *pod
		}
		if err := dec.Decode(&event); err != nil {
			s.change(func() { s.ended = fmt.Errorf("the watch ended: %w", err) })
			return
		}
		name := event.Object.Metadata.Name
		s.mu.Lock()
		old := s.pods[name]
		s.mu.Unlock()
		if event.Type != "DELETED" && event.Object.ready() && (old == nil || !old.ready()) {
			if err := w.installed(event.Object.release()); err != nil {
				w.t.Errorf("pod %s is Ready before its release: %v", name, err)
			}
		}
		s.change(func() {
			if s.pods[name] = event.Object; event.Type == "DELETED" {
				delete(s.pods, name)
			}
		})
	}
}

func (s *watch) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *watch) now() ([]*pod, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*pod
	for _, p := range s.pods {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b *pod) int { return strings.Compare(a.Metadata.Name, b.Metadata.Name) })
	return all, s.changed, s.ended
}

// await waits until the pods are in a state.
func (w *world) await(what string, good func([]*pod) bool) []*pod {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	for {
		all, changed, err := w.pods.now()
		if good(all) {
			return all
		}
		if err != nil {
			w.t.Fatal(err)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			w.t.Fatalf("%s: not within %s; there are %s", what, patience, describe(all))
		}
	}
}

func describe(all []*pod) string {
	var lines []string
	for _, p := range all {
		lines = append(lines, fmt.Sprintf("%s of %s, Ready: %t", p.Metadata.Name, p.release(), p.ready()))
	}
	return strings.Join(lines, "; ")
}

// awaitReady waits until exactly n pods exist, all Ready and all with the release.
func (w *world) awaitReady(n int, version string) []*pod {
	w.t.Helper()
	return w.await(fmt.Sprintf("%d pods Ready with %s", n, version), func(all []*pod) bool {
		return len(all) == n && !slices.ContainsFunc(all, func(p *pod) bool { return !p.ready() || p.release() != version })
	})
}

// of returns the names of the pods that carry a release.
func of(all []*pod, version string) (names []string) {
	for _, p := range all {
		if p.release() == version {
			names = append(names, p.Metadata.Name)
		}
	}
	return names
}

// current returns the last observed pods.
func (w *world) current() []*pod {
	all, _, _ := w.pods.now()
	return all
}

// endpoints returns the pods to which a Service sends requests.
func (w *world) endpoints(service string) (names []string) {
	w.t.Helper()
	type list struct {
		Items []struct {
			Endpoints []struct {
				Conditions struct{ Ready bool }
				TargetRef  struct{ Name string }
			}
		}
	}
	for _, s := range decode[list](w.t, w.mustKubectl("get", "endpointslices", "--selector",
		"kubernetes.io/service-name="+service, "-o", "json")).Items {
		for _, e := range s.Endpoints {
			if e.Conditions.Ready {
				names = append(names, e.TargetRef.Name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// status is the status that a sidecar reports.
type status struct {
	Phase     string
	Confirmed bool
	Problem   struct{ Reason, Message string }
	Release   struct{ Name string }
}

func (w *world) status(pod string) (status, error) {
	out, err := w.tryKubectl("get", "--raw", w.podProxy(pod, "status"))
	if err != nil {
		return status{}, err
	}
	return decode[status](w.t, out), nil
}

func (w *world) podProxy(pod, path string) string {
	return "/api/v1/namespaces/" + w.namespace + "/pods/" + pod + ":9400/proxy/" + path
}

// awaitProblem waits until the sidecar of a pod reports a reason.
func (w *world) awaitProblem(pod, reason string) status {
	w.t.Helper()
	var s status
	eventually(w.t, func() (err error) {
		if s, err = w.status(pod); err == nil && s.Problem.Reason != reason {
			err = fmt.Errorf("%s: %+v", pod, s)
		}
		return err
	})
	return s
}

// awaitProbed waits until the readiness probe of a pod's sidecar has failed with a message that contains
// a text.
func (w *world) awaitProbed(pod string, says ...string) {
	w.t.Helper()
	eventually(w.t, func() error {
		out, err := w.tryKubectl("describe", "pod", pod)
		for _, text := range append(says, "Readiness probe failed: not ready:") {
			if err == nil && !strings.Contains(out, text) {
				err = fmt.Errorf("no failed probe says %q:\n%s", text, out)
			}
		}
		return err
	})
}

// kill ends a container like a crash, from a pod on its node, and waits until the container runs again.
func (w *world) kill(t *testing.T, p *pod, name string) *pod {
	t.Helper()
	old := p.container(name)
	w.cluster.killContainer(t, p.Spec.NodeName, old.ContainerID)
	after := w.await(name+" restarted", func(all []*pod) bool {
		i := slices.IndexFunc(all, func(q *pod) bool { return q.Metadata.Name == p.Metadata.Name })
		return i >= 0 && all[i].container(name).RestartCount == old.RestartCount+1 &&
			all[i].container(name).State.Running != nil
	})
	return after[slices.IndexFunc(after, func(q *pod) bool { return q.Metadata.Name == p.Metadata.Name })]
}
