package dsp

//go:generate go run -C asm ./blocks -out ../blocks_lanes_amd64.s -stubs ../blocks_lanes_amd64.go -pkg dsp

// lanes is round for all blocks at once: the first four are the real parts of four signals side by side, the others the
// imaginary parts. Dst has blocks·step samples.
func (f *ZeroPhaseFIR) lanes(dst, x []float64) {
	size, step := f.plan.Len(), f.step
	packBlocks(&f.work.a[0], &x[0], step, size) // size is a power of 2 from 32 on
	y, other := f.plan.core.runLanes(f.work.a, f.work.b)
	mulLanes(&y[0], &y[0], &f.kernel[0], size, 1)
	y, _ = f.plan.core.runLanes(y, other)
	// The inverse transform is the forward one read backwards: sample t of a block, which is number size−step+t of the
	// inverse, is element step−t of y; where the taps are one, step is size and comes round to 0.
	t := 0
	if step < size && step >= 4 {
		t = step &^ 3
		unpackBlocks(&dst[0], &y[fftLanes*step], step, t)
	}
	for ; t < step; t++ {
		row := y[fftLanes*((step-t)%size):][:fftLanes]
		for b, v := range row {
			// A row is four real parts and then four imaginary ones, in pairs.
			dst[2*b*step+t], dst[(2*b+1)*step+t] = real(v), imag(v)
		}
	}
}
