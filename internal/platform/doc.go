// SPDX-License-Identifier: Apache-2.0

// Package platform is a client for the part of the Prisme.ai API that a release needs: bulk push,
// bulk import, archives of workspaces, their events, and the verification of an import.
//
// The client never retries. Requests that only read may be repeated. [Client.Pull], [Client.Push],
// [Client.ImportArchive] and [Client.CreateWorkspace] are not idempotent: after an error for which
// [OutcomeUnknown] returns true, the caller must determine the outcome before sending the request
// again.
//
// Responses are decoded leniently, because the available descriptions of the API disagree: unknown
// fields are ignored, times may be missing, and the text of an error may have several names. A
// response that does not come from the platform (HTML of a proxy, a truncated or an oversized body)
// is an [*Error] with its own class.
//
// Errors and results never contain the credential of the request: it is masked in the response
// before decoding.
package platform
