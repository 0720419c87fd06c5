// SPDX-License-Identifier: AGPL-3.0-or-later

package verify

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/docker/go-units"

	"github.com/prismeai/workspaces-release/internal/terminal"
)

// WriteText writes the report as text: the problems come first, each with its consequence.
func (r *Report) WriteText(w io.Writer) error {
	out := bufio.NewWriter(w)
	line := func(format string, args ...any) { fmt.Fprintln(out, terminal.Lines(fmt.Sprintf(format, args...))) }
	name := r.Image
	if r.Digest != "" && !strings.HasSuffix(name, "@"+r.Digest.String()) {
		name += "@" + r.Digest.String()
	}
	line("image      %s", name)
	if r.Release != "" {
		line("release    %s", r.Release)
	}
	line("platforms  %s", strings.Join(r.Platforms, " "))
	line("read       %d files, %s", r.Files, units.HumanSize(float64(r.Bytes)))
	for _, p := range r.Problems {
		where := string(p.Check)
		if p.Platform != "" {
			where += ", " + p.Platform
		}
		line("problem    %s: %s", where, p.Message)
		line("           %s", p.Meaning)
	}
	for _, u := range r.Unproven {
		line("unproven   %s: %s", u.Check, u.Reason)
	}
	if len(r.Proven) > 0 {
		line("proven     %s", joinChecks(r.Proven))
	}
	switch {
	case len(r.Problems) > 0:
		line("\nThe image is not verified. Problems: %d", len(r.Problems))
	case len(r.Unproven) > 0:
		line("\nThe image is verified, except for what is unproven: %d", len(r.Unproven))
	default:
		line("\nThe image is verified.")
	}
	return out.Flush()
}

func joinChecks(checks []Check) string {
	var names []string
	for _, c := range checks {
		names = append(names, string(c))
	}
	return strings.Join(names, ", ")
}
