// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"html/template"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/internal/needs"
)

var pictures = flag.String("pictures", "", "draw the dashboard of the drill into this directory")

const (
	dashboardFile = root + "/charts/workspaces-release/files/dashboard.json"
	// maxPicture limits a picture for docs/, in bytes.
	maxPicture = 200 << 10
	column     = 58 // in pixels; Grafana has 24 columns
	line       = 26 // height of a grid unit, in pixels
)

// model is the part of Grafana's dashboard model that is drawn.
type model struct {
	Title  string       `json:"title"`
	Panels []panelModel `json:"panels"`
}

type panelModel struct {
	Type  string                   `json:"type"`
	Title string                   `json:"title"`
	Grid  struct{ X, Y, W, H int } `json:"gridPos"`
	// Targets are the queries.
	Targets []struct {
		Expr   string `json:"expr"`
		Legend string `json:"legendFormat"`
	} `json:"targets"`
	Field struct {
		Defaults struct {
			Unit     string `json:"unit"`
			Mappings []struct {
				Options map[string]struct{ Text, Color string } `json:"options"`
			} `json:"mappings"`
			Thresholds struct {
				Steps []struct {
					Color string   `json:"color"`
					Value *float64 `json:"value"`
				} `json:"steps"`
			} `json:"thresholds"`
			Custom struct {
				Stacking struct{ Mode string } `json:"stacking"`
			} `json:"custom"`
		} `json:"defaults"`
		Overrides []struct {
			Matcher    struct{ Options string } `json:"matcher"`
			Properties []struct {
				Value struct{ FixedColor string } `json:"value"`
			} `json:"properties"`
		} `json:"overrides"`
	} `json:"fieldConfig"`
}

// point is a value at a time, in seconds.
type point struct{ At, Value float64 }

// series is a result of a query.
type series struct {
	Name, Text, Color string
	Labels            map[string]string
	Points            []point
}

func (s *series) last() float64 { return s.Points[len(s.Points)-1].Value }

// drawDashboard runs the queries of the dashboard for a namespace and a time span, and draws the
// results.
func drawDashboard(t *testing.T, prometheus program, namespace, caption string, since time.Time) {
	t.Helper()
	if *pictures == "" {
		return
	}
	data, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	var d model
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatal(err)
	}
	span := [2]time.Time{since.Add(-time.Second), time.Now()}
	page := pageModel{Title: d.Title, Caption: fmt.Sprintf("%s, with time scaled down by %d", caption, scale)}
	for _, p := range d.Panels {
		page.add(newDrawing(&p, queried(t, prometheus, namespace, &p, span), span))
	}
	var html bytes.Buffer
	if err := template.Must(template.ParseFiles("testdata/dashboard.html")).Execute(&html, page); err != nil {
		t.Fatal(err)
	}
	shoot(t, html.Bytes(), filepath.Join(*pictures, "dashboard-"+namespace+".png"), 24*column+24, page.Height+40)
}

// shoot takes a screenshot of the page in a browser.
func shoot(t *testing.T, html []byte, to string, width, height int) {
	t.Helper()
	dir := t.TempDir()
	page := filepath.Join(dir, "page.html")
	if err := os.WriteFile(page, html, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, needs.Program(t, "chromium"),
		"--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-dev-shm-usage",
		"--user-data-dir="+filepath.Join(dir, "profile"), "--screenshot="+to, fmt.Sprintf("--window-size=%d,%d", width, height), "file://"+page)
	cmd.WaitDelay = patience
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if info, err := os.Stat(to); err != nil || info.Size() > maxPicture {
		t.Errorf("%s is missing or larger than %d bytes: %v", to, maxPicture, err)
	}
}

// queried runs the queries of a panel.
func queried(t *testing.T, prometheus program, namespace string, p *panelModel, span [2]time.Time) []series {
	t.Helper()
	fill := strings.NewReplacer("$__rate_interval", milliseconds(8*interval), "$cluster", ".*", "$namespace", namespace,
		"$job", ".+", "$instance", ".*")
	var all []series
	for _, q := range p.Targets {
		var answer struct {
			Data struct {
				Result []struct {
					Metric map[string]string `json:"metric"`
					Values [][2]any          `json:"values"`
				} `json:"result"`
			} `json:"data"`
		}
		prometheus.get(t, "/api/v1/query_range", &answer, "query", fill.Replace(q.Expr), "step", "0.25",
			"start", fmt.Sprint(span[0].UnixMilli()/1000), "end", fmt.Sprint(span[1].UnixMilli()/1000))
		for _, r := range answer.Data.Result {
			s := series{Name: legend(q.Legend, r.Metric), Labels: r.Metric}
			for _, v := range r.Values {
				text, _ := v[1].(string)
				value, err := strconv.ParseFloat(text, 64)
				if at, ok := v[0].(float64); ok && err == nil && value == value { // skip NaN
					s.Points = append(s.Points, point{at, value})
				}
			}
			if len(s.Points) > 0 {
				all = append(all, s)
			}
		}
	}
	slices.SortFunc(all, func(a, b series) int { return strings.Compare(a.Name, b.Name) })
	return all
}

var legendLabel = regexp.MustCompile(`\{\{(\w+)\}\}`)

func legend(format string, labels map[string]string) string {
	return legendLabel.ReplaceAllStringFunc(format, func(s string) string { return labels[strings.Trim(s, "{}")] })
}
