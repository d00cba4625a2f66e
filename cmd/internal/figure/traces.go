package figure

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// columns is how many places along the time axis have a lowest and a highest value of their own: more than a screen shows.
const columns = 2000

// column is the range of the samples of one channel that fall on one place.
type column struct {
	at     float64 // seconds
	lo, hi float64
	begins bool // there is a gap before it
}

// Traces draws each channel as a row, one below the other, without its mean. All rows of a unit have one scale: Step is the
// distance of two rows. Where there are more samples than columns, the lowest and the highest value are drawn, so that no
// peak is lost. Gaps are left white and events are lines with their labels.
func Traces(w Window) (*Figure, error) {
	rows, means, err := w.rows()
	if err != nil {
		return nil, err
	}
	steps := steps(w, rows, means)
	from, to := w.seconds(w.From), w.seconds(w.To)
	p := axes(scale(w, steps), "time (s)")
	p.Title.Padding = vg.Points(16) // the labels of events stand there
	p.X.Min, p.X.Max = from, to
	p.Y.Min, p.Y.Max = -float64(len(rows))+0.2, 0.8
	var ticks []plot.Tick
	for i := range rows {
		ticks = append(ticks, plot.Tick{Value: -float64(i), Label: w.channel(i).Name})
	}
	p.Y.Tick.Marker, p.Y.Tick.Length, p.Y.Width = plot.ConstantTicks(ticks), 0, 0
	p.Add(drawn(func(c draw.Canvas, p *plot.Plot) {
		x, y := p.Transforms(&c)
		for i, row := range rows {
			var line []vg.Point
			style := draw.LineStyle{Color: ink, Width: vg.Points(0.6)}
			level := func(v float64) vg.Length {
				return y(-float64(i) + (v-means[i])/steps[w.channel(i).Unit])
			}
			for _, col := range row {
				if col.begins && len(line) > 0 {
					c.StrokeLines(style, c.ClipLinesXY(line)...)
					line = nil
				}
				line = append(line, vg.Point{X: x(col.at), Y: level(col.lo)})
				if col.hi != col.lo {
					line = append(line, vg.Point{X: x(col.at), Y: level(col.hi)})
				}
			}
			if len(line) > 0 {
				c.StrokeLines(style, c.ClipLinesXY(line)...)
			}
		}
		w.events(c, x)
	}))
	return &Figure{
		Width: vg.Points(760), Height: vg.Points(max(200, 90+min(18*float64(len(rows)), 1800))),
		draw: func(c draw.Canvas) { p.Draw(draw.Crop(c, 0, -8, 0, -14)) },
	}, nil
}

// drawn is a plotter of nothing but a function.
type drawn func(c draw.Canvas, p *plot.Plot)

// Plot calls it.
func (f drawn) Plot(c draw.Canvas, p *plot.Plot) { f(c, p) }

// rows reads the window: for each channel its columns and its mean. A sample that is not finite leaves a hole.
func (w Window) rows() (rows [][]column, means []float64, err error) {
	rows, means = make([][]column, len(w.Idx)), make([]float64, len(w.Idx))
	count := make([]float64, len(w.Idx))
	per := max(1, (w.To-w.From+columns-1)/columns) // samples to a column
	block := per * max(1, w.Rec.Info.Samples(1)/per)
	in := reader{rec: w.Rec}
	for _, run := range w.runs() {
		for at := run.Start; at < run.End(); at += block {
			n := min(block, run.End()-at)
			x, err := in.read(at, int(n))
			if err != nil {
				return nil, nil, err
			}
			for i, ch := range w.Idx {
				for t := int64(0); t < n; t += per {
					col := column{at: w.seconds(at + t), lo: math.Inf(1), hi: math.Inf(-1), begins: at+t == run.Start}
					for _, v := range x[ch][t:min(t+per, n)] {
						if v-v != 0 {
							continue
						}
						col.lo, col.hi = min(col.lo, v), max(col.hi, v)
						means[i] += v
						count[i]++
					}
					if !(col.lo <= col.hi) { // none of them is finite
						continue
					}
					if k := len(rows[i]); k > 0 && col.at-rows[i][k-1].at > 1.5*float64(per)/w.Rec.Info.Rate {
						col.begins = true // behind such a hole
					}
					rows[i] = append(rows[i], col)
				}
			}
		}
	}
	seen := 0.0
	for i := range means {
		seen += count[i]
		means[i] /= max(1, count[i])
	}
	if seen == 0 {
		return nil, nil, errors.New("there is no finite sample in this part of the recording")
	}
	return rows, means, nil
}

// steps is the distance of two rows of each unit: a round number that most of what is drawn fits into.
func steps(w Window, rows [][]column, means []float64) map[signal.Unit]float64 {
	far := map[signal.Unit][]float64{}
	for i, row := range rows {
		var from []float64
		for _, c := range row {
			from = append(from, max(c.hi-means[i], means[i]-c.lo))
		}
		if len(from) > 0 {
			slices.Sort(from)
			u := w.channel(i).Unit
			far[u] = append(far[u], from[(len(from)-1)*98/100])
		}
	}
	steps := map[signal.Unit]float64{}
	for i := range w.Idx {
		steps[w.channel(i).Unit] = 1
	}
	for u, f := range far {
		slices.Sort(f)
		if v := f[len(f)/2]; v > 0 {
			steps[u] = round(1.6 * v)
		}
	}
	return steps
}

// round is the next of 1, 2, 5, 10, 20, … from x on.
func round(x float64) float64 {
	ten := math.Pow(10, math.Floor(math.Log10(x)))
	for _, f := range []float64{1, 2, 5} {
		if f*ten >= x {
			return f * ten
		}
	}
	return 10 * ten
}

// scale says what the distance of two rows stands for: "rows are 50 µV apart".
func scale(w Window, steps map[signal.Unit]float64) string {
	var units []string
	for i := range w.Idx {
		u := w.channel(i).Unit
		s := strings.TrimRight(fmt.Sprintf("%g %s", steps[u], u), " ")
		if !slices.Contains(units, s) {
			units = append(units, s)
		}
	}
	return fmt.Sprintf("%s: rows are %s apart", w.name(), strings.Join(units, ", "))
}

// events draws the events of the window as lines, and their labels above, as far as they have room.
func (w Window) events(c draw.Canvas, x func(float64) vg.Length) {
	var labels []string
	for _, e := range w.Rec.Events {
		if !slices.Contains(labels, e.Label) {
			labels = append(labels, e.Label)
		}
	}
	slices.Sort(labels)
	free := c.Min.X // where the last label ends
	for _, e := range signal.EventsIn(w.Rec.Events, w.From, w.To) {
		colour := hue(slices.Index(labels, e.Label))
		at := x(w.seconds(e.Sample))
		c.StrokeLine2(draw.LineStyle{Color: colour, Width: vg.Points(0.8)}, at, c.Min.Y, at, c.Max.Y)
		style := text(8, colour, draw.XLeft, draw.YBottom)
		if at >= free {
			c.FillText(style, vg.Point{X: at, Y: c.Max.Y + 1}, e.Label)
			free = at + style.Width(e.Label) + 4
		}
	}
}
