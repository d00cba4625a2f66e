//go:build !linux

package kernel

import "testing"

// newPages returns plain memory: what is written beside a slice is found, what is read there is not.
func newPages(_ *testing.T, n int) [][]float32 {
	pages := make([][]float32, n)
	for i := range pages {
		pages[i] = make([]float32, 4096)
	}
	return pages
}
