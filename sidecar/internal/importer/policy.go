// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// Mode selects who starts the import.
type Mode string

// Modes. Auto imports if the pod accepts the identity, and observes if the pod rejects it and there
// is a gateway.
const (
	ModeAuto    Mode = "auto"
	ModeImport  Mode = "import"
	ModeObserve Mode = "observe"
)

// Force selects when to reimport workspaces that already have the version.
type Force string

// Force policies. ForceAuto forces a group after a failure, to repair, or if its content has
// changed under the same version.
const (
	ForceNever  Force = "never"
	ForceAlways Force = "always"
	ForceAuto   Force = "auto"
)

// Reconcile selects how to handle a release that was changed after its import.
type Reconcile string

// Reconcile policies.
const (
	ReconcileNever  Reconcile = "never"
	ReconcileReport Reconcile = "report"
	ReconcileRepair Reconcile = "repair"
)

// Policy configures the importer.
type Policy struct {
	Mode      Mode
	Force     Force
	Reconcile Reconcile
	// ReconcileEvery is the interval between comparisons, with jitter.
	ReconcileEvery time.Duration
	// Services must be ready before the import, according to the gateway.
	Services []string
	// ServicesTimeout is the time after which the import starts without them.
	ServicesTimeout time.Duration
	// GroupTimeout bounds one attempt at a group.
	GroupTimeout time.Duration
	// GroupPause is the pause after a group that imported something.
	GroupPause time.Duration
	// PullWait is how long to wait for the response to a pull. 0 means GroupTimeout.
	PullWait time.Duration
	// ForeignCheckInterval is the interval between checks for another release over a confirmed one. If a file
	// names the current release, checks run every ReconcileEvery once ForeignCheckPeriod has passed since the
	// confirmation or the last change of the file.
	ForeignCheckInterval, ForeignCheckPeriod time.Duration
	// Poll is the maximum interval between checks of the lock or of events.
	Poll time.Duration
	// LockExpiry is the age at which the platform drops a lock.
	LockExpiry time.Duration
	// RetryMin and RetryMax bound the delay between two passes.
	RetryMin, RetryMax time.Duration
	// Tolerate lists reasons of [state.TolerableReasons] that do not prevent the confirmation.
	Tolerate []state.Reason
	// PodName identifies the events of the service's own import.
	PodName string
}

// DefaultPolicy returns the default policy.
func DefaultPolicy() Policy {
	return Policy{
		Mode:                 ModeAuto,
		Force:                ForceAuto,
		Reconcile:            ReconcileReport,
		ReconcileEvery:       10 * time.Minute,
		ForeignCheckInterval: 30 * time.Second,
		ForeignCheckPeriod:   30 * time.Minute,
		ServicesTimeout:      5 * time.Minute,
		GroupTimeout:         30 * time.Minute,
		Poll:                 5 * time.Second,
		LockExpiry:           30 * time.Minute,
		RetryMin:             time.Second,
		RetryMax:             time.Minute,
	}
}

// Inputs are the inputs of one pass. They are reloaded for each pass, so that a rotated or
// corrected file takes effect with the next one.
type Inputs struct {
	Policy Policy
	// Pod is the workspaces service of this pod.
	Pod *platform.Client
	// Gateway is the public API, or nil.
	Gateway *platform.Client
	Desired Desired
	// Current is the current release, or nil if no file names it.
	Current *Current
}

// Load returns the inputs of a pass. The error may be a [*Failure].
type Load func(context.Context) (*Inputs, error)
