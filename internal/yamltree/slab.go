// SPDX-License-Identifier: Apache-2.0

package yamltree

import "slices"

// slab allocates slices of T from a few large ones, and takes all of them back at once.
type slab[T any] struct {
	chunks [][]T
	// current is the index of the chunk in use, and used the number of its elements in use.
	current, used int
}

const (
	// firstChunk is the number of elements of the first chunk. Each chunk is twice as large as the
	// one before, up to maxChunk.
	firstChunk = 32
	maxChunk   = firstChunk << doublings
	doublings  = 7
	// keptChunks is the number of chunks that a slab keeps: 16,000 elements.
	keptChunks = doublings + 3
)

// take returns n zero elements.
func (s *slab[T]) take(n int) []T {
	for s.current < len(s.chunks) && s.used+n > len(s.chunks[s.current]) {
		s.current++
		s.used = 0
	}
	if s.current == len(s.chunks) {
		size := firstChunk << min(len(s.chunks), doublings)
		s.chunks = append(s.chunks, make([]T, max(size, n)))
	}
	out := s.chunks[s.current][s.used : s.used+n : s.used+n]
	s.used += n
	return out
}

// reset takes all elements back and clears them, so that they keep nothing of the document. It
// releases the memory of unusually large documents.
func (s *slab[T]) reset() {
	for _, c := range s.chunks[:min(s.current+1, len(s.chunks))] {
		clear(c)
	}
	s.chunks = slices.DeleteFunc(s.chunks, func(c []T) bool { return len(c) > maxChunk })
	if len(s.chunks) > keptChunks {
		s.chunks = slices.Delete(s.chunks, keptChunks, len(s.chunks))
	}
	s.current = 0
	s.used = 0
}
