package figure

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

// segmentSeconds is the length of a segment of Welch's method: bins are a quarter of a hertz apart.
const segmentSeconds = 4

// Density is the power spectral density of the channels of a window.
type Density struct {
	PSD      [][]float64 // [channel][bin] in the channel's unit squared per Hz; NaN where no segment could be used
	Step     float64     // Hz between two bins
	Segments int         // that lie in the window; none reaches over a gap
	Used     []int       // [channel] how many of them were averaged: those without a sample that is not finite
}

// Spoilt describes the i-th channel as one of which segments could not be used.
type Spoilt struct {
	Channel  string `json:"channel"`
	Used     int    `json:"segments_used"`
	Segments int    `json:"segments"`
}

// spoilt are the channels of which segments could not be used.
func (d *Density) spoilt(w Window) (all []Spoilt) {
	for i, n := range d.Used {
		if n < d.Segments {
			all = append(all, Spoilt{w.channel(i).Name, n, d.Segments})
		}
	}
	return all
}

// used is how many segments were averaged, in words: "9", or "5 to 9" where channels differ. Those with none are not counted.
func (d *Density) used() string {
	least := d.Segments
	most := 0
	for _, n := range d.Used {
		if n > 0 {
			least, most = min(least, n), max(most, n)
		}
	}
	if least >= most {
		return strconv.Itoa(most)
	}
	return fmt.Sprintf("%d to %d", least, most)
}

// Density estimates by Welch's method, with segments of 4 s (or as long as the longest run of samples, where that is
// shorter) that overlap by half. It is an error where that leaves fewer than 8 samples. A segment with a sample that is not finite is left
// out for the channel that has it.
func (w Window) Density() (*Density, error) {
	longest := int64(0)
	for _, run := range w.runs() {
		longest = max(longest, run.Len)
	}
	n := int(min(longest, w.Rec.Info.Samples(segmentSeconds)))
	if n < 8 {
		return nil, fmt.Errorf("the longest run of samples in this part has %d, and %d s have %d at %g Hz: a spectrum needs at least 8, look at a longer part, or leave channels of so low a rate out with --channels",
			longest, segmentSeconds, w.Rec.Info.Samples(segmentSeconds), w.Rec.Info.Rate)
	}
	plan := dsp.NewWelchPlan(w.Rec.Info.Rate, dsp.WelchOptions{SegLen: n})
	work, one := plan.NewWork(), make([]float64, plan.Bins())
	d := &Density{PSD: make([][]float64, len(w.Idx)), Step: plan.Freq(1), Used: make([]int, len(w.Idx))}
	for i := range d.PSD {
		d.PSD[i] = make([]float64, plan.Bins())
	}
	in := reader{rec: w.Rec}
	for _, run := range w.runs() {
		for at := run.Start; at+int64(n) <= run.End(); at += int64(n - n/2) {
			x, err := in.read(at, n)
			if err != nil {
				return nil, err
			}
			d.Segments++
			for i, ch := range w.Idx {
				if slices.ContainsFunc(x[ch], notFinite) {
					continue
				}
				d.Used[i]++
				plan.PSD(one, x[ch], work)
				for k, v := range one {
					d.PSD[i][k] += v
				}
			}
		}
	}
	for i, psd := range d.PSD {
		for k := range psd {
			psd[k] /= float64(d.Used[i]) // 0/0 is NaN
		}
	}
	return d, nil
}

func notFinite(v float64) bool { return v-v != 0 }

// named is up to how many channels a legend names.
const named = 10

// Spectrum draws the power spectral density of each channel in dB from half a hertz to the highest frequency, 0 for
// half the sampling rate. All channels must have one unit.
func Spectrum(w Window, highest float64) (*Figure, error) {
	unit, err := w.unit("a spectrum")
	if err != nil {
		return nil, err
	}
	if half := w.Rec.Info.Rate / 2; highest == 0 {
		highest = half
	} else if !(0.5 < highest && highest <= half) {
		return nil, fmt.Errorf("the highest frequency is %g Hz, must be above 0.5 and at most %g (half the sampling rate)", highest, half)
	}
	d, err := w.Density()
	if err != nil {
		return nil, err
	}
	a := axes{
		title: fmt.Sprintf("%s: %g to %g s, %s segments", w.name(), w.seconds(w.From), w.seconds(w.To), d.used()) + w.leftOut(""), grid: true,
		x: axis{label: "frequency (Hz)", max: highest, ticks: even(0, highest)},
		y: axis{label: fmt.Sprintf("power spectral density (dB of 1 %s²/Hz)", unit), min: math.Inf(1), max: math.Inf(-1), shared: true},
	}
	var curves []curve
	add := func(label string, c curve, psd []float64) bool {
		c.lines = decibels(psd, d.Step, highest)
		for _, line := range c.lines {
			for _, p := range line {
				a.y.min, a.y.max = min(a.y.min, p.level), max(a.y.max, p.level)
			}
		}
		if curves = append(curves, c); label != "" && len(c.lines) > 0 {
			a.legend = append(a.legend, entry{label, c.style})
		}
		return len(c.lines) > 0
	}
	var without []string
	mean := make([]float64, len(d.PSD[0])) // of those that are drawn
	for i, psd := range d.PSD {
		label, colour := "", grey
		colour.A = 0x90
		if len(w.Idx) <= named {
			label, colour = w.label(i), hue(i)
		}
		if !add(label, curve{style: draw.LineStyle{Color: colour, Width: vg.Points(0.8)}}, psd) {
			without = append(without, w.channel(i).Name)
			continue
		}
		for k, v := range psd {
			mean[k] += v
		}
	}
	drawn := len(w.Idx) - len(without)
	switch {
	case drawn == 0:
		return nil, fmt.Errorf("all %d channels are flat or not finite in this part: they have no spectrum in dB", len(without))
	case len(without) > 3:
		a.title += fmt.Sprintf("; %d channels are flat or not finite", len(without))
	case len(without) > 0:
		a.title += "; flat or not finite: " + strings.Join(without, ", ")
	}
	if len(w.Idx) > named {
		for k := range mean {
			mean[k] /= float64(drawn)
		}
		add(fmt.Sprintf("mean power of %d channels", drawn), curve{style: draw.LineStyle{Color: hue(0), Width: vg.Points(1.8)}}, mean)
	}
	room := max(1, 0.04*(a.y.max-a.y.min)) // dB
	a.y.min, a.y.max = a.y.min-room, a.y.max+room
	a.y.ticks = even(a.y.min, a.y.max)
	a.data = func(f frame) {
		for _, c := range curves {
			for _, line := range c.lines {
				pts := make([]vg.Point, len(line))
				for k, p := range line {
					pts[k] = f.at(p.hz, p.level)
				}
				f.line(c.style, pts)
			}
		}
	}
	return &Figure{Width: vg.Points(640), Height: vg.Points(400), draw: a.draw, axes: &a, Spoilt: d.spoilt(w), Without: without}, nil
}

// point is a place on a spectrum, its level in dB.
type point struct{ hz, level float64 }

// curve is the spectrum of a channel, in parts where some of it is missing.
type curve struct {
	lines [][]point
	style draw.LineStyle
}

// decibels are the parts of a spectrum from 0.5 Hz to the highest frequency where there is any power.
func decibels(psd []float64, step, highest float64) (lines [][]point) {
	var line []point
	for k, v := range psd {
		f := float64(k) * step
		if f < 0.5 || f > highest {
			continue
		}
		if !(v > 0) || math.IsInf(v, 0) { // also catches NaN
			if len(line) > 0 {
				lines, line = append(lines, line), nil
			}
			continue
		}
		line = append(line, point{f, 10 * math.Log10(v)})
	}
	if len(line) > 0 {
		lines = append(lines, line)
	}
	return lines
}
