// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/prismeai/workspaces-release/sidecar/internal/config"
)

func (a *app) help(w io.Writer) {
	fmt.Fprint(w, `Sidecar makes "the pod is Ready" mean "the release that this pod carries is
imported and verified". It runs beside the workspaces service in its pod.

`)
	for _, c := range a.commands() {
		fmt.Fprintf(w, "  sidecar %-8s %s\n", c.name, c.summary)
	}
	fmt.Fprint(w, `
Every flag has an environment variable: --token-file is SIDECAR_TOKEN_FILE. A flag
wins over the environment, the environment over the file of --config.
`)
	fmt.Fprint(w, "\nExit codes of once, check and status:\n")
	for _, c := range exitCodes() {
		fmt.Fprintf(w, "  %-4d %s\n", c.Code, c.Meaning)
	}
	fmt.Fprint(w, "\nsidecar COMMAND --help lists flags.\n")
}

// waitExample is what a hook of a Helm release runs.
const waitExample = `To wait until every pod of a workload is confirmed at the current release, as a hook
after an upgrade or a rollback does, ask the name of a headless Service that publishes
addresses that are not ready. Progress is on standard error; the exit code is 0, or that
of what is in the way when the time is over:

    sidecar status --fresh --all --wait 10m --url http://SERVICE:9400 --current-release-file FILE
`

func (c *command) help(w io.Writer) {
	fmt.Fprintf(w, "sidecar %s: %s.\n", c.name, c.summary)
	fs := c.flags()
	if fs == nil {
		settingsHelp(w)
		return
	}
	fs.VisitAll(func(f *flag.Flag) {
		name, usage := flag.UnquoteUsage(f)
		fmt.Fprintf(w, "\n  --%s %s\n      %s%s\n", f.Name, name, usage, defaultText(f.DefValue))
	})
	if c.name == "status" {
		fmt.Fprint(w, "\n"+waitExample)
	}
}

// settingsFlags has no flag set: settings have sections and environment variables.
func settingsFlags() *flag.FlagSet { return nil }

func settingsHelp(w io.Writer) {
	section := ""
	for _, s := range config.Default("").Settings() {
		if s.Section != section {
			section = s.Section
			fmt.Fprintf(w, "\n%s\n", section)
		}
		placeholder, usage := s.Text()
		fmt.Fprintf(w, "\n  %s\n      %s%s\n", strings.TrimSpace("--"+s.Name+" "+placeholder), usage, defaultText(s.Value()))
	}
}

func defaultText(value string) string {
	if value == "" || value == "false" {
		return ""
	}
	return " (default " + value + ")"
}
