package filt

import (
	"fmt"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

func init() {
	preprocess.Register("filterbank", func() preprocess.Processor {
		return &Filterbank{Order: 4, Bands: [][]float64{{4, 8}, {8, 12}, {12, 16}, {16, 20}, {20, 24}, {24, 28}, {28, 32}, {32, 36}, {36, 40}}}
	})
}

// Filterbank makes a band-passed copy of every EEG channel for each band, so that filter-bank CSP (Ang et al. 2008,
// doi:10.1109/IJCNN.2008.4634130) and filter-bank CCA (Chen et al. 2015, doi:10.1088/1741-2560/12/4/046008) can work
// behind it. The filters are those of bandpass.
//
// The channels come out band by band, each named after its band: C3@4-8, C4@4-8, C3@8-12, C4@8-12. Channels of other
// kinds than eeg, seeg and ecog are left out, because what works behind takes every channel for one of a band.
type Filterbank struct {
	Bands [][]float64 `json:"bands" doc:"lower and upper edge of each band in Hz, where half the power is left: [[4, 8], [8, 12]]"`
	Order int         `json:"order" doc:"order of the Butterworth prototypes, 1 to 12: the number of second-order sections of each band"`

	pick  []int    // the channels that are copied
	left  []string // the names of the others
	in    int      // channels of the stream
	banks []dsp.SOS
	z     [][][2]float64 // memory between chunks, for each band
	info  *signal.Info
	out   signal.Buffer
	x     [][]float64 // scratch: the copied channels of a chunk
}

// Start designs the filters for in.Rate and clears the memory.
func (f *Filterbank) Start(in *signal.Info) (*signal.Info, error) {
	info, pick, err := banked("filterbank", in, f.Bands)
	if err != nil {
		return nil, err
	}
	f.pick, f.banks, f.z, f.in = pick, nil, nil, len(in.Channels)
	for i, edges := range f.Bands {
		sos, err := dsp.Butter(f.Order, dsp.Bandpass(edges[0], edges[1]), in.Rate)
		if err != nil {
			return nil, fmt.Errorf("filterbank: band %d: %w", i+1, err)
		}
		f.banks = append(f.banks, sos)
		f.z = append(f.z, sos.NewState(len(f.pick)))
	}
	f.info, f.x, f.left = info, make([][]float64, len(f.pick)), nil
	for ch, c := range in.Channels {
		if !slices.Contains(pick, ch) {
			f.left = append(f.left, c.Name)
		}
	}
	return f.info, nil
}

// Ignores names the channels that are left out. Each of the others comes out under other names.
func (f *Filterbank) Ignores() (names []string, separate bool) { return f.left, false }

// banked describes what comes out of a filter bank, band by band, and which channels it copies. step is for messages.
func banked(step string, in *signal.Info, bands [][]float64) (info *signal.Info, pick []int, err error) {
	if len(bands) == 0 {
		return nil, nil, fmt.Errorf("%s: bands is empty, must have at least one: [[8, 12], [12, 30]]", step)
	}
	for ch, c := range in.Channels {
		if c.Kind == signal.EEG || c.Kind == signal.SEEG || c.Kind == signal.ECoG {
			pick = append(pick, ch)
		}
	}
	if len(pick) == 0 {
		return nil, nil, fmt.Errorf("%s: no eeg, seeg or ecog channel among %s", step, in)
	}
	out := *in
	out.Channels = nil
	for i, edges := range bands {
		if len(edges) != 2 {
			return nil, nil, fmt.Errorf("%s: band %d of bands is %v, must be two frequencies in Hz", step, i+1, edges)
		}
		if err := checkEdges(fmt.Sprintf("%s: band %d", step, i+1), edges[0], edges[1], in); err != nil {
			return nil, nil, err
		}
		if slices.ContainsFunc(bands[:i], func(other []float64) bool { return slices.Equal(edges, other) }) {
			return nil, nil, fmt.Errorf("%s: the band %g to %g Hz is listed twice", step, edges[0], edges[1])
		}
		for _, ch := range pick {
			c := in.Channels[ch]
			c.Name = fmt.Sprintf("%s@%g-%g", c.Name, edges[0], edges[1])
			out.Channels = append(out.Channels, c)
		}
	}
	return &out, pick, nil
}

// Process filters c.
func (f *Filterbank) Process(c signal.Chunk) (signal.Chunk, error) {
	if c.Len() == 0 {
		return signal.Chunk{}, nil
	}
	if len(c.X) != f.in {
		return signal.Chunk{}, fmt.Errorf("a chunk of %d channels, must be %d as said at the start", len(c.X), f.in)
	}
	out := f.out.Like(c, f.info)
	n := len(f.pick)
	for i, ch := range f.pick {
		f.x[i] = c.X[ch]
	}
	for i, sos := range f.banks {
		sos.Filt(out.X[i*n:(i+1)*n], f.x, f.z[i])
	}
	clear(f.x) // the chunk belongs to others
	return out, nil
}

// Flush has nothing to return: no sample is held back.
func (f *Filterbank) Flush() (signal.Chunk, error) { return signal.Chunk{}, nil }

// DelaySeconds is the longest of the bands' delays, that of the narrowest: each is the group delay averaged over all
// frequencies with the power that the band lets pass as the weight. It is 0 before Start.
func (f *Filterbank) DelaySeconds() float64 {
	var most float64
	for i := range f.banks {
		most = max(most, f.BandDelay(i))
	}
	return most
}

// BandDelay is the delay of band i in seconds.
func (f *Filterbank) BandDelay(i int) float64 { return f.banks[i].MeanDelay(f.info.Rate) }
