package figure

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

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

// Traces draws each channel as a row, one below the other, without its mean. All rows of a unit have one scale, which a bar
// beside them shows. Where there are more samples than columns, the lowest and the highest value are drawn, so that no peak is
// lost. Gaps are shaded and events are lines with their labels. Channels that are marked as bad are grey, end where the rows beside them
// begin, and have no say in the scale. Of very many rows each second or third, and so on, has its name.
func Traces(w Window) (*Figure, error) {
	rows, means, err := w.rows()
	if err != nil {
		return nil, err
	}
	steps := steps(w, rows, means)
	from, to := w.seconds(w.From), w.seconds(w.To)
	a := axes{title: scale(w, steps), above: 13, x: axis{label: "time (s)", min: from, max: to, ticks: even(from, to), shared: true}}
	a.y = axis{min: -float64(len(rows)) + 0.2, max: 0.8, bare: true}
	high := height(len(rows))
	every := max(1, int(math.Ceil(leastPitch*float64(len(rows))/high-1e-9))) // rows to a name
	for i := 0; i < len(rows); i += every {
		a.y.ticks = append(a.y.ticks, tick{-float64(i), w.label(i)})
	}
	bars := w.bars(steps)
	for _, b := range bars {
		a.beside = max(a.beside, 4*gap+text(8, ink, draw.XLeft, draw.YCenter).Width(b.label))
	}
	a.data = func(f frame) {
		w.gaps(f)
		for _, bad := range []bool{true, false} { // what is good stands in front
			for i, row := range rows {
				if w.channel(i).Bad == bad {
					w.row(f, i, row, func(v float64) float64 { return -float64(i) + (v-means[i])/steps[w.channel(i).Unit] })
				}
			}
		}
		w.events(f)
		for _, b := range bars { // as high as the distance of two rows
			x := f.Max.X + 2*gap
			low, high := f.at(from, b.row-0.5).Y, f.at(from, b.row+0.5).Y
			bar := draw.LineStyle{Color: ink, Width: vg.Points(1)}
			f.StrokeLines(bar, []vg.Point{{X: x - 2, Y: low}, {X: x + 2, Y: low}}, []vg.Point{{X: x, Y: low}, {X: x, Y: high}}, []vg.Point{{X: x - 2, Y: high}, {X: x + 2, Y: high}})
			f.FillText(text(8, ink, draw.XLeft, draw.YCenter), vg.Point{X: x + gap, Y: (low + high) / 2}, b.label)
		}
	}
	return &Figure{Width: vg.Points(760), Height: vg.Points(100 + high), Unnamed: len(rows) - len(a.y.ticks), draw: a.draw, axes: &a}, nil
}

// leastPitch is the distance of two names of 8 points that can be read, in points.
const leastPitch = 10

// height is that of n rows in points: closer together where there are many, as far as their names can be read. A picture of more than 512 rows is no
// taller: the PNG of 1500 was of 30000 pixels, which took a third more of time and memory to make, and few programs show.
func height(n int) float64 { return max(min(20*float64(n), 1800), leastPitch*float64(min(n, 512))) }

// row draws the i-th channel, whose values have places on the axis.
func (w Window) row(f frame, i int, row []column, level func(v float64) float64) {
	style, within := draw.LineStyle{Color: ink, Width: vg.Points(0.6)}, f
	if w.channel(i).Bad {
		style.Color = grey
		within.Min.Y, within.Max.Y = max(f.Min.Y, f.at(f.x.min, -float64(i)-0.5).Y), min(f.Max.Y, f.at(f.x.min, -float64(i)+0.5).Y)
	}
	var line []vg.Point
	end := func() {
		switch {
		case len(line) == 1 && within.Contains(line[0]): // a sample between gaps
			f.DrawGlyph(draw.GlyphStyle{Color: style.Color, Radius: vg.Points(1), Shape: draw.CircleGlyph{}}, line[0])
		case len(line) > 1:
			within.line(style, line)
		}
		line = nil
	}
	for _, col := range row {
		if col.begins {
			end()
		}
		line = append(line, f.at(col.at, level(col.lo)))
		if col.hi != col.lo {
			line = append(line, f.at(col.at, level(col.hi)))
		}
	}
	end()
}

// bar shows the scale of a unit beside a row.
type bar struct {
	row   float64
	label string
}

// bars are one for each unit, beside the first row that has it, as far as they do not touch.
func (w Window) bars(steps map[signal.Unit]float64) (bars []bar) {
	seen := map[signal.Unit]bool{}
	for i := range w.Idx {
		u := w.channel(i).Unit
		if row := -float64(i); !seen[u] && (len(bars) == 0 || row <= bars[len(bars)-1].row-1.5) {
			seen[u] = true
			bars = append(bars, bar{row, amount(steps[u], u)})
		}
	}
	return bars
}

// amount is a number with its unit.
func amount(x float64, u signal.Unit) string {
	return strings.TrimRight(fmt.Sprintf("%g %s", x, u), " ")
}

// gaps shades where the recording has no data.
func (w Window) gaps(f frame) {
	at := w.From
	for _, run := range append(w.runs(), signal.Span{Start: w.To}) {
		if run.Start > at {
			f.FillPolygon(mist, corners(vg.Rectangle{Min: f.at(w.seconds(at), f.y.min), Max: f.at(w.seconds(run.Start), f.y.max)}))
		}
		at = run.End()
	}
}

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

// steps is the distance of two rows of each unit: a round number that most of what is drawn fits into. Channels that are marked as bad
// count where a unit has no others.
func steps(w Window, rows [][]column, means []float64) map[signal.Unit]float64 {
	far, good := map[signal.Unit][]float64{}, map[signal.Unit]bool{}
	for i := range rows {
		if c := w.channel(i); !c.Bad {
			good[c.Unit] = true
		}
	}
	for i, row := range rows {
		if c := w.channel(i); c.Bad && good[c.Unit] {
			continue
		}
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

// scale says what the distance of two rows stands for: "rows are 50 µV apart".
func scale(w Window, steps map[signal.Unit]float64) string {
	var units []string
	for i := range w.Idx {
		u := w.channel(i).Unit
		s := amount(steps[u], u)
		if !slices.Contains(units, s) {
			units = append(units, s)
		}
	}
	return fmt.Sprintf("%s: rows are %s apart", w.name(), strings.Join(units, ", "))
}

// when is the time of an event of rec in seconds: its onset, or the time of its sample where that is not the one at the onset (the onset
// goes by another clock, or lies in a gap).
func when(rec *signal.Recording, e signal.Event) float64 {
	if at := float64(e.Sample) / rec.Info.Rate; !(math.Abs(at-e.Onset)*rec.Info.Rate <= 1) { // also catches NaN
		return at
	}
	return e.Onset
}

// events draws the events of the window as lines, and their labels above, as far as they have room.
func (w Window) events(f frame) {
	rec := w.EventsOf
	if rec == nil {
		rec = w.Rec
	}
	labels := signal.LabelsOf(rec.Events)
	slices.Sort(labels)
	free := f.Min.X // where the last label ends
	for _, e := range rec.Events {
		t := when(rec, e)
		if !(w.seconds(w.From) <= t && t < w.seconds(w.To)) {
			continue
		}
		colour := hue(slices.Index(labels, e.Label))
		at := f.at(t, f.y.min).X
		f.StrokeLine2(draw.LineStyle{Color: colour, Width: vg.Points(0.8)}, at, f.Min.Y, at, f.Max.Y)
		style := text(8, colour, draw.XLeft, draw.YBottom)
		if at >= free {
			f.FillText(style, vg.Point{X: at, Y: f.Max.Y + 1}, e.Label)
			free = at + style.Width(e.Label) + gap
		}
	}
}
