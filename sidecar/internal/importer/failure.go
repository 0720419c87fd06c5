// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"errors"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// Failure is the reason why a pass did not confirm the release.
type Failure struct {
	Reason  state.Reason
	Group   string
	Message string
	// RetryAfter is the delay that the platform requests, or 0.
	RetryAfter time.Duration
	Err        error
}

func (f *Failure) Error() string {
	text := string(f.Reason)
	if f.Group != "" {
		text += ": group " + f.Group
	}
	return text + ": " + f.Message
}

func (f *Failure) Unwrap() error { return f.Err }

// asFailure returns err as a failure, or nil for nil. Every error is a failure: a pass that ends
// with an unexplained error is not a success.
func asFailure(err error) *Failure {
	if err == nil {
		return nil
	}
	return FailureOf(err)
}

// boundedRetryAfter returns the delay that the platform requests, bounded.
func (f *Failure) boundedRetryAfter() time.Duration { return min(f.RetryAfter, maxRetryAfter) }

// FailureOf returns the failure in err's chain, or classifies a client error. Use it only if the
// request had no effect or only reads.
func FailureOf(err error) *Failure {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f
	}
	f := &Failure{Reason: state.TargetDown, Message: err.Error(), Err: err}
	e, ok := errors.AsType[*platform.Error](err)
	if !ok {
		return f
	}
	f.Reason = reasonForError(e)
	f.RetryAfter = e.RetryAfter
	return f
}

// isUnreachable reports whether the service was not reached, so that frequent retries do not repeat any
// work of the service.
func (f *Failure) isUnreachable() bool {
	if f.Reason == state.TargetDown || f.Reason == state.PlatformMissing {
		return true
	}
	e, ok := errors.AsType[*platform.Error](f.Err)
	return ok && f.Reason == state.TargetError && e.FromProxy()
}

func reasonForError(e *platform.Error) state.Reason {
	switch e.Class {
	case platform.ClassUnauthorized:
		return state.IdentityRefused
	case platform.ClassForbidden:
		return state.Forbidden
	case platform.ClassNotFound:
		return state.RepositoryUnknown
	case platform.ClassLocked:
		return state.LockHeld
	case platform.ClassRateLimited:
		return state.RateLimited
	case platform.ClassRejected:
		return state.Rejected
	case platform.ClassMalformed, platform.ClassTooLarge:
		return state.BadAnswer
	case platform.ClassServer:
		return state.TargetError
	case platform.ClassNotUp:
		return state.TargetDown
	case platform.ClassTimeout:
		if e.Status != 0 { // a proxy responded
			return state.TargetError
		}
	}
	if errors.Is(e.Err, ErrToken) {
		return state.TokenUnreadable
	}
	return state.TargetDown
}

// ErrToken is wrapped by the error of an identity whose file cannot be read.
var ErrToken = errors.New("read the token")
