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
