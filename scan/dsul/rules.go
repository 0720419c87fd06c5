// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

// rulesDigest is the digest of all rules, word lists and expressions, computed over the code of
// this package. A test compares it, and updates it with -update.
const rulesDigest = "sha256:39592143cc8c53f25d2c4358c926b65504b5df7ae3f60cfd6cf3493d5414fb96"
