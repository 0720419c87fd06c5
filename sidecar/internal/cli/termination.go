// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// maxWord is what Kubernetes keeps of a termination message, in bytes.
const maxWord = 4096

// writeTerminationMessage writes why the release was not confirmed, and what to do, to the
// file that Kubernetes shows with the end of the container. The file is there
// before us: Kubernetes mounts it. Without it, or without space, the log has the
// same.
func (g *agent) writeTerminationMessage(err error) {
	path, text := g.live.Get().TerminationLog, terminationText(g.store.Get(), err)
	if path == "" || text == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if os.IsNotExist(err) {
		return
	}
	if err == nil {
		_, err = f.WriteString(text)
		if closed := f.Close(); err == nil {
			err = closed
		}
	}
	if err != nil {
		g.log.Warn("cannot write the termination message", "error", err)
	}
}

func terminationText(s state.Snapshot, err error) string {
	var text strings.Builder
	if p := s.Problem; p != nil && !s.Confirmed {
		fmt.Fprintf(&text, "%s: %s\n%s\n%s\n%s\n", p.Reason, p.Title, p.Message, p.Remedy, p.Runbook)
	} else if err != nil {
		fmt.Fprintln(&text, err)
	}
	return text.String()[:min(text.Len(), maxWord)]
}
