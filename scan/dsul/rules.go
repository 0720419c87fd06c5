// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

// rulesDigest is the digest of all rules, word lists and expressions, computed over the code of
// this package. A test compares it, and updates it with -update.
const rulesDigest = "sha256:ed8eeb005eeb3769957e9d84dfe3d66ccc17ea78893a9c2853e244c8bf517623"
