// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/prismeai/workspaces-release/sidecar/internal/config"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// maxTermination is the length of a termination message that Kubernetes keeps, in bytes.
const maxTermination = 4096

// writeTerminationMessage writes the reason for an unconfirmed release, and its remedy, to the file
// that Kubernetes shows as the container's termination message. Failing to write it is only a
// warning, because the log has the same text.
func (g *agent) writeTerminationMessage(err error) {
	if err := writeMessage(g.live.Get().TerminationLog, terminationText(g.store.Get(), err)); err != nil {
		g.log.Warn("cannot write the termination message", "error", err)
	}
}

// writeUsageError writes a termination message about settings that could not be loaded. It does
// nothing for commands that run beside the main process of a container.
func (a *app) writeUsageError(args []string, err error) {
	e, isExit := errors.AsType[*exitError](err)
	if !isExit || e.code != exitUsage || len(args) == 0 {
		return
	}
	for _, c := range a.commands() {
		if c.name == args[0] && !c.ownsContainer {
			return
		}
	}
	path := config.NewLoader(args[1:], a.env).TerminationLog()
	_ = writeMessage(path, "invalid settings: "+err.Error()+"\n") // stderr has it as well
}

// writeMessage writes text to an existing file, which Kubernetes mounts. It does nothing if the
// file does not exist.
func writeMessage(path, text string) error {
	if path == "" || text == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(text[:min(len(text), maxTermination)])
	return errors.Join(err, f.Close())
}

func terminationText(s state.Snapshot, err error) string {
	if p := s.Problem; p != nil && !s.Confirmed {
		return fmt.Sprintf("%s: %s\n%s\n%s\n%s\n", p.Reason, p.Title, p.Message, p.Remedy, p.Runbook)
	}
	if err != nil {
		return err.Error() + "\n"
	}
	return ""
}
