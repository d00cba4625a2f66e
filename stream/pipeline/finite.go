package pipeline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
)

// NotFinite says where a channel of the source had samples that are NaN or infinite.
type NotFinite struct {
	Channel string  `json:"channel"`
	Samples int64   `json:"samples"`
	Times   int     `json:"stretches"` // runs of such samples, without a break
	FromS   float64 `json:"from_s"`    // the first, in seconds from the start of the stream
	ToS     float64 `json:"to_s"`      // behind the last
}

// String is for people: "Cz: 480 samples in 2 stretches from 12.5 to 17.1 s".
func (n NotFinite) String() string {
	how := fmt.Sprintf("%d samples", n.Samples)
	if n.Samples == 1 {
		how = "1 sample"
	}
	if n.Times > 1 {
		how += fmt.Sprintf(" in %d stretches", n.Times)
	}
	return fmt.Sprintf("%s: %s from %.3f to %.3f s", n.Channel, how, n.FromS, n.ToS)
}

// Spoilt says in one line which samples were not finite, what that did and what to do; "" where all were.
func (s *Stats) Spoilt() string {
	if s.NotFinite == 0 {
		return ""
	}
	var names []string
	for i, c := range s.Channels {
		if i < 5 {
			names = append(names, c.Channel)
		}
	}
	return fmt.Sprintf("%d samples are NaN or infinite and count as lost (%s): the pipeline begins anew behind them and no window reaches over them; leave the channels out (preprocess: {use: pick, exclude: [%s]}) or let the others replace them (preprocess: {use: bad_channels, action: interpolate}), and train again",
		s.NotFinite, Blame(s.Channels), list(names))
}

// Blame says which channels had samples that are not finite, not too many.
func Blame(channels []NotFinite) string {
	var each []string
	for i, c := range channels {
		if i < 5 {
			each = append(each, c.String())
		}
	}
	more := ""
	if n := len(channels) - len(each); n > 0 {
		more = fmt.Sprintf(", and %d more channels", n)
	}
	return strings.Join(each, "; ") + more
}

// Still says in one line which channels never change, and what to do; "" where all do.
func (s *Stats) Still() string {
	if len(s.Flat) == 0 {
		return ""
	}
	return fmt.Sprintf("%s: every sample is the same: a lost electrode? A model that learned from this channel is not to be trusted here; leave it out (preprocess: {use: pick, exclude: [%s]}) or let the others replace it (preprocess: {use: bad_channels, action: interpolate}), and train again",
		strings.Join(s.Flat, ", "), list(s.Flat))
}

// stillTrack is whether the samples of one channel have all been the same.
type stillTrack struct {
	n       int64 // finite ones
	first   float64
	changed bool
}

// see takes the samples that come next. One that is not finite is no change.
func (s *stillTrack) see(x []float64) {
	if s.changed {
		return
	}
	for _, v := range x {
		switch {
		case v-v != 0: // not finite
		case s.n == 0:
			s.first, s.n = v, 1
		case v != s.first:
			s.changed = true
			return
		default:
			s.n++
		}
	}
}

// flat lists the channels of voltages among tracks that never changed, in a second or more.
func flat(tracks []stillTrack, info *signal.Info) (names []string) {
	for ch, s := range tracks {
		switch info.Channels[ch].Kind {
		case signal.EEG, signal.SEEG, signal.ECoG:
			if !s.changed && float64(s.n) >= info.Rate {
				names = append(names, info.Channels[ch].Name)
			}
		}
	}
	return names
}

// lostTrack is what front knows of the samples of one channel that are not finite.
type lostTrack struct {
	n           int64
	times       int
	first, last int64 // sample numbers
}

// see counts sample number at.
func (l *lostTrack) see(at int64) {
	if l.n == 0 {
		l.first = at
	}
	if l.n == 0 || at != l.last+1 {
		l.times++
	}
	l.n, l.last = l.n+1, at
}

// FiniteWatch counts the samples of a stream that are NaN or infinite in any channel, for who takes it in without a pipeline.
type FiniteWatch struct {
	info   *signal.Info
	use    []bool // all
	tracks []lostTrack
	n      int64
}

// NewFiniteWatch watches a stream described by info from its beginning.
func NewFiniteWatch(info *signal.Info) *FiniteWatch {
	return &FiniteWatch{info: info, use: used(nil, info), tracks: make([]lostTrack, len(info.Channels))}
}

// See counts the samples of c, and returns how many of them are not finite.
func (w *FiniteWatch) See(c signal.Chunk) int64 {
	before := w.n
	if finite(c.X, w.use) {
		return 0
	}
	_ = pieces(c, w.use, func(from, to int64, isLost bool) error { // which never fails
		if isLost {
			w.n += to - from
			count(w.tracks, c, from, to, w.use)
		}
		return nil
	})
	return w.n - before
}

// NotFinite is how many samples were not finite, and in which channels.
func (w *FiniteWatch) NotFinite() (int64, []NotFinite) { return w.n, report(w.tracks, w.info) }

// report lists the channels among tracks that lost something.
func report(tracks []lostTrack, info *signal.Info) (bad []NotFinite) {
	for ch, l := range tracks {
		if l.n > 0 {
			bad = append(bad, NotFinite{
				Channel: info.Channels[ch].Name, Samples: l.n, Times: l.times, FromS: float64(l.first) / info.Rate, ToS: float64(l.last+1) / info.Rate,
			})
		}
	}
	return bad
}

// used says which channels of in matter to the first n steps, which have been started on it: a sample that is not finite
// in another one harms nothing.
func used(steps []preprocess.Processor, in *signal.Info) []bool {
	use := make([]bool, len(in.Channels))
	for ch := range use {
		use[ch] = true
	}
	for _, s := range steps {
		ig, ok := s.(preprocess.Ignorer)
		if !ok {
			break
		}
		names, separate := ig.Ignores()
		for _, name := range names {
			if ch := in.Index(name); ch >= 0 {
				use[ch] = false
			}
		}
		if !separate {
			break
		}
	}
	return use
}

// finite says whether all samples of the channels that are used are numbers.
func finite(x [][]float64, use []bool) bool {
	for ch, row := range x {
		if !use[ch] {
			continue
		}
		var sum float64
		for _, v := range row {
			sum += v - v // 0, or NaN from one that is not finite on
		}
		if sum != 0 {
			return false
		}
	}
	return true
}

// lost says whether sample t is not finite in a channel that is used.
func lost(x [][]float64, use []bool, t int) bool {
	for ch, row := range x {
		if use[ch] && row[t]-row[t] != 0 {
			return true
		}
	}
	return false
}

// pieces calls do for the stretches of c, [from, to), in order: in those that are not lost every channel that is used is
// finite, in the others no sample has all of them.
func pieces(c signal.Chunk, use []bool, do func(from, to int64, isLost bool) error) error {
	for from := 0; from < c.Len(); {
		isLost, to := lost(c.X, use, from), from+1
		for to < c.Len() && lost(c.X, use, to) == isLost {
			to++
		}
		if err := do(c.Start+int64(from), c.Start+int64(to), isLost); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// count notes in tracks which channels of c are to blame for the samples [from, to), all of which are lost.
func count(tracks []lostTrack, c signal.Chunk, from, to int64, use []bool) {
	for ch, row := range c.X {
		for s := from; s < to && use[ch]; s++ {
			if v := row[s-c.Start]; v-v != 0 {
				tracks[ch].see(s)
			}
		}
	}
}

// misses are the events of c among [from, to), all of whose samples are lost, that have one of labels.
func misses(c signal.Chunk, from, to int64, use []bool, labels []string) (list []preprocess.Miss) {
	for _, e := range signal.EventsIn(c.Events, from, to) {
		if !slices.Contains(labels, e.Label) {
			continue
		}
		for ch, row := range c.X {
			if v := row[e.Sample-c.Start]; use[ch] && v-v != 0 {
				list = append(list, preprocess.Miss{Event: e, Why: fmt.Sprintf("its sample is %g in channel %s", v, c.Info.Channels[ch].Name)})
				break
			}
		}
	}
	return list
}

// parts are the stretches of runs in which every channel that is used is finite. Where all are it returns runs itself.
func parts(runs []signal.Chunk, use []bool) []signal.Chunk {
	if !slices.ContainsFunc(runs, func(c signal.Chunk) bool { return !finite(c.X, use) }) {
		return runs
	}
	var list []signal.Chunk
	for _, c := range runs {
		_ = pieces(c, use, func(from, to int64, isLost bool) error { // which never fails
			if !isLost {
				list = append(list, c.Slice(from, to))
			}
			return nil
		})
	}
	return list
}

// heal takes out of the stretches of a recording, for the steps offline, the samples that are not finite, and says what
// was taken out. A channel that is not finite from end to end of a stretch stays: nothing of it could be saved, and it
// may be left out later.
func (p *Pipeline) heal(runs []signal.Chunk) (good []signal.Chunk, gone Stats) {
	if len(runs) == 0 {
		return nil, gone
	}
	info := runs[0].Info
	use := p.front.needs(info)
	if !slices.ContainsFunc(runs, func(c signal.Chunk) bool { return !finite(c.X, use) }) {
		return runs, gone
	}
	tracks := make([]lostTrack, len(use))
	for _, c := range runs {
		own := slices.Clone(use)
		for ch, x := range c.X {
			own[ch] = use[ch] && slices.ContainsFunc(x, func(v float64) bool { return v-v == 0 })
		}
		_ = pieces(c, own, func(from, to int64, isLost bool) error { // which never fails
			if !isLost {
				good = append(good, c.Slice(from, to))
				return nil
			}
			gone.NotFinite += to - from
			count(tracks, c, from, to, own)
			gone.Misses = append(gone.Misses, misses(c, from, to, own, p.EventLabels())...)
			return nil
		})
	}
	gone.Channels = report(tracks, info)
	return good, gone
}

// needs is used for a stream described by in that no step has been started on: it ends before the first step that does not
// take in, such as one that was made for what the steps offline turn it into.
func (f *front) needs(in *signal.Info) []bool {
	n, info := 0, in
	for n < len(f.steps) {
		if _, ok := f.steps[n].(preprocess.Ignorer); !ok {
			break
		}
		var err error
		if info, err = f.steps[n].Start(info); err != nil {
			break
		}
		n++
	}
	return used(f.steps[:n], in)
}
