// SPDX-License-Identifier: Apache-2.0

// Package e2e tests the chart on a real cluster, with images that our builder makes and a fake of
// the workspaces service. It needs a cluster, so it has a make target and a build tag:
//
//	KUBECONFIG=… make e2e
//
// Each namespace has a fake platform. The pods of the service join it and share its database, its
// write lock and its events, like replicas of the service; each pod imports the release in its
// image. The tests control the fake platform through the API server, the only address that they
// have to reach. They hold an import midway while they check the pods, instead of sleeping.
package e2e
