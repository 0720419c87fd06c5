// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

// rulesDigest is the digest of all rules, word lists and expressions, that is, of the
// code of this package. A test compares, and writes it anew with -update.
const rulesDigest = "sha256:70fe5b32a7681ae1c164c84562224f988813c03d2341b0fbd61038afe794c026"
