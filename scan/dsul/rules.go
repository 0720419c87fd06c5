// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

// rulesDigest is the digest of all rules, word lists and expressions, computed over the code of
// this package. A test compares it, and updates it with -update.
const rulesDigest = "sha256:09fdebfce29f9e7de19323b5afa876b4c6c0fdfb43f5aeb2fe08f74baaf58960"
