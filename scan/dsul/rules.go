// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

// rulesDigest is the digest of all rules, word lists and expressions, computed over the code of
// this package. A test compares it, and updates it with -update.
const rulesDigest = "sha256:7926b3902f1f1dcbd2d36d74db3d1bbc96645577c2bb99c0be2f2d586ee81fd1"
