// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

// rulesDigest is the digest of all rules, word lists and expressions, that is, of the
// code of this package. A test compares, and writes it anew with -update.
const rulesDigest = "sha256:e2f0c4d111f8f2095473bbb1008639e84667e4fbf45c420d2b663ae2338cba3e"
