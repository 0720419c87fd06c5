// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/prismeai/workspaces-release/internal/golden"
	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/version"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// example returns the metrics of a busy sidecar.
func example() *Metrics {
	store := state.NewStore()
	now := time.Now()
	store.Update(func(s *state.Snapshot) {
		s.Phase, s.Mode = state.Import, "import"
		s.LastAttempt, s.LastProgress = &now, &now
		s.Release = state.Release{Name: "v1", Repository: "release", RepositoryName: "Release v1", ManifestDigest: "sha256:1",
			Verification: state.Full}
		s.Groups = []state.Group{
			{Name: "base1", State: state.GroupConfirmed, Workspaces: []state.Workspace{{Slug: "a", Version: "v1", State: state.WorkspaceImported}}},
			{Name: "base2", State: state.GroupFailed, Workspaces: []state.Workspace{{Slug: "b", Version: "v1", State: state.WorkspaceFailed}}},
		}
		s.Problem = state.NewProblem(state.ImportErrors, "broken", "base2")
		s.Lock = &state.LockInfo{By: "pod-1", Since: now}
	})
	m := New(store, Options{Workspaces: true, Build: version.Info{Version: "v9", Go: "go1.26"}})
	m.Pass("", 2*time.Second)
	m.Pass(state.ImportErrors, time.Second)
	m.Group("base2", state.ImportErrors, time.Second)
	m.LockWait(3 * time.Second)
	m.Request(platform.OpPull, "200", time.Second)
	m.Request(platform.OpPull, "799", time.Second)
	m.Reload(true)
	m.Reload(false)
	m.FileChanged("token")
	m.WatchMode("inotify")
	return m
}

func scrape(t *testing.T, m *Metrics, accept string) string {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("HTTP %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// TestExposition compares names, labels and help texts with the golden, because dashboards and
// alerts depend on them.
func TestExposition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got strings.Builder
		for line := range strings.Lines(scrape(t, example(), "text/plain")) {
			if strings.Contains(line, prefix) {
				got.WriteString(line)
			}
		}
		golden.Compare(t, "testdata/exposition.txt", got.String())
	})
}

func TestPromlint(t *testing.T) {
	problems, err := testutil.GatherAndLint(example().Gatherer())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestOpenMetricsIsNegotiated(t *testing.T) {
	if got := scrape(t, example(), "application/openmetrics-text; version=1.0.0"); !strings.HasSuffix(got, "# EOF\n") {
		t.Errorf("no OpenMetrics: …%s", got[len(got)-50:])
	}
}

func TestWorkspacesAreCapped(t *testing.T) {
	for on, want := range map[bool]int{false: 0, true: MaxWorkspaces} {
		store := state.NewStore()
		all := make([]state.Workspace, MaxWorkspaces+5)
		for i := range all {
			all[i] = state.Workspace{Slug: strings.Repeat("x", i+1), State: state.WorkspacePending}
		}
		store.Update(func(s *state.Snapshot) { s.Groups = []state.Group{{Name: "g", Workspaces: all}} })
		got, err := testutil.GatherAndCount(New(store, Options{Workspaces: on}).Gatherer(), prefix+"workspace_info")
		if err != nil || got != want {
			t.Errorf("%d series, want %d, %v", got, want, err)
		}
	}
}

// TestStartingServiceIsNotAFailure checks that 502, 503 and 504 count as failures only after
// another response to the same operation.
func TestStartingServiceIsNotAFailure(t *testing.T) {
	m := New(state.NewStore(), Options{})
	for _, code := range []string{"not_sent", "502", "503", "504", "500", "503"} {
		m.Request(platform.OpWorkspace, code, time.Second)
	}
	for _, code := range []string{"timeout", "503", "200", "504"} {
		m.Request(platform.OpPull, code, time.Second)
	}
	want := map[string]float64{
		"workspace not_sent": 1, "workspace starting": 3, "workspace 500": 1, "workspace 503": 1,
		"pull timeout": 1, "pull starting": 1, "pull 200": 1, "pull 504": 1,
	}
	got := map[string]float64{}
	families, err := m.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != prefix+"platform_requests_total" {
			continue
		}
		for _, one := range f.GetMetric() {
			if v := one.GetCounter().GetValue(); v > 0 {
				got[one.GetLabel()[1].GetValue()+" "+one.GetLabel()[0].GetValue()] = v
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
