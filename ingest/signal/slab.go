package signal

import "unsafe"

const (
	slabHuge = 4 << 20 // bytes from which on a slab asks for large pages
	hugePage = 2 << 20 // what a large page is aligned to
)

// newSlab is n zeros. A recording that is read whole is written to once, page by page: with pages of 4 KiB the system takes
// longer to hand them out than a reader takes to fill them, so it is asked for large ones where it knows them. Without them
// all works as well.
func newSlab(n int) []float64 {
	x := make([]float64, n)
	if bytes := 8 * n; bytes >= slabHuge {
		skip := -int(uintptr(unsafe.Pointer(&x[0]))) & (hugePage - 1)
		if whole := (bytes - skip) &^ (hugePage - 1); whole > 0 {
			hugePages(unsafe.Slice((*byte)(unsafe.Pointer(&x[skip/8])), whole))
		}
	}
	return x
}
