package figure

import (
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// plot.Plot of gonum draws axes, too, but brings 5 MB of fonts, PDF and TeX into the program. What is needed of them is here,
// on the canvases of gonum/plot.

// tick is a place on an axis.
type tick struct {
	at    float64
	label string
}

// axis is one side of a plot.
type axis struct {
	label    string
	min, max float64
	ticks    []tick
	bare     bool // no line and no marks, only the labels
	shared   bool // by all figures of one stack that have it, with the same label
}

// entry is a line of a legend.
type entry struct {
	label string
	style draw.LineStyle
}

// axes is a plot in gyrus's style.
type axes struct {
	title  string
	x, y   axis
	grid   bool      // at the ticks of y, too, not only of x
	above  vg.Length // room between the title and the data
	left   vg.Length // least room to the left of the data
	beside vg.Length // least room to the right of the data
	legend []entry   // in the upper right corner
	data   func(f frame)
}

// frame is the part of a canvas that the data are drawn in.
type frame struct {
	draw.Canvas
	x, y axis
}

// at is the place of a value.
func (f frame) at(x, y float64) vg.Point {
	return vg.Point{
		X: f.X((x - f.x.min) / (f.x.max - f.x.min)),
		Y: f.Y((y - f.y.min) / (f.y.max - f.y.min)),
	}
}

// line draws what of a line lies in the frame.
func (f frame) line(style draw.LineStyle, line []vg.Point) {
	f.StrokeLines(style, f.ClipLinesXY(line)...)
}

const (
	tickLength vg.Length = 4
	gap        vg.Length = 4 // between things that belong together
)

// axesStyles are those of titles, of the labels of ticks and of those of axes.
func axesStyles() (title, small, label draw.TextStyle) {
	return text(11, ink, draw.XCenter, draw.YTop), text(8, ink, draw.XCenter, draw.YTop), text(9, ink, draw.XCenter, draw.YBottom)
}

// sides is the room to the left and to the right of the data: what is written there, or more where others need it.
func (a *axes) sides() (left, right vg.Length) {
	_, small, label := axesStyles()
	for _, t := range a.y.ticks {
		left = max(left, small.Width(t.label))
	}
	left += gap
	if !a.y.bare {
		left += tickLength
	}
	if a.y.label != "" {
		left += label.Height(a.y.label) + gap
	}
	return max(a.left, left), max(a.beside, small.Width("000")/2)
}

// draw draws it on all of c.
func (a *axes) draw(c draw.Canvas) {
	title, small, label := axesStyles()
	left, right := a.sides()
	bottom := small.Height("0") + label.Height(a.x.label) + tickLength + 2*gap
	f := frame{draw.Crop(c, left, -right, bottom, -title.Height(a.title)-gap-a.above), a.x, a.y}
	middle := f.Center()
	c.FillText(title, vg.Point{X: middle.X, Y: c.Max.Y}, a.title)

	thin := draw.LineStyle{Color: pale, Width: vg.Points(0.5)}
	for _, t := range a.x.ticks {
		x := f.at(t.at, a.y.min).X
		f.StrokeLine2(thin, x, f.Min.Y, x, f.Max.Y)
	}
	if a.grid {
		for _, t := range a.y.ticks {
			y := f.at(a.x.min, t.at).Y
			f.StrokeLine2(thin, f.Min.X, y, f.Max.X, y)
		}
	}
	a.data(f)

	line := draw.LineStyle{Color: grey, Width: vg.Points(0.75)}
	c.StrokeLine2(line, f.Min.X, f.Min.Y, f.Max.X, f.Min.Y)
	for _, t := range a.x.ticks {
		x := f.at(t.at, a.y.min).X
		c.StrokeLine2(line, x, f.Min.Y, x, f.Min.Y-tickLength)
		c.FillText(small, vg.Point{X: x, Y: f.Min.Y - tickLength - gap/2}, t.label)
	}
	label.YAlign = draw.YBottom
	c.FillText(label, vg.Point{X: middle.X, Y: c.Min.Y}, a.x.label)
	small.XAlign, small.YAlign = draw.XRight, draw.YCenter
	for _, t := range a.y.ticks {
		at := vg.Point{X: f.Min.X - gap, Y: f.at(a.x.min, t.at).Y}
		if !a.y.bare {
			c.StrokeLine2(line, f.Min.X, at.Y, f.Min.X-tickLength, at.Y)
			at.X -= tickLength
		}
		c.FillText(small, at, t.label)
	}
	if !a.y.bare {
		c.StrokeLine2(line, f.Min.X, f.Min.Y, f.Min.X, f.Max.Y)
	}
	if a.y.label != "" {
		label.Rotation, label.YAlign = math.Pi/2, draw.YTop
		c.FillText(label, vg.Point{X: c.Min.X, Y: middle.Y}, a.y.label)
	}
	a.drawLegend(f)
}

// drawLegend names lines in the upper right corner of the data.
func (a *axes) drawLegend(f frame) {
	if len(a.legend) == 0 {
		return
	}
	const sample vg.Length = 20
	style := text(8, ink, draw.XLeft, draw.YCenter)
	wide := vg.Length(0)
	for _, e := range a.legend {
		wide = max(wide, style.Width(e.label))
	}
	high := style.Height("0") + 3
	box := vg.Rectangle{
		Min: vg.Point{X: f.Max.X - wide - sample - 4*gap, Y: f.Max.Y - high*vg.Length(len(a.legend)) - 2*gap},
		Max: vg.Point{X: f.Max.X - gap, Y: f.Max.Y - gap},
	}
	f.FillPolygon(color.NRGBA{0xff, 0xff, 0xff, 0xe0}, corners(box))
	for i, e := range a.legend {
		y := box.Max.Y - high*(vg.Length(i)+0.5)
		f.StrokeLine2(e.style, box.Min.X+gap, y, box.Min.X+gap+sample, y)
		f.FillText(style, vg.Point{X: box.Min.X + sample + 2*gap, Y: y}, e.label)
	}
}

func corners(r vg.Rectangle) []vg.Point {
	return []vg.Point{r.Min, {X: r.Max.X, Y: r.Min.Y}, r.Max, {X: r.Min.X, Y: r.Max.Y}}
}

// even are ticks at multiples of a round number, at most about ten. Adding 0 makes 0 of -0.
func even(lo, hi float64) (ticks []tick) {
	step := round((hi - lo) / 10)
	for k := math.Ceil(lo/step - 1e-9); k*step <= hi+1e-9*step; k++ {
		ticks = append(ticks, tick{k * step, strconv.FormatFloat(k*step+0, 'g', 9, 64)})
	}
	return ticks
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
