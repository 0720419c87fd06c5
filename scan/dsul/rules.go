// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

// rulesDigest is the digest of all rules, word lists and expressions, computed over the code of
// this package. A test compares it, and updates it with -update.
const rulesDigest = "sha256:d956dd4b7a91b455ce21eeb76fca1b497e48e8d90d1bb188bd69c683e7d86c7d"
