package figure

import (
	"fmt"
	"math"

	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

// segmentSeconds is the length of a segment of Welch's method: bins are a quarter of a hertz apart.
const segmentSeconds = 4

// Density is the power spectral density of the channels of a window.
type Density struct {
	PSD      [][]float64 // [channel][bin] in the channel's unit squared per Hz
	Step     float64     // Hz between two bins
	Segments int         // that were averaged; none reaches over a gap
}

// Density estimates by Welch's method, with segments of 4 s (or as long as the longest run of samples, where that is
// shorter) that overlap by half. It is an error where that leaves fewer than 8 samples.
func (w Window) Density() (*Density, error) {
	longest := int64(0)
	for _, run := range w.runs() {
		longest = max(longest, run.Len)
	}
	n := int(min(longest, w.Rec.Info.Samples(segmentSeconds)))
	if n < 8 {
		return nil, fmt.Errorf("the longest run of samples in this part has %d, a spectrum needs at least 8", longest)
	}
	plan := dsp.NewWelchPlan(w.Rec.Info.Rate, dsp.WelchOptions{SegLen: n})
	work, one := plan.NewWork(), make([]float64, plan.Bins())
	d := &Density{PSD: make([][]float64, len(w.Idx)), Step: plan.Freq(1)}
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
				plan.PSD(one, x[ch], work)
				for k, v := range one {
					d.PSD[i][k] += v
				}
			}
		}
	}
	for _, psd := range d.PSD {
		for k := range psd {
			psd[k] /= float64(d.Segments)
		}
	}
	return d, nil
}

// named is up to how many channels a legend names.
const named = 10

// Spectrum draws the power spectral density of each channel in dB from half a hertz to the highest frequency, 0 for
// half the sampling rate. All channels must have one unit.
func Spectrum(w Window, highest float64) (*Figure, error) {
	unit := w.channel(0).Unit
	for i := range w.Idx {
		if c := w.channel(i); c.Unit != unit {
			return nil, fmt.Errorf("channel %s is in %q and %s in %q: a spectrum is of one unit, choose with --channels", w.channel(0).Name, unit, c.Name, c.Unit)
		}
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
	p := axes(fmt.Sprintf("%s: %g to %g s, %d segments", w.name(), w.seconds(w.From), w.seconds(w.To), d.Segments), "frequency (Hz)")
	p.Y.Label.Text = fmt.Sprintf("power spectral density (dB of 1 %s²/Hz)", unit)
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = pale, pale
	p.Add(grid)
	left := 0
	mean := make([]float64, len(d.PSD[0]))
	for i, psd := range d.PSD {
		colour := grey
		colour.A = 0x90
		if len(w.Idx) <= named {
			colour = hue(i)
		}
		for k, v := range psd {
			mean[k] += v / float64(len(d.PSD))
		}
		lines := decibels(psd, d.Step, highest)
		if len(lines) == 0 {
			left++
			continue
		}
		for j, pts := range lines {
			line, err := plotter.NewLine(pts)
			if err != nil {
				return nil, err
			}
			line.Color, line.Width = colour, vg.Points(0.8)
			p.Add(line)
			if j == 0 && len(w.Idx) <= named {
				p.Legend.Add(w.channel(i).Name, line)
			}
		}
	}
	if left == len(w.Idx) {
		return nil, fmt.Errorf("all %d channels are flat or not finite in this part: they have no spectrum in dB", left)
	}
	if left > 0 {
		p.Title.Text += fmt.Sprintf("; %d channels are flat or not finite", left)
	}
	if len(w.Idx) > named {
		for j, pts := range decibels(mean, d.Step, highest) {
			line, err := plotter.NewLine(pts)
			if err != nil {
				return nil, err
			}
			line.Color, line.Width = hue(0), vg.Points(1.8)
			p.Add(line)
			if j == 0 {
				p.Legend.Add(fmt.Sprintf("mean power of %d channels", len(w.Idx)), line)
			}
		}
	}
	p.Legend.Top = true
	p.X.Min, p.X.Max = 0, highest
	return &Figure{Width: vg.Points(640), Height: vg.Points(400), draw: func(c draw.Canvas) { p.Draw(draw.Crop(c, 0, -8, 0, 0)) }}, nil
}

// decibels are the parts of a spectrum from 0.5 Hz to the highest frequency where there is any power.
func decibels(psd []float64, step, highest float64) (lines []plotter.XYs) {
	var line plotter.XYs
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
		line = append(line, plotter.XY{X: f, Y: 10 * math.Log10(v)})
	}
	if len(line) > 0 {
		lines = append(lines, line)
	}
	return lines
}
