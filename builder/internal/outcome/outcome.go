// SPDX-License-Identifier: AGPL-3.0-or-later

// Package outcome says how an operation of a platform ended, and what is wrong with it.
package outcome

import (
	"fmt"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
)

// Outcome of an operation.
type Outcome string

// The outcomes.
const (
	// Done: what was asked for is done, or nothing stands in the way of a dry run.
	Done Outcome = "done"
	// Failed: something is wrong, with the operation or with a part of it.
	Failed Outcome = "failed"
	// Unknown: nobody tells how the operation ended.
	Unknown Outcome = "unknown"
)

// Problem is something that is wrong, and what to do about it.
type Problem struct {
	// File is empty for a problem that is not of a file.
	File    string `json:"file,omitempty"`
	Code    string `json:"code,omitempty"`
	Message string `json:"message"`
	Help    string `json:"help"`
}

func (p *Problem) Error() string { return p.Message }

// Text is file and message, with a code that is the platform's.
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

// Milliseconds is a time that is a whole number of them in JSON.
type Milliseconds time.Duration

// MarshalJSON implements [json.Marshaler].
func (m Milliseconds) MarshalJSON() ([]byte, error) {
	return fmt.Append(nil, time.Duration(m).Milliseconds()), nil
}

// Remedy is what to do about errors with a text.
type Remedy struct {
	Text *lazyregexp.Regexp
	Help string
}

// Help is that of the first remedy that matches the text, or otherwise.
func Help(remedies []Remedy, text, otherwise string) string {
	for _, r := range remedies {
		if r.Text.MatchString(text) {
			return r.Help
		}
	}
	return otherwise
}
