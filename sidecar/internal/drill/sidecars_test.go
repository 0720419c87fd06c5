// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/internal/needs"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/sidecar/internal/cli"
)

// sidecar is the whole program with a pod of a fake platform.
type sidecar struct {
	t        *testing.T
	dir      string
	platform *platformtest.Platform
	release  *platformtest.Release
	broken   atomic.Bool // the pod responds with HTTP 500
	url      string      // of the pod, which listens after [sidecar.listen]
	target
	stop func()
}

const slug = "audit-trail" // the first workspace of the examples to be imported

// newSidecar prepares a sidecar in a new namespace, without starting it.
func newSidecar(t *testing.T, namespace string, o platformtest.Options) *sidecar {
	t.Helper()
	r, err := platformtest.ReadRelease(root+"/examples/workspaces", "release", "Release v1")
	if err != nil {
		t.Fatal(err)
	}
	o.PodEvents = true
	s := &sidecar{t: t, dir: t.TempDir(), platform: platformtest.New(o), release: r, url: "http://" + needs.FreeAddress(t),
		target: target{namespace, "pod-0", sidecarContainer, needs.FreeAddress(t)}}
	t.Cleanup(s.platform.Close)
	s.describe("Release v1")
	s.write("token", "right")
	s.write("config.yaml", "poll: 200ms\n")
	return s
}

func (s *sidecar) path(name string) string { return filepath.Join(s.dir, name) }

// write replaces a file atomically, like the kubelet.
func (s *sidecar) write(name, content string) {
	err := os.WriteFile(s.path(name+".new"), []byte(content), 0o600)
	if err == nil {
		err = os.Rename(s.path(name+".new"), s.path(name))
	}
	if err != nil {
		s.t.Error(err)
	}
}

// describe writes a manifest of the named release.
func (s *sidecar) describe(name string) {
	r := *s.release
	r.Name = name
	data, err := release.Encode(r.Manifest("v1"))
	if err != nil {
		s.t.Error(err)
	}
	s.write("manifest.json", string(data))
}

// listen makes the pod listen.
func (s *sidecar) listen() {
	pod := s.platform.NewPod(s.pod, s.release)
	server, err := platformtest.Listen(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.broken.Load() {
			http.Error(w, `{"error":"Internal","message":"drill"}`, http.StatusInternalServerError)
			return
		}
		pod.ServeHTTP(w, r)
	}), strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		s.t.Error(err)
		return
	}
	s.t.Cleanup(server.Close)
}

func (s *sidecar) args(command string, more ...string) []string {
	return append([]string{command, "--platform-url", s.url, "--manifest", s.path("manifest.json"), "--token-file",
		s.path("token"),
		"--config", s.path("config.yaml"), "--listen", s.address, "--retry-min", "100ms", "--retry-max", "500ms", "--reconcile-interval", "500ms",
		"--termination-log", "", "--mode", "import"}, more...)
}

// run starts the program. It stops at the end of the test.
func (s *sidecar) run(more ...string) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(s.t.Context()))
	var all sync.WaitGroup
	var log bytes.Buffer
	all.Go(func() { cli.Run(ctx, s.args("run", more...), cli.IO{Out: &log, Err: &log, Env: []string{"GOGC=100"}}) })
	s.stop = sync.OnceFunc(func() { cancel(); all.Wait() })
	s.t.Cleanup(func() {
		s.stop()
		if s.t.Failed() {
			s.t.Logf("sidecar in %s:\n%s", s.namespace, log.Bytes())
		}
	})
}

// once imports everything again, like a manual import.
func (s *sidecar) once() {
	var log bytes.Buffer
	args := s.args("once", "--force", "always")
	if code := cli.Run(s.t.Context(), args, cli.IO{Out: &log, Err: &log, Env: []string{"GOGC=100"}}); code != 0 {
		s.t.Errorf("%v: exit code %d\n%s", args, code, &log)
	}
}

// complete waits until everything is imported.
func (s *sidecar) complete() {
	if !poll(s.t.Context(), patience,
		func() bool { return len(s.platform.Installed()) == len(s.release.Select(s.release.Groups())) }) {
		s.t.Errorf("%s: only %d workspaces are imported", s.namespace, len(s.platform.Installed()))
	}
}

// real returns the conditions that a fault of the platform or an invalid file causes in a normal
// sidecar.
func real(t *testing.T) (all []condition, targets []target) {
	t.Helper()
	start := func(s *sidecar) { s.listen(); s.run() }
	add := func(alert string, o platformtest.Options, begin, end func(*sidecar)) {
		s := newSidecar(t, "real-"+alert, o)
		if alert == "Drift" || alert == "ConfigReloadFailed" { // faults after a successful import
			start(s)
			s.complete()
		}
		targets = append(targets, s.target)
		all = append(all, condition{alert: alert, namespace: s.namespace, begin: func() { begin(s) }, end: func() { end(s) },
			inhibited: alert == "Slow"}) // by Stuck: there is no progress while the platform delays its response
	}
	add("Failing", platformtest.Options{}, func(s *sidecar) { s.platform.Fail(slug, "drill"); start(s) },
		func(s *sidecar) { s.platform.Heal(slug) })
	add("TokenRejected", platformtest.Options{RefuseHeaders: true, PodToken: true, Token: "other"}, start,
		func(s *sidecar) { s.platform.SetToken("right") })
	add("ManifestRejected", platformtest.Options{}, func(s *sidecar) { s.describe("Release v2"); start(s) },
		func(s *sidecar) { s.describe("Release v1") })
	add("NotSucceeded", platformtest.Options{}, func(s *sidecar) { s.run("--gate", "off") }, (*sidecar).listen)
	add("RolloutBlocked", platformtest.Options{}, func(s *sidecar) { s.run() }, (*sidecar).listen)
	add("GateOpenedUnconfirmed", platformtest.Options{}, func(s *sidecar) { s.run("--gate", "open-after=1ms") },
		(*sidecar).listen)
	for _, alert := range []string{"Stuck", "Slow"} {
		hold, let := held(t.Context())
		add(alert, hold, start, func(s *sidecar) { let(); s.complete() })
	}
	add("LockWaitLong", platformtest.Options{}, func(s *sidecar) { s.platform.Lock("somebody", "manual"); start(s) },
		func(s *sidecar) { s.platform.Unlock() })
	add("LockHolderDead", platformtest.Options{},
		func(s *sidecar) { s.platform.Lock("somebody", "merge_conflict"); start(s) },
		func(s *sidecar) { s.platform.Unlock() })
	add("Drift", platformtest.Options{}, func(s *sidecar) { s.platform.Edit(slug) }, (*sidecar).once)
	add("PlatformFailing", platformtest.Options{}, func(s *sidecar) { s.broken.Store(true); start(s) },
		func(s *sidecar) { s.broken.Store(false) })
	add("ConfigReloadFailed", platformtest.Options{}, func(s *sidecar) { s.write("config.yaml", "pol: 200ms\n") },
		func(s *sidecar) { s.write("config.yaml", "poll: 300ms\n") })
	add("MetricsAbsent", platformtest.Options{}, func(*sidecar) {}, start)
	return all, targets
}

// held returns a platform that imports nothing until let is called or the test ends.
func held(ctx context.Context) (o platformtest.Options, let func()) {
	held := make(chan struct{})
	wait := func(string) time.Duration {
		select {
		case <-held:
		case <-ctx.Done():
		}
		return 0
	}
	return platformtest.Options{ImportTime: wait}, func() { close(held) }
}
