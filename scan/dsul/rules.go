// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

// rulesDigest is the digest of all rules, word lists and expressions, computed over the code of
// this package. A test compares it, and updates it with -update.
const rulesDigest = "sha256:ce629bfb9fa1830465829e14cef4521f5e9d468f6cef57466803c6e6d9246471"
