// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"bytes"
	"encoding/json"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/internal/needs"
)

// resource is the part of a rendered manifest that the tests read.
type resource struct {
	Kind     string `yaml:"kind"`
	Metadata struct {
		Name   string            `yaml:"name"`
		Labels map[string]string `yaml:"labels"`
	} `yaml:"metadata"`
	Data map[string]string `yaml:"data"`
	Spec yaml.Node         `yaml:"spec"`
}

// template runs helm template with lines of --set, in the namespace prod.
func template(t *testing.T, sets ...string) (string, error) {
	t.Helper()
	args := []string{"template", "r", chart, "--namespace", "prod", "--kube-version", "1.37.0"}
	for _, s := range sets {
		args = append(args, "--set", "monitoring."+s)
	}
	out, err := exec.Command(needs.Program(t, "helm"), args...).CombinedOutput()
	return string(out), err
}

// render returns the resources by kind that the monitoring values add.
func render(t *testing.T, sets ...string) map[string]resource {
	t.Helper()
	out, err := template(t, sets...)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	all := map[string]resource{}
	for dec := yaml.NewDecoder(strings.NewReader(out)); ; {
		var r resource
		if err := dec.Decode(&r); err != nil {
			return all
		}
		if r.Kind == "ConfigMap" && !strings.HasSuffix(r.Metadata.Name, "-dashboard") {
			continue
		}
		all[r.Kind] = r
	}
}

// rendered returns the alerts that the chart renders with the values.
func rendered(t *testing.T, sets ...string) []Rule {
	t.Helper()
	var f File
	r := render(t, append(sets, "prometheusRule.enabled=true")...)["PrometheusRule"]
	if err := r.Spec.Decode(&f); err != nil {
		t.Fatal(err)
	}
	return f.Alerts()
}

func TestNothingIsRenderedByDefault(t *testing.T) {
	kinds := render(t)
	for _, k := range []string{"PodMonitor", "ServiceMonitor", "PrometheusRule", "ConfigMap", "GrafanaDashboard"} {
		if _, there := kinds[k]; there {
			t.Errorf("%s is rendered, which not every cluster knows", k)
		}
	}
}

// TestRuleIsTheFile checks that the chart deploys the rules that promtool tests, except for the namespace.
func TestRuleIsTheFile(t *testing.T) {
	want := alerts(t)
	got := rendered(t, "prometheusRule.scope=all")
	normal := cmp.Transformer("trim", func(r Rule) Rule { r.Expr = strings.TrimSpace(r.Expr); return r })
	if diff := cmp.Diff(want, got, cmp.FilterPath(func(p cmp.Path) bool { return len(p) == 2 }, normal)); diff != "" {
		t.Error(diff)
	}
}

func TestRuleIsOfTheNamespace(t *testing.T) {
	selector := regexp.MustCompile(`\{[^}]*\}`)
	for _, r := range rendered(t) {
		for _, s := range selector.FindAllString(r.Expr, -1) {
			if !strings.Contains(s, `namespace="prod"`) {
				t.Errorf("%s: %s is of any namespace", r.Alert, s)
			}
		}
	}
}

func TestEachAlertCanBeChanged(t *testing.T) {
	without := []string{"Failing", "ReleaseReplaced", "NotSucceeded", "RolloutBlocked", "GateOpenedUnconfirmed",
		"TokenRejected", "ManifestRejected", "ConfigReloadFailed", "WatchDegraded", "MetricsAbsent",
		"ReleaseNotConfirmed", "SidecarNotRunning", "SidecarMissing", "Warning"}
	for _, r := range alerts(t) {
		t.Run(r.Alert, func(t *testing.T) {
			t.Parallel()
			at := "prometheusRule.alerts." + r.Alert + "."
			sets := []string{at + "for=17m", at + "severity=page", at + "labels.team=a", "prometheusRule.alertLabels.team=b",
				"prometheusRule.runbookBaseURL=https://wiki/"}
			if !slices.ContainsFunc(without, func(name string) bool { return r.Alert == "WorkspacesImport"+name }) {
				sets = append(sets, at+"threshold=4711")
			} else if out, err := template(t, "prometheusRule.enabled=true", at+"threshold=4711"); err == nil ||
				!strings.Contains(out, at+"threshold") {
				t.Errorf("a threshold is accepted that changes nothing: %v\n%s", err, out)
			}
			all := rendered(t, sets...)
			n := slices.IndexFunc(all, func(one Rule) bool { return one.Alert == r.Alert })
			got := all[n]
			if got.For != "17m" || !maps.Equal(got.Labels, map[string]string{"severity": "page", "team": "a"}) {
				t.Errorf("for %s, labels %v", got.For, got.Labels)
			}
			if want := "https://wiki/" + r.Runbook() + ".md"; got.Annotations["runbook_url"] != want {
				t.Errorf("runbook %s, want %s", got.Annotations["runbook_url"], want)
			}
			if strings.Contains(got.Expr, "4711") != (len(sets) == 6) ||
				regexp.MustCompile(`[<>] [0-9.]+\n`).MatchString(strings.ReplaceAll(got.Expr, " 4711\n", "")) {
				t.Errorf("not the threshold that was asked for: %s", got.Expr)
			}
			if other := all[(n+1)%len(all)]; other.Labels["team"] != "b" || other.For == "17m" ||
				strings.Contains(other.Expr, "4711") {
				t.Errorf("another alert was changed: %+v", other)
			}
			if off := rendered(t, at+"enabled=false"); len(off) != len(all)-1 ||
				slices.ContainsFunc(off, func(one Rule) bool { return one.Alert == r.Alert }) {
				t.Errorf("%d alerts without it, want %d", len(off), len(all)-1)
			}
		})
	}
}

func TestChangedRulesAreValid(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rules.yaml")
	f := File{Groups: []Group{{Name: "all", Rules: rendered(t,
		"prometheusRule.alerts.WorkspacesImportPlatformFailing.threshold=0.5")}}}
	if err := f.Write(path); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(promtool(t), "check", "rules", "--lint-fatal", path).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestMistakesAreTold(t *testing.T) {
	for _, c := range []struct {
		want string
		sets []string
	}{
		{"alerts.WorkspacesImportSlwo: there is no such alert", []string{"prometheusRule.enabled=true", "prometheusRule.alerts.WorkspacesImportSlwo.enabled=false"}},
		{"podMonitor or serviceMonitor, not both", []string{"podMonitor.enabled=true", "serviceMonitor.enabled=true"}},
	} {
		if out, err := template(t, c.sets...); err == nil || !strings.Contains(out, c.want) {
			t.Errorf("%v: %v, want %q in\n%s", c.sets, err, c.want, out)
		}
	}
}

func TestMonitors(t *testing.T) {
	for kind, value := range map[string]string{"PodMonitor": "podMonitor", "ServiceMonitor": "serviceMonitor"} {
		r, there := render(t, value+".enabled=true", value+".labels.release=prometheus", value+".interval=7s",
			value+".relabelings[0].action=labeldrop", value+".relabelings[0].regex=instance",
			"selectorLabels.app=prismeai-workspaces")[kind]
		if !there || r.Metadata.Labels["release"] != "prometheus" {
			t.Errorf("%s: %+v", kind, r)
		}
		spec, err := yaml.Marshal(r.Spec)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{`matchNames: ["prod"]`, "app: prismeai-workspaces", "port: metrics", "interval: 7s",
			"action: labeldrop"} {
			if !strings.Contains(string(spec), want) {
				t.Errorf("%s: no %q in\n%s", kind, want, spec)
			}
		}
	}
}

func TestDashboardIsRendered(t *testing.T) {
	all := render(t, "dashboard.enabled=true", "dashboard.grafanaDashboard.enabled=true")
	cm := all["ConfigMap"]
	var want, got bytes.Buffer
	if err := json.Compact(&want, readFile(t, dashboardFile)); err != nil {
		t.Fatal(err)
	}
	// File, uid and title name the release, so that two of them do not overwrite each other.
	uid := regexp.MustCompile(`"workspaces-release-[0-9a-f]{12}"`)
	text := uid.ReplaceAllString(cm.Data["prod-r-workspaces-release.json"], `"workspaces-release"`)
	text = strings.Replace(text, " (prod/r-workspaces-release)", "", 1)
	if err := json.Compact(&got, []byte(text)); err != nil || !bytes.Equal(want.Bytes(), got.Bytes()) {
		t.Errorf("the ConfigMap has another dashboard than the file: %v", err)
	}
	if cm.Metadata.Labels["grafana_dashboard"] != "1" {
		t.Errorf("labels %v", cm.Metadata.Labels)
	}
	spec, err := yaml.Marshal(all["GrafanaDashboard"].Spec)
	if err != nil || !strings.Contains(string(spec), "name: "+cm.Metadata.Name+"\n") {
		t.Errorf("the GrafanaDashboard does not read %s: %s", cm.Metadata.Name, spec)
	}
}
