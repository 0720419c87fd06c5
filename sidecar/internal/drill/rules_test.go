// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/charts/monitoring"
)

const (
	root      = "../../.."
	rulesFile = root + "/charts/workspaces-release/files/alerts.yaml"
	// scale is the divisor of all durations.
	scale = 60
	// interval is the scrape and evaluation interval.
	interval = time.Second
)

func alerts(t *testing.T) []monitoring.Rule {
	t.Helper()
	return rules(t).Alerts()
}

func rules(t *testing.T) *monitoring.File {
	t.Helper()
	f, err := monitoring.Read(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// inSeconds lists the alerts with an age as threshold. The threshold of the token alert is not
// scaled, because the drill's token expires in an hour.
var inSeconds = []string{"Stuck", "Slow", "LockWaitLong", "LockHolderDead"}

// remembered is the time that alerts look back, in the drill.
var remembered = map[string]time.Duration{"MetricsAbsent": 5 * interval, "ReleaseNotConfirmed": 10 * interval}

var (
	threshold = regexp.MustCompile(`(?m)> ([0-9]+)$`)
	window    = regexp.MustCompile(`\[\w+[]:]`)
	// minimum matches the minimum number of failed requests of an alert. Windows are shorter in the
	// drill.
	minimum = regexp.MustCompile(`> 20\)`)
)

// scaled returns the rules with all durations divided, and the time until each alert fires.
func scaled(t *testing.T) (*monitoring.File, map[string]time.Duration) {
	t.Helper()
	f, lasts := rules(t), map[string]time.Duration{}
	for g := range f.Groups {
		f.Groups[g].Interval = milliseconds(interval)
		for n := range f.Groups[g].Rules {
			r := &f.Groups[g].Rules[n]
			wait := divided(t, r.For)
			r.For = milliseconds(wait)
			r.Expr = minimum.ReplaceAllString(r.Expr, "> 0)")
			r.Expr = strings.ReplaceAll(r.Expr, ":1m]", ":"+milliseconds(interval)+"]")
			r.Expr = window.ReplaceAllStringFunc(r.Expr, func(w string) string {
				end := w[len(w)-1:]
				return "[" + milliseconds(max(divided(t, strings.Trim(w, "[]:")), 5*interval)) + end
			})
			for _, name := range inSeconds {
				if r.Alert == "WorkspacesImport"+name {
					wait += age(t, r)
				}
			}
			lasts[r.Alert] = wait + remembered[strings.TrimPrefix(r.Alert, "WorkspacesImport")]
		}
	}
	return f, lasts
}

// age divides the threshold of a rule and returns it.
func age(t *testing.T, r *monitoring.Rule) time.Duration {
	t.Helper()
	m := threshold.FindStringSubmatch(r.Expr)
	if m == nil {
		t.Fatalf("%s has no threshold: %s", r.Alert, r.Expr)
	}
	d := divided(t, m[1]+"s")
	r.Expr = threshold.ReplaceAllString(r.Expr, "> "+strconv.FormatFloat(d.Seconds(), 'f', -1, 64))
	return d
}

func divided(t *testing.T, duration string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(duration)
	if err != nil {
		t.Fatal(err)
	}
	return d / scale
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%dms", d.Milliseconds()) }
