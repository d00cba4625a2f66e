package kernel

import (
	"syscall"
	"testing"
	"unsafe"
)

// newPages returns pages of memory between pages that can be neither read nor written.
func newPages(t *testing.T, n int) [][]float32 {
	size := syscall.Getpagesize()
	mem, err := syscall.Mmap(-1, 0, (2*n+1)*size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(mem); err != nil {
			t.Error(err)
		}
	})
	pages := make([][]float32, n)
	for i := range n + 1 {
		if err := syscall.Mprotect(mem[2*i*size:][:size], syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
		if i < n {
			pages[i] = unsafe.Slice((*float32)(unsafe.Pointer(&mem[(2*i+1)*size])), size/4)
		}
	}
	return pages
}
