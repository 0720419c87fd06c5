// SPDX-License-Identifier: Apache-2.0

// Package importer brings the platform to the release that the pod carries.
//
// It is level-triggered: a pass looks at what is, does what is missing, and asks
// the platform for its word about every workspace. Every pass is the same pass,
// after a start, a crash or a failure; nothing is kept that a new process would
// miss. What it remembers only saves requests, and keeps an error from being
// forgotten.
//
// A success is what the platform says, never what an HTTP status says: see
// [verify]. What the platform did not say is not done.
package importer
