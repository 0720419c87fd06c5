// SPDX-License-Identifier: Apache-2.0

// Package server answers the kubelet, Prometheus and people over HTTP: probes,
// metrics, the state as JSON and as a page, and two commands that are off unless
// they are wanted.
//
// It serves what [state.Store] holds and adds nothing of its own. Any client may
// be slow or hostile: an answer costs a bounded amount of memory and time, and
// however many connections others hold, a probe gets one.
package server
