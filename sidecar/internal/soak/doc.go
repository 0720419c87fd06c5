// SPDX-License-Identifier: Apache-2.0

// Package soak runs four sidecars for a long time against a fake platform with injected faults, and
// checks the recorded events afterwards.
//
// [Run] injects the faults: failing requests, kills of sidecars and services, rotations of token,
// configuration and manifest, and rollouts and rollbacks between two releases with an evicted pod
// of the old one. It returns a [Record], which is pure data. [Record.Violations] checks the record
// against the invariants I1 to I12 and the growth limits; [Record.Draw] draws it.
//
// The first sidecar runs as long as the soak and gets other releases in place, so that leaks
// accumulate. The other three are killed and replaced.
package soak
