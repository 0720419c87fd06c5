// SPDX-License-Identifier: Apache-2.0

// Package layout holds only tests. They enforce the rules of this repository: which packages may
// import which, the licence of each file, and file sizes.
package layout
