// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

// rulesDigest is the digest of all rules, word lists and expressions, that is, of the
// code of this package. A test compares, and writes it anew with -update.
const rulesDigest = "sha256:863bbae6dd9ea297e542f8234a459d6fdfaa950c107bdf2f34be06449e7472d8"
