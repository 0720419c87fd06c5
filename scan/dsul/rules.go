// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

// rulesDigest is the digest of all rules, word lists and expressions, computed over the code of
// this package. A test compares it, and updates it with -update.
const rulesDigest = "sha256:86c77678302b6bd66bad43e1207f000877335cfa9fa47d6b86d2c46bd98c763b"
