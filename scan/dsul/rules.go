// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

// rulesDigest is the digest of all rules, word lists and expressions, computed over the code of
// this package. A test compares it, and updates it with -update.
const rulesDigest = "sha256:2af40c383a02f9a1e588943e72f2f361afd268d3474fa37ef72e459b0387561d"
