// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

// rulesDigest is the digest of all rules, word lists and expressions, that is, of the
// code of this package. A test compares, and writes it anew with -update.
const rulesDigest = "sha256:fc4d1a555dd3ab652f86aad4961262ebf88d55abeb72a92d056bfd591a85406f"
