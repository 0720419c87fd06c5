// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const dashboardFile = chart + "/files/dashboard.json"

// dashboard is the part of Grafana's model that the tests read.
type dashboard struct {
	Title      string  `json:"title"`
	Editable   bool    `json:"editable"`
	Panels     []panel `json:"panels"`
	Templating struct {
		List []variable `json:"list"`
	} `json:"templating"`
	Annotations struct {
		List []struct{ Expr string } `json:"list"`
	} `json:"annotations"`
}

// variable is a choice at the top of the dashboard.
type variable struct {
	Name       string     `json:"name"`
	Label      string     `json:"label"`
	Type       string     `json:"type"`
	Datasource datasource `json:"datasource"`
	// Query is an object for a query, and the type of a data source.
	Query      any    `json:"query"`
	Definition string `json:"definition"`
	Refresh    int    `json:"refresh"`
	Multi      bool   `json:"multi"`
	AllValue   string `json:"allValue"`
}

type datasource struct {
	UID string `json:"uid"`
}

type panel struct {
	ID          int                      `json:"id"`
	Type        string                   `json:"type"`
	Title       string                   `json:"title"`
	Description string                   `json:"description"`
	Datasource  datasource               `json:"datasource"`
	Grid        struct{ X, Y, W, H int } `json:"gridPos"`
	Targets     []target                 `json:"targets"`
	FieldConfig struct {
		Defaults struct {
			Unit string `json:"unit"`
		} `json:"defaults"`
	} `json:"fieldConfig"`
}

// target is a query in a panel.
type target struct {
	RefID      string     `json:"refId"`
	Expr       string     `json:"expr"`
	Datasource datasource `json:"datasource"`
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	var d dashboard
	if err := json.Unmarshal(readFile(t, dashboardFile), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Panels) < 15 {
		t.Fatalf("only %d panels", len(d.Panels))
	}
	return d
}

func TestPanels(t *testing.T) {
	ids, taken := map[int]bool{}, map[[2]int]int{}
	for _, p := range readDashboard(t).Panels {
		if p.ID == 0 || ids[p.ID] {
			t.Errorf("the id %d is 0 or there twice", p.ID)
		}
		ids[p.ID] = true
		if p.Grid.W == 0 || p.Grid.H == 0 || p.Grid.X+p.Grid.W > 24 {
			t.Errorf("panel %d does not fit the grid: %+v", p.ID, p.Grid)
		}
		for x := p.Grid.X; x < p.Grid.X+p.Grid.W; x++ {
			for y := p.Grid.Y; y < p.Grid.Y+p.Grid.H; y++ {
				if other := taken[[2]int{x, y}]; other != 0 {
					t.Fatalf("panels %d and %d overlap", other, p.ID)
				}
				taken[[2]int{x, y}] = p.ID
			}
		}
		for _, q := range p.Targets {
			if selectors := strings.Count(q.Expr, "{"); strings.Count(q.Expr,
				`{cluster=~"$cluster", namespace="$namespace"`) != selectors {
				t.Errorf("panel %d has a selector of any cluster or namespace: %s", p.ID, q.Expr)
			}
		}
	}
}

// variableSelector matches the selector in the query of a variable.
var variableSelector = regexp.MustCompile(`^label_values\((.+), [a-z]+\)$`)

// expressions returns the expressions of panels, annotations and variables, with Grafana's variables filled in.
func expressions(t *testing.T) []string {
	t.Helper()
	d := readDashboard(t)
	fill := strings.NewReplacer("$__rate_interval", "5m", "$cluster", ".*", "$namespace", "prod", "$job", ".+",
		"$instance", ".*")
	var all []string
	for _, p := range d.Panels {
		for _, q := range p.Targets {
			all = append(all, fill.Replace(q.Expr))
		}
	}
	for _, a := range d.Annotations.List {
		all = append(all, fill.Replace(a.Expr))
	}
	for _, v := range d.Templating.List {
		if m := variableSelector.FindStringSubmatch(v.Definition); m != nil {
			all = append(all, fill.Replace(m[1]))
		}
	}
	return all
}

// TestPanelsParse parses each expression with promtool, as a rule.
func TestPanelsParse(t *testing.T) {
	g := Group{Name: "panels"}
	for _, e := range expressions(t) {
		if strings.Contains(e, "$") {
			t.Errorf("an unknown variable in %s", e)
		}
		g.Rules = append(g.Rules, Rule{Record: "panel", Expr: e})
	}
	path := filepath.Join(t.TempDir(), "panels.yaml")
	if err := (&File{Groups: []Group{g}}).Write(path); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(promtool(t), "check", "rules", "--lint=none", path).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// exported returns the names and labels in the golden exposition of the metrics.
func exported(t *testing.T) map[string]map[string]bool {
	t.Helper()
	line := regexp.MustCompile(`^([a-z_]+)(?:\{(.*)\})? `)
	label := regexp.MustCompile(`([a-z_]+)="`)
	all := map[string]map[string]bool{}
	for l := range strings.Lines(string(readFile(t, exposition))) {
		m := line.FindStringSubmatch(l)
		if m == nil {
			continue
		}
		if all[m[1]] == nil {
			all[m[1]] = map[string]bool{}
		}
		for _, name := range label.FindAllStringSubmatch(m[2], -1) {
			all[m[1]][name[1]] = true
		}
	}
	return all
}

// foreign returns the metrics of Prometheus and kube-state-metrics that we use, with their labels. Without
// honorLabels, kube-state-metrics calls its labels exported_….
func foreign() map[string]map[string]bool {
	ofPod := []string{"exported_namespace", "exported_pod", "exported_container"}
	all := map[string][]string{
		"up":                                     nil,
		"ALERTS":                                 {"alertname", "alertstate"},
		"kube_pod_info":                          append(ofPod, "created_by_name"),
		"kube_pod_status_phase":                  append(ofPod, "phase"),
		"kube_pod_container_info":                ofPod,
		"kube_pod_init_container_info":           ofPod,
		"kube_pod_container_status_running":      ofPod,
		"kube_pod_init_container_status_running": ofPod,
	}
	known := map[string]map[string]bool{}
	for name, labels := range all {
		known[name] = map[string]bool{}
		for _, l := range labels {
			known[name][l] = true
		}
	}
	return known
}

// TestMetricsExist checks that dashboard and alerts use only metrics of the sidecar, Prometheus and
// kube-state-metrics.
func TestMetricsExist(t *testing.T) {
	known := exported(t)
	for name, labels := range foreign() {
		known[name] = labels
	}
	all := expressions(t)
	for _, r := range alerts(t) {
		all = append(all, r.Expr)
	}
	uses, at := 0, ""
	for _, e := range all {
		for _, token := range lex(e) {
			switch {
			case token.kind == metric:
				at = token.text
				if uses++; known[at] == nil {
					t.Errorf("no metric %s: %s", at, e)
				}
			case token.kind == matchLabel && !hasLabel(known[at], token.text),
				token.kind == listLabel && !anyHasLabel(known, token.text):
				t.Errorf("%s has no label %s: %s", at, token.text, e)
			}
		}
	}
	if uses < 80 {
		t.Errorf("only %d uses of metrics were found", uses)
	}
}

// hasLabel accepts the labels that Prometheus adds to every series of a pod.
func hasLabel(labels map[string]bool, name string) bool {
	return labels[name] || slices.Contains([]string{"cluster", "namespace", "job", "instance", "pod", "container"}, name)
}

func anyHasLabel(known map[string]map[string]bool, name string) bool {
	for _, labels := range known {
		if hasLabel(labels, name) {
			return true
		}
	}
	return false
}
