// SPDX-License-Identifier: AGPL-3.0-or-later

// Package pipeline is what the builder does: it reads a source once, and from
// that one reading come the diagnostics, the import plan, the findings of the
// secret scan and the layer; then it makes the image.
//
// Nothing is published before all of the reading has ended clean.
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

// Kind says whose fault an error is. The command line has an exit code for each.
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

// Error is an error of a known kind.
type Error struct {
	Kind Kind
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// fail gives err a kind, unless it has one, or comes from an interruption.
func fail(kind Kind, err error) error {
	var known *Error
	if err == nil || errors.As(err, &known) || errors.Is(err, context.Canceled) {
		return err
	}
	return &Error{Kind: kind, Err: err}
}

// verdict is the error of a reading that must not be published. Secrets come
// first: whoever found them must act, whatever else is wrong.
func verdict(diagnostics []diagnostic.Diagnostic, scanned *scan.Report) error {
	if n := secrets(scanned); n > 0 {
		return &Error{Secrets, fmt.Errorf("secrets found: %d; revoke them, and reference workspace secrets in their place", n)}
	}
	if n := diagnostic.Count(diagnostics, diagnostic.Error); n > 0 {
		return &Error{Invalid, fmt.Errorf("the workspaces are invalid; errors: %d", n)}
	}
	if scanned != nil && len(scanned.Problems) > 0 {
		return &Error{Invalid, fmt.Errorf("the baseline of the secret scan is not in order; problems: %d", len(scanned.Problems))}
	}
	return nil
}

// secrets counts the findings that stop a release: all but warnings, and those of the
// history if that was asked for.
func secrets(scanned *scan.Report) int {
	if scanned == nil {
		return 0
	}
	return len(scanned.Findings) - scanned.Count(scan.Warning) + scanned.History.Errors()
}

// guard makes an error of a panic, which over hostile input is one of the input: a
// program that dies leaves its temporary files behind. What was thrown may hold
// content of a file, a stack does not.
func guard(fn func() error) (err error) {
	defer func() {
		if thrown := recover(); thrown != nil {
			err = &Error{Internal, fmt.Errorf("the builder has a bug, please report it: panic with a %T\n%s", thrown, debug.Stack())}
		}
	}()
	return fn()
}

// stages measures and shows the parts of a run, some of which run at the same time.
type stages struct {
	display *progress.Display

	mu   sync.Mutex
	done []report.Stage
}

// run shows fn under a title, and measures it as a stage.
func (s *stages) run(stage, title string, tell func() string, fn func() error) (err error) {
	s.measure(stage, func() { err = s.display.Stage(title, tell, func() error { return guard(fn) }) })
	return err
}

// measure takes the time of fn, which shows itself.
func (s *stages) measure(stage string, fn func()) {
	started := time.Now()
	fn()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = append(s.done, report.Stage{Name: stage, Duration: time.Since(started)})
}
