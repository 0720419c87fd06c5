// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

// rulesDigest is the digest of all rules, word lists and expressions, computed over the code of
// this package. A test compares it, and updates it with -update.
const rulesDigest = "sha256:dcf3cbd335cd852c2f2398c3eff55fe88343c135cfe031f4f316436d26a0ad0f"
