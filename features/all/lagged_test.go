package all_test

import "github.com/gyrus-bci/gyrus/features"

// lagged lists the steps that look for channels which follow each other with a lag, and are blind by design to the suite's
// oscillation, which is in all channels at once: they get windows in which every channel is some samples late.
var lagged = map[string]bool{"pli": true, "wpli": true}

// delayed turns channel ch of every window round by ch·lag samples before the step sees it.
type delayed struct {
	features.Extractor
	x [][]float64
}

const lag = 3 // samples; at 128 Hz and 8 Hz some 67 degrees

func (d *delayed) Start(in features.Format) (features.Format, error) {
	d.x = make([][]float64, len(in.Names))
	for ch := range d.x {
		d.x[ch] = make([]float64, in.Len)
	}
	return d.Extractor.Start(in)
}

func (d *delayed) Extract(dst []float64, x [][]float64) error {
	if len(x) != len(d.x) {
		return d.Extractor.Extract(dst, x) // which says what is wrong
	}
	for ch, row := range x {
		if len(row) != len(d.x[ch]) {
			return d.Extractor.Extract(dst, x)
		}
		at := ch * lag % len(row)
		copy(d.x[ch][at:], row)
		copy(d.x[ch], row[len(row)-at:])
	}
	return d.Extractor.Extract(dst, d.x)
}
