// SPDX-License-Identifier: AGPL-3.0-or-later

// Package pipeline implements the builder: it reads a source once, derives the diagnostics, the
// import plan, the findings of the secret scan and the layers from that reading, and then builds
// the image.
//
// Nothing is published until the whole source has been read without errors or findings.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/builder/internal/engine/progress"
	"github.com/prismeai/workspaces-release/builder/internal/report"
	"github.com/prismeai/workspaces-release/scan"
)

// Kind classifies an error by its cause. The command line has an exit code for each kind.
type Kind int

// The kinds of errors.
const (
	Internal Kind = iota
	Usage
	Source
	Invalid
	Incomplete
	Secrets
	Registry
	Engine
)

// Error is an error with a kind.
type Error struct {
	Kind Kind
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// fail gives err a kind, unless err already has one or comes from an interruption.
func fail(kind Kind, err error) error {
	var known *Error
	if err == nil || errors.As(err, &known) || errors.Is(err, context.Canceled) {
		return err
	}
	return &Error{Kind: kind, Err: err}
}

// verdict returns the error of a reading that must not be published. Secrets come first, because
// they must be revoked whatever else is wrong.
func verdict(diagnostics []diagnostic.Diagnostic, scanned *scan.Report) error {
	if n := secrets(scanned); n > 0 {
		return &Error{
			Secrets,
			fmt.Errorf("secrets found: %d; revoke them, and reference workspace secrets in their place", n),
		}
	}
	if n := diagnostic.Count(diagnostics, diagnostic.Error); n > 0 {
		return &Error{Invalid, fmt.Errorf("the workspaces are invalid; errors: %d", n)}
	}
	if scanned != nil && len(scanned.Problems) > 0 {
		return &Error{
			Invalid,
			fmt.Errorf("the baseline of the secret scan is not in order; problems: %d", len(scanned.Problems)),
		}
	}
	return nil
}

// secrets counts the findings that stop a release: all except warnings, including those of the
// history if it was scanned.
func secrets(scanned *scan.Report) int {
	if scanned == nil {
		return 0
	}
	return len(scanned.Findings) - scanned.Count(scan.Warning) + scanned.History.Errors()
}

// guard turns a panic, which hostile input may cause, into an error, so that temporary files are
// still removed. The error contains the stack but not the panic value, which may contain the
// content of a file.
func guard(fn func() error) (err error) {
	defer func() {
		if thrown := recover(); thrown != nil {
			err = &Error{
				Internal,
				fmt.Errorf("the builder has a bug, please report it: panic with a %T\n%s", thrown, debug.Stack()),
			}
		}
	}()
	return fn()
}

// stages measures and shows the stages of a run, which may run concurrently.
type stages struct {
	display *progress.Display

	mu   sync.Mutex
	done []report.Stage
}

// run shows fn under a title and measures it as a stage.
func (s *stages) run(stage, title string, tell func() string, fn func() error) (err error) {
	s.measure(stage, func() { err = s.display.Stage(title, tell, func() error { return guard(fn) }) })
	return err
}

// measure records the duration of fn. It does not show fn in the display.
func (s *stages) measure(stage string, fn func()) {
	started := time.Now()
	fn()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = append(s.done, report.Stage{Name: stage, Duration: time.Since(started)})
}
