// SPDX-License-Identifier: Apache-2.0

// Package e2e proves the chart on a real cluster: with images made by our builder, a
// fake of the platform in the place of the service, and nothing else. It is a target
// of its own, as it wants a cluster:
//
//	KUBECONFIG=… make e2e
//
// Each namespace that it makes has a platform of its own, which the pods of the
// service join: they share its database, its write lock and its events, as replicas of
// the service do, and each imports the release of its own image. The fake platform is
// steered through the API server, so that nothing but that has to be reached: an
// import is held in its middle for as long as a test looks, instead of a wait.
//
// The tests have the build tag e2e, without which this package has none.
package e2e
