// Package figure draws recordings: traces, spectra and scalp maps, as SVG or PNG, without a display.
//
// A figure is made of a Window, the part of a recording that is looked at. Nothing is read twice and no more than a second of
// samples, or one segment of a spectrum, is held at a time, so that a day of recording needs no more memory than a minute.
package figure

import (
	"bytes"
	"fmt"
	"image/color"
	"io"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"gonum.org/v1/plot/font"
	plottext "gonum.org/v1/plot/text"
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
	Bad      []int // channels that are marked as bad and left out: titles count them, and a scalp map shows where they are
	From, To int64

	EventsOf *signal.Recording // whose events are drawn, at the samples of its own rate; nil for Rec
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

// label is the name of the i-th channel, and whether the recording marks it as bad.
func (w Window) label(i int) string {
	if c := w.channel(i); c.Bad {
		return c.Name + " (bad)"
	}
	return w.channel(i).Name
}

// leftOut is what a title says of the channels that are left out.
func (w Window) leftOut(mark string) string {
	switch len(w.Bad) {
	case 0:
		return ""
	case 1:
		return "; 1 marked as bad" + mark + " is left out"
	}
	return fmt.Sprintf("; %d marked as bad%s are left out", len(w.Bad), mark)
}

// unit is that of all channels of the window, which what is drawn of them needs.
func (w Window) unit(what string) (signal.Unit, error) {
	first := w.channel(0)
	for i := range w.Idx {
		if c := w.channel(i); c.Unit != first.Unit {
			return "", fmt.Errorf("channel %s is in %q and %s in %q: %s is of one unit, choose with --channels", first.Name, first.Unit, c.Name, c.Unit, what)
		}
	}
	return first.Unit, nil
}

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
	Spoilt        []Spoilt  // channels of which segments of the spectrum could not be used
	Without       []string  // channels that are flat or not finite, and have no spectrum
	Unnamed       int       // rows that have no room for their name
	draw          func(draw.Canvas)
	axes          *axes // nil where it has none
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
	mend := func(b []byte) []byte { return b }
	switch ending := strings.ToLower(filepath.Ext(name)); ending {
	case ".svg":
		canvas, mend = vgsvg.New(f.Width, f.Height), mendSVG
	case ".png":
		canvas = vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(f.Width, f.Height), vgimg.UseDPI(dotsPerInch))}
	default:
		return fmt.Errorf("%s: the ending is %q, must be one of %s", name, ending, strings.Join(Endings, ", "))
	}
	c := draw.New(canvas)
	c.FillPolygon(color.White, corners(c.Rectangle))
	f.draw(draw.Crop(c, margin, -margin, margin, -margin))
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return err
	}
	_, err := w.Write(mend(b.Bytes()))
	return err
}

// mendSVG adds fonts that look alike to the one of gonum's SVG, and calls the PNG in it by its name. What is replaced has
// quotes, which words in an SVG have not: they are escaped.
func mendSVG(b []byte) []byte {
	b = bytes.ReplaceAll(b, []byte(`style="font-family:`+typeface+`;`), []byte(`style="font-family:`+typeface+`,Helvetica,Arial,sans-serif;`))
	return bytes.ReplaceAll(b, []byte(`"data:image/jpg;`), []byte(`"data:image/png;`))
}

const margin vg.Length = 8 // points around everything

var (
	ink  = color.NRGBA{R: 0x22, G: 0x2b, B: 0x38, A: 0xff}
	grey = color.NRGBA{R: 0x9a, G: 0xa3, B: 0xae, A: 0xff}
	pale = color.NRGBA{R: 0xe6, G: 0xe9, B: 0xed, A: 0xff}
	mist = color.NRGBA{R: 0xf3, G: 0xf4, B: 0xf6, A: 0xff}
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

// typeface is that of all texts: Go Regular by Bigelow & Holmes, which is part of golang.org/x/image. A picture in SVG names it,
// and others for where it is not installed.
const typeface = "Go"

// fonts holds it, and is made when the first picture is.
var fonts = sync.OnceValue(func() *font.Cache {
	face, err := opentype.Parse(goregular.TTF)
	if err != nil {
		panic("figure: " + err.Error()) // it is part of the program
	}
	return font.NewCache(font.Collection{{Font: font.Font{Typeface: typeface}, Face: face}})
})

// text is a style for words.
func text(points float64, c color.Color, x draw.XAlignment, y draw.YAlignment) draw.TextStyle {
	return draw.TextStyle{
		Color: c, Font: font.Font{Typeface: typeface, Size: vg.Points(points)}, XAlign: x, YAlign: y, Handler: plottext.Plain{Fonts: fonts()},
	}
}

// Stack is the figures one below the other. Traces get one time axis, spectra of one unit one scale, and the data of figures of one
// width begin and end at the same places, so that the same time stands below itself.
func Stack(figures ...*Figure) *Figure {
	all := &Figure{}
	ranges := map[string][]*axis{}
	left, right := map[vg.Length]vg.Length{}, map[vg.Length]vg.Length{} // by width
	for _, f := range figures {
		all.Width = max(all.Width, f.Width)
		all.Height += f.Height
		if f.axes == nil {
			continue
		}
		for _, a := range []*axis{&f.axes.x, &f.axes.y} {
			if a.shared {
				ranges[a.label] = append(ranges[a.label], a)
			}
		}
	}
	for _, same := range ranges {
		lo, hi := same[0].min, same[0].max
		for _, a := range same {
			lo, hi = min(lo, a.min), max(hi, a.max)
		}
		for _, a := range same {
			a.min, a.max, a.ticks = lo, hi, even(lo, hi)
		}
	}
	for _, f := range figures { // when the ticks of all are known
		if f.axes != nil {
			l, r := f.axes.sides()
			left[f.Width], right[f.Width] = max(left[f.Width], l), max(right[f.Width], r)
		}
	}
	for _, f := range figures {
		if f.axes != nil {
			f.axes.left, f.axes.beside = left[f.Width], right[f.Width]
		}
	}
	all.draw = func(c draw.Canvas) {
		top := c.Max.Y + margin
		for _, f := range figures {
			part := c
			part.Min.X, part.Max.X = c.Center().X-f.Width/2+margin, c.Center().X+f.Width/2-margin
			part.Max.Y, part.Min.Y = top-margin, top-f.Height+margin
			f.draw(part)
			top -= f.Height
		}
	}
	return all
}
