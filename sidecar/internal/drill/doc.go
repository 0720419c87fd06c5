// SPDX-License-Identifier: Apache-2.0

// Package drill holds only a test. It brings sidecars into every condition that raises an alert,
// and runs Prometheus and Alertmanager on their metrics with the rules of the chart. Time is scaled
// down: every duration in the rules and the routes is shorter by the same factor.
package drill
