// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

// rulesDigest is the digest of all rules, word lists and expressions, computed over the code of
// this package. A test compares it, and updates it with -update.
const rulesDigest = "sha256:4a9fbf954d492118e25769dc8d06bcf7c244849ab1c061a28acdd9c8368067ee"
