// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

// rulesDigest is the digest of all rules, word lists and expressions, computed over the code of
// this package. A test compares it, and updates it with -update.
const rulesDigest = "sha256:efce2a2d6f9bd4211b0e43ae3356936542875de56b84843855ec8f9de44e9ffe"
