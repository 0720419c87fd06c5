// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
)

// The exit codes. They are part of the interface: see rootHelp.
const (
	exitInternal    = 1
	exitConflict    = 1 // Git expects this code of a merge driver
	exitUsage       = 2
	exitInvalid     = 3
	exitDifferent   = 4 // unlike for diff, 1 is an internal error
	exitIncomplete  = 5
	exitSource      = 6
	exitRegistry    = 7
	exitEngine      = 8
	exitMismatch    = 9
	exitPush        = 10
	exitUnknown     = 11
	exitMissing     = 12
	exitInterrupted = 130
	exitSecrets     = 183 // as trufflehog --fail
)

// exitError is an error with its own exit code.
type exitError struct {
	code int
	err  error
	// reported is set if the error has been printed completely.
	reported bool
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func withCode(code int, err error) error { return &exitError{code: code, err: err} }

func usageError(cmd *cobra.Command, err error) error {
	return withCode(exitUsage, fmt.Errorf("%w\nRun '%s --help' for usage", err, cmd.CommandPath()))
}

func exitCode(err error) int {
	var own *exitError
	var failure *pipeline.Error
	switch {
	case err == nil:
		return 0
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &own):
		return own.code
	case errors.As(err, &failure):
		return exitCodeFor(failure.Kind)
	case isWriteError(err):
		return exitEngine
	default:
		return exitInternal
	}
}

// isWriteError reports whether the operating system refused to write a file. Read errors already have
// a kind or exit code, so the file is a report or standard output.
func isWriteError(err error) bool {
	var onPath *fs.PathError
	var onRename *os.LinkError
	return errors.As(err, &onPath) || errors.As(err, &onRename)
}

func exitCodeFor(kind pipeline.Kind) int {
	switch kind {
	case pipeline.Invalid:
		return exitInvalid
	case pipeline.Secrets:
		return exitSecrets
	case pipeline.Incomplete:
		return exitIncomplete
	case pipeline.Source:
		return exitSource
	case pipeline.Registry:
		return exitRegistry
	case pipeline.Engine:
		return exitEngine
	case pipeline.Usage:
		return exitUsage
	default:
		return exitInternal
	}
}
