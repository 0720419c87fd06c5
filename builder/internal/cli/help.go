// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/prismeai/workspaces-release/builder/internal/config"
	"github.com/prismeai/workspaces-release/internal/manual"
)

const rootHelp = `Builder makes release images of Prisme.ai workspaces.

It validates a repository of workspaces, scans it for secrets, and adds it to an image on
top of prismeai-workspaces, as a read-only platform repository. It needs no daemon, no root
and no user namespace.

SOURCE is a directory, a zip archive, or a Git repository:

  https://host/org/repo.git#ref:subdir
  ssh://git@host/org/repo.git, git@host:org/repo.git, file:///path/repo.git

Every flag has an environment variable: --digest-file is BUILDER_DIGEST_FILE, or
BUILDER_BUILD_DIGEST_FILE for the build command alone. Spaces separate the values of a flag
that can be repeated. A flag wins over the environment, and the environment over the
release file (--config).`

const rootExample = `# Check the workspaces of a directory, and look for secrets.
builder validate workspaces
builder scan workspaces

# Build a release of a Git repository, and push it.
builder build https://git.example.com/ai/workspaces.git#main \
  --base registry.example.com/prismeai-workspaces:v2.4.0 \
  --tag registry.example.com/ai/release:2.4.0 --push`

// commandPages documents a command and its subcommands.
func commandPages(root *cobra.Command) []manual.Page {
	list := []manual.Page{newPage(root)}
	for _, cmd := range root.Commands() {
		if cmd.IsAvailableCommand() {
			list = append(list, commandPages(cmd)...)
		}
	}
	return list
}

// Pages documents the program and all its commands.
func Pages() []manual.Page { return commandPages(new(app).newRootCommand()) }

// newPage documents one command.
func newPage(cmd *cobra.Command) manual.Page {
	cmd.InitDefaultHelpFlag()
	cmd.InitDefaultVersionFlag()
	p := manual.Page{
		Name: cmd.CommandPath(), Summary: cmd.Short, Usage: cmd.CommandPath() + strings.TrimPrefix(cmd.Use, cmd.Name()),
		Description: cmd.Long, Examples: strings.Trim(cmd.Example, "\n"),
		Groups: flagGroups(cmd),
	}
	if !cmd.HasParent() {
		p.Usage = cmd.Name() + " COMMAND [flags]"
		p.ExitCodes = exitCodes("")
		p.Footer = "Run 'builder COMMAND --help' for the flags and examples of a command."
	}
	for _, child := range cmd.Commands() {
		if child.IsAvailableCommand() {
			p.Commands = append(p.Commands, manual.Item{Term: child.Name(), Text: child.Short})
		}
	}
	if !cmd.HasParent() {
		return p
	}
	if len(p.Groups) > 1 {
		p.Usage += " [flags]"
	}
	return p
}

// flagGroups returns the flags of a command by group; those without a group come last.
func flagGroups(cmd *cobra.Command) []manual.Group {
	byName := map[string][]manual.Flag{}
	add := func(f *pflag.Flag) {
		if !f.Hidden {
			byName[flagGroup(f)] = append(byName[flagGroup(f)], describeFlag(f))
		}
	}
	if help := cmd.Flags().Lookup("help"); help != nil {
		help.Usage = "print this help"
	}
	if version := cmd.Flags().Lookup("version"); version != nil && !cmd.HasParent() {
		version.Usage = "print the version"
	}
	assignGroup(cmd.Flags(), groupGeneral)
	cmd.LocalFlags().VisitAll(add)
	cmd.InheritedFlags().VisitAll(add)
	var list []manual.Group
	for _, title := range append(listGroups(), "") {
		if flags := byName[title]; len(flags) > 0 {
			list = append(list, manual.Group{Title: title, Flags: flags})
		}
	}
	return list
}

func describeFlag(f *pflag.Flag) manual.Flag {
	value, text := pflag.UnquoteUsage(f)
	d := manual.Flag{Name: f.Name, Short: f.Shorthand, Value: value, Text: trimForm(text, value)}
	if !slices.Contains([]string{"", "false", "0", "0s", "[]"}, f.DefValue) {
		d.Default = f.DefValue
	}
	return d
}

// trimForm removes the repeated form of the value from a text such as "add a label: key=value
// (repeat)".
func trimForm(text, value string) string {
	for _, end := range []string{" (", ";"} {
		text = strings.Replace(text, ": "+value+end, end, 1)
	}
	return text
}

// writeHelp prints the help of a command in the width of the terminal.
func (a *app) writeHelp(cmd *cobra.Command, w io.Writer) error {
	p := newPage(cmd)
	return p.WriteHelp(w, manual.Width(w, a.env["COLUMNS"]))
}

// newHelpCommand returns the command that prints the help of another one.
func (a *app) newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Print the help of a command",
		Example: "builder help build",
		Args:    cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if err == nil && len(rest) > 0 {
				err = fmt.Errorf("unknown command %q", rest[0])
			}
			if err != nil {
				return usageError(cmd.Root(), suggestCommand(cmd.Root(), args, err))
			}
			return a.writeHelp(found, a.Out)
		},
		ValidArgsFunction: func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, child := range cmd.Root().Commands() {
				if child.IsAvailableCommand() {
					names = append(names, child.Name())
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}

// newCompletionCommand returns the command that writes shell completions.
func (a *app) newCompletionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print the completion script of a shell",
		Example: `# Complete in this shell.
source <(builder completion bash)
# Complete in every new shell.
builder completion bash > ~/.local/share/bash-completion/completions/builder
builder completion zsh > "${fpath[1]}/_builder"
builder completion fish > ~/.config/fish/completions/builder.fish`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.Out, true)
			case "zsh":
				return root.GenZshCompletion(a.Out)
			case "fish":
				return root.GenFishCompletion(a.Out, true)
			default:
				return root.GenPowerShellCompletionWithDesc(a.Out)
			}
		},
	}
}

// listEnvironment lists the variables that a command reads.
func listEnvironment(p *manual.Page) []manual.Item {
	items := []manual.Item{{
		Term: config.EnvPrefix + "*",
		Text: "Every flag has a variable: --digest-file is BUILDER_DIGEST_FILE, or " +
			"BUILDER_BUILD_DIGEST_FILE for the build command alone. An unknown " +
			"variable with this prefix is an error.",
	}}
	return append(items, filterGroups(p, groupEnvironment())...)
}

// filterGroups returns the items that belong to the groups of a page.
func filterGroups(p *manual.Page, all []groupItem) []manual.Item {
	var items []manual.Item
	for _, item := range all {
		belongs := func(g manual.Group) bool { return slices.Contains(item.groups, g.Title) }
		if len(p.Commands) > 0 || slices.ContainsFunc(p.Groups, belongs) {
			items = append(items, item.Item)
		}
	}
	return items
}
