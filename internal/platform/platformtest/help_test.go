// SPDX-License-Identifier: Apache-2.0

package platformtest_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/internal/secret"
)

const token = "at:test"

// release returns two workspaces in base1, of which a needs b, and one in base2.
func release() *platformtest.Release {
	return &platformtest.Release{ID: "release", Name: "Release v1", Workspaces: []platformtest.Workspace{
		{Slug: "a", ID: "ida", Name: "A", Version: "v1", Groups: []string{"base1"}, DependsOn: []string{"app/B", "app/Elsewhere"}, Files: 2},
		{Slug: "b", ID: "idb", Name: "B", Version: "v1", Groups: []string{"base1", "base2"}, AppSlug: "B", Files: 3},
		{Slug: "c", ID: "idc", Name: "C", Version: "v1", Groups: []string{"base2"}, Files: 4},
	}}
}

// each returns an import time that is the same for all workspaces.
func each(d time.Duration) func(string) time.Duration { return func(string) time.Duration { return d } }

// cluster is a platform with one pod.
type cluster struct {
	*platformtest.Platform
	pod   *platformtest.Pod
	local *platform.Client
}

// inBubble runs a test on a fake clock.
func inBubble(t *testing.T, o platformtest.Options, f func(*testing.T, *cluster)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o.Token = token
		p := platformtest.New(o)
		defer p.Close()
		pod := p.NewPod("pod-0", release())
		f(t, &cluster{p, pod, local(t, pod)})
	})
}

func local(t *testing.T, h http.Handler) *platform.Client {
	t.Helper()
	return client(t, h, platform.Headers(platform.LocalHeaders()))
}

func public(t *testing.T, h http.Handler) *platform.Client {
	t.Helper()
	return client(t, h, platform.Bearer(platform.Fixed(secret.New(token))))
}

func client(t *testing.T, h http.Handler, id platform.Identity) *platform.Client {
	t.Helper()
	c, err := platform.New(platform.Options{BaseURL: "http://pod", Identity: id, Transport: platformtest.Transport(h)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func pull(ctx context.Context, c *platform.Client, wait time.Duration, groups ...string) (platform.PullResult, error) {
	return c.Pull(ctx, platform.PullRequest{Repository: "release", Groups: groups, Wait: wait, CorrelationID: "own"})
}

func mustPull(t *testing.T, c *platform.Client, groups ...string) *platform.ImportReport {
	t.Helper()
	r, err := pull(t.Context(), c, time.Hour, groups...)
	if err != nil || r.Report == nil {
		t.Fatalf("pull of %v: %+v, %v", groups, r, err)
	}
	return r.Report
}

func wantClass(t *testing.T, err error, want platform.Class) {
	t.Helper()
	if got := platform.ClassOf(err); got != want {
		t.Errorf("got class %s (%v), want %s", got, err, want)
	}
}

// states returns the statuses of a report by slug, in its order.
func states(r *platform.ImportReport) (all []string) {
	for _, w := range r.Workspaces {
		all = append(all, w.Slug+" "+string(w.Status))
	}
	return all
}
