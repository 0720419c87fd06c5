// SPDX-License-Identifier: AGPL-3.0-or-later

// Package outcome describes how an operation of a platform ended, and its problems.
package outcome

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
	"github.com/prismeai/workspaces-release/internal/platform"
)

// Outcome of an operation.
type Outcome string

// The outcomes.
const (
	// Done: the operation succeeded, or a dry run found no obstacle.
	Done Outcome = "done"
	// Failed: the operation or a part of it failed.
	Failed Outcome = "failed"
	// Unknown: the operation may have succeeded or failed.
	Unknown Outcome = "unknown"
)

// Display shows named stages and the lines that each prints while it runs.
type Display interface {
	Narrate(name string, fn func(say func(line string)) error) error
}

// Problem is an error with advice.
type Problem struct {
	// File is empty if the problem does not concern a file.
	File    string `json:"file,omitempty"`
	Code    string `json:"code,omitempty"`
	Message string `json:"message"`
	Help    string `json:"help"`
}

func (p *Problem) Error() string { return p.Message }

// Text returns the message with its file and, if the platform gave one, the error code.
func (p *Problem) Text() string {
	text := p.Message
	if p.Code != "" && strings.ToUpper(p.Code[:1]) == p.Code[:1] && !strings.Contains(text, p.Code) {
		text = p.Code + ": " + text
	}
	if p.File != "" {
		text = p.File + ": " + text
	}
	return text
}

// UnknownProblem returns the problem of an operation whose outcome was not found. request is the
// error of its request, or nil.
func UnknownProblem(operation, why string, request error, help string) *Problem {
	message := fmt.Sprintf("the outcome of the %s is unknown: %s", operation, why)
	if e, ok := errors.AsType[*platform.Error](request); ok {
		message += fmt.Sprintf(" (the request: %v)", e)
	}
	return &Problem{Code: "unknown-outcome", Message: message, Help: help}
}

// InterruptedProblem returns the problem of an interrupted operation, such as a push. If its request was
// posted, the platform continues it, and lookUp says where to find how it ends.
func InterruptedProblem(operation string, posted bool, lookUp string) Problem {
	if !posted {
		return Problem{Code: "interrupted", Message: "interrupted before the " + operation + " began", Help: "run again"}
	}
	return Problem{
		Code:    "interrupted",
		Message: "interrupted: the platform continues the " + operation,
		Help:    lookUp,
	}
}

// Milliseconds is a duration that JSON encodes as whole milliseconds.
type Milliseconds time.Duration

// MarshalJSON implements [json.Marshaler].
func (m Milliseconds) MarshalJSON() ([]byte, error) {
	return fmt.Append(nil, time.Duration(m).Milliseconds()), nil
}

// Remedy is the advice for errors whose text matches.
type Remedy struct {
	Text *lazyregexp.Regexp
	Help string
}

// Help returns the advice of the first remedy that matches the text, or otherwise.
func Help(remedies []Remedy, text, otherwise string) string {
	for _, r := range remedies {
		if r.Text.MatchString(text) {
			return r.Help
		}
	}
	return otherwise
}
