// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"log/slog"

	"github.com/prismeai/workspaces-release/internal/version"
	"github.com/prismeai/workspaces-release/sidecar/internal/config"
	"github.com/prismeai/workspaces-release/sidecar/internal/importer"
	"github.com/prismeai/workspaces-release/sidecar/internal/inputs"
	"github.com/prismeai/workspaces-release/sidecar/internal/metrics"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// agent holds the importer and everything it needs. The run and once commands share it.
type agent struct {
	live         *config.Live
	level        *slog.LevelVar
	log          *slog.Logger
	store        *state.Store
	metrics      *metrics.Metrics
	inputs       *inputs.Source
	importer     *importer.Importer
	build        version.Info
	tokenChanged chan struct{} // receives a value when the token changes
}

// newAgent loads the settings and builds the agent. If done is true the command is over and returns
// err.
func (a *app) newAgent(ctx context.Context, args []string) (g *agent, done bool, err error) {
	g = &agent{
		level:        new(slog.LevelVar),
		store:        state.NewStore(),
		build:        version.Get(),
		tokenChanged: make(chan struct{}, 1),
	}
	live, done, err := a.loadSettings(ctx, args, g.onReload)
	if done {
		return nil, true, err
	}
	c := live.Get()
	g.live = live
	g.log = newLog(a.Err, c.LogFormat, g.level)
	g.metrics = metrics.New(g.store, metrics.Options{Workspaces: c.MetricsWorkspaces, Build: g.build})
	g.metrics.Reload(true)
	g.inputs = inputs.New(live, g.metrics.Request, "workspaces-release-sidecar/"+g.build.Version)
	g.importer = importer.New(g.inputs.Load, g.store, g.metrics, g.log)
	return g, false, nil
}

// onReload runs after every load of the settings. The first load happens before the metrics are
// registered.
func (g *agent) onReload(c *config.Config, err error) {
	g.level.Set(parseLevel(c))
	if g.metrics == nil {
		return
	}
	g.metrics.Reload(err == nil)
	if err != nil {
		g.log.Error("cannot reload the configuration, keeping the old one", "error", err)
		return
	}
	g.log.Info("configuration reloaded", "file", c.File)
	g.warnOfSubPaths()
}
