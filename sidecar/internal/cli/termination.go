// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/prismeai/workspaces-release/sidecar/internal/config"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// maxTermination is what Kubernetes keeps of a termination message, in bytes.
const maxTermination = 4096

// writeTerminationMessage writes why the release was not confirmed, and what to
// do, to the file that Kubernetes shows with the end of the container. The log
// has the same, so that an error of this is only a warning.
func (g *agent) writeTerminationMessage(err error) {
	if err := writeMessage(g.live.Get().TerminationLog, terminationText(g.store.Get(), err)); err != nil {
		g.log.Warn("cannot write the termination message", "error", err)
	}
}

// writeUsageError leaves a termination message about settings that could not be
// loaded. Only commands that are a container's own do: others run beside it.
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
	_ = writeMessage(path, "wrong settings: "+err.Error()+"\n") // standard error has it, too
}

// writeMessage fills a file that is there before us, because Kubernetes mounts
// it. Without that file the message has no reader.
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
