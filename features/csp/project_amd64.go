package csp

import "golang.org/x/sys/cpu"

//go:generate go run -C ../../preprocess/dsp/asm ./project -out ../../../features/csp/project_lanes_amd64.s -stubs ../../../features/csp/project_lanes_amd64.go -pkg csp

// haveLanes says whether the vector kernels can run. It changes the time and not one bit of the result.
var haveLanes = cpu.X86.HasAVX

// projectLanes is projectGo; to − from is a multiple of columns.
func projectLanes(dst, filters, x [][]float64, from, to int) {
	if from == to {
		return
	}
	for i, w := range filters { // the kernels do not check
		_, _ = dst[i][to-1], w[len(x)-1]
	}
	for _, row := range x {
		_ = row[to-1]
	}
	i := 0
	for ; i+4 <= len(filters); i += 4 {
		project4AVX(&dst[i], &filters[i], &x[0], len(x), from, to)
	}
	for ; i < len(filters); i++ {
		project1AVX(&dst[i], &filters[i], &x[0], len(x), from, to)
	}
}
