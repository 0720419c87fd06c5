// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/secret"
	"github.com/prismeai/workspaces-release/internal/syncbuffer"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

const token = "at:canary-5f2c9d7e"

// files returns the release in the image: groups base1 (a, b), base2 (c) and extended (d).
func files(version string) *platformtest.Release {
	return &platformtest.Release{ID: "release", Name: "Release " + version, Workspaces: []platformtest.Workspace{
		{Slug: "a", ID: "ida", Name: "A", Version: version, Groups: []string{"base1"}, Files: 2},
		{Slug: "b", ID: "idb", Name: "B", Version: version, Groups: []string{"base1"}, Files: 3},
		{Slug: "c", ID: "idc", Name: "C", Version: version, Groups: []string{"base2"}, Files: 4},
		{Slug: "d", ID: "idd", Name: "D", Version: version, Groups: []string{"extended"}, Files: 4},
	}}
}

// manifestOf returns the manifest of a release of files.
func manifestOf(r *platformtest.Release) *release.Manifest {
	m := &release.Manifest{SchemaVersion: release.SchemaVersion, Name: r.Workspaces[0].Version,
		Repository: release.Repository{ID: r.ID, Name: r.Name, Directory: "/www/workspaces"}}
	for _, name := range r.Groups() {
		g := release.Group{Name: name}
		for _, w := range r.Select([]string{name}) {
			g.Workspaces = append(g.Workspaces, w.Slug)
		}
		m.Groups = append(m.Groups, g)
	}
	for _, w := range r.Workspaces {
		m.Workspaces = append(m.Workspaces, release.Workspace{Slug: w.Slug, ID: w.ID, Name: w.Name, Version: w.Version,
			Digest: digest.FromString(w.Slug + w.Version + w.Name)})
	}
	return m
}

// counts is a [Recorder].
type counts struct {
	mu     sync.Mutex
	passes []state.Reason
	waits  int
	onPass func(state.Reason) // called before the pass is counted; may be nil
}

func (c *counts) Pass(r state.Reason, _ time.Duration) {
	if c.onPass != nil {
		c.onPass(r)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.passes = append(c.passes, r)
}

// of counts the passes that ended with a reason, or "*" for any.
func (c *counts) of(r state.Reason) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.passes {
		if p == r || r == "*" {
			n++
		}
	}
	return n
}

func (c *counts) Group(string, state.Reason, time.Duration) {}

func (c *counts) LockWait(time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waits++
}

// replica is one pod with its sidecar.
type replica struct {
	*platformtest.Pod
	files     *platformtest.Release
	store     *state.Store
	counts    *counts
	log       *logBuffer
	logger    *slog.Logger
	everReady bool

	mu      sync.Mutex // guards what tests change while the sidecar runs
	desired Desired
	policy  Policy
	loadErr error
	gateway *platform.Client
	current *Current // content of the file
	client  *platform.Client
	imp     *Importer
	stop    context.CancelFunc
	done    chan error
}

// logBuffer is a log that is safe for concurrent use.
type logBuffer struct{ syncbuffer.Buffer }

func (l *logBuffer) has(text string) bool { return strings.Contains(l.String(), text) }

// cluster is a platform with replicas of one release.
type cluster struct {
	*platformtest.Platform
	t        *testing.T
	gateway  *platformtest.Gateway
	replicas []*replica
	bearer   atomic.Pointer[string] // token of the sidecars, if not the default
	busy     atomic.Int32           // number of pending actions
}

// inBubble runs f on a fake clock, with n replicas that have not started.
func inBubble(t *testing.T, o platformtest.Options, n int, f func(t *testing.T, c *cluster)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o.Token = token
		c := &cluster{Platform: platformtest.New(o), t: t}
		c.gateway = c.NewGateway()
		for range n {
			c.add(files("v1"))
		}
		defer c.end()
		f(t, c)
	})
}

// add adds a replica with release r.
func (c *cluster) add(r *platformtest.Release) *replica {
	c.t.Helper()
	m := manifestOf(r)
	d, err := NewDesired("", nil, m, digest.FromString(m.Name).String())
	if err != nil {
		c.t.Fatal(err)
	}
	rep := &replica{Pod: c.NewPod(fmt.Sprintf("pod-%d", len(c.replicas)), r), files: r, desired: d,
		policy: DefaultPolicy()}
	rep.policy.PodName = rep.Name
	rep.Faults = &platformtest.Script{}
	rep.client = c.client(rep.Pod, platform.Headers(platform.LocalHeaders()))
	rep.wipe()
	c.replicas = append(c.replicas, rep)
	return rep
}

func (c *cluster) client(e platformtest.Endpoint, id platform.Identity) *platform.Client {
	c.t.Helper()
	client, err := platform.New(platform.Options{BaseURL: "http://pod", Identity: id, Transport: platformtest.Transport(e),
		Starting: true})
	if err != nil {
		c.t.Fatal(err)
	}
	return client
}

type open struct{ *platformtest.Gateway }

func (open) Listening() bool { return true }

// public returns a client of the gateway.
func (c *cluster) public() *platform.Client { return c.clientOf(c.gateway) }

func (c *cluster) clientOf(g *platformtest.Gateway) *platform.Client {
	return c.client(open{g}, c.bearerIdentity())
}

// bearerIdentity reads the token for each request, like a token file.
func (c *cluster) bearerIdentity() platform.Identity {
	return platform.Bearer(func(context.Context) (secret.Value, error) { return c.current(), nil })
}

// get returns the state of the sidecar.
func (r *replica) get() state.Snapshot {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.store.Get()
}

// wipe resets the memory of the sidecar, like a restart.
func (r *replica) wipe() {
	r.store, r.counts, r.log = state.NewStore(), &counts{}, &logBuffer{}
	r.logger = slog.New(slog.NewJSONHandler(r.log, nil))
	r.imp = New(r.load, r.store, r.counts, r.logger)
}

func (r *replica) load(context.Context) (*Inputs, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.loadErr != nil {
		return nil, r.loadErr
	}
	return &Inputs{Policy: r.policy, Pod: r.client, Gateway: r.gateway, Desired: r.desired, Current: r.current}, nil
}

// start runs the sidecar.
func (r *replica) start() {
	ctx, cancel := context.WithCancel(context.Background())
	r.stop, r.done = cancel, make(chan error, 1)
	imp, done := r.imp, r.done
	go func() { done <- imp.Run(ctx) }()
}

// kill stops the sidecar immediately.
func (r *replica) kill() {
	if r.stop != nil {
		r.stop()
		<-r.done
		r.stop = nil
	}
}

func (c *cluster) startAll() {
	for _, r := range c.replicas {
		r.start()
	}
}

func (c *cluster) end() {
	for _, r := range c.replicas {
		r.kill()
	}
	c.Close()
}

func (r *replica) ready() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	g, _ := r.store.Gate(state.GatePolicy{})
	return g.Open
}

// wait returns the time until all replicas are Ready, at most limit.
func (c *cluster) wait(limit time.Duration) time.Duration {
	c.t.Helper()
	start := time.Now()
	for _, r := range c.replicas {
		for !r.ready() {
			if time.Since(start) > limit {
				s := r.store.Get()
				c.t.Fatalf("%s is not ready after %s: %s, %+v", r.Name, limit, s.Phase, s.Problem)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	return time.Since(start)
}

// reason returns why the first replica is not confirmed.
func (c *cluster) reason() state.Reason {
	if p := c.replicas[0].store.Get().Problem; p != nil {
		return p.Reason
	}
	return ""
}

// each returns an import time that is the same for all workspaces.
func each(d time.Duration) func(string) time.Duration { return func(string) time.Duration { return d } }

// complete checks the database against the release, and the ledger against the invariants.
func (c *cluster) complete(version string) {
	c.t.Helper()
	installed := c.Installed()
	if len(installed) != 4 {
		c.t.Errorf("%d workspaces are installed, want 4", len(installed))
	}
	for _, w := range installed {
		if w.Version != version {
			c.t.Errorf("%s is at %q, want %s", w.Slug, w.Version, version)
		}
	}
	if found := c.Ledger().Overlaps(); found != nil {
		c.t.Errorf("I6: imports at the same time: %v", found)
	}
}

// later runs f after d on the clock of the bubble. busy counts pending actions.
func (c *cluster) later(d time.Duration, f func()) {
	c.busy.Add(1)
	time.AfterFunc(d, func() {
		f()
		c.busy.Add(-1)
	})
}

// killPod kills the service of a pod, which restarts.
func (c *cluster) killPod(r *replica) {
	r.Kill()
	c.later(3*time.Second, r.Restart)
}

// killSidecar kills a sidecar and starts a new one without memory.
func (c *cluster) killSidecar(r *replica) {
	r.stop()
	c.later(time.Second, func() {
		<-r.done
		r.resetProcess()
		r.start()
	})
}

// useToken replaces the content of the token file.
func (c *cluster) useToken(plain string) { c.bearer.Store(&plain) }

func (c *cluster) current() secret.Value {
	if plain := c.bearer.Load(); plain != nil {
		return secret.New(*plain)
	}
	return secret.New(token)
}

// fail makes loading the inputs fail, or succeed again.
func (r *replica) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.loadErr = err
}

func (r *replica) trigger() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.imp.Trigger()
}

func (r *replica) verifyAgain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.imp.VerifyAgain()
}

// resetProcess resets the replica to a new process without memory.
func (r *replica) resetProcess() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.store = state.NewStore()
	r.imp, r.everReady = New(r.load, r.store, r.counts, r.logger), false
}
