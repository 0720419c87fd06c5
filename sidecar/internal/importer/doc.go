// SPDX-License-Identifier: Apache-2.0

// Package importer brings the platform to the release that the pod carries.
//
// It is level-triggered. A pass reads the actual state, does what is missing, and gets a
// confirmation from the platform for every workspace. All passes are the same, whether after a
// start, a crash or a failure, and need no persistent state. The importer's memory saves requests,
// and keeps errors that the platform itself forgets.
//
// Success is determined by the platform's report, never by an HTTP status: see [verifyReport]. A
// workspace that the platform does not report is not imported.
package importer
