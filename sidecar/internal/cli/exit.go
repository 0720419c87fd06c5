// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/prismeai/workspaces-release/sidecar/internal/importer"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// Exit codes are part of the interface. exitCodes documents them.
const (
	exitInternal    = 1
	exitNotReady    = 1 // of the ready command only
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

// ExitCode documents an exit code.
type ExitCode struct {
	Code    int
	Meaning string
	// commands lists the commands that use the code; nil means all commands.
	commands []string
}

func exitCodes() []ExitCode {
	importing := []string{"run", "once", "check", "status"}
	asking := []string{"once", "check", "status", "injected"}
	return []ExitCode{
		{0, "the release is confirmed (run: clean shutdown; check: no obstacle found; ready: the gate is open)", nil},
		{exitInternal, "internal error, such as a listen address in use (ready: the gate is closed)", nil},
		{exitUsage, "invalid flags, environment or configuration file", nil},
		{exitIdentity, "the platform rejected the identity, or the token cannot be read", importing},
		{exitMismatch, "manifest, settings and pod do not belong to the same release, " +
			"or another release is the current one", importing},
		{exitImport, "the import reported errors", importing},
		{exitUnavailable, "the platform, or a service that it needs, is unavailable or sent an invalid response", asking},
		{exitLock, "another import holds the write lock, or the lock is never released", importing},
		{exitVerify, "the platform did not confirm every workspace", importing},
		{exitUnknown, "the outcome is unknown: still running, timed out, or ended without a response", importing},
		{exitDrift, "the platform no longer has the release: workspaces were changed, " +
			"or another release was imported", importing},
		{exitInterrupted, "interrupted", nil},
	}
}

// exitCodeFor maps a reason to an exit code. Reasons share a code when the same person resolves
// them.
func exitCodeFor(r state.Reason) int {
	switch r {
	case state.IdentityRefused, state.Forbidden, state.TokenUnreadable:
		return exitIdentity
	case state.ManifestUnreadable, state.ManifestMismatch, state.RepositoryUnknown, state.WrongRelease,
		state.PullFellBack, state.Superseded, state.CurrentUnreadable:
		return exitMismatch
	case state.ImportErrors, state.SlugTaken, state.MissingPhoto, state.OrphanedApp, state.FilesDeleted, state.Rejected:
		return exitImport
	case state.TargetDown, state.TargetError, state.PlatformMissing, state.ServicesNotReady,
		state.RateLimited, state.BadAnswer:
		return exitUnavailable
	case state.LockHeld, state.LockStuck, state.MergeConflict:
		return exitLock
	case state.WorkspaceSilent, state.WrongVersion, state.EmptyGroup:
		return exitVerify
	case state.Drifted, state.ForeignRelease, state.ReleaseContended:
		return exitDrift
	}
	return exitUnknown
}

// exitError is an error with an explicit exit code.
type exitError struct {
	code    int
	err     error
	printed bool // the error has been printed already
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func usageError(err error) error { return &exitError{code: exitUsage, err: err} }

// printedError returns an error for a failure that has already been printed. Only its exit code
// matters.
func printedError(code int) error {
	return &exitError{code: code, err: fmt.Errorf("exit code %d", code), printed: true}
}

func isPrinted(err error) bool {
	e, ok := errors.AsType[*exitError](err)
	return ok && e.printed
}

// errTimeout is the cause of a context that --timeout or --wait ended.
var errTimeout = errors.New("timed out")

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
		return exitCodeFor(failure.Reason)
	case errors.Is(err, errTimeout):
		return exitUnknown
	}
	return exitInternal
}
