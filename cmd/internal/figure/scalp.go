package figure

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/plot/palette"
	"gonum.org/v1/plot/palette/moreland"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess/spatial/spline"
)

// Band is a range of frequencies in Hz, both ends included.
type Band struct{ Low, High float64 }

// Map is one scalp map: a value for each channel of a window.
type Map struct {
	Title  string    `json:"title"`
	Unit   string    `json:"unit"`
	Values []float64 `json:"values"`
	Signed bool      `json:"signed"` // there is a colour for either side of 0
	Spoilt []Spoilt  `json:"-"`      // channels of which segments of the spectrum could not be used
}

// Power is the mean power spectral density in each band, in dB. A channel without any is an error that names it, and so is one of
// another unit.
func (w Window) Power(bands []Band) ([]Map, error) {
	unit, err := w.unit("a scalp map")
	if err != nil {
		return nil, err
	}
	d, err := w.Density()
	if err != nil {
		return nil, err
	}
	maps := make([]Map, len(bands))
	for b, band := range bands {
		if half := w.Rec.Info.Rate / 2; !(0 < band.Low && band.Low < band.High && band.High <= half) {
			return nil, fmt.Errorf("the band is %g to %g Hz, must rise, above 0 and up to %g (half the sampling rate)", band.Low, band.High, half)
		}
		from, to := int(math.Ceil(band.Low/d.Step-1e-9)), int(math.Floor(band.High/d.Step+1e-9))
		if from > to {
			return nil, fmt.Errorf("the band %g to %g Hz lies between two bins, which are %g Hz apart: look at a longer part, or a wider band", band.Low, band.High, d.Step)
		}
		m := Map{Title: fmt.Sprintf("%g to %g Hz", band.Low, band.High), Unit: fmt.Sprintf("dB of 1 %s²/Hz", unit), Spoilt: d.spoilt(w)}
		for i, psd := range d.PSD {
			sum := 0.0
			for _, v := range psd[from : to+1] {
				sum += v
			}
			if !(sum > 0) || math.IsInf(sum, 0) { // also catches NaN
				return nil, fmt.Errorf("channel %s is flat or not finite from %g to %g Hz: leave it out with --channels", w.channel(i).Name, band.Low, band.High)
			}
			m.Values = append(m.Values, 10*math.Log10(sum/float64(to+1-from)))
		}
		maps[b] = m
	}
	return maps, nil
}

// Moment is the potential at one sample, without the mean of each channel over the window, of its finite samples, and without the mean of the
// channels, so that neither an offset of an amplifier nor the reference matters. All channels must have one unit.
func (w Window) Moment(sample int64) (Map, error) {
	unit, err := w.unit("a scalp map")
	if err != nil {
		return Map{}, err
	}
	m := Map{Title: fmt.Sprintf("%.3f s", w.seconds(sample)), Unit: string(unit), Values: make([]float64, len(w.Idx)), Signed: true}
	in := reader{rec: w.Rec}
	means, n := make([]float64, len(w.Idx)), make([]float64, len(w.Idx))
	found := false
	for _, run := range w.runs() {
		for at := run.Start; at < run.End(); {
			k := min(max(1, w.Rec.Info.Samples(1)), run.End()-at)
			x, err := in.read(at, int(k))
			if err != nil {
				return m, err
			}
			for i, ch := range w.Idx {
				for _, v := range x[ch] {
					if !notFinite(v) {
						means[i] += v
						n[i]++
					}
				}
				if at <= sample && sample < at+k {
					m.Values[i], found = x[ch][sample-at], true
				}
			}
			at += k
		}
	}
	if !found {
		return m, fmt.Errorf("there is no sample at %.3f s in this part of the recording", w.seconds(sample))
	}
	all := 0.0
	for i := range m.Values {
		m.Values[i] -= means[i] / n[i]
		if notFinite(m.Values[i]) {
			return m, fmt.Errorf("channel %s is not finite at that time: leave it out with --channels", w.channel(i).Name)
		}
		all += m.Values[i] / float64(len(m.Values))
	}
	for i := range m.Values {
		m.Values[i] -= all
	}
	return m, nil
}

const (
	nodes    = 120  // of the grid that the spline is evaluated on, on either side
	pixels   = 240  // of the picture of a map, on either side
	reach    = 1.3  // of the picture, in radii of the head
	farthest = 0.45 // radians from an electrode to the farthest place with a colour: nothing is drawn where nothing was measured
)

// LeastChannels is how many channels with a position a scalp map needs.
const LeastChannels = 4

// Scalp draws maps side by side, four to a row: spherical splines through the electrodes (Perrin et al. 1989, see package
// spline) at their Places, seen from above, the nose up; the distance from the middle is the angle from the vertex and the circle is 90°. The
// window's channels must have positions, at least LeastChannels, and one unit. Those that are left out as bad are crosses.
func Scalp(w Window, maps []Map) (*Figure, error) {
	at, err := w.Places()
	if err != nil {
		return nil, err
	}
	weights, err := spline.Interpolation(at.u, nodeDirections(), 1e-5)
	if err != nil {
		return nil, err
	}
	cover := coverage(at.u)
	panels := make([]panel, len(maps))
	for i, m := range maps {
		var v mat.VecDense
		v.MulVec(weights, mat.NewVecDense(len(m.Values), m.Values))
		if panels[i], err = newPanel(m, field{v.RawVector().Data}, cover); err != nil {
			return nil, err
		}
	}
	across := min(4, len(panels))
	down := (len(panels) + across - 1) / across
	const side, foot, head = 190, 32, 30
	what := ""
	if len(maps) > 0 && maps[0].Signed { // moments, each with its own title
		what = "potential less its mean over "
	}
	var spoilt []Spoilt
	if len(maps) > 0 {
		spoilt = maps[0].Spoilt
	}
	return &Figure{
		Spoilt: spoilt,
		Width:  vg.Points(float64(max(across, 2)*side) + 16), Height: vg.Points(float64(down*(side+foot)+head) + 16),
		draw: func(c draw.Canvas) {
			c.FillText(text(11, ink, draw.XCenter, draw.YTop), vg.Point{X: c.Center().X, Y: c.Max.Y},
				fmt.Sprintf("%s: %s%g to %g s, %d channels%s", w.name(), what, w.seconds(w.From), w.seconds(w.To), len(w.Idx), w.leftOut(" (×)")))
			left := c.Center().X - vg.Points(float64(across)*side/2)
			for i := range panels {
				x, y := left+vg.Points(float64(i%across)*side), c.Max.Y-vg.Points(head+float64(i/across)*(side+foot))
				panels[i].draw(c, vg.Point{X: x + side/2, Y: y - side/2}, side/2*0.98/reach, at, w)
			}
		},
	}, nil
}

// Places is where the electrodes of a window are, as seen from the middle of the head.
type Places struct {
	ByName []string // the channels that are where their name puts them
	Unfit  error    // why the positions do not say where the head is, so that all are where their names put them

	u, bad [][3]float64 // of Idx and of those of Bad that have a position
}

// Places are the directions from the middle of the sphere through the positions of the recording's EEG channels, which is that on which
// names are put where no position is another.
func (w Window) Places() (*Places, error) {
	if len(w.Idx) < LeastChannels {
		return nil, fmt.Errorf("a scalp map of %d channels, it needs at least %d with a position", len(w.Idx), LeastChannels)
	}
	all := slices.Clone(w.Idx)
	for _, ch := range w.Bad {
		if w.Rec.Info.Channels[ch].Pos != nil {
			all = append(all, ch)
		}
	}
	p := &Places{ByName: []string{}}
	var points, head []signal.Position
	named := make([][3]float64, len(all)) // by the names, as far as all have one that puts them somewhere
	var nameless []string
	standard := true
	for i, ch := range all {
		c := w.Rec.Info.Channels[ch]
		if c.Pos == nil {
			return nil, fmt.Errorf("channel %s has no position: leave it out with --channels", c.Name)
		}
		points = append(points, *c.Pos)
		byName := montage.ByName(c)
		if standard = standard && byName; byName && i < len(w.Idx) {
			p.ByName = append(p.ByName, c.Name)
		}
		var ok bool
		if named[i], ok = montage.Direction(c.Name); !ok {
			nameless = append(nameless, c.Name)
		}
	}
	u := named
	if !standard {
		for ch, c := range w.Rec.Info.Channels { // those that are not drawn are on the same head
			if c.Pos != nil && (c.Kind == signal.EEG || slices.Contains(all, ch)) {
				head = append(head, *c.Pos)
			}
		}
		err := spline.Fixes(head)
		var s spline.Sphere
		if err == nil { // in front: in a plane any radius may come out
			s, err = spline.FitHead(head)
		}
		if err == nil {
			u, err = s.Directions(points)
		}
		switch {
		case err == nil:
		case len(nameless) == 0:
			p.Unfit, u = err, named
		default:
			return nil, fmt.Errorf("where the electrodes are: %w; the names of %s are none of the 10-05 system, which would say it", err, strings.Join(nameless, ", "))
		}
	}
	p.u, p.bad = u[:len(w.Idx)], u[len(w.Idx):]
	return p, nil
}

// project is where a direction lies seen from above, in radii of the head.
func project(u [3]float64) (x, y float64) {
	r := math.Acos(max(-1, min(u[2], 1))) / (math.Pi / 2)
	if h := math.Hypot(u[0], u[1]); h > 0 {
		return r * u[0] / h, r * u[1] / h
	}
	return 0, 0
}

// place is where pixel or node k of n lies, in radii of the head from the middle.
func place(k float64, n int) float64 { return reach * (2*(k+0.5)/float64(n) - 1) }

// direction is the inverse of project.
func direction(x, y float64) [3]float64 {
	r := math.Hypot(x, y)
	d := [3]float64{0, 0, math.Cos(r * math.Pi / 2)}
	if r > 0 {
		d[0], d[1] = x/r*math.Sin(r*math.Pi/2), y/r*math.Sin(r*math.Pi/2)
	}
	return d
}

// nodeDirections are those of the nodes of the grid, row by row from the nose down.
func nodeDirections() (to [][3]float64) {
	for i := range nodes {
		for j := range nodes {
			x, y := place(float64(j), nodes), -place(float64(i), nodes)
			if r := math.Hypot(x, y); r > 1.5 { // in the corners, where nothing is drawn
				x, y = 1.5*x/r, 1.5*y/r
			}
			to = append(to, direction(x, y))
		}
	}
	return to
}

// coverage says of each pixel, row by row, how much of it is drawn, from 0 to 1: that which lies near an electrode. The
// nearness to all of them is added up softly, so that the edge has no corners; that moves it by a few degrees.
func coverage(u [][3]float64) []float64 {
	const size, soft = 2 * reach / pixels * math.Pi / 2, 15 // of a pixel, in radians from the middle; per radian
	cover := make([]float64, 0, pixels*pixels)
	for i := range pixels {
		for j := range pixels {
			x, y := place(float64(j), pixels), -place(float64(i), pixels)
			d, near := direction(x, y), 0.0
			for _, e := range u {
				near += math.Exp(-soft * math.Acos(max(-1, min(d[0]*e[0]+d[1]*e[1]+d[2]*e[2], 1))))
			}
			inside := min(farthest+math.Log(near)/soft, (reach-math.Hypot(x, y))*math.Pi/2-size)
			cover = append(cover, max(0, min(inside/size+0.5, 1)))
		}
	}
	return cover
}

// field is the values at the nodes of the grid.
type field struct{ v []float64 }

// at is the value at a place in the grid, in nodes from the first: linear between four nodes.
func (f field) at(x, y float64) float64 {
	x, y = max(0, min(x, nodes-1.001)), max(0, min(y, nodes-1.001))
	j, i := int(x), int(y)
	x, y = x-float64(j), y-float64(i)
	a, b := f.v[i*nodes+j:], f.v[(i+1)*nodes+j:]
	return (1-y)*((1-x)*a[0]+x*a[1]) + y*((1-x)*b[0]+x*b[1])
}

// contour is the lines between nodes on which the field has a level, each from one place of the grid to another (marching
// squares: Lorensen and Cline 1987, doi:10.1145/37402.37422, in the plane).
func (f field) contour(level float64, drawn func(x, y float64) bool) (lines [][2][2]float64) {
	for i := range nodes - 1 {
		for j := range nodes - 1 {
			x, y := float64(j), float64(i)
			if !drawn(x, y) || !drawn(x+1, y+1) {
				continue
			}
			corner := [4][2]float64{{x, y}, {x + 1, y}, {x + 1, y + 1}, {x, y + 1}}
			var cut [][2]float64
			for k, a := range corner {
				b := corner[(k+1)%4]
				p, q := f.v[int(a[1])*nodes+int(a[0])]-level, f.v[int(b[1])*nodes+int(b[0])]-level
				if (p < 0) != (q < 0) {
					t := p / (p - q)
					cut = append(cut, [2]float64{a[0] + t*(b[0]-a[0]), a[1] + t*(b[1]-a[1])})
				}
			}
			for k := 0; k+1 < len(cut); k += 2 { // four at a saddle
				lines = append(lines, [2][2]float64{cut[k], cut[k+1]})
			}
		}
	}
	return lines
}

// panel is a map with its colours.
type panel struct {
	m       Map
	lo, hi  float64
	colours palette.ColorMap
	img     *image.NRGBA    // the map
	lines   [][2][2]float64 // of equal value, between places in radii of the head
	bar     *image.NRGBA    // the scale
}

// viridis is the scale for power, in five places, from dark to light: readable in grey and for colour-blind readers
// (S. van der Walt and N. Smith, matplotlib 2.0, 2015, CC0).
var viridis = []color.Color{
	color.NRGBA{0x44, 0x01, 0x54, 0xff},
	color.NRGBA{0x3b, 0x52, 0x8b, 0xff},
	color.NRGBA{0x21, 0x91, 0x8c, 0xff},
	color.NRGBA{0x5e, 0xc9, 0x62, 0xff},
	color.NRGBA{0xfd, 0xe7, 0x25, 0xff},
}

// newPanel paints a field. The scale reaches from the lowest to the highest value at an electrode; what the spline makes of
// the places between and beside them has the colour of the end where it goes further.
func newPanel(m Map, f field, cover []float64) (panel, error) {
	p := panel{m: m, lo: math.Inf(1), hi: math.Inf(-1), img: image.NewNRGBA(image.Rect(0, 0, pixels, pixels))}
	var err error
	if p.colours, err = moreland.NewLuminance(viridis); err != nil {
		return p, err
	}
	for _, x := range m.Values {
		p.lo, p.hi = min(p.lo, x), max(p.hi, x)
	}
	if m.Signed {
		p.colours = moreland.SmoothBlueRed()
		p.hi = max(math.Abs(p.lo), math.Abs(p.hi))
		p.lo = -p.hi
	}
	if p.hi-p.lo < 1e-9 { // all alike
		p.lo, p.hi = p.lo-0.5, p.hi+0.5
	}
	const scale = float64(nodes) / pixels
	for k, part := range cover {
		if part == 0 {
			continue
		}
		x, y := k%pixels, k/pixels
		v := f.at((float64(x)+0.5)*scale-0.5, (float64(y)+0.5)*scale-0.5)
		c, err := p.at((v - p.lo) / (p.hi - p.lo))
		if err != nil {
			return p, err
		}
		n := color.NRGBAModel.Convert(c).(color.NRGBA)
		n.A = uint8(255*part + 0.5)
		p.img.SetNRGBA(x, y, n)
	}
	drawn := func(x, y float64) bool {
		return cover[int((y+0.5)/scale)*pixels+int((x+0.5)/scale)] == 1
	}
	for _, t := range even(p.lo, p.hi) {
		for _, l := range f.contour(t.at, drawn) {
			for k := range l {
				l[k] = [2]float64{place(l[k][0], nodes), -place(l[k][1], nodes)}
			}
			p.lines = append(p.lines, l)
		}
	}
	const long, high = 240, 12
	p.bar = image.NewNRGBA(image.Rect(0, 0, long, high))
	for x := range long {
		c, err := p.at((float64(x) + 0.5) / long)
		if err != nil {
			return p, err
		}
		for y := range high {
			p.bar.Set(x, y, c)
		}
	}
	return p, nil
}

// at is the colour of a place between the lowest value, 0, and the highest, 1.
func (p panel) at(f float64) (color.Color, error) {
	p.colours.SetMin(0)
	p.colours.SetMax(1)
	return p.colours.At(max(0, min(f, 1)))
}

// draw draws the panel around the middle of the head, whose radius is r.
func (p panel) draw(c draw.Canvas, middle vg.Point, r vg.Length, at *Places, w Window) {
	point := func(x, y float64) vg.Point {
		return vg.Point{X: middle.X + r*vg.Length(x), Y: middle.Y + r*vg.Length(y)}
	}
	c.DrawImage(vg.Rectangle{Min: point(-reach, -reach), Max: point(reach, reach)}, p.img)
	var level vg.Path
	for _, l := range p.lines {
		level.Move(point(l[0][0], l[0][1]))
		level.Line(point(l[1][0], l[1][1]))
	}
	thin := draw.LineStyle{Color: color.NRGBA{0xff, 0xff, 0xff, 0x70}, Width: vg.Points(0.5)}
	if p.m.Signed { // whose middle is pale
		thin.Color = color.NRGBA{ink.R, ink.G, ink.B, 0x50}
	}
	c.SetLineStyle(thin)
	c.Stroke(level)
	var outline [][]vg.Point
	arc := func(x, y, rx, ry, from, to float64) {
		var pts []vg.Point
		for k := range 73 {
			a := from + (to-from)*float64(k)/72
			pts = append(pts, point(x+rx*math.Cos(a), y+ry*math.Sin(a)))
		}
		outline = append(outline, pts)
	}
	arc(0, 0, 1, 1, 0, 2*math.Pi)
	arc(-1.0, 0, 0.09, 0.2, math.Pi/2, 3*math.Pi/2)
	arc(1.0, 0, 0.09, 0.2, -math.Pi/2, math.Pi/2)
	outline = append(outline, []vg.Point{point(-0.1, 0.995), point(0, 1.13), point(0.1, 0.995)})
	halo := draw.LineStyle{Color: color.NRGBA{0xff, 0xff, 0xff, 0x70}, Width: vg.Points(2.2)} // seen on dark colours, too
	c.StrokeLines(halo, outline...)
	c.StrokeLines(draw.LineStyle{Color: ink, Width: vg.Points(1.1)}, outline...)
	for i, d := range at.u {
		x, y := project(d)
		c.DrawGlyph(draw.GlyphStyle{Color: ink, Radius: vg.Points(1.3), Shape: draw.CircleGlyph{}}, point(x, y))
		if len(at.u) <= 24 {
			c.FillText(text(6, ink, draw.XCenter, draw.YBottom), point(x, y+0.03), w.label(i))
		}
	}
	for _, d := range at.bad {
		x, y := project(d)
		const arm = 0.035
		cross := [][]vg.Point{{point(x-arm, y-arm), point(x+arm, y+arm)}, {point(x-arm, y+arm), point(x+arm, y-arm)}}
		c.StrokeLines(halo, cross...)
		c.StrokeLines(draw.LineStyle{Color: ink, Width: vg.Points(1.1)}, cross...)
	}
	c.FillText(text(9, ink, draw.XCenter, draw.YBottom), point(0, reach), p.m.Title)
	// The scale.
	wide, high := r*1.2, vg.Points(7)
	left, top := middle.X-wide/2, point(0, -reach).Y-vg.Points(6)
	c.DrawImage(vg.Rectangle{Min: vg.Point{X: left, Y: top - high}, Max: vg.Point{X: left + wide, Y: top}}, p.bar)
	c.FillText(text(7, ink, draw.XRight, draw.YCenter), vg.Point{X: left - 3, Y: top - high/2}, short(p.lo))
	c.FillText(text(7, ink, draw.XLeft, draw.YCenter), vg.Point{X: left + wide + 3, Y: top - high/2}, short(p.hi))
	c.FillText(text(7, ink, draw.XCenter, draw.YTop), vg.Point{X: middle.X, Y: top - high - 2}, p.m.Unit)
}

// short is a number for a scale.
func short(x float64) string { return strings.TrimSuffix(fmt.Sprintf("%.1f", x), ".0") }
