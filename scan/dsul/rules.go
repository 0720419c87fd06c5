// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

// rulesDigest is the digest of all rules, word lists and expressions, computed over the code of
// this package. A test compares it, and updates it with -update.
const rulesDigest = "sha256:6de9f117295aa6557b9ac61b6383752e0c7230e8b9bdce1dbe8c5f79c7e9d84e"
