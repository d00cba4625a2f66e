// Package figure draws recordings: traces, spectra and scalp maps, as SVG or PNG, without a display.
//
// A figure is made of a Window, the part of a recording that is looked at. Nothing is read twice and no more than a second of
// samples, or one segment of a spectrum, is held at a time, so that a day of recording needs no more memory than a minute.
package figure

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Window is a part of a recording: channels Idx from sample From up to To, not included.
type Window struct {
	Rec      *signal.Recording
	Idx      []int
	From, To int64
}

// runs is where the window has data.
func (w Window) runs() (spans []signal.Span) {
	for _, r := range w.Rec.Runs() {
		if from, to := max(r.Start, w.From), min(r.End(), w.To); from < to {
			spans = append(spans, signal.Span{Start: from, Len: to - from})
		}
	}
	return spans
}

// channel describes the i-th channel of the window.
func (w Window) channel(i int) signal.Channel { return w.Rec.Info.Channels[w.Idx[i]] }

// name is that of the recording without its folder.
func (w Window) name() string { return path.Base(w.Rec.Name) }

// seconds is the time of a sample, from the start of the recording.
func (w Window) seconds(sample int64) float64 { return float64(sample) / w.Rec.Info.Rate }

// reader reads runs of samples into memory that is used again.
type reader struct {
	rec *signal.Recording
	buf signal.Buffer
}

// read returns n samples of every channel of the recording from start on, valid until the next call.
func (r *reader) read(start int64, n int) ([][]float64, error) {
	c := r.buf.Chunk(r.rec.Info, start, n)
	if err := r.rec.Data.ReadSamples(c.X, start); err != nil {
		return nil, err
	}
	return c.X, nil
}

// Figure is a picture that can be drawn in any size.
type Figure struct {
	Width, Height vg.Length // the size that it looks best in
	draw          func(draw.Canvas)
}

// Endings are the formats that Write knows.
var Endings = []string{".svg", ".png"}

// dotsPerInch is the resolution of a PNG.
const dotsPerInch = 144

// Write draws f in the format that the ending of name says, one of Endings.
func (f *Figure) Write(w io.Writer, name string) error {
	var canvas interface {
		vg.CanvasSizer
		io.WriterTo
	}
	switch ending := strings.ToLower(filepath.Ext(name)); ending {
	case ".svg":
		canvas = vgsvg.New(f.Width, f.Height)
	case ".png":
		canvas = vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(f.Width, f.Height), vgimg.UseDPI(dotsPerInch))}
	default:
		return fmt.Errorf("%s: the ending is %q, must be one of %s", name, ending, strings.Join(Endings, ", "))
	}
	c := draw.New(canvas)
	c.FillPolygon(color.White, []vg.Point{c.Min, {X: c.Max.X, Y: c.Min.Y}, c.Max, {X: c.Min.X, Y: c.Max.Y}})
	f.draw(draw.Crop(c, margin, -margin, margin, -margin))
	_, err := canvas.WriteTo(w)
	return err
}

const margin vg.Length = 8 // points around everything

var (
	ink  = color.NRGBA{R: 0x22, G: 0x2b, B: 0x38, A: 0xff}
	grey = color.NRGBA{R: 0x9a, G: 0xa3, B: 0xae, A: 0xff}
	pale = color.NRGBA{R: 0xe6, G: 0xe9, B: 0xed, A: 0xff}
)

// hues tell channels and kinds of event apart; those of Okabe and Ito (2008), which colour-blind readers can tell apart.
var hues = []color.NRGBA{
	{0x00, 0x72, 0xb2, 0xff},
	{0xd5, 0x5e, 0x00, 0xff},
	{0x00, 0x9e, 0x73, 0xff},
	{0xcc, 0x79, 0xa7, 0xff},
	{0xe6, 0x9f, 0x00, 0xff},
	{0x56, 0xb4, 0xe9, 0xff},
	{0x6b, 0x5b, 0x95, 0xff},
	{0x7f, 0x7f, 0x7f, 0xff},
}

func hue(i int) color.NRGBA { return hues[i%len(hues)] }

// sans is the font of all texts.
func sans(points float64) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Points(points)}
}

// text is a style for words that are placed by hand.
func text(points float64, c color.Color, x draw.XAlignment, y draw.YAlignment) draw.TextStyle {
	return draw.TextStyle{Color: c, Font: sans(points), XAlign: x, YAlign: y, Handler: plot.DefaultTextHandler}
}

// axes is an empty plot in gyrus's style.
func axes(title, x string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text = title, x
	p.Title.Padding = vg.Points(6)
	p.Title.TextStyle.Font, p.Title.TextStyle.Color = sans(11), ink
	p.Legend.TextStyle.Font, p.Legend.TextStyle.Color = sans(8), ink
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle.Font, a.Label.TextStyle.Color = sans(9), ink
		a.Tick.Label.Font, a.Tick.Label.Color = sans(8), ink
		a.Color, a.Tick.Color = grey, grey
		a.Padding, a.Tick.Marker = 0, even{}
	}
	return p
}

// even are ticks at multiples of a round number, each with its label.
type even struct{}

// Ticks are at most about ten. Adding 0 makes 0 of -0.
func (even) Ticks(lo, hi float64) (ticks []plot.Tick) {
	step := round((hi - lo) / 10)
	for k := math.Ceil(lo/step - 1e-9); k*step <= hi+1e-9*step; k++ {
		ticks = append(ticks, plot.Tick{Value: k * step, Label: strconv.FormatFloat(k*step+0, 'g', 9, 64)})
	}
	return ticks
}
