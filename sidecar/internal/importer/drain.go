// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// drainPoll is the time between two looks at whether an import still runs.
const drainPoll = 200 * time.Millisecond

// ErrImportRuns is the error of a drain whose time ended before an import did.
var ErrImportRuns = errors.New("an import of this pod still runs")

// drain keeps imports of this pod from starting, and knows whether one runs.
// Unlike the rest of the importer it belongs to all goroutines.
type drain struct {
	running atomic.Bool
	lingers bool                      // running, although the attempt is over: of the importer's goroutine
	until   atomic.Pointer[time.Time] // no import starts before
}

// active reports whether imports are kept from starting.
func (d *drain) active() bool {
	until := d.until.Load()
	return until != nil && time.Now().Before(*until)
}

// begin marks an import as running. It fails while the pod drains.
func (d *drain) begin() error {
	d.running.Store(true) // before asking, so that Drain sees either the import or its refusal
	if !d.active() {
		return nil
	}
	d.running.Store(false)
	return errDraining()
}

func errDraining() *Failure {
	return &Failure{Reason: state.Draining,
		Message: "the service of this pod is being stopped, so that no import starts"}
}

// end marks the import as ended. One that ran out of our time may go on, until
// the lock or the service is gone.
func (d *drain) end(err error) {
	f := asFailure(err)
	d.lingers = f != nil && f.Reason == state.GroupTimeout
	if !d.lingers {
		d.running.Store(false)
	}
}

// endLingering is called when no import can be running.
func (d *drain) endLingering() {
	if d.lingers {
		d.end(nil)
	}
}

// Drain returns nil once no import of this pod runs, [ErrImportRuns] after the
// time, or the cause of ctx. From its call on no import starts in this pod for
// twice that time: then a service that was stopped alone, and not with its pod,
// is up again, and imports may go on.
func (i *Importer) Drain(ctx context.Context, limit time.Duration) error {
	until := time.Now().Add(2 * limit)
	i.drain.until.Store(&until)
	i.log.Info("no import starts from now on, because the service is being stopped", "until", until)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, ErrImportRuns)
	defer cancel()
	for i.importRuns() {
		if !sleep(ctx, drainPoll) {
			return context.Cause(ctx)
		}
	}
	return nil
}

// importRuns reports whether an import of this pod may be running. Nobody says
// which pod imports where the service does it by itself: any lock counts there.
func (i *Importer) importRuns() bool {
	s := i.store.Get()
	return i.drain.running.Load() || s.Mode == string(ModeObserve) && !s.Confirmed && s.Lock != nil
}
