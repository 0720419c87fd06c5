// SPDX-License-Identifier: Apache-2.0

// Package platformtest is a fake of the Prisme.ai API, as far as package
// platform uses it, for tests and for trying the sidecar without a platform.
//
// A [Platform] is the state that a cluster shares: installed workspaces, the
// write lock, events. Each [Pod] is a replica of the workspaces service with its
// own address and its own release, and a [Gateway] stands before them as the
// public API does. What sources leave open is a variant in [Options]; what can
// go wrong on the way is a [Fault] in a [Script]; what really happened is in the
// [Ledger], for invariants.
//
// All time comes from package time and nothing needs the network, so that a
// whole cluster runs in a testing/synctest bubble by way of [Transport], and as
// real servers by way of [Listen]. [Platform.Close] ends every goroutine. Pods that
// are processes of their own [Join] a platform that is shared by [Platform.Share].
package platformtest
