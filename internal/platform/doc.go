// SPDX-License-Identifier: Apache-2.0

// Package platform is a client of the part of the Prisme.ai API that a release
// needs: the bulk push and the bulk import, the events that tell about them, and what
// verifies an import.
//
// The client never retries. Every method but [Client.Pull] and [Client.Push] only reads
// and may be repeated at will; those are not idempotent while they run, and after an error
// for which [OutcomeUnknown] reports true the caller has to find out what
// happened before it posts again.
//
// Answers are read leniently, as sources differ about them: unknown fields are
// ignored, times may be absent, and an error's text may sit under several
// names. What is not an answer of the platform at all (HTML of a proxy, a
// truncated or an oversized body) is an [*Error] of a class of its own.
//
// No error and no result carries the credential of the request: where an answer
// echoes it, it is masked before the answer is decoded.
package platform
