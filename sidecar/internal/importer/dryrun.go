// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"log/slog"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// DryRun is the result of a dry run of a pass.
type DryRun struct {
	Mode Mode
	// Lock is the lock held by another import, or nil.
	Lock   *platform.WriteLock
	Groups []GroupDryRun
}

// GroupDryRun lists the workspaces of a group, by slug.
type GroupDryRun struct {
	Name string
	// Import lists the workspaces that the platform does not have at the expected version. It lists
	// the whole group if the import is forced.
	Import []string
	// Installed lists the workspaces that the platform has at the expected version.
	Installed []string
	Force     bool
}

// Plan runs the read-only part of a pass. The error is the [*Failure] that the pass would end
// with.
func Plan(ctx context.Context, in *Inputs) (*DryRun, error) {
	log := slog.New(slog.DiscardHandler)
	p := &pass{Importer: New(nil, state.NewStore(), discardRecorder{}, log), Inputs: in}
	if in.Current.isSuperseded() {
		return nil, in.Current.supersededError()
	}
	mode, err := p.preflight(ctx)
	if err != nil {
		return nil, err
	}
	from := p.Pod
	if mode == ModeObserve {
		from = p.eventsClient()
	}
	w, err := from.Platform(ctx)
	if err != nil {
		return nil, FailureOf(err)
	}
	list, _, err := from.Workspaces(ctx)
	if err != nil {
		return nil, FailureOf(err)
	}
	plan := &DryRun{Mode: mode, Lock: w.Lock}
	installed := indexInstalled(list)
	for _, g := range p.Desired.Groups {
		one := GroupDryRun{Name: g.Name, Force: mode == ModeImport && p.Policy.Force == ForceAlways}
		for _, want := range g.Workspaces {
			got := installed.find(want.Slug, want.ID)
			if !one.Force && got != nil && want.Version != "" &&
				matchesVersion(got.LastPull, want.Version, p.Desired.Repository) {
				one.Installed = append(one.Installed, want.Slug)
			} else {
				one.Import = append(one.Import, want.Slug)
			}
		}
		plan.Groups = append(plan.Groups, one)
	}
	return plan, nil
}

// discardRecorder is a [Recorder] that records nothing.
type discardRecorder struct{}

func (discardRecorder) Pass(state.Reason, time.Duration)          {}
func (discardRecorder) Group(string, state.Reason, time.Duration) {}
func (discardRecorder) LockWait(time.Duration)                    {}
