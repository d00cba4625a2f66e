package dsp

import "fmt"

// MaxRatio is the largest numerator or denominator of a Polyphase: its filter has 20 times as many taps.
const MaxRatio = 20000

// Polyphase changes a sampling rate by the factor up/down, with the filter of scipy.signal.resample_poly: 20·max(up,
// down)+1 taps with a Kaiser window of beta 5, cut off at half the lower of both rates. It delays nothing, for which it
// needs Ahead samples behind the one an output lies on.
type Polyphase struct {
	up, down      int
	behind, ahead int       // samples before and behind floor(position) that an output is made of
	taps          []float64 // [up][behind+1+ahead], the weights for each fraction of a sample
}

// NewPolyphase makes the filter. Up and down are 1 to MaxRatio, have no common divisor and are not both 1.
func NewPolyphase(up, down int) (*Polyphase, error) {
	if up < 1 || down < 1 || max(up, down) > MaxRatio || up == down {
		return nil, fmt.Errorf("ratio is %d/%d, must be two different whole numbers from 1 to %d", up, down, MaxRatio)
	}
	most := max(up, down)
	half := 10 * most
	h, err := Firwin(2*half+1, Lowpass(1/float64(most)), KaiserFIR(5), 2)
	if err != nil {
		return nil, err
	}
	p := &Polyphase{up: up, down: down, behind: half / up, ahead: (half + up - 1) / up}
	width := p.behind + 1 + p.ahead
	p.taps = make([]float64, up*width)
	for phase := range up {
		for j := -p.ahead; j <= p.behind; j++ { // the sample j before the position
			if at := half + phase + j*up; at >= 0 && at < len(h) {
				p.taps[phase*width+p.behind-j] = h[at] * float64(up)
			}
		}
	}
	return p, nil
}

// Ahead is the number of samples behind its own position that an output waits for.
func (p *Polyphase) Ahead() int { return p.ahead }

// polyBlock is the number of samples that are taken in before the outputs they complete are made.
const polyBlock = 256

// PolyphaseState resamples one stretch of signal that comes in pieces. Its ends are extended by their mirror image, the
// end point not repeated (padtype "reflect").
type PolyphaseState struct {
	p        *Polyphase
	channels int
	width    int       // of a row: the channels, and zeros to a multiple of Columns
	rows     []float64 // [samples][width], the stretch's samples from first on
	first    int64     // number of the first sample in rows; the mirror image is before 0
	led      bool      // the mirror image is there
	next     int64     // number behind the last one
	at       int64     // position of the next output, in units of 1/up sample
	out      []float64 // one row
	buf      []float64 // what rows lies in
}

// NewState is ready for the first sample of a stretch. The first output lies offset/up samples behind it, offset ≥ 0.
func (p *Polyphase) NewState(channels, offset int) *PolyphaseState {
	s := &PolyphaseState{p: p, channels: channels, width: (channels + Columns - 1) / Columns * Columns, at: int64(offset)}
	history := 2*(p.behind+1+p.ahead) + p.down/p.up + 2
	s.buf = make([]float64, (history+polyBlock)*s.width)
	s.rows = s.buf[:0]
	s.out = make([]float64, s.width)
	return s
}

// Ready is the number of outputs that n more samples complete.
func (s *PolyphaseState) Ready(n int) int {
	return s.count((s.next + int64(n) - int64(s.p.ahead)) * int64(s.p.up))
}

// Rest is the number of outputs that Flush returns: all that lie before the end of the stretch.
func (s *PolyphaseState) Rest() int { return s.count(s.next * int64(s.p.up)) }

// count is the number of outputs with a position below limit.
func (s *PolyphaseState) count(limit int64) int {
	if limit <= s.at {
		return 0
	}
	down := int64(s.p.down)
	return int((limit - s.at + down - 1) / down)
}

// Push takes the samples x [channel][n] and fills dst [channel][Ready(n)]. Each output depends on the samples of its
// own channel alone; a NaN reaches those that it is part of.
func (s *PolyphaseState) Push(dst, x [][]float64) {
	n := len(x[0])
	done := 0
	for from := 0; from < n; from += polyBlock {
		to := min(from+polyBlock, n)
		s.drop()
		at := len(s.rows)
		s.rows = s.rows[:at+(to-from)*s.width]
		for ch := range x {
			r := s.rows[at+ch:]
			for t, v := range x[ch][from:to] {
				r[t*s.width] = v
			}
		}
		s.next += int64(to - from)
		done += s.emit(dst, done, (s.next-int64(s.p.ahead))*int64(s.p.up))
	}
}

// Flush fills dst [channel][Rest] with the outputs that waited for samples behind the end.
func (s *PolyphaseState) Flush(dst [][]float64) {
	rest := s.Rest()
	if rest == 0 {
		return
	}
	s.drop()
	end := s.next
	limit := end * int64(s.p.up)
	for i := range int64(s.p.ahead) {
		s.row(mirror(end+i, end))
		s.next++
	}
	// The mirrored rows are no samples: emit must not wait for more behind them.
	s.lead(end)
	s.emit(dst, 0, limit)
	s.next = end
}

// emit fills dst from done on with the outputs whose position is below limit and returns how many they are.
func (s *PolyphaseState) emit(dst [][]float64, done int, limit int64) int {
	n := s.count(limit)
	if n == 0 {
		return 0
	}
	s.lead(s.next)
	p, up := s.p, int64(s.p.up)
	taps := p.behind + 1 + p.ahead
	for i := range n {
		phase := int(s.at % up)
		row := int(s.at/up-int64(p.behind)-s.first) * s.width
		SumRows(s.out, p.taps[phase*taps:(phase+1)*taps], s.rows[row:], s.width)
		for ch := range s.channels {
			dst[ch][done+i] = s.out[ch]
		}
		s.at += int64(p.down)
	}
	return n
}

// lead puts the mirror image before the first sample, once enough of the stretch, which has n samples so far, is there.
func (s *PolyphaseState) lead(n int64) {
	if s.led {
		return
	}
	k := s.p.behind
	rows := s.rows
	s.rows = s.rows[:len(rows)+k*s.width]
	copy(s.rows[k*s.width:], rows)
	for i := 1; i <= k; i++ {
		from := (k + int(mirror(int64(-i), n))) * s.width
		copy(s.rows[(k-i)*s.width:(k-i+1)*s.width], s.rows[from:from+s.width])
	}
	s.first, s.led = -int64(k), true
}

// row appends a copy of row number i of the stretch.
func (s *PolyphaseState) row(i int64) {
	from := int(i-s.first) * s.width
	at := len(s.rows)
	s.rows = s.rows[:at+s.width]
	copy(s.rows[at:], s.rows[from:from+s.width])
}

// drop forgets the rows that no output to come is made of.
func (s *PolyphaseState) drop() {
	keep := s.at/int64(s.p.up) - int64(s.p.behind)
	if !s.led || keep <= s.first {
		return
	}
	n := int(min(keep, s.next)-s.first) * s.width
	s.rows = s.rows[:copy(s.rows, s.rows[n:])]
	s.first += int64(n / s.width)
}

// mirror is the number of the sample that stands for i in a stretch of n: … 2 1 0 1 2 … n−1 n−2 … in order.
func mirror(i, n int64) int64 {
	if n == 1 {
		return 0
	}
	period := 2 * (n - 1)
	i = ((i % period) + period) % period
	return min(i, period-i)
}
