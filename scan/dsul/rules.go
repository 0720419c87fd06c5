// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

// rulesDigest is the digest of all rules, word lists and expressions, that is, of the
// code of this package. A test compares, and writes it anew with -update.
const rulesDigest = "sha256:ba7d2167c528b3c563d660f4e5a05b95e2d368288a1243fad364538d0c110427"
