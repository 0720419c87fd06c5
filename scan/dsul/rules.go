// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

// rulesDigest is the digest of all rules, word lists and expressions, computed over the code of
// this package. A test compares it, and updates it with -update.
const rulesDigest = "sha256:47ed5309bfc8cd66d6b733782a6293e8577de269d8ce14574a373e8acef5db63"
