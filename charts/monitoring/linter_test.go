// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// linterRule is a published rule of Grafana's dashboard-linter
// (https://github.com/grafana/dashboard-linter/blob/main/docs/index.md).
type linterRule struct {
	name string
	// check returns the places that break the rule, each with its problem.
	check func(*dashboard) violations
	// spoil makes a dashboard break the rule.
	spoil func(*dashboard)
}

// violations has one entry for each variable ("job"), panel ("Alerts") or target ("Alerts/A").
type violations map[string]string

// linterRules are all rules for dashboards of Prometheus, except target-promql-rule, which
// TestPanelsParse checks with promtool.
func linterRules() []linterRule {
	return []linterRule{
		{"uneditable-dashboard-rule", checkEditable, func(d *dashboard) { d.Editable = true }},
		{"template-datasource-rule", checkDatasourceVariable,
			spoilVariable("datasource", func(v *variable) { v.Label = "Source" })},
		{"template-job-rule", checkVariable("job", "Job"),
			spoilVariable("job", func(v *variable) { v.AllValue = ".*" })},
		{"template-instance-rule", checkVariable("instance", "Instance"),
			spoilVariable("instance", func(v *variable) { v.Multi = false })},
		{"template-label-promql-rule", checkVariableQueries,
			spoilVariable("job", func(v *variable) { v.Definition = "up" })},
		{"template-on-time-change-reload-rule", checkVariableReload,
			spoilVariable("job", func(v *variable) { v.Refresh = 1 })},
		{"panel-datasource-rule", checkPanelDatasource, spoilPanel(func(p *panel) { p.Datasource.UID = "prometheus" })},
		{"panel-title-description-rule", checkPanelTexts, spoilPanel(func(p *panel) { p.Description = "" })},
		{"panel-units-rule", checkPanelUnits, spoilPanel(func(p *panel) { p.FieldConfig.Defaults.Unit = "seconds" })},
		{"panel-no-targets-rule", checkPanelTargets, spoilPanel(func(p *panel) { p.Targets = nil })},
		{"target-rate-interval-rule", checkRateInterval, spoilExpr("rate(x_total{}[5m])")},
		{"target-job-rule", checkMatcher("job"), spoilExpr(`up{job="$job"}`)},
		{"target-instance-rule", checkMatcher("instance"), spoilExpr("up")},
		{"target-counter-agg-rule", checkCounters, spoilExpr("sum(x_total{})")},
	}
}

func spoilVariable(name string, change func(*variable)) func(*dashboard) {
	return func(d *dashboard) { change(d.findVariable(name)) }
}

func spoilPanel(change func(*panel)) func(*dashboard) {
	return func(d *dashboard) {
		change(&d.Panels[slices.IndexFunc(d.Panels, func(p panel) bool { return p.Title == "Phase" })])
	}
}

func spoilExpr(expr string) func(*dashboard) {
	return spoilPanel(func(p *panel) { p.Targets[0].Expr = expr })
}

// linterExceptions returns the accepted violations of each rule, with reasons.
func linterExceptions() map[string]violations {
	const noSeries = "ALERTS has the labels of the alert, and most alerts are about a whole workload"
	const sameWindow = "the lines are thresholds of alerts, so the windows are those of the alerts"
	return map[string]violations{
		"target-job-rule":      {"Alerts/A": noSeries},
		"target-instance-rule": {"Alerts/A": noSeries},
		"target-rate-interval-rule": {
			"Share of failures/A": sameWindow,
			"Share of failures/B": sameWindow,
			"Share of failures/C": sameWindow,
		},
	}
}

func TestLinterRules(t *testing.T) {
	d := readDashboard(t)
	for _, rule := range linterRules() {
		found := rule.check(&d)
		accepted := linterExceptions()[rule.name]
		for where, what := range found {
			if accepted[where] == "" {
				t.Errorf("%s: %s: %s", rule.name, where, what)
			}
		}
		for where := range accepted {
			if found[where] == "" {
				t.Errorf("%s: the exception for %s is not needed", rule.name, where)
			}
		}
	}
}

// TestLinterRulesFail checks that each rule finds a violation in a spoiled dashboard.
func TestLinterRulesFail(t *testing.T) {
	for _, rule := range linterRules() {
		d := readDashboard(t)
		before := len(rule.check(&d))
		rule.spoil(&d)
		if after := len(rule.check(&d)); after != before+1 {
			t.Errorf("%s: %d violations became %d in a dashboard that breaks the rule once", rule.name, before, after)
		}
	}
}

func (d *dashboard) findVariable(name string) *variable {
	i := slices.IndexFunc(d.Templating.List, func(v variable) bool { return v.Name == name })
	if i < 0 {
		return &variable{}
	}
	return &d.Templating.List[i]
}

// checkVariables returns the violations that check finds in the variables of a type.
func (d *dashboard) checkVariables(kind string, check func(variable) string) violations {
	found := violations{}
	for _, v := range d.Templating.List {
		if v.Type != kind {
			continue
		}
		if what := check(v); what != "" {
			found[v.Name] = what
		}
	}
	return found
}

// checkPanels returns the violations that check finds in panels, except for the titles of rows.
func (d *dashboard) checkPanels(check func(panel) string) violations {
	found := violations{}
	for _, p := range d.Panels {
		if p.Type == "row" {
			continue
		}
		if what := check(p); what != "" {
			found[p.Title] = what
		}
	}
	return found
}

// checkTargets returns the violations that check finds in expressions.
func (d *dashboard) checkTargets(check func(expr string) string) violations {
	found := violations{}
	for _, p := range d.Panels {
		for _, q := range p.Targets {
			if what := check(q.Expr); what != "" {
				found[p.Title+"/"+q.RefID] = what
			}
		}
	}
	return found
}

func checkEditable(d *dashboard) violations {
	if d.Editable {
		return violations{d.Title: "the dashboard is editable, although the chart is its source"}
	}
	return nil
}

func checkDatasourceVariable(d *dashboard) violations {
	sources := 0
	found := d.checkVariables("datasource", func(v variable) string {
		sources++
		if v.Name != "datasource" || v.Label != "Data source" || v.Query != "prometheus" {
			return fmt.Sprintf("name %s, label %s, query %v", v.Name, v.Label, v.Query)
		}
		return ""
	})
	if sources != 1 {
		found["datasource"] = fmt.Sprintf("%d data sources", sources)
	}
	return found
}

// checkVariable checks a variable that every target must use.
func checkVariable(name, label string) func(*dashboard) violations {
	source := datasource{"${datasource}"}
	want := variable{Name: name, Label: label, Type: "query", Datasource: source, Multi: true, AllValue: ".+"}
	return func(d *dashboard) violations {
		got := *d.findVariable(name)
		// Other rules check these.
		got.Query = nil
		got.Definition = ""
		got.Refresh = 0
		if got != want {
			return violations{name: fmt.Sprintf("got %+v, want %+v", got, want)}
		}
		return nil
	}
}

// checkVariableQueries checks the form of queries. TestPanelsParse checks their selectors.
func checkVariableQueries(d *dashboard) violations {
	return d.checkVariables("query", func(v variable) string {
		query, _ := v.Query.(map[string]any)
		if !variableSelector.MatchString(v.Definition) || query["query"] != v.Definition {
			return fmt.Sprintf("definition %s, query %v", v.Definition, v.Query)
		}
		return ""
	})
}

func checkVariableReload(d *dashboard) violations {
	const onTimeRangeChange = 2
	return d.checkVariables("query", func(v variable) string {
		if v.Refresh != onTimeRangeChange {
			return "the values are not read again when the time range changes"
		}
		return ""
	})
}

func checkPanelDatasource(d *dashboard) violations {
	return d.checkPanels(func(p panel) string {
		for _, q := range p.Targets {
			if q.Datasource != p.Datasource {
				return "a target has a data source of its own: " + q.Datasource.UID
			}
		}
		if p.Datasource.UID != "${datasource}" {
			return "data source " + p.Datasource.UID
		}
		return ""
	})
}

func checkPanelTexts(d *dashboard) violations {
	return d.checkPanels(func(p panel) string {
		if p.Title == "" || p.Description == "" {
			return "no title or no description"
		}
		return ""
	})
}

// grafanaUnits are the units of Grafana that our metrics can have.
var grafanaUnits = []string{"none", "short", "percentunit", "s", "bytes", "reqps", "ops", "dateTimeFromNow"}

func checkPanelUnits(d *dashboard) violations {
	return d.checkPanels(func(p panel) string {
		if unit := p.FieldConfig.Defaults.Unit; !slices.Contains(grafanaUnits, unit) {
			return fmt.Sprintf("unit %q", unit)
		}
		return ""
	})
}

func checkPanelTargets(d *dashboard) violations {
	return d.checkPanels(func(p panel) string {
		if len(p.Targets) == 0 {
			return "no target"
		}
		return ""
	})
}

var rateWindow = regexp.MustCompile(`\bi?rate\([a-z_]+\{[^}]*\}\[([^\]]+)\]`)

func checkRateInterval(d *dashboard) violations {
	return d.checkTargets(func(expr string) string {
		for _, m := range rateWindow.FindAllStringSubmatch(expr, -1) {
			if m[1] != "$__rate_interval" {
				return "rate over " + m[1]
			}
		}
		return ""
	})
}

// checkMatcher checks that each metric of each target has the matcher of a variable.
func checkMatcher(name string) func(*dashboard) violations {
	matcher := fmt.Sprintf(`%s=~"$%s"`, name, name)
	return func(d *dashboard) violations {
		return d.checkTargets(func(expr string) string {
			metrics := 0
			for _, token := range lex(expr) {
				if token.kind == metric {
					metrics++
				}
			}
			if matchers := strings.Count(expr, matcher); matchers != metrics {
				return fmt.Sprintf("%d metrics, and %d of them with %s", metrics, matchers, matcher)
			}
			return ""
		})
	}
}

var (
	counter        = regexp.MustCompile(`[a-z_]+_total\b`)
	rangedIncrease = regexp.MustCompile(`\b(?:rate|irate|increase)\([a-z_]+_total\{[^}]*\}\[`)
)

func checkCounters(d *dashboard) violations {
	return d.checkTargets(func(expr string) string {
		all := len(counter.FindAllString(expr, -1))
		if ranged := len(rangedIncrease.FindAllString(expr, -1)); ranged != all {
			return fmt.Sprintf("%d counters, and %d of them in rate, irate or increase", all, ranged)
		}
		return ""
	})
}
