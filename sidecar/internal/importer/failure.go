// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"errors"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// Failure is why a pass did not end with a confirmed release.
type Failure struct {
	Reason  state.Reason
	Group   string
	Message string
	// RetryAfter is how long the platform asks to wait, if it does.
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

// asFailure returns the failure that err is, nil for nil. Every error is one:
// what a pass cannot explain is no success either.
func asFailure(err error) *Failure {
	if err == nil {
		return nil
	}
	return FailureOf(err)
}

// retryAfter is how long to wait because the platform asks for it, bounded.
func (f *Failure) retryAfter() time.Duration { return min(f.RetryAfter, maxRetryAfter) }

// FailureOf returns the failure in err's chain, or classifies an error of the
// client that leaves no doubt about the outcome.
func FailureOf(err error) *Failure {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f
	}
	f := &Failure{Reason: state.TargetDown, Message: err.Error(), Err: err}
	e, ok := errors.AsType[*platform.Error](err)
	if !ok {
		return f
	}
	f.Reason, f.RetryAfter = reasonOf(e), e.RetryAfter
	return f
}

// away reports whether the service is not reached, so that it is looked for often.
// Nothing that it does itself is repeated by that.
func (f *Failure) away() bool {
	if f.Reason == state.TargetDown || f.Reason == state.PlatformMissing {
		return true
	}
	e, ok := errors.AsType[*platform.Error](f.Err)
	return ok && f.Reason == state.TargetError && e.FromProxy()
}

func reasonOf(e *platform.Error) state.Reason {
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
		if e.Status != 0 { // a proxy waited in vain, but the proxy is there
			return state.TargetError
		}
	}
	if errors.Is(e.Err, ErrToken) {
		return state.TokenUnreadable
	}
	return state.TargetDown
}

// ErrToken is in the chain of the error of an identity whose file cannot be read.
var ErrToken = errors.New("read the token")
