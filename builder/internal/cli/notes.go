// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/prismeai/workspaces-release/internal/terminal"
)

// notes are remarks on how a source was interpreted, without duplicates.
type notes struct {
	mu    sync.Mutex
	lines []string
}

func (n *notes) addNote(line string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !slices.Contains(n.lines, line) {
		n.lines = append(n.lines, line)
	}
}

// writeNotes prints the notes.
func (n *notes) writeNotes(w io.Writer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, line := range n.lines {
		fmt.Fprintf(w, "builder: note: %s\n", terminal.Lines(line))
	}
}
