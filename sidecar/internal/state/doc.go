// SPDX-License-Identifier: Apache-2.0

// Package state holds what the sidecar thinks at a moment: the phase it is in,
// whether the pod may be Ready, what happened to each group and workspace, and
// why it is not further. Status, page, metrics and logs all tell from here, in
// the same words.
package state
