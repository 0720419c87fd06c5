// SPDX-License-Identifier: AGPL-3.0-or-later

package progress

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/docker/go-units"
	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"
	"golang.org/x/term"

	"github.com/prismeai/workspaces-release/internal/terminal"
)

const (
	// frame is the time between two updates of the line.
	frame = 100 * time.Millisecond
	// eraseLine moves the cursor to the start of the line and erases the line.
	eraseLine = "\r\x1b[K"
	// defaultColumns is the width assumed for a terminal that does not report its width.
	defaultColumns = 80
)

// line shows the running stages on one line of a terminal, and erases the line at the end.
type line struct {
	out     io.Writer
	started time.Time
	running []*activity
	shown   string
}

// activity is a running stage and its latest message.
type activity struct {
	id     digest.Digest
	name   string
	detail string
}

// followStatus shows the status until the channel is closed.
func (l *line) followStatus(status <-chan *client.SolveStatus) error {
	l.started = time.Now()
	ticker := time.NewTicker(frame)
	defer ticker.Stop()
	for {
		select {
		case s, ok := <-status:
			if !ok {
				return l.showText("")
			}
			l.updateStages(s)
		case <-ticker.C:
			if err := l.showText(l.formatLine(time.Since(l.started))); err != nil {
				return err
			}
		}
	}
}

// updateStages applies a change of status.
func (l *line) updateStages(s *client.SolveStatus) {
	for _, v := range s.Vertexes {
		i := slices.IndexFunc(l.running, func(a *activity) bool { return a.id == v.Digest })
		ended := v.Completed != nil || v.Started == nil
		switch {
		case i < 0 && !ended:
			l.running = append(l.running, &activity{id: v.Digest, name: v.Name})
		case i >= 0 && v.Completed != nil:
			l.running = slices.Delete(l.running, i, i+1)
		}
	}
	for _, log := range s.Logs {
		lines := strings.Split(strings.TrimSpace(string(log.Data)), "\n")
		l.setDetail(log.Vertex, lines[len(lines)-1])
	}
	for _, step := range s.Statuses {
		l.setDetail(step.Vertex, describeStep(step))
	}
}

func (l *line) setDetail(id digest.Digest, text string) {
	for _, a := range l.running {
		if a.id == id {
			a.detail = text
		}
	}
}

// describeStep formats the progress of a BuildKit step, which counts bytes.
func describeStep(s *client.VertexStatus) string {
	if s.Total <= 0 || s.Completed != nil {
		return s.ID
	}
	return fmt.Sprintf("%s %s of %s", s.ID, units.HumanSize(float64(s.Current)), units.HumanSize(float64(s.Total)))
}

// formatLine returns the line to show after the given time. It removes control characters, because names
// and messages are untrusted.
func (l *line) formatLine(after time.Duration) string {
	var parts []string
	for _, a := range l.running {
		part := a.name
		if a.detail != "" {
			part += ": " + a.detail
		}
		parts = append(parts, terminal.Safe(part))
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("[%s] %s", after.Truncate(time.Second), strings.Join(parts, " | "))
}

// showText replaces the line. It truncates text to the width of the terminal to avoid wrapping.
func (l *line) showText(text string) error {
	if limit := l.terminalWidth() - 1; utf8.RuneCountInString(text) > limit {
		text = string([]rune(text)[:limit-1]) + "…"
	}
	if text == l.shown {
		return nil
	}
	l.shown = text
	_, err := io.WriteString(l.out, eraseLine+text)
	return err
}

func (l *line) terminalWidth() int {
	if file, ok := l.out.(*os.File); ok {
		if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 2 {
			return width
		}
	}
	return defaultColumns
}
