// SPDX-License-Identifier: Apache-2.0

// Package layout holds no code. Its tests keep the rules of this repository: who
// may import whom, which licence a file is under, how large a file may be.
package layout
