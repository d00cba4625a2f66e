package filt

// DelaySeconds is by how much the filter makes a signal late: its group delay, averaged over all frequencies with the
// power that it lets pass as the weight (see dsp.SOS.MeanDelay). It is 0 before Start.
func (f *cascade) DelaySeconds() float64 {
	if f.info == nil {
		return 0
	}
	return f.sos.MeanDelay(f.info.Rate)
}

// DelayAt is by how many seconds the filter makes the envelope of a wave of hz Hz late: its group delay there. It is 0
// before Start.
func (f *cascade) DelayAt(hz float64) float64 {
	if f.info == nil {
		return 0
	}
	return f.sos.GroupDelay(hz, f.info.Rate)
}

// PassBand is the edges in Hz between which the filter lets pass; 0 is no edge.
func (f *Bandpass) PassBand() (low, high float64) { return f.Low, f.High }

// PassBand is the edges in Hz between which the filter lets pass; 0 is no edge.
func (f *Lowpass) PassBand() (low, high float64) { return 0, f.Cutoff }

// PassBand is the edges in Hz between which the filter lets pass; 0 is no edge.
func (f *Highpass) PassBand() (low, high float64) { return f.Cutoff, 0 }

// PassBand is the edges in Hz between which the filter lets pass; 0 is no edge.
func (f *DC) PassBand() (low, high float64) { return f.Cutoff, 0 }

// PassBand is the edges in Hz between which the filter lets pass; 0 is no edge.
func (f *FIR) PassBand() (low, high float64) { return passed(f.Low, f.High, f.Stop) }

// PassBand is the edges in Hz between which the filter lets pass; 0 is no edge.
func (f *Cheby1) PassBand() (low, high float64) { return passed(f.Low, f.High, f.Stop) }

// PassBand is the edges in Hz between which the filter lets pass; 0 is no edge.
func (f *Cheby2) PassBand() (low, high float64) { return passed(f.Low, f.High, f.Stop) }

// PassBand is the edges in Hz between which the filter lets pass; 0 is no edge.
func (f *Ellip) PassBand() (low, high float64) { return passed(f.Low, f.High, f.Stop) }

// PassBand is the edges in Hz between which the filter lets pass; 0 is no edge.
func (f *Bessel) PassBand() (low, high float64) { return passed(f.Low, f.High, f.Stop) }

// PassBand is the edges of all bands together.
func (f *Filterbank) PassBand() (low, high float64) {
	low = f.Bands[0][0]
	for _, b := range f.Bands {
		low, high = min(low, b[0]), max(high, b[1])
	}
	return low, high
}

// DelayAt is DelaySeconds, whatever the frequency: a band's delay is that in its own range.
func (f *Filterbank) DelayAt(float64) float64 { return f.DelaySeconds() }

// passed is none where what lies between the edges is removed.
func passed(low, high float64, stop bool) (float64, float64) {
	if stop {
		return 0, 0
	}
	return low, high
}
