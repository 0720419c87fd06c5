// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

// rulesDigest is the digest of all rules, word lists and expressions, that is, of the
// code of this package. A test compares, and writes it anew with -update.
const rulesDigest = "sha256:1683990ceab2e9011966e40b7dac17577e38747a047ce056b90350409f33ccd7"
