// SPDX-License-Identifier: Apache-2.0

// Package metrics exports the state and the counters of the sidecar in its own registry, with the
// prefix workspaces_import_.
//
// Labels are bounded: reasons, phases, operations and states are closed sets whose series start at
// 0, and groups are the groups of the release. Series per workspace are optional and capped.
package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/version"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

const prefix = "workspaces_import_"

// Metrics holds the metrics of one sidecar. It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry

	passes        *prometheus.CounterVec
	passDuration  prometheus.Histogram
	groups        *prometheus.CounterVec
	groupDuration *prometheus.HistogramVec
	lockWait      prometheus.Histogram
	requests      *prometheus.CounterVec
	answers       answeredOps
	latency       *prometheus.HistogramVec
	reloads       *prometheus.CounterVec
	reloadOK      prometheus.Gauge
	reloadTime    prometheus.Gauge
	watchEvents   *prometheus.CounterVec
	watchMode     *prometheus.GaugeVec
	tokenChange   prometheus.Gauge
}

// Options configures [New].
type Options struct {
	// Workspaces exports a series per workspace, up to [MaxWorkspaces].
	Workspaces bool
	// Build describes the program.
	Build version.Info
}

// MaxWorkspaces is the maximum number of series per workspace.
const MaxWorkspaces = 1000

// WatchModes returns the values of the label mode.
func WatchModes() []string { return []string{"inotify", "polling"} }

// WatchFiles returns the values of the label file.
func WatchFiles() []string { return []string{"config", "manifest", "token", "current-release"} }

// New returns metrics that also export the snapshot in store.
func New(store *state.Store, o Options) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.createImportMetrics()
	m.createPlatformMetrics()
	m.createFileMetrics()
	m.registry.MustRegister(m.passes, m.passDuration, m.groups, m.groupDuration, m.lockWait, m.requests, m.latency,
		m.reloads, m.reloadOK, m.reloadTime, m.watchEvents, m.watchMode, m.tokenChange, newBuildInfo(o.Build),
		newSnapshots(store, o.Workspaces), collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.initializeSeries()
	return m
}

func (m *Metrics) createImportMetrics() {
	m.passes = prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + "passes_total",
		Help: "Completed passes, by result and reason of failure."}, []string{"result", "reason"})
	m.passDuration = prometheus.NewHistogram(histogramOptions("pass_duration_seconds", "Duration of a pass."))
	m.groups = prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + "group_attempts_total",
		Help: "Completed attempts at a group, by result and reason of failure."}, []string{"result", "reason"})
	m.groupDuration = prometheus.NewHistogramVec(
		histogramOptions("group_duration_seconds",
			"Duration of an attempt at a group, including the wait for the lock."),
		[]string{"result"})
	m.lockWait = prometheus.NewHistogram(histogramOptions("lock_wait_seconds",
		"Time spent waiting for a write lock held by another import."))
}

func (m *Metrics) createPlatformMetrics() {
	m.requests = prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + "platform_requests_total",
		Help: "Requests to the platform, by operation and HTTP status or error class; " +
			"starting for 502, 503 and 504 before the first other response."}, []string{"operation", "code"})
	m.latency = prometheus.NewHistogramVec(
		histogramOptions("platform_request_duration_seconds", "Duration of a request to the platform."),
		[]string{"operation"})
}

func (m *Metrics) createFileMetrics() {
	m.reloads = prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + "config_reloads_total",
		Help: "Reloads of the configuration, by result."}, []string{"result"})
	m.reloadOK = newGauge("config_last_reload_successful", "Whether the last reload of the configuration succeeded.")
	m.reloadTime = newGauge("config_last_reload_success_timestamp_seconds",
		"Time of the last successful reload of the configuration.")
	m.watchEvents = prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + "file_changes_total",
		Help: "Content changes of watched files."}, []string{"file"})
	m.watchMode = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: prefix + "watch_mode",
		Help: "The way files are watched: 1 for the current mode."}, []string{"mode"})
	m.tokenChange = newGauge("token_last_change_timestamp_seconds",
		"Time of the last observed change of the token file, 0 if never.")
}

func newGauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Name: prefix + name, Help: help})
}

// histogramOptions returns options with classic buckets from 5 ms to 1 h and native buckets.
func histogramOptions(name, help string) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{
		Name:                            prefix + name,
		Help:                            help,
		Buckets:                         []float64{.005, .025, .1, .5, 1, 5, 15, 60, 300, 900, 1800, 3600},
		NativeHistogramBucketFactor:     1.1,
		NativeHistogramMaxBucketNumber:  100,
		NativeHistogramMinResetDuration: time.Hour,
	}
}

func newBuildInfo(v version.Info) prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: prefix + "build_info", Help: "The build of the sidecar; always 1.",
		ConstLabels: prometheus.Labels{"version": v.Version, "commit": v.Commit, "goversion": v.Go}})
	g.Set(1)
	return g
}

// initializeSeries creates every possible series at the start, so that rate() sees the first increase.
func (m *Metrics) initializeSeries() {
	for _, vec := range []*prometheus.CounterVec{m.passes, m.groups} {
		vec.WithLabelValues("success", "")
		for _, r := range state.Reasons() {
			vec.WithLabelValues("failure", string(r))
		}
	}
	for _, result := range []string{"success", "failure"} {
		m.reloads.WithLabelValues(result)
		m.groupDuration.WithLabelValues(result)
	}
	for _, op := range platform.Ops() {
		m.requests.WithLabelValues(string(op), "200")
		m.latency.WithLabelValues(string(op))
	}
	for _, file := range WatchFiles() {
		m.watchEvents.WithLabelValues(file)
	}
	for _, mode := range WatchModes() {
		m.watchMode.WithLabelValues(mode)
	}
}

func resultLabel(r state.Reason) string {
	if r == "" {
		return "success"
	}
	return "failure"
}

// Pass records a pass. The reason of a success is "".
func (m *Metrics) Pass(r state.Reason, took time.Duration) {
	m.passes.WithLabelValues(resultLabel(r), string(r)).Inc()
	m.passDuration.Observe(took.Seconds())
}

// Group records an attempt at a group.
func (m *Metrics) Group(_ string, r state.Reason, took time.Duration) {
	m.groups.WithLabelValues(resultLabel(r), string(r)).Inc()
	m.groupDuration.WithLabelValues(resultLabel(r)).Observe(took.Seconds())
}

// LockWait records a wait for the lock of another import.
func (m *Metrics) LockWait(took time.Duration) { m.lockWait.Observe(took.Seconds()) }

// Request implements [platform.Observer]. Unknown status codes are counted by class, such as 5xx.
func (m *Metrics) Request(op platform.Op, code string, took time.Duration) {
	m.requests.WithLabelValues(string(op), m.answers.classify(op, code)).Inc()
	m.latency.WithLabelValues(string(op)).Observe(took.Seconds())
}

// Reload records a reload of the configuration.
func (m *Metrics) Reload(ok bool) {
	if !ok {
		m.reloads.WithLabelValues("failure").Inc()
		m.reloadOK.Set(0)
		return
	}
	m.reloads.WithLabelValues("success").Inc()
	m.reloadOK.Set(1)
	m.reloadTime.SetToCurrentTime()
}

// FileChanged records a change of one of [WatchFiles].
func (m *Metrics) FileChanged(file string) {
	m.watchEvents.WithLabelValues(file).Inc()
	if file == "token" {
		m.tokenChange.SetToCurrentTime()
	}
}

// WatchMode records which of [WatchModes] is in use.
func (m *Metrics) WatchMode(mode string) {
	for _, known := range WatchModes() {
		m.watchMode.WithLabelValues(known).Set(boolValue(known == mode))
	}
}

// Handler serves the metrics. It supports OpenMetrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{EnableOpenMetrics: true, MaxRequestsInFlight: 4})
}

// Gatherer returns the registry for tests.
func (m *Metrics) Gatherer() prometheus.Gatherer { return m.registry }

func boolValue(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
