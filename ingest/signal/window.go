package signal

// Window is a stretch of signal that becomes one row of features and one prediction.
type Window struct {
	Info  *Info
	Start int64       // sample number of X[·][0]
	Time  int64       // when the newest sample, X[·][len-1], was measured, in nanoseconds since 1970
	X     [][]float64 // channel-major, all of one length
	Event *Event      // what it was cut around; nil for a window that slides
	Label string      // the class of Event, "" where there is none; for training and scoring, never for prediction
	// Origin is the sample of the event that the window is of. Windows of one event that lasts have it in common, while the Event of
	// each says where it was cut: they are one trial, and never in training and test both. It means nothing where Event is nil.
	Origin int64
	// Base is where the baseline lies that was taken from X, inside the window or not; zero where there is none.
	Base Span
	// Slides says that the window is one of those that follow the stream, whether or not it was also cut around an event.
	Slides bool
	// Rejected says why the window must not be used: "412 µV peak to peak in Fp1, at most 150". It is "" where it is good.
	Rejected string
}

// Len is the number of samples in each channel.
func (w Window) Len() int {
	if len(w.X) == 0 {
		return 0
	}
	return len(w.X[0])
}

// End is the sample number behind the last one.
func (w Window) End() int64 { return w.Start + int64(w.Len()) }

// Span is the stretch of samples that X is made of: from the first to the last of its own and of its baseline.
func (w Window) Span() Span {
	if w.Base.Len == 0 {
		return Span{w.Start, int64(w.Len())}
	}
	from := min(w.Start, w.Base.Start)
	return Span{from, max(w.End(), w.Base.End()) - from}
}

// Clone is w in memory of its own.
func (w Window) Clone() Window {
	out := w
	slab := make([]float64, len(w.X)*w.Len())
	out.X = make([][]float64, len(w.X))
	for ch, x := range w.X {
		out.X[ch] = slab[ch*len(x) : (ch+1)*len(x) : (ch+1)*len(x)]
		copy(out.X[ch], x)
	}
	if w.Event != nil {
		e := *w.Event
		out.Event = &e
	}
	return out
}
