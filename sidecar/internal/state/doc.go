// SPDX-License-Identifier: Apache-2.0

// Package state holds the state of the sidecar: its phase, whether the pod may be Ready, the state
// of each group and workspace, and the problem that blocks progress. The status, the status page,
// the metrics and the logs all use it, and so the same terms.
package state
