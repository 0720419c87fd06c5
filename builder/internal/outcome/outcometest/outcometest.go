// SPDX-License-Identifier: AGPL-3.0-or-later

// Package outcometest has a display for tests of operations of a platform.
package outcometest

import (
	"fmt"

	"github.com/prismeai/workspaces-release/builder/internal/outcome"
	"github.com/prismeai/workspaces-release/internal/syncbuffer"
)

var _ outcome.Display = (*Recorder)(nil)

// Recorder is a display that records its output: the names of stages with >, the lines that they
// print, and their errors with an exclamation mark.
type Recorder struct{ syncbuffer.Buffer }

// Narrate implements [outcome.Display].
func (r *Recorder) Narrate(name string, fn func(say func(string)) error) error {
	say := func(line string) { fmt.Fprintln(r, line) }
	say("> " + name)
	err := fn(say)
	if err != nil {
		say("! " + err.Error())
	}
	return err
}
