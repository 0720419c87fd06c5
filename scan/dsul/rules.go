// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

// rulesDigest is the digest of all rules, word lists and expressions, computed over the code of
// this package. A test compares it, and updates it with -update.
const rulesDigest = "sha256:cd354b238fa4d839c330f6ae308a37b693b8833a0149326c537a7cc6bfb03f64"
