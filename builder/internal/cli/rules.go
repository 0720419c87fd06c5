// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/prismeai/workspaces-release/builder/internal/config"
	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/ruleset"
	"github.com/prismeai/workspaces-release/internal/document"
)

const (
	maxDiagnosticsFlag = "max-diagnostics"
	// defaultMaxDiagnostics fits a screen or two.
	defaultMaxDiagnostics maxCount = 100
)

// readRules validates the rule settings and external apps of the release file.
func (a *app) readRules(file *config.File) error {
	var settings []ruleset.Setting
	for _, s := range file.Rules {
		settings = append(settings, ruleset.Setting{
			Rule: s.Rule.Value, Path: s.Path, Severity: diagnostic.Severity(s.Severity),
			Reason: s.Reason, Until: s.Until,
			Place: fmt.Sprintf("%s:%d", a.configFile, s.Rule.Line),
		})
	}
	for _, app := range file.ExternalApps {
		a.externalApps = append(a.externalApps, strings.TrimPrefix(app, "app/"))
	}
	var err error
	a.rules, err = ruleset.New(settings)
	return err
}

// applyRules applies the release file to checks.
func (a *app) applyRules(checks *pipeline.Checks) {
	checks.Rules = a.rules
	if checks.Workspaces != nil {
		checks.Workspaces.ExternalApps = a.externalApps
	}
}

func (a *app) newRulesCommand() *cobra.Command {
	out := newFormat("text", "json")
	cmd := &cobra.Command{
		Use:   "rules [RULE]",
		Short: "List the rules of validation, or explain one",
		Example: `builder rules
builder rules checksum-mismatch
builder rules --format json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.writeRules(out.value)
			}
			rule, err := ruleset.Find(args[0])
			if err != nil {
				return withCode(exitUsage, err)
			}
			if out.value == "json" {
				return document.Write(a.Out, describeRule(rule))
			}
			return ruleset.WriteText(a.Out, rule)
		},
	}
	var ids []string
	for _, rule := range ruleset.All() {
		ids = append(ids, rule.ID)
	}
	cmd.ValidArgsFunction = cobra.FixedCompletions(ids, cobra.ShellCompDirectiveNoFileComp)
	out.register(cmd.Flags())
	return cmd
}

// ruleJSON is the JSON encoding of a rule.
type ruleJSON struct {
	ID       string              `json:"id"`
	Severity diagnostic.Severity `json:"severity"`
	// Fixed rules cannot be lowered.
	Fixed   bool   `json:"fixed"`
	Title   string `json:"title"`
	Meaning string `json:"meaning"`
	Example string `json:"example"`
	Remedy  string `json:"remedy"`
	URL     string `json:"url"`
}

func describeRule(r diagnostic.Rule) ruleJSON {
	return ruleJSON{r.ID, r.Severity, r.Fixed, r.Title, r.Meaning, r.Example, r.Remedy, diagnostic.URL(r.ID)}
}

func (a *app) writeRules(format string) error {
	if format == "json" {
		list := struct {
			Rules []ruleJSON `json:"rules"`
		}{}
		for _, r := range ruleset.All() {
			list.Rules = append(list.Rules, describeRule(r))
		}
		return document.Write(a.Out, list)
	}
	return writeRuleTable(a.Out)
}

func writeRuleTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range ruleset.All() {
		severity := string(r.Severity)
		if r.Fixed {
			severity += ", fixed"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", r.ID, severity, r.Title)
	}
	return t.Flush()
}
