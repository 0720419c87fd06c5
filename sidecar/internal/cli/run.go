// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prismeai/workspaces-release/internal/limit"
	"github.com/prismeai/workspaces-release/sidecar/internal/importer"
	"github.com/prismeai/workspaces-release/sidecar/internal/server"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
	"github.com/prismeai/workspaces-release/sidecar/internal/watch"
)

// runAgent imports, watches and serves until ctx ends. The end of ctx is a clean shutdown, not an error.
func (a *app) runAgent(ctx context.Context, args []string) error {
	g, done, err := a.newAgent(ctx, args)
	if done {
		return err
	}
	a.tuneGC()
	err = g.run(ctx)
	g.writeTerminationMessage(err)
	return err
}

// gcPercent makes the garbage collector run four times as often as by default. The sidecar is idle
// most of the time, and the service in the same pod needs the memory.
const gcPercent = 25

func (a *app) tuneGC() {
	if a.env["GOGC"] == "" {
		debug.SetGCPercent(gcPercent)
	}
}

func (g *agent) run(ctx context.Context) error {
	c := g.live.Get()
	// Listen first: the kubelet probes at once, and the rest of the start may be slow.
	listener, err := listen(ctx, c.Listen)
	if err != nil {
		return err
	}
	stopped := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	all.Go(func() { cancel(g.newServer().Serve(ctx, listener)) })
	g.log.Info("sidecar started", "version", g.build.Version, "commit", g.build.Commit,
		"listen", listener.Addr().String(), "platform", c.PlatformURL, "gate", c.Gate.String(), "mode", c.Policy.Mode)
	g.warnOfSubPaths()
	files := g.newWatcher(ctx) // before anything reads the files for a pass, so that no change is missed
	all.Go(func() { files.Run(ctx) })
	all.Go(func() { g.watchGate(ctx) })
	all.Go(func() { g.watchToken(ctx) })
	all.Go(func() { _ = g.importer.Run(ctx) }) // it returns when ctx ends
	all.Wait()
	s := g.store.Get()
	g.log.Info("sidecar stopped", "phase", s.Phase, "confirmed", s.Confirmed)
	if stopped.Err() == nil {
		return context.Cause(ctx) // the server failed
	}
	return nil
}

func (g *agent) newServer() *server.Server {
	c := g.live.Get()
	o := server.Options{
		Gate:          g.gatePolicy,
		Metrics:       g.metrics.Handler(),
		Drain:         g.drainImports,
		DrainDelay:    g.drainDelay,
		CheckPlatform: g.checkPlatform,
		Build:         g.build,
		Log:           g.log,
		Namespace:     cmp.Or(c.Namespace, ownNamespace()),
		Cluster:       c.Cluster,
		RunbookURL:    c.RunbookURL,
	}
	if c.EnableLifecycle {
		o.Reload = g.reloadSettings
		o.Import = g.importer.VerifyAgain
		o.AdminToken = g.inputs.AdminToken
	}
	return server.New(g.store, o)
}

// namespaceFile holds the namespace if the pod mounts a service account token.
const namespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// ownNamespace returns the pod's namespace, or "" if it is unknown. Only the status page uses it.
func ownNamespace() string {
	const maxName = 253
	name, err := limit.ReadFile(namespaceFile, maxName)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(name))
}

func (g *agent) drainImports(ctx context.Context) error {
	return g.importer.Drain(ctx, g.live.Get().DrainTimeout)
}

func (g *agent) drainDelay() time.Duration { return g.live.Get().DrainDelay }

// checkPlatform asks the platform whether it has the release now. If it finds a new problem it
// starts a pass.
func (g *agent) checkPlatform(ctx context.Context) (*state.PlatformCheck, *state.Problem) {
	in, err := g.inputs.Load(ctx)
	var look *state.PlatformCheck
	s := g.store.Get()
	if err == nil {
		look, err = importer.CheckPlatform(ctx, in, importer.Mode(s.Mode))
	}
	if err != nil {
		f := importer.FailureOf(err)
		return nil, state.NewProblem(f.Reason, f.Message, f.Group)
	}
	if tolerated := s.ToleratedSlugs(); len(tolerated) > 0 { // their version may never be set
		excused := func(slug string) bool { return tolerated[slug] }
		look.Missing = slices.DeleteFunc(look.Missing, excused)
		look.Foreign = slices.DeleteFunc(look.Foreign, excused)
	}
	problem := look.FindProblem()
	if problem != nil && g.store.Get().Problem == nil {
		g.importer.Trigger()
	}
	return look, problem
}

func (g *agent) gatePolicy() state.GatePolicy { return g.live.Get().Gate }

// reloadSettings reloads the settings and starts a pass with them.
func (g *agent) reloadSettings(ctx context.Context) error {
	if err := g.live.Reload(ctx); err != nil {
		return err
	}
	g.importer.Trigger()
	return nil
}

func (g *agent) newWatcher(ctx context.Context) *watch.Watcher {
	return watch.New(watch.Options{
		Files:    g.inputs.Files,
		Mode:     g.onWatchMode,
		Interval: func() time.Duration { return g.live.Get().WatchInterval },
		Log:      g.log,
		Changed:  func(name string) { g.onFileChange(ctx, name) },
	})
}

func (g *agent) onWatchMode(mode, why string) {
	g.metrics.WatchMode(mode)
	text := ""
	if why != "" {
		text = "file changes are noticed with a delay of some seconds: " + why
	}
	g.store.Warn(state.WarnFilesPolled, text)
}

// warnOfSubPaths publishes a warning about files that are mounted by subPath. It runs after each
// load of the settings.
func (g *agent) warnOfSubPaths() {
	text := subPathWarning(g.inputs.SubPaths())
	g.store.Warn(state.WarnSubPath, text)
	if text != "" {
		g.log.Warn("files are mounted by subPath", "warning", text)
	}
}

func subPathWarning(files []string) string {
	if len(files) == 0 {
		return ""
	}
	return strings.Join(files, ", ") + ": mounted by subPath, so that Kubernetes never updates it " +
		"and a change takes a restart; mount its directory"
}

// onFileChange starts a pass after a file has changed, unless the file is an invalid configuration.
func (g *agent) onFileChange(ctx context.Context, name string) {
	g.log.Info("file changed", "file", name)
	g.metrics.FileChanged(name)
	switch {
	case name == "config" && g.live.Refresh(ctx) != nil:
		return
	case name == "token" || name == "config":
		g.requestTokenCheck()
	}
	g.importer.Trigger()
}
