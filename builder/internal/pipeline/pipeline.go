// SPDX-License-Identifier: AGPL-3.0-or-later

// Package pipeline implements the builder: it reads a source once, derives the diagnostics, the
// import plan, the findings of the secret scan and the layers from that reading, and then builds
// the image.
//
// A build is a chain of values, each complete when it exists: a source that is opened, packed into
// layers, described as an image, and published. The other verbs share the values.
//
// Nothing is published until the whole source has been read without errors or findings.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
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
func verdict(r *Reading) error {
	if n := countSecrets(r.Scan); n > 0 {
		return &Error{
			Secrets,
			fmt.Errorf("secrets found: %d; revoke them, and reference workspace secrets in their place", n),
		}
	}
	if n := diagnostic.Count(r.Diagnostics, diagnostic.Error); n > 0 {
		return &Error{Invalid, fmt.Errorf("the workspaces are invalid; errors: %d", n)}
	}
	if r.Scan != nil && len(r.Scan.Problems) > 0 {
		return &Error{
			Invalid,
			fmt.Errorf("the baseline of the secret scan has problems: %d", len(r.Scan.Problems)),
		}
	}
	return nil
}

// countSecrets counts the findings that stop a release: all except warnings, including those of the
// history if it was scanned.
func countSecrets(scanned *scan.Report) int {
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

// guarded is [guard] for a function with a result.
func guarded[T any](fn func() (T, error)) (result T, err error) {
	err = guard(func() (err error) {
		result, err = fn()
		return err
	})
	return result, err
}

// stages shows and measures the stages of a run, which may run concurrently. A nil pointer does
// neither.
type stages struct {
	display *progress.Display

	mu   sync.Mutex
	done []report.Stage
}

func newStages(display *progress.Display) *stages { return &stages{display: display} }

// inStage shows fn under a title and measures it as a stage. state returns the text to show while fn
// runs; it may be nil.
func inStage[T any](s *stages, stage, title string, state func() string, fn func() (T, error)) (T, error) {
	if s == nil {
		return guarded(fn)
	}
	defer s.measure(stage)()
	var result T
	err := s.display.Stage(title, state, func() (err error) {
		result, err = guarded(fn)
		return err
	})
	return result, err
}

// measure starts to measure a stage, and returns the function that records its duration.
func (s *stages) measure(stage string) func() {
	started := time.Now()
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.done = append(s.done, report.Stage{Name: stage, Duration: time.Since(started)})
	}
}

// measured returns the stages that have ended.
func (s *stages) measured() []report.Stage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.done)
}
