// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"flag"
	"slices"
	"strconv"

	"github.com/prismeai/workspaces-release/internal/manual"
	"github.com/prismeai/workspaces-release/sidecar/internal/config"
)

const rootDescription = `Sidecar keeps a pod unready until the release in its image is imported and verified. It runs
beside the workspaces service in the same pod.

Every flag has an environment variable: --token-file is SIDECAR_TOKEN_FILE. Flags take
precedence over the environment, and the environment over the --config file.`

// Pages returns the help pages of the program and all its commands.
func Pages() []manual.Page {
	a := new(app)
	list := []manual.Page{a.rootPage()}
	for _, c := range a.commands() {
		list = append(list, c.helpPage())
	}
	return list
}

func (a *app) rootPage() manual.Page {
	p := manual.Page{
		Name: "sidecar", Summary: "Import a release of Prisme.ai workspaces in the pod that carries it",
		Usage: "sidecar COMMAND [flags]", Description: rootDescription, Examples: runExample,
		Groups:    []manual.Group{generalFlags()},
		ExitCodes: exitCodeItems(""),
		Footer:    "Run 'sidecar COMMAND --help' for the flags and examples of a command.",
	}
	for _, c := range a.commands() {
		p.Commands = append(p.Commands, manual.Item{Term: c.name, Text: c.summary})
	}
	return p
}

func generalFlags() manual.Group {
	return manual.Group{Title: "General", Flags: []manual.Flag{
		{Name: "help", Short: "h", Text: "print this help"},
	}}
}

func (c *command) helpPage() manual.Page {
	p := manual.Page{Name: "sidecar " + c.name, Summary: c.summary, Usage: "sidecar " + c.name + " [flags]",
		Description: c.description, Examples: c.examples}
	if fs := c.flags(); fs == nil {
		p.Groups = settingGroups()
	} else {
		p.Groups = []manual.Group{{Title: flagsTitle}}
		fs.VisitAll(func(f *flag.Flag) {
			name, usage := flag.UnquoteUsage(f)
			p.Groups[0].Flags = append(p.Groups[0].Flags, manual.Flag{
				Name:    f.Name,
				Value:   name,
				Text:    usage,
				Default: defaultText(f.DefValue),
			})
		})
	}
	if last := &p.Groups[len(p.Groups)-1]; last.Title == "General" {
		last.Flags = append(last.Flags, generalFlags().Flags...)
	} else {
		p.Groups = append(p.Groups, generalFlags())
	}
	return p
}

// flagsTitle is the heading of flags that are not settings.
const flagsTitle = "Flags"

// settingsFlags returns nil: settings are documented by section, with environment variables.
func settingsFlags() *flag.FlagSet { return nil }

// settingGroups returns the settings by section.
func settingGroups() []manual.Group {
	var groups []manual.Group
	for _, s := range config.Default("").Settings() {
		if len(groups) == 0 || groups[len(groups)-1].Title != s.Section {
			groups = append(groups, manual.Group{Title: s.Section})
		}
		placeholder, usage := s.SplitUsage()
		last := &groups[len(groups)-1]
		last.Flags = append(last.Flags, manual.Flag{
			Name:    s.Name,
			Value:   placeholder,
			Text:    usage,
			Default: defaultText(s.Value()),
		})
	}
	return groups
}

func defaultText(value string) string {
	if value == "false" || value == "0s" {
		return ""
	}
	return value
}

// exitCodeItems lists the exit codes of a command, or all exit codes if command is empty.
func exitCodeItems(command string) []manual.Item {
	var items []manual.Item
	for _, c := range exitCodes() {
		if command == "" || c.commands == nil || slices.Contains(c.commands, command) {
			items = append(items, manual.Item{Term: strconv.Itoa(c.Code), Text: c.Meaning})
		}
	}
	return items
}

// writeHelp writes a page at the width of the terminal.
func (a *app) writeHelp(p manual.Page) error {
	return p.WriteHelp(a.Out, manual.Width(a.Out, a.env["COLUMNS"]))
}

// runHelp prints the help of a command, or of the program without arguments.
func (a *app) runHelp(args []string) error {
	if len(args) == 0 {
		return a.writeHelp(a.rootPage())
	}
	c, err := a.findCommand(args[0])
	if err != nil {
		return err
	}
	return a.writeHelp(c.helpPage())
}
