// SPDX-License-Identifier: Apache-2.0

// Package drill holds no code. Its test brings sidecars into every condition that
// an alert tells of, and has Prometheus and Alertmanager, the real programs, read
// their metrics with the rules of the chart. Time is scaled down: everything that
// the rules and the routes say in seconds is shorter by the same factor.
package drill
