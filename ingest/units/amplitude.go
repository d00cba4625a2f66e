package units

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// What EEG from the scalp varies by within a second, in µV, with ample room on both sides.
const (
	smallest = 0.1
	largest  = 1000
	pieces   = 5
	slabMax  = 1 << 18 // numbers read at once
)

const amplitudeWhere = "samples: amplitude"

// What one channel differs by from the others where its unit is another than the one in the file: prefixes of units are 1000 apart. A
// channel that is only good or bad differs by less, and what is left of computing a channel that is zero by far more.
const (
	apart    = 300
	quiet    = 10 // µV: others that vary by less are not much quieter EEG, but an amplifier without a head
	residue  = 1e9
	distinct = 16 // values within a second: a channel with fewer is dead, and its last bits flicker
)

// Implausible says where the EEG of rec cannot be µV: a wrong calibration or unit in the source. It looks at five seconds
// spread over the recording and takes the standard deviation of every EEG channel in each. The median of all says whether the whole
// is implausible; otherwise a channel is that by its own median, where it also is 300 times as large or small as the median of
// the other channels (as 10 µV at least, where it is larger). Channels that are flat, dead, or marked as bad are left out. nil says that nothing was found, also where there
// is no EEG.
func Implausible(rec *signal.Recording) (*signal.Deviation, error) {
	d, _, err := implausible(rec)
	return d, err
}

// implausible also says in which channels.
func implausible(rec *signal.Recording) (d *signal.Deviation, which []int, err error) {
	v, err := variation(rec, func(ch int) bool { return rec.Info.Channels[ch].Kind == signal.EEG })
	if err != nil {
		return nil, nil, err
	}
	all, ok := v.median(func(int) bool { return true })
	if !ok {
		return nil, nil, nil
	}
	rule := fmt.Sprintf("EEG varies by %g to %g µV within a second", smallest, float64(largest))
	if all < smallest || all > largest {
		return &signal.Deviation{
			Where: amplitudeWhere, Rule: rule,
			Found:   fmt.Sprintf("a median standard deviation of %.3g µV in %d channels: the unit or the calibration in the file is wrong by some factor", all, len(v.channels)),
			Assumed: "nothing: the samples are scaled as the file says; thresholds in µV will not fit",
		}, v.channels, nil
	}
	var found []string
	for _, ch := range v.channels {
		own, varies := v.median(func(o int) bool { return o == ch })
		if !varies || own >= smallest && own <= largest || rec.Info.Channels[ch].Bad {
			continue
		}
		others, ok := v.median(func(o int) bool { return o != ch })
		small := own < smallest && own*apart <= others && own*residue > others && !v.dead[ch]
		if ok && (small || own > largest && own >= apart*max(others, quiet)) {
			which = append(which, ch)
			found = append(found, fmt.Sprintf("%s by %.3g µV, %.3g times the %.3g µV of the others", rec.Info.Channels[ch].Name, own, own/others, others))
		}
	}
	if len(which) == 0 {
		return nil, nil, nil
	}
	more := ""
	if n := len(found) - shown; n > 0 {
		more, found = fmt.Sprintf("; and %d channels more", n), found[:shown]
	}
	return &signal.Deviation{
		Where: amplitudeWhere, Rule: rule + ", in all channels alike",
		Found:   fmt.Sprintf("%d of %d channels vary otherwise: %s%s: the unit or the calibration of these is wrong by some factor, or they are not connected", len(which), len(v.channels), strings.Join(found, "; "), more),
		Assumed: "nothing: the samples are scaled as the file says; mark the channels as bad where they are not connected",
	}, which, nil
}

// shown is how many channels a message names.
const shown = 8

// varying is by how much channels vary.
type varying struct {
	channels []int             // that were looked at
	by       map[int][]float64 // standard deviations of a channel, in pieces in which it varies
	dead     map[int]bool      // has few values in every piece
}

// median is that of all standard deviations of the channels that are picked; ok is false where none of them varies.
func (v varying) median(pick func(ch int) bool) (m float64, ok bool) {
	var all []float64
	for _, ch := range v.channels {
		if pick(ch) {
			all = append(all, v.by[ch]...)
		}
	}
	if len(all) == 0 {
		return 0, false
	}
	slices.Sort(all)
	return all[len(all)/2], true
}

// variation is by how much the channels in µV that are picked vary.
func variation(rec *signal.Recording, pick func(ch int) bool) (v varying, err error) {
	for ch, c := range rec.Info.Channels {
		if c.Unit == signal.Microvolt && pick(ch) {
			v.channels = append(v.channels, ch)
		}
	}
	runs := slices.DeleteFunc(slices.Clone(rec.Runs()), func(s signal.Span) bool { return s.Len == 0 })
	if len(v.channels) == 0 || len(runs) == 0 {
		return varying{}, nil
	}
	v.by, v.dead = map[int][]float64{}, map[int]bool{}
	second := max(2, min(int64(rec.Info.Rate), int64(slabMax/len(rec.Info.Channels))))
	var buf signal.Buffer
	for p := range int64(pieces) {
		run := runs[int(p)*len(runs)/pieces]
		n := min(second, run.Len)
		at := run.Start + (run.Len-n)*p/(pieces-1)
		c := buf.Chunk(rec.Info, at, int(n))
		if err := rec.Data.ReadSamples(c.X, at); err != nil {
			return varying{}, err
		}
		for _, ch := range v.channels {
			d := standard(c.X[ch])
			if !(d > 0) || math.IsInf(d, 0) { // NaN, or flat
				continue
			}
			v.dead[ch] = few(c.X[ch], d) && (len(v.by[ch]) == 0 || v.dead[ch])
			v.by[ch] = append(v.by[ch], d)
		}
	}
	return v, nil
}

// few says whether x, which varies by less than EEG does, has few values.
func few(x []float64, d float64) bool {
	if d >= smallest {
		return false
	}
	seen := map[float64]bool{}
	for _, v := range x {
		if seen[v] = true; len(seen) > min(distinct, len(x)/4) {
			return false
		}
	}
	return true
}

// standard is the standard deviation of x.
func standard(x []float64) float64 {
	mean := 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	sum := 0.0
	for _, v := range x {
		sum += (v - mean) * (v - mean) / float64(len(x))
	}
	return math.Sqrt(sum)
}
