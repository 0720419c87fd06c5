// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"log/slog"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// Forecast is what a pass would find and do.
type Forecast struct {
	Mode Mode
	// Lock is held by another now; nil for none.
	Lock   *platform.WriteLock
	Groups []GroupForecast
}

// GroupForecast is what would be asked for a group, by slugs.
type GroupForecast struct {
	Name string
	// Import lists what the platform does not show at the expected version, and
	// all of the group when it would be forced or nothing is known.
	Import []string
	// Installed lists what the platform shows at the expected version.
	Installed []string
	Force     bool
}

// Foresee does the part of a pass that only reads. Its error is a [*Failure], the
// one that the pass would end with.
func Foresee(ctx context.Context, in *Inputs) (*Forecast, error) {
	p := &pass{Importer: New(nil, state.NewStore(), nobody{}, slog.New(slog.DiscardHandler)), Inputs: in}
	if in.Current.superseded() {
		return nil, in.Current.failure()
	}
	mode, err := p.preflight(ctx)
	if err != nil {
		return nil, err
	}
	from := p.Pod
	if mode == ModeObserve {
		from = p.events()
	}
	w, err := from.Platform(ctx)
	if err != nil {
		return nil, FailureOf(err)
	}
	list, _, err := from.Workspaces(ctx)
	if err != nil {
		return nil, FailureOf(err)
	}
	f := &Forecast{Mode: mode, Lock: w.Lock}
	known := indexInstalled(list)
	for _, g := range p.Desired.Groups {
		one := GroupForecast{Name: g.Name, Force: mode == ModeImport && p.Policy.Force == ForceAlways}
		for _, want := range g.Workspaces {
			got := known.find(want.Slug, want.ID)
			if !one.Force && got != nil && want.Version != "" && matches(got.LastPull, want.Version, p.Desired.Repository) {
				one.Installed = append(one.Installed, want.Slug)
			} else {
				one.Import = append(one.Import, want.Slug)
			}
		}
		f.Groups = append(f.Groups, one)
	}
	return f, nil
}

// nobody is a [Recorder] that counts nothing.
type nobody struct{}

func (nobody) Pass(state.Reason, time.Duration)          {}
func (nobody) Group(string, state.Reason, time.Duration) {}
func (nobody) LockWait(time.Duration)                    {}
