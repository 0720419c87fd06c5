// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

// rulesDigest is the digest of all rules, word lists and expressions, computed over the code of
// this package. A test compares it, and updates it with -update.
const rulesDigest = "sha256:3508068cdbb50e9902a6fa83d581be2049baa4ecd635f2c567a6f9285a8a4b35"
