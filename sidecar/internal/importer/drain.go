// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// drainPoll is the interval between checks for a running import.
const drainPoll = 200 * time.Millisecond

// ErrImportRunning is returned by Drain if an import outlasts its time limit.
var ErrImportRunning = errors.New("an import of this pod still runs")

// drain prevents new imports of this pod and tracks whether one is running. Unlike the rest of the
// importer it may be used by all goroutines.
type drain struct {
	running atomic.Bool
	lingers bool                      // running although the attempt is over; owned by the importer's goroutine
	until   atomic.Pointer[time.Time] // no import starts before
}

// isActive reports whether imports are prevented.
func (d *drain) isActive() bool {
	until := d.until.Load()
	return until != nil && time.Now().Before(*until)
}

// beginImport marks an import as running. It fails while the pod drains.
func (d *drain) beginImport() error {
	d.running.Store(true) // store before checking, so that Drain sees either the import or its refusal
	if !d.isActive() {
		return nil
	}
	d.running.Store(false)
	return drainingError()
}

func drainingError() *Failure {
	return &Failure{Reason: state.Draining, Message: "the service of this pod is stopping, so no import starts"}
}

// endImport marks the import as ended. After a group timeout the import may continue until the lock is
// released or the service stops.
func (d *drain) endImport(err error) {
	f := asFailure(err)
	d.lingers = f != nil && f.Reason == state.GroupTimeout
	if !d.lingers {
		d.running.Store(false)
	}
}

// endLingeringImport is called when no import can be running.
func (d *drain) endLingeringImport() {
	if d.lingers {
		d.endImport(nil)
	}
}

// Drain waits until no import of this pod is running. It returns [ErrImportRunning] after limit, or
// the cause of ctx. From the call on, this pod starts no import for twice the limit: if the service
// was restarted without its pod, it is up again by then and imports may resume.
func (i *Importer) Drain(ctx context.Context, limit time.Duration) error {
	until := time.Now().Add(2 * limit)
	i.drain.until.Store(&until)
	i.log.Info("no import starts from now on, because the service is stopping", "until", until)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, ErrImportRunning)
	defer cancel()
	for i.isImporting() {
		if !sleep(ctx, drainPoll) {
			return context.Cause(ctx)
		}
	}
	return nil
}

// isImporting reports whether an import of this pod may be running. In observe mode the importing
// pod is unknown, so any lock counts.
func (i *Importer) isImporting() bool {
	s := i.store.Get()
	return i.drain.running.Load() || s.Mode == string(ModeObserve) && !s.Confirmed && s.Lock != nil
}
