// SPDX-License-Identifier: AGPL-3.0-or-later

// Package runs finds long runs of base64 characters in a text.
package runs

import "iter"

// In yields the start and the end of each run of at least length bytes. It tests every
// length-th byte until one belongs to a run, and so skips most text.
func In(data []byte, length int) iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		for last := length - 1; last < len(data); {
			start := last
			for start >= 0 && start > last-length && isBase64[data[start]] {
				start--
			}
			if start > last-length {
				last = start + length
				continue
			}
			for start >= 0 && isBase64[data[start]] {
				start--
			}
			for last < len(data) && isBase64[data[last]] {
				last++
			}
			if !yield(start+1, last) {
				return
			}
			last += length
		}
	}
}

// isBase64 contains the characters of both alphabets, without padding.
var isBase64 = func() (set [256]bool) {
	for _, b := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_") {
		set[b] = true
	}
	return set
}()
