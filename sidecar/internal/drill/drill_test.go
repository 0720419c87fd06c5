// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// patience ends a wait for an event that does not come. It measures nothing.
const patience = 3 * time.Minute

// slack allows for a busy machine. Alerts additionally take a scrape and two evaluations. The tests
// of the rules in charts/monitoring check the times exactly.
const slack = 30 * time.Second

// seen is when an alert fired and resolved.
type seen struct{ firing, resolved time.Time }

// notes records the first observations, by namespace and alert.
type notes struct {
	mu  sync.Mutex
	all map[[2]string]*seen
}

// note records which alerts fire now, and which no longer do.
func (n *notes) note(firing map[[2]string]bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	for key := range firing {
		if n.all[key] == nil {
			n.all[key] = &seen{firing: now}
		}
	}
	for key, s := range n.all {
		if !firing[key] && s.resolved.IsZero() {
			s.resolved = now
		}
	}
}

func (n *notes) get(namespace, alert string) seen {
	n.mu.Lock()
	defer n.mu.Unlock()
	if s := n.all[[2]string{namespace, "WorkspacesImport" + alert}]; s != nil {
		return *s
	}
	return seen{}
}

// firing queries Prometheus for firing alerts.
func firing(t *testing.T, prometheus program) map[[2]string]bool {
	t.Helper()
	var answer struct {
		Data struct {
			Alerts []struct {
				Labels map[string]string `json:"labels"`
				State  string            `json:"state"`
			} `json:"alerts"`
		} `json:"data"`
	}
	prometheus.get(t, "/api/v1/alerts", &answer)
	out := map[[2]string]bool{}
	for _, a := range answer.Data.Alerts {
		if a.State == "firing" {
			out[[2]string{a.Labels["namespace"], a.Labels["alertname"]}] = true
		}
	}
	return out
}

// inbox receives the notifications of Alertmanager.
type inbox struct {
	mu   sync.Mutex
	sent map[[3]string]bool // namespace, alert, status
}

func (i *inbox) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var message struct {
		Alerts []struct {
			Status string            `json:"status"`
			Labels map[string]string `json:"labels"`
		} `json:"alerts"`
	}
	if err := json.NewDecoder(r.Body).Decode(&message); err != nil {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, a := range message.Alerts {
		i.sent[[3]string{a.Labels["namespace"], a.Labels["alertname"], a.Status}] = true
	}
}

func (i *inbox) has(namespace, alert, status string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.sent[[3]string{namespace, "WorkspacesImport" + alert, status}]
}

// TestDrill runs in real time and takes about a minute and a half.
func TestDrill(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for alerts, in real time")
	}
	prioritize(t)
	f, lasts := scaled(t)
	all, targets := conditions(t)
	kube := newCluster(t)
	ofCluster, pods := kube.conditions(t)
	all, targets = append(all, ofCluster...), append(targets, pods...)
	if len(all) != len(lasts) {
		t.Fatalf("%d conditions for %d alerts", len(all), len(lasts))
	}
	blocked, rollout := newPod(t, "blocked", "pod-0"), newRollout(t)
	blocked.begin("v2")
	targets = slices.Concat(targets, []target{newPod(t, "well", "well-0").target, blocked.target}, rollout.targets())
	simulated := len(targets)
	realOnes, more := real(t)
	all, targets = append(all, realOnes...), append(targets, more...)
	targets = append(targets, kube.target)

	dir := t.TempDir()
	if err := f.Write(filepath.Join(dir, "rules.yml")); err != nil {
		t.Fatal(err)
	}
	mail := &inbox{sent: map[[3]string]bool{}}
	hook := httptest.NewServer(mail)
	t.Cleanup(hook.Close)
	alertmanager := startAlertmanager(t, dir, hook.URL)
	prometheus := startPrometheus(t, dir, strings.TrimPrefix(alertmanager.url, "http://"), targets)
	awaitTargets(t, prometheus, simulated)

	began := map[string]time.Time{}
	for _, c := range all {
		began[c.namespace] = time.Now()
		c.begin()
	}
	blocked.unconfirm(state.GatePolicy{})
	go blocked.tryInVain(t.Context())
	go rollout.play(t.Context())

	log := &notes{all: map[[2]string]*seen{}}
	watch := func(done func() bool) bool {
		return poll(t.Context(), patience, func() bool { log.note(firing(t, prometheus)); return done() })
	}
	if !watch(func() bool { return allFire(log, all) }) {
		t.Error("not every alert fires")
	}
	for _, c := range all {
		took, limit := log.get(c.namespace,
			c.alert).firing.Sub(began[c.namespace]), lasts["WorkspacesImport"+c.alert]+3*interval
		t.Logf("%-27s fires after %6.2f s; it may take %6.2f s", c.namespace, took.Seconds(), limit.Seconds())
		if took > limit+slack {
			t.Errorf("%s fires after %s, want %s", c.namespace, took, limit)
		}
	}
	checkInhibition(t, alertmanager, mail)
	drawDashboard(t, prometheus, "rollout", "a rollout of two replicas", began["Failing"])
	drawDashboard(t, prometheus, "blocked", "an import that fails", began["Failing"])

	checkInhibited(t, mail, all)
	for _, c := range all {
		c.end()
	}
	if !watch(func() bool { return allResolve(log, all) }) {
		t.Error("not every alert resolves")
	}
	checkMail(t, mail, all)
	checkOthers(t, log, all)
}

func awaitTargets(t *testing.T, prometheus program, want int) {
	t.Helper()
	if !poll(t.Context(), patience, func() bool {
		var answer struct {
			Data struct{ Result []any } `json:"data"`
		}
		prometheus.get(t, "/api/v1/query", &answer, "query", `workspaces_import_build_info{namespace!~"real-.+"}`)
		return len(answer.Data.Result) == want
	}) {
		t.Fatal("Prometheus does not read every target")
	}
}

func allFire(log *notes, all []condition) bool {
	for _, c := range all {
		if log.get(c.namespace, c.alert).firing.IsZero() {
			return false
		}
	}
	return true
}

func allResolve(log *notes, all []condition) bool {
	for _, c := range all {
		if log.get(c.namespace, c.alert).resolved.IsZero() {
			return false
		}
	}
	return true
}

// checkInhibited checks that there was no notification of an inhibited alert while its cause fires.
// The cause may resolve first.
func checkInhibited(t *testing.T, mail *inbox, all []condition) {
	t.Helper()
	for _, c := range all {
		if c.inhibited && mail.has(c.namespace, c.alert, "firing") {
			t.Errorf("%s was notified, although it is inhibited", c.namespace)
		}
	}
}

// checkMail checks that there was a notification for each alert and its resolution, except for
// inhibited ones.
func checkMail(t *testing.T, mail *inbox, all []condition) {
	t.Helper()
	for _, c := range all {
		if c.inhibited {
			continue
		}
		for _, status := range []string{"firing", "resolved"} {
			if !poll(t.Context(), patience, func() bool { return mail.has(c.namespace, c.alert, status) }) {
				t.Errorf("no notification that %s is %s", c.namespace, status)
			}
		}
	}
}

// checkOthers checks that no unexpected alert fired.
func checkOthers(t *testing.T, log *notes, all []condition) {
	t.Helper()
	log.mu.Lock()
	defer log.mu.Unlock()
	expected := map[[2]string]bool{}
	for _, c := range all {
		for _, a := range append(c.also, c.alert) {
			expected[[2]string{c.namespace, "WorkspacesImport" + a}] = true
		}
	}
	for key := range log.all {
		if !expected[key] && key[0] != "blocked" && key[0] != "rollout" && !strings.HasPrefix(key[0], "real-") {
			t.Errorf("in %s, %s fires", key[0], key[1])
		}
	}
}

// checkInhibition checks the namespace blocked, in which an import fails: the cause is notified,
// and the resulting alerts are inhibited.
func checkInhibition(t *testing.T, alertmanager program, mail *inbox) {
	t.Helper()
	suppressed := map[string]bool{}
	done := func() bool {
		var answer []struct {
			Labels map[string]string `json:"labels"`
			Status struct {
				InhibitedBy []string `json:"inhibitedBy"`
			} `json:"status"`
		}
		alertmanager.get(t, "/api/v2/alerts", &answer, "filter", `namespace="blocked"`)
		for _, a := range answer {
			suppressed[a.Labels["alertname"]] = len(a.Status.InhibitedBy) > 0
		}
		return len(suppressed) == 4 && mail.has("blocked", "Failing", "firing")
	}
	if !poll(t.Context(), patience, done) {
		t.Errorf("want four alerts of which one is notified: %v", suppressed)
	}
	for _, a := range []string{"RolloutBlocked", "NotSucceeded", "ReleaseNotConfirmed"} {
		if !suppressed["WorkspacesImport"+a] || mail.has("blocked", a, "firing") {
			t.Errorf("%s was notified in addition to its cause", a)
		}
	}
	if suppressed["WorkspacesImportFailing"] {
		t.Error("the cause is inhibited")
	}
}
