// Package uncached fills memory that is larger than the caches of a processor. A store reads the line of the cache that it changes
// first; where a recording is read whole, each line is overwritten at once and is pushed out again long before anybody looks at
// it. Stores past the cache spare that. For little memory they are slower: who looks at the samples next has to fetch them.
package uncached

import "unsafe"

const line = 64 // bytes of a line of the cache

// Least is how many bytes are more than any cache keeps for one program.
const Least = 32 << 20

// Block is how many samples to prepare before Copy takes them: they stay in the nearest cache, one channel of them or eight.
const Block = 256

// Worth says whether to fill so many numbers with Copy.
func Worth(n int64) bool { return haveLanes && n >= Least/8 }

// Copy copies src to dst, which is as long, past the cache. Done has to follow before anybody else reads dst.
func Copy(dst, src []float64) { copyPast(dst, src) }

// Done ends a number of copies.
func Done() { done() }

// Lines says how many numbers of x lie in front of the first whole line of the cache, and how many in whole lines: a multiple of 8, or 0.
// Stores past the cache are for these alone; a reader that has a kernel of its own for them fills the rest as it always does.
func Lines(x []float64) (head, whole int) {
	head = min(len(x), int(-uintptr(unsafe.Pointer(unsafe.SliceData(x)))%line)/8)
	return head, (len(x) - head) &^ 7
}
