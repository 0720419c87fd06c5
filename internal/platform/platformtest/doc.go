// SPDX-License-Identifier: Apache-2.0

// Package platformtest is a fake of the part of the Prisme.ai API that package platform uses, for
// tests and for trying the sidecar without a platform.
//
// A [Platform] is the shared state of a cluster: installed workspaces, the write lock and events. A
// [Pod] is a replica of the workspaces service with its own address and release, and a [Gateway] is
// the public API in front of the pods. Open questions about the API are variants in [Options],
// failures are a [Fault] in a [Script], and the [Ledger] records what happened, for checking
// invariants.
//
// All timing uses package time and nothing needs the network: a whole cluster runs in a
// testing/synctest bubble with [Transport], or as real servers with [Listen]. [Platform.Close]
// stops all goroutines. Pods in other processes [Join] a platform that [Platform.Share] serves.
package platformtest
