// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

// rulesDigest is the digest of all rules, word lists and expressions, computed over the code of
// this package. A test compares it, and updates it with -update.
const rulesDigest = "sha256:f9e9dd9ca0cd34050ace5b2314696c644eaf48a286066ef5e86b081aaee8aedc"
