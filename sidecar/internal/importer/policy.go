// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// Mode says who starts the import.
type Mode string

// The modes. Auto imports where the pod accepts the identity, and observes where
// it refuses it and a gateway is there to ask.
const (
	ModeAuto    Mode = "auto"
	ModeImport  Mode = "import"
	ModeObserve Mode = "observe"
)

// Force says when a workspace is imported that has the version already.
type Force string

// The policies. ForceAuto forces a group after a recorded failure of it, when
// its content changed under the same version, and to repair.
const (
	ForceNever  Force = "never"
	ForceAlways Force = "always"
	ForceAuto   Force = "auto"
)

// Reconcile says what happens to a release that was changed after its import.
type Reconcile string

// The policies.
const (
	ReconcileNever  Reconcile = "never"
	ReconcileReport Reconcile = "report"
	ReconcileRepair Reconcile = "repair"
)

// Policy is how the importer behaves.
type Policy struct {
	Mode      Mode
	Force     Force
	Reconcile Reconcile
	// ReconcileEvery is the time between two comparisons, with jitter.
	ReconcileEvery time.Duration
	// Services that shall be ready before the import, asked of the gateway.
	Services []string
	// ServicesTimeout after which the import starts without them.
	ServicesTimeout time.Duration
	// GroupTimeout bounds one attempt at a group.
	GroupTimeout time.Duration
	// GroupPause between a group that imported something and the next one.
	GroupPause time.Duration
	// PullWait is how long the platform may hold the answer to a pull; 0 is the whole GroupTimeout.
	PullWait time.Duration
	// LookEvery is the time between two looks whether another release was imported over a
	// confirmed one. Where a file names the current release, they end LookFor after the
	// confirmation or a change of the file, and ReconcileEvery is enough.
	LookEvery, LookFor time.Duration
	// Poll is the longest time between two looks at the lock or at events.
	Poll time.Duration
	// LockExpiry is the age at which the platform drops a lock.
	LockExpiry time.Duration
	// RetryMin and RetryMax bound the time between two passes.
	RetryMin, RetryMax time.Duration
	// Tolerate lists reasons of [state.Tolerable] that do not keep a release from being confirmed.
	Tolerate []state.Reason
	// PodName marks the events of the service's own import.
	PodName string
}

// DefaultPolicy returns the defaults of the program.
func DefaultPolicy() Policy {
	return Policy{Mode: ModeAuto, Force: ForceAuto, Reconcile: ReconcileReport, ReconcileEvery: 10 * time.Minute,
		LookEvery: 30 * time.Second, LookFor: 30 * time.Minute,
		ServicesTimeout: 5 * time.Minute, GroupTimeout: 30 * time.Minute, Poll: 5 * time.Second,
		LockExpiry: 30 * time.Minute, RetryMin: time.Second, RetryMax: time.Minute}
}

// Inputs are what one pass works with. They are loaded anew for each pass, so
// that a rotated or corrected file counts from the next one on.
type Inputs struct {
	Policy Policy
	// Pod is the workspaces service of this pod.
	Pod *platform.Client
	// Gateway is the public API, nil if there is none.
	Gateway *platform.Client
	Desired Desired
	// Current is which release shall run, nil if nothing says so.
	Current *Current
}

// Load returns the inputs of a pass. A [*Failure] says why there are none.
type Load func(context.Context) (*Inputs, error)
