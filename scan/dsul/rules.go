// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

// rulesDigest is the digest of all rules, word lists and expressions, computed over the code of
// this package. A test compares it, and updates it with -update.
const rulesDigest = "sha256:23948331bac90452569d8b6a52d84979f17e4e4688f4164ea525131fa5d9b67d"
