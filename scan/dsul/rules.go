// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

// rulesDigest is the digest of all rules, word lists and expressions, computed over the code of
// this package. A test compares it, and updates it with -update.
const rulesDigest = "sha256:f0f07cd9a32fe7e3c9fe412274c27f6df560ba687b9b2e91a67f1054ce3f778f"
