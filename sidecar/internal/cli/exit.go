// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/prismeai/workspaces-release/sidecar/internal/importer"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// The exit codes. They are part of the interface: see exitCodes.
const (
	exitInternal    = 1
	exitNotReady    = 1 // of the command ready only
	exitUsage       = 2
	exitIdentity    = 3
	exitMismatch    = 4
	exitImport      = 5
	exitUnavailable = 6
	exitLock        = 7
	exitVerify      = 8
	exitUnknown     = 9
	exitDrift       = 10
	exitInterrupted = 130
)

// ExitCode is one of the documented ones.
type ExitCode struct {
	Code    int
	Meaning string
	// commands end with the code; nil stands for all commands.
	commands []string
}

func exitCodes() []ExitCode {
	importing := []string{"run", "once", "check", "status"}
	asking := []string{"once", "check", "status", "injected"}
	return []ExitCode{
		{0, "the release is confirmed (run: stopped in order; check: nothing is in the way; ready: the gate is open)", nil},
		{exitInternal, "internal error, such as an address that is in use (ready: the gate is closed)", nil},
		{exitUsage, "wrong flags, environment or configuration file", nil},
		{exitIdentity, "the platform refuses the identity, or the token cannot be read", importing},
		{exitMismatch, "manifest, settings and pod are not of the same release, or another release is the current one", importing},
		{exitImport, "the import has errors", importing},
		{exitUnavailable, "the platform, or a service that it needs, does not answer as it should", asking},
		{exitLock, "another import holds the write lock, or nobody frees it", importing},
		{exitVerify, "the platform did not confirm every workspace", importing},
		{exitUnknown, "the outcome is not known: still under way, out of time, or ended without an answer", importing},
		{exitDrift, "the platform no longer has the release: workspaces were changed, or another release was imported", importing},
		{exitInterrupted, "interrupted", nil},
	}
}

// codeOf groups reasons by who has to look at them.
func codeOf(r state.Reason) int {
	switch r {
	case state.IdentityRefused, state.Forbidden, state.TokenUnreadable:
		return exitIdentity
	case state.ManifestUnreadable, state.ManifestMismatch, state.RepositoryUnknown, state.WrongRelease, state.PullFellBack,
		state.Superseded, state.CurrentUnreadable:
		return exitMismatch
	case state.ImportErrors, state.SlugTaken, state.MissingPhoto, state.OrphanedApp, state.FilesDeleted, state.Rejected:
		return exitImport
	case state.TargetDown, state.TargetError, state.PlatformMissing, state.ServicesNotReady, state.RateLimited, state.BadAnswer:
		return exitUnavailable
	case state.LockHeld, state.LockStuck, state.MergeConflict:
		return exitLock
	case state.WorkspaceSilent, state.WrongVersion, state.EmptyGroup:
		return exitVerify
	case state.Drifted, state.ForeignRelease, state.ReleaseContended:
		return exitDrift
	}
	return exitUnknown // not told, or not yet
}

// exitError is an error with its own exit code.
type exitError struct {
	code int
	err  error
	said bool // it has been printed
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func usageError(err error) error { return &exitError{code: exitUsage, err: err} }

// quiet returns an error with an exit code whose reason has been printed.
func quiet(code int) error {
	return &exitError{code: code, err: fmt.Errorf("exit code %d", code), said: true}
}

func said(err error) bool {
	e, ok := errors.AsType[*exitError](err)
	return ok && e.said
}

// errTimeout is the cause of a context that ended by --timeout.
var errTimeout = errors.New("out of time")

func exitCode(ctx context.Context, err error) int {
	own, isOwn := errors.AsType[*exitError](err)
	failure, isFailure := errors.AsType[*importer.Failure](err)
	switch {
	case err == nil:
		return 0
	case isOwn:
		return own.code
	case ctx.Err() != nil:
		return exitInterrupted
	case isFailure:
		return codeOf(failure.Reason)
	case errors.Is(err, errTimeout):
		return exitUnknown
	}
	return exitInternal
}
