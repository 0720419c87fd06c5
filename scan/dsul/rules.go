// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

// rulesDigest is the digest of all rules, word lists and expressions, computed over the code of
// this package. A test compares it, and updates it with -update.
const rulesDigest = "sha256:995d05dcff42fa5e4d786d108689e7b661f4218c55ddf48c317b290622a7f243"
