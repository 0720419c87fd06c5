// SPDX-License-Identifier: Apache-2.0

// Package soak runs four sidecars for a long time against a fake platform that flaps, and
// checks afterwards what happened.
//
// [Run] makes the trouble: faults of requests, kills of sidecars and of services, rotations
// of token, configuration and manifest, rollouts and rollbacks between two releases with an
// evicted pod of the old one. It returns a [Record], which is data only. [Record.Violations]
// checks the record against the invariants I1 to I12 and the rules of growth; [Record.Draw]
// makes a picture of it.
//
// The first sidecar lives as long as the soak and is given other releases in place, so that
// whatever it leaks adds up. The other three are killed and replaced.
package soak
