// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/prismeai/workspaces-release/builder/internal/spelling"
)

// scanRuleFlags select what a scan looks for.
var scanRuleFlags = []string{
	"policy", "policy-in-source", "baseline", "check-live", "include-detector", "exclude-detector", "exclude-path",
	"cache-dir", "cache-key-file", "no-cache",
}

// layoutFlags select what ships.
var layoutFlags = []string{"leave-out", "workspace", "workspace-groups", "workspace-version",
	"default-group", "default-version"}

// gitFlags configure access to a Git server.
var gitFlags = []string{
	"git-username", "git-token-file", "git-ssh-key-file", "git-ca", "git-client-cert", "git-client-key",
}

// registryFlagNames configure access to a registry.
var registryFlagNames = []string{"insecure-registry", "registry-ca", "registry-client-cert", "registry-mirror"}

// givenFlags returns the flags on the command line. It excludes those set by variables and the
// release file, which may serve several commands.
func givenFlags(flags *pflag.FlagSet) map[string]bool {
	given := map[string]bool{}
	flags.Visit(func(f *pflag.Flag) { given[f.Name] = true })
	return given
}

// refuseUnused returns a usage error if one of the named flags is on the command line but has no
// effect without needed.
func (a *app) refuseUnused(needed string, names ...string) error {
	for _, name := range names {
		if a.given[name] {
			return usageError(a.running, fmt.Errorf("--%s has no effect here: it needs %s", name, needed))
		}
	}
	return nil
}

// suggestCommand adds similar names to the error about an unknown command.
func suggestCommand(root *cobra.Command, args []string, err error) error {
	if len(args) == 0 {
		return err
	}
	var names, longer []string
	for _, cmd := range root.Commands() {
		if !cmd.IsAvailableCommand() {
			continue
		}
		names = append(names, cmd.Name())
		if strings.HasPrefix(cmd.Name(), strings.ToLower(args[0])) {
			longer = append(longer, cmd.Name())
		}
	}
	if near := spelling.Nearest(args[0], slices.Values(names)); near != "" && !slices.Contains(longer, near) {
		longer = append(longer, near)
	}
	return addSuggestion(err, longer...)
}

// suggestFlag adds a similar name to the error about an unknown flag.
func suggestFlag(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return err
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := spelling.Nearest(unknown.GetSpecifiedName(), slices.Values(names)); near != "" {
		return addSuggestion(err, "--"+near)
	}
	return err
}

func addSuggestion(err error, names ...string) error {
	if len(names) == 0 {
		return err
	}
	return fmt.Errorf("%w\nDid you mean %s?", err, strings.Join(names, " or "))
}

// explainFlag rewords a parse error as the expected form.
func explainFlag(err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return err
	}
	wanted := map[string]string{"bool": "true or false", "int": "a whole number"}[invalid.GetFlag().Value.Type()]
	if wanted == "" || !errors.As(err, new(*strconv.NumError)) {
		return err
	}
	return fmt.Errorf("--%s is %q: want %s", invalid.GetFlag().Name, invalid.GetValue(), wanted)
}

// choice matches the name of an enumerated value: text|json.
var choice = regexp.MustCompile(`^[a-z0-9-]+(\|[a-z0-9-]+)+$`)

// completeValues registers shell completion of enumerated flag values.
func completeValues(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		name, _ := pflag.UnquoteUsage(f)
		var values []string
		switch {
		case f.Name == "attest":
			values = []string{"type=provenance,disabled=true", "type=sbom,disabled=true", "type=scan,disabled=true"}
		case choice.MatchString(name):
			values = strings.Split(name, "|")
		default:
			return
		}
		complete := cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
		// The only possible error is an unknown flag.
		_ = cmd.RegisterFlagCompletionFunc(f.Name, complete)
	})
}

// isCompletion reports whether a shell requests completions.
func isCompletion(args []string) bool {
	return len(args) > 0 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd)
}

// unquoteUsage removes the quotes around value names, which shells would show.
func unquoteUsage(root *cobra.Command) {
	for _, cmd := range append(listRunnable(root), root) {
		plain := func(f *pflag.Flag) { f.Usage = strings.ReplaceAll(f.Usage, "`", "") }
		cmd.Flags().VisitAll(plain)
		cmd.PersistentFlags().VisitAll(plain)
	}
}

// count is a flag that is a positive number.
type count int

func (c *count) String() string { return strconv.Itoa(int(*c)) }
func (c *count) Type() string   { return "int" }

// Set implements [pflag.Value].
func (c *count) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 {
		return fmt.Errorf("%q is not a positive number", text)
	}
	*c = count(n)
	return nil
}

// maxCount is a flag that is a number, or 0 for no limit.
type maxCount int

func (m *maxCount) String() string { return strconv.Itoa(int(*m)) }
func (m *maxCount) Type() string   { return "int" }

// Set implements [pflag.Value].
func (m *maxCount) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is neither a positive number nor 0", text)
	}
	*m = maxCount(n)
	return nil
}
