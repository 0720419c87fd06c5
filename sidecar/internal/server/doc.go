// SPDX-License-Identifier: Apache-2.0

// Package server serves probes, metrics, the status as JSON and as an HTML page, and two optional
// lifecycle endpoints over HTTP.
//
// It serves the contents of [state.Store]. Clients may be slow or hostile: a response takes a
// bounded amount of memory and time, and a probe gets a connection no matter how many connections
// other clients hold.
package server
