// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"io"
	"log/slog"
	"time"

	"github.com/prismeai/workspaces-release/internal/terminal"
	"github.com/prismeai/workspaces-release/sidecar/internal/config"
)

// newLog returns a logger that writes JSON, or text if the format asks for it or w is a terminal.
func newLog(w io.Writer, format string, level slog.Leveler) *slog.Logger {
	o := &slog.HandlerOptions{Level: level, ReplaceAttr: formatDuration}
	if format == config.LogText || format == config.LogAuto && terminal.IsTerminal(w) {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}

// formatDuration writes durations with their unit: slog's JSON handler writes nanoseconds.
func formatDuration(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().Round(time.Millisecond).String())
	}
	return a
}

func parseLevel(c *config.Config) (level slog.Level) {
	_ = level.UnmarshalText([]byte(c.LogLevel)) // Config.Validate has checked it
	return level
}
