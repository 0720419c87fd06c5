// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// snapshots exports the state as gauges. It reads the store at collection time, so that no copy can
// go stale.
type snapshots struct {
	store      *state.Store
	workspaces bool
	descs      map[string]*prometheus.Desc
}

func newSnapshots(store *state.Store, workspaces bool) *snapshots {
	c := &snapshots{store: store, workspaces: workspaces, descs: map[string]*prometheus.Desc{}}
	add := func(name, help string, labels ...string) {
		c.descs[name] = prometheus.NewDesc(prefix+name, help, labels, nil)
	}
	add("phase", "The phase of the importer: 1 for the current one.", "phase")
	add("ready", "Whether the pod may be Ready.")
	add("gate_info", "The reason for the state of the gate; always 1.", "why")
	add("release_confirmed", "Whether the platform confirmed every workspace of the release.")
	add("release_info", "The release in this pod; always 1.",
		"release", "repository", "repository_name", "manifest_digest", "mode")
	add("verification_info", "The extent of the verification: none, partial or full; always 1.", "verification")
	add("manifest_verified", "Whether the release was verified against its manifest.")
	add("problem", "The reason why the release is not confirmed: 1 for the current reason.", "reason")
	add("warning", "Whether there is a warning. Warnings do not affect readiness.", "warning")
	add("group_failed", "Whether the last attempt at the group failed.", "group")
	add("groups", "Groups of the release by state.", "state")
	add("workspaces", "Workspaces of the release by state.", "state")
	add("tolerated_workspaces",
		"Workspaces of the release with an error that --tolerate allows, by its reason.", "reason")
	add("workspace_info", "State of a workspace; always 1.", "group", "workspace", "version", "state")
	add("start_timestamp_seconds", "Start time of the sidecar.")
	add("phase_start_timestamp_seconds", "Start time of the phase.")
	add("last_attempt_timestamp_seconds", "Start time of the last pass, 0 if there was none.")
	add("last_success_timestamp_seconds", "Time of the last confirmation of the release, 0 if never.")
	add("last_progress_timestamp_seconds", "Time of the last progress of an import, 0 if never.")
	add("lock_held", "Whether the platform's write lock was held at the last check.")
	add("lock_acquired_timestamp_seconds", "Time at which the held write lock was acquired, 0 if it is free.")
	add("drifted_workspaces", "Workspaces that were changed after the import.")
	add("foreign_workspaces",
		"Workspaces of a confirmed release at the version of another release that was imported afterwards.")
	add("last_drift_check_timestamp_seconds",
		"Time of the last comparison of the release with the platform, 0 if never.")
	add("token_expiry_timestamp_seconds", "Expiry time of the token, 0 if unknown.")
	return c
}

// Describe implements [prometheus.Collector].
func (c *snapshots) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *snapshots) Collect(ch chan<- prometheus.Metric) {
	s := c.store.Get()
	set := func(name string, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(c.descs[name], prometheus.GaugeValue, value, labels...)
	}
	c.collectRelease(&s, set)
	c.collectGroups(&s, set)
	c.collectTimes(&s, set)
}

type setter func(name string, value float64, labels ...string)

func (c *snapshots) collectRelease(s *state.Snapshot, set setter) {
	for _, p := range state.Phases() {
		set("phase", boolValue(p == s.Phase), string(p))
	}
	for _, r := range state.Reasons() {
		set("problem", boolValue(s.Problem != nil && s.Problem.Reason == r), string(r))
	}
	for _, name := range state.WarningNames() {
		isSet := slices.ContainsFunc(s.Warnings, func(w state.Warning) bool { return w.Name == name })
		set("warning", boolValue(isSet), string(name))
	}
	r := &s.Release
	set("ready", boolValue(s.Gate.Open))
	set("gate_info", 1, string(s.Gate.Why))
	set("release_confirmed", boolValue(s.Confirmed))
	set("release_info", 1, r.Name, r.Repository, r.RepositoryName, r.ManifestDigest, s.Mode)
	set("verification_info", 1, string(r.Verification))
	set("manifest_verified", boolValue(s.Confirmed && r.Verification == state.Full))
}

func (c *snapshots) collectGroups(s *state.Snapshot, set setter) {
	groups := map[state.GroupState]int{}
	workspaces := map[state.WorkspaceState]int{}
	tolerated := map[state.Reason]int{}
	shown := 0
	for _, g := range s.Groups {
		groups[g.State]++
		set("group_failed", boolValue(g.State == state.GroupFailed), g.Name)
		for _, w := range g.Workspaces {
			workspaces[w.State]++
			for _, r := range w.Tolerated {
				tolerated[r]++
			}
			if shown++; c.workspaces && shown <= MaxWorkspaces {
				set("workspace_info", 1, g.Name, w.Slug, w.Version, string(w.State))
			}
		}
	}
	for _, one := range state.TolerableReasons() {
		set("tolerated_workspaces", float64(tolerated[one]), string(one))
	}
	for _, one := range state.GroupStates() {
		set("groups", float64(groups[one]), string(one))
	}
	for _, one := range state.WorkspaceStates() {
		set("workspaces", float64(workspaces[one]), string(one))
	}
}

func (c *snapshots) collectTimes(s *state.Snapshot, set setter) {
	set("start_timestamp_seconds", unixSeconds(&s.Started))
	set("phase_start_timestamp_seconds", unixSeconds(&s.Since))
	set("last_attempt_timestamp_seconds", unixSeconds(s.LastAttempt))
	set("last_success_timestamp_seconds", unixSeconds(s.LastSuccess))
	set("last_progress_timestamp_seconds", unixSeconds(s.LastProgress))
	set("token_expiry_timestamp_seconds", unixSeconds(s.TokenExpires))
	set("lock_held", boolValue(s.Lock != nil))
	lock := state.LockInfo{}
	drift := state.Drift{}
	if s.Lock != nil {
		lock = *s.Lock
	}
	if s.Drift != nil {
		drift = *s.Drift
	}
	set("lock_acquired_timestamp_seconds", unixSeconds(&lock.Since))
	set("drifted_workspaces", float64(len(drift.Workspaces)))
	set("foreign_workspaces", float64(len(s.Foreign)))
	set("last_drift_check_timestamp_seconds", unixSeconds(&drift.Checked))
}

func unixSeconds(t *time.Time) float64 {
	if t == nil || t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
