package figure_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/cmd/internal/figure"
	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

// recording has noise in the named channels at 100 Hz, and a gap where spans say so.
func recording(n int64, spans []signal.Span, names ...string) *signal.Recording {
	rng := rand.New(rand.NewPCG(3, 4))
	x := make(signal.Memory, len(names))
	info := &signal.Info{Rate: 100}
	for i, name := range names {
		x[i] = make([]float64, n)
		for t := range x[i] {
			x[i][t] = 10 * rng.NormFloat64()
		}
		info.Channels = append(info.Channels, signal.Channel{Name: name, Original: name, Kind: signal.EEG, Unit: signal.Microvolt, Pos: montage.Place(name)})
	}
	return &signal.Recording{
		Name: "r.edf", Info: info, Len: n, Spans: spans, Data: x,
		Events: []signal.Event{{Sample: 50, Onset: 0.5, Label: "<left & right>"}},
	}
}

func whole(rec *signal.Recording) figure.Window {
	w := figure.Window{Rec: rec, To: rec.Len}
	for i := range rec.Info.Channels {
		w.Idx = append(w.Idx, i)
	}
	return w
}

func written(t *testing.T, f *figure.Figure, name string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := f.Write(&b, name); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestPictures: every kind is a well-formed SVG and a PNG, the same each time, and has the words that a reader needs.
func TestPictures(t *testing.T) {
	rec := recording(3000, []signal.Span{{Start: 0, Len: 1000}, {Start: 1500, Len: 1500}}, "C3", "Cz", "C4", "Pz", "Fz")
	w := whole(rec)
	power, err := w.Power([]figure.Band{{8, 13}, {13, 30}})
	if err != nil {
		t.Fatal(err)
	}
	for kind, c := range map[string]struct {
		make func() (*figure.Figure, error)
		want []string
	}{
		"traces":   {func() (*figure.Figure, error) { return figure.Traces(w) }, []string{"r.edf: rows are", "µV apart", ">C3<", "time (s)", "&lt;left", ">50 µV<"}},
		"spectrum": {func() (*figure.Figure, error) { return figure.Spectrum(w, 0) }, []string{"µV²/Hz", ">C4<", "frequency (Hz)"}},
		"scalp":    {func() (*figure.Figure, error) { return figure.Scalp(w, power) }, []string{"8 to 13 Hz", "13 to 30 Hz", ">Pz<", "<image"}},
	} {
		t.Run(kind, func(t *testing.T) {
			f, err := c.make()
			if err != nil {
				t.Fatal(err)
			}
			svg := written(t, f, "x.svg")
			if again := written(t, f, "y.SVG"); !bytes.Equal(svg, again) {
				t.Error("a second picture differs")
			}
			for _, want := range c.want {
				if !bytes.Contains(svg, []byte(want)) {
					t.Errorf("%q is not in the SVG", want)
				}
			}
			for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
				if _, err := d.Token(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatalf("the SVG is not well-formed: %v", err)
				}
			}
			if bytes.Contains(svg, []byte("image/jpg")) || bytes.Count(svg, []byte("font-family:Go,Helvetica,Arial,sans-serif;")) != bytes.Count(svg, []byte("<text")) {
				t.Error("the SVG calls its PNG a JPEG, or has a text without a font that is everywhere")
			}
			raw := written(t, f, "x.png")
			if !bytes.Equal(raw, written(t, f, "x.png")) {
				t.Error("a second PNG differs")
			}
			img, err := png.Decode(bytes.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			dark := 0
			b := img.Bounds()
			for y := b.Min.Y; y < b.Max.Y; y++ {
				for x := b.Min.X; x < b.Max.X; x++ {
					if r, g, b, _ := img.At(x, y).RGBA(); r+g+b < 0x18000 {
						dark++
					}
				}
			}
			if dark < 500 || b.Dx() < 600 {
				t.Errorf("a picture of %v with %d dark pixels", b, dark)
			}
			if err := f.Write(io.Discard, "x.pdf"); err == nil || !strings.Contains(err.Error(), ".svg, .png") {
				t.Errorf("x.pdf: %v", err)
			}
		})
	}
}

// element is what is drawn of an SVG: a path or a text.
type element struct {
	D     string  `xml:"d,attr"`
	Style string  `xml:"style,attr"`
	X     float64 `xml:"x,attr"`
	Y     float64 `xml:"y,attr"`
	Text  string  `xml:",chardata"`
}

// path is the places that a path goes to, in points from the lower left corner.
func (e element) path() (pts [][2]float64) {
	for _, s := range strings.FieldsFunc(e.D, func(r rune) bool { return strings.ContainsRune("MLZ", r) }) {
		var p [2]float64
		if n, _ := fmt.Sscanf(s, "%g,%g", &p[0], &p[1]); n == 2 {
			pts = append(pts, p)
		}
	}
	return pts
}

// elements are those of a figure with words in their style.
func elements(t *testing.T, f *figure.Figure, kind, style string) (all []element) {
	t.Helper()
	for d := xml.NewDecoder(bytes.NewReader(written(t, f, "x.svg"))); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == kind {
			var e element
			if err := d.DecodeElement(&e, &start); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(e.Style, style) {
				all = append(all, e)
			}
		}
	}
}

// where is the place of the text in a figure.
func where(t *testing.T, f *figure.Figure, text string) element {
	t.Helper()
	for _, e := range elements(t, f, "text", "") {
		if e.Text == text {
			return e
		}
	}
	t.Fatalf("%q is not in the figure", text)
	return element{}
}

const grid, blue = "stroke:#E6E9ED", "stroke:#0072B2"

// TestPeakIsAtItsFrequency: the highest place of the spectrum of a sine of 10 Hz is over the second line of the grid, which are
// 5 Hz apart, and the axis names it.
func TestPeakIsAtItsFrequency(t *testing.T) {
	rec := recording(6000, nil, "C3")
	x := rec.Data.(signal.Memory)
	for i := range x[0] {
		x[0][i] += 100 * math.Sin(2*math.Pi*10*float64(i)/100)
	}
	f, err := figure.Spectrum(whole(rec), 0)
	if err != nil {
		t.Fatal(err)
	}
	lines := elements(t, f, "path", grid)
	ten := lines[2].path()[0][0] // behind those of 0 and 5 Hz
	peak := [2]float64{0, -1}
	for _, p := range elements(t, f, "path", blue)[0].path() {
		if p[1] > peak[1] {
			peak = p
		}
	}
	if math.Abs(peak[0]-ten) > 0.01 {
		t.Errorf("the peak is at %g points, 10 Hz at %g", peak[0], ten)
	}
	if label := where(t, f, "10"); math.Abs(label.X-ten) > 6 || label.X > ten {
		t.Errorf("the label of 10 Hz begins at %g points, its line is at %g", label.X, ten)
	}
	where(t, f, "power spectral density (dB of 1 µV²/Hz)")
}

// TestTracesAreToScale: a step of 50 µV is as high as the bar beside the rows that says so; an event is a line at its time; the
// gap is shaded from its beginning to its end.
func TestTracesAreToScale(t *testing.T) {
	rec := recording(1000, []signal.Span{{Start: 0, Len: 600}, {Start: 700, Len: 300}}, "C3", "Cz")
	x := rec.Data.(signal.Memory)
	for ch := range x {
		for i := range x[ch] {
			x[ch][i] = 50 * float64(i/100%2) // every second
		}
	}
	rec.Events[0].Sample = 400
	w := whole(rec)
	f, err := figure.Traces(w)
	if err != nil {
		t.Fatal(err)
	}
	bar := 0.0
	for _, b := range elements(t, f, "path", "stroke:#222B38") {
		if p := b.path(); len(p) == 2 && p[0][0] == p[1][0] {
			bar = math.Abs(p[1][1] - p[0][1])
		}
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, p := range elements(t, f, "path", "stroke-width:0.6")[0].path() {
		lo, hi = min(lo, p[1]), max(hi, p[1])
	}
	where(t, f, "50 µV")
	if bar == 0 || math.Abs(hi-lo-bar) > 0.01 {
		t.Errorf("a step of 50 µV is %g points high, the bar %g", hi-lo, bar)
	}
	lines := elements(t, f, "path", grid) // one every second
	if at := elements(t, f, "path", blue)[0].path(); math.Abs(at[0][0]-lines[4].path()[0][0]) > 0.01 {
		t.Errorf("the event at 4 s is at %g points, the line of 4 s at %g", at[0][0], lines[4].path()[0][0])
	}
	shade := elements(t, f, "path", "fill:#F3F4F6")
	if len(shade) != 1 {
		t.Fatalf("%d places are shaded, want 1", len(shade))
	}
	if p := shade[0].path(); math.Abs(p[0][0]-lines[6].path()[0][0]) > 0.01 || math.Abs(p[1][0]-lines[7].path()[0][0]) > 0.01 {
		t.Errorf("the gap is shaded from %g to %g points, want %g to %g", p[0][0], p[1][0], lines[6].path()[0][0], lines[7].path()[0][0])
	}
}

// TestMapHasItsColours: the colours of the ends of the scale are at the electrodes with the ends of the values, and the corners
// are white, in the PNG as it is seen.
func TestMapHasItsColours(t *testing.T) {
	rec := recording(1000, nil, "Fz", "C3", "C4", "Pz", "Cz")
	f, err := figure.Scalp(whole(rec), []figure.Map{{Title: "left", Unit: "µV", Values: []float64{0, 40, -40, 0, 0}, Signed: true}})
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(written(t, f, "x.png")))
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string, dx float64) (r, g, b uint32) { // beside the label, which stands above the dot
		e := where(t, f, name)
		r, g, b, _ = img.At(int(2*(e.X+dx)), int(2*(e.Y+float64(f.Height)))+14).RGBA()
		return r, g, b
	}
	if r, _, b := at("C3", -4); r < 2*b {
		t.Errorf("C3, the highest, has %x red and %x blue", r, b)
	}
	if r, _, b := at("C4", -4); b < 2*r {
		t.Errorf("C4, the lowest, has %x red and %x blue", r, b)
	}
	if r, g, b, _ := img.At(3, 3).RGBA(); r&g&b != 0xFFFF {
		t.Errorf("the corner has the colour %x %x %x", r, g, b)
	}
}

// TestStackOfSpectra: spectra in one picture have one scale.
func TestStackOfSpectra(t *testing.T) {
	loud := recording(2000, nil, "C3")
	for i := range loud.Data.(signal.Memory)[0] {
		loud.Data.(signal.Memory)[0][i] *= 1000
	}
	var figures []*figure.Figure
	for _, rec := range []*signal.Recording{recording(2000, nil, "C3"), loud} {
		f, err := figure.Spectrum(whole(rec), 0)
		if err != nil {
			t.Fatal(err)
		}
		figures = append(figures, f)
	}
	lines := elements(t, figure.Stack(figures...), "path", blue)
	top := func(e element) float64 {
		most := 0.0
		for _, p := range e.path() {
			most = max(most, p[1])
		}
		return most
	}
	// Curve and legend of the first, above, and of the second. 60 dB are most of the height of the second.
	if len(lines) != 4 || math.Mod(top(lines[2]), 400) < math.Mod(top(lines[0]), 400)+200 {
		t.Errorf("%d lines", len(lines))
	}
}

// TestStackOfTraces: traces of several rates in one picture have one time axis at one place, however wide the names of their channels and
// of their units are and wherever their own samples begin and end: the same second stands below itself, in the grid, in the gaps and in
// the events.
func TestStackOfTraces(t *testing.T) {
	fast := recording(1000, []signal.Span{{Start: 0, Len: 600}, {Start: 700, Len: 300}}, "Cz", "C3")
	fast.Events[0].Sample = 400
	slow := recording(10, []signal.Span{{Start: 0, Len: 6}, {Start: 7, Len: 3}}, "temperature of the room")
	slow.Info.Rate, slow.Info.Channels[0].Unit = 1, "degrees Celsius"
	slow.Events[0].Sample = 4
	var alone [2][]float64
	var figures []*figure.Figure
	lines := func(f *figure.Figure) (at []float64) {
		for _, e := range elements(t, f, "path", grid) {
			at = append(at, e.path()[0][0])
		}
		return at
	}
	for i, w := range []figure.Window{whole(fast), whole(slow)} {
		if w.Rec == slow {
			w.From, w.To = 1, 9
		}
		f, err := figure.Traces(w)
		if err != nil {
			t.Fatal(err)
		}
		alone[i], figures = lines(f), append(figures, f)
	}
	if alone[0][5] == alone[1][4] { // that of 5 s
		t.Fatal("the parts have one axis also when they are drawn alone: the test shows nothing")
	}
	both := figure.Stack(figures...)
	at := lines(both)
	if len(at) != 22 { // 0 to 10 s, twice
		t.Fatalf("lines of the grid at %v, want 22", at)
	}
	for i := range 11 {
		if at[i] != at[11+i] {
			t.Errorf("%d s are at %g points and at %g", i, at[i], at[11+i])
		}
	}
	if events := elements(t, both, "path", blue); len(events) != 2 || events[0].path()[0][0] != events[1].path()[0][0] || math.Abs(events[0].path()[0][0]-at[4]) > 0.01 {
		t.Errorf("the events are %v, want two at %g points", events, at[4])
	}
	shades := elements(t, both, "path", "fill:#F3F4F6")
	if len(shades) != 2 {
		t.Fatalf("%d places are shaded, want 2", len(shades))
	}
	for i, s := range shades {
		if p := s.path(); math.Abs(p[0][0]-at[6]) > 0.01 || math.Abs(p[1][0]-at[7]) > 0.01 {
			t.Errorf("the gap of part %d is shaded from %g to %g points, want %g to %g", i+1, p[0][0], p[1][0], at[6], at[7])
		}
	}
	if one := lines(figure.Stack(figures[0])); len(one) != 11 {
		t.Errorf("a stack of one has lines at %v", one)
	}
}

// TestDensity: of one run it is Welch's of the whole at once, and of two runs that of both, weighted by their segments; what
// lies in a gap is never read.
func TestDensity(t *testing.T) {
	rec := recording(3000, nil, "C3", "Cz")
	x := rec.Data.(signal.Memory)
	d, err := whole(rec).Density()
	if err != nil {
		t.Fatal(err)
	}
	compare := func(what string, want []float64, got []float64) {
		t.Helper()
		for k := range want {
			if math.Abs(want[k]-got[k]) > 1e-12*math.Abs(want[k])+1e-15 {
				t.Fatalf("%s: bin %d is %g, want %g", what, k, got[k], want[k])
			}
		}
	}
	compare("one run", dsp.Welch(x[1], 100, dsp.WelchOptions{SegLen: 400}), d.PSD[1])
	if d.Step != 0.25 || d.Segments != 14 {
		t.Errorf("bins %g Hz apart, %d segments; want 0.25 and 14", d.Step, d.Segments)
	}
	rec.Spans = []signal.Span{{Start: 0, Len: 800}, {Start: 1000, Len: 2000}}
	for i := 800; i < 1000; i++ {
		x[0][i] = math.NaN()
	}
	if d, err = whole(rec).Density(); err != nil {
		t.Fatal(err)
	}
	a, b := dsp.Welch(x[0][:800], 100, dsp.WelchOptions{SegLen: 400}), dsp.Welch(x[0][1000:], 100, dsp.WelchOptions{SegLen: 400})
	for k := range a {
		a[k] = (3*a[k] + 9*b[k]) / 12
	}
	compare("two runs", a, d.PSD[0])
}

// TestPowerOfSine: a sine of 20 µV at 10 Hz has 200 µV² in 8 to 13 Hz, whose bins are a quarter of a hertz apart.
func TestPowerOfSine(t *testing.T) {
	rec := recording(6000, nil, "C3", "Cz", "C4", "Pz")
	x := rec.Data.(signal.Memory)
	for ch := range x {
		for i := range x[ch] {
			x[ch][i] = 20 * math.Sin(2*math.Pi*10*float64(i)/100)
		}
	}
	maps, err := whole(rec).Power([]figure.Band{{8, 13}})
	if err != nil {
		t.Fatal(err)
	}
	if want := 10 * math.Log10(200/(21*0.25)); math.Abs(maps[0].Values[2]-want) > 1e-6 {
		t.Errorf("%g dB, want %g", maps[0].Values[2], want)
	}
}

// TestMoment: neither offsets nor a common signal are seen.
func TestMoment(t *testing.T) {
	rec := recording(250, nil, "C3", "Cz", "C4", "Pz")
	x := rec.Data.(signal.Memory)
	for ch := range x {
		for i := range x[ch] {
			x[ch][i] = 1000 * float64(ch)
		}
		x[ch][120] += 50
	}
	x[1][120] += 8
	m, err := whole(rec).Moment(120)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{-2, 6, -2, -2} {
		want *= 249.0 / 250 // the peak is in the mean, too
		if math.Abs(m.Values[i]-want) > 1e-9 {
			t.Errorf("channel %d: %g, want %g", i, m.Values[i], want)
		}
	}
	if _, err := whole(rec).Moment(250); err == nil {
		t.Error("a moment behind the end is no error")
	}
}

func TestRefuses(t *testing.T) {
	var rec *signal.Recording
	var x signal.Memory
	for name, c := range map[string]struct {
		make func() error
		want string
	}{
		"band":   {func() error { _, err := whole(rec).Power([]figure.Band{{8, 60}}); return err }, "up to 50"},
		"no bin": {func() error { _, err := whole(rec).Power([]figure.Band{{8.05, 8.1}}); return err }, "between two bins"},
		"three":  {func() error { w := whole(rec); w.Idx = w.Idx[:3]; _, err := figure.Scalp(w, nil); return err }, "at least 4"},
		"short":  {func() error { w := whole(rec); w.To = 5; _, err := w.Density(); return err }, "at least 8"},
		"above":  {func() error { _, err := figure.Spectrum(whole(rec), 51); return err }, "at most 50"},
		"no data": {func() error {
			w := whole(rec)
			rec.Spans = []signal.Span{{Start: 900, Len: 100}}
			w.To = 800
			_, err := figure.Traces(w)
			return err
		}, "no finite sample"},
		"of light": {func() error { rec.Info.Channels[1].Unit = "lx"; _, err := figure.Spectrum(whole(rec), 0); return err }, "one unit"},
		"of fields": {func() error {
			rec.Info.Channels[2].Unit = "T"
			_, err := whole(rec).Power([]figure.Band{{8, 13}})
			return err
		}, "map is of one unit"},
		"at once": {func() error { rec.Info.Channels[2].Unit = "T"; _, err := whole(rec).Moment(5); return err }, "map is of one unit"},
		"z flat":  {func() error { clear(x[2]); _, err := whole(rec).Power([]figure.Band{{8, 13}}); return err }, "C4 is flat"},
	} {
		rec = recording(1000, nil, "C3", "Cz", "C4", "Pz")
		x = rec.Data.(signal.Memory)
		if err := c.make(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestBadTracesAreMuted: a channel that is marked as bad is grey, says so, stays in its row however large it is, and leaves the scale as
// it is without it.
func TestBadTracesAreMuted(t *testing.T) {
	rec := recording(1000, nil, "C3", "Cz", "C4")
	for i, v := range rec.Data.(signal.Memory)[1] {
		rec.Data.(signal.Memory)[1][i] = 1000 * v
	}
	w := whole(rec)
	w.Idx = w.Idx[:2] // one of two would set the scale
	rec.Info.Channels[1].Bad = true
	f, err := figure.Traces(w)
	if err != nil {
		t.Fatal(err)
	}
	where(t, f, "Cz (bad)")
	where(t, f, "C3")
	where(t, f, "r.edf: rows are 50 µV apart")
	pitch := where(t, f, "Cz (bad)").Y - where(t, f, "C3").Y
	lo, hi, lines := math.Inf(1), math.Inf(-1), 0
	for _, e := range elements(t, f, "path", "stroke:#9AA3AE;stroke-width:0.6") {
		lines++
		for _, p := range e.path() {
			lo, hi = min(lo, p[1]), max(hi, p[1])
		}
	}
	if lines == 0 || hi-lo > pitch+0.01 {
		t.Errorf("%d grey lines, %g points high, rows are %g apart", lines, hi-lo, pitch)
	}
	w.Idx = w.Idx[1:] // alone it has a scale
	if f, err = figure.Traces(w); err != nil {
		t.Fatal(err)
	}
	where(t, f, "r.edf: rows are 50000 µV apart")
}

// TestBadIsACross: a map shows where a channel is that was left out, and the title counts it.
func TestBadIsACross(t *testing.T) {
	rec := recording(1000, nil, "Fz", "C3", "C4", "Pz", "Cz")
	w := whole(rec)
	w.Idx, w.Bad = w.Idx[:4], []int{4}
	f, err := figure.Scalp(w, []figure.Map{{Title: "left", Unit: "µV", Values: []float64{0, 40, -40, 0}, Signed: true}})
	if err != nil {
		t.Fatal(err)
	}
	where(t, f, "r.edf: potential less its mean over 0 to 10 s, 4 channels; 1 marked as bad (×) is left out")
	middle, strokes := f.Width.Points()/2, 0 // where Cz is
	for _, e := range elements(t, f, "path", "stroke:#222B38;stroke-width:1.1") {
		if p := e.path(); len(p) == 2 && math.Abs((p[0][0]+p[1][0])/2-middle) < 0.01 && math.Abs(p[1][0]-p[0][0]) > 3 {
			strokes++
		}
	}
	if strokes != 2 {
		t.Errorf("%d strokes of a cross, want 2", strokes)
	}
}

// dots are the places of the electrodes in a map of one panel, in points from the middle of the head.
func dots(t *testing.T, w figure.Window) (at [][2]float64) {
	t.Helper()
	f, err := figure.Scalp(w, []figure.Map{{Title: "x", Unit: "µV", Values: make([]float64, len(w.Idx)), Signed: true}})
	if err != nil {
		t.Fatal(err)
	}
	middle := [2]float64{}
	for _, e := range elements(t, f, "path", "stroke:#222B38;stroke-width:1.1") {
		if p := e.path(); len(p) == 73 { // the circle comes first
			lo, hi := p[0], p[0]
			for _, q := range p {
				for k := range q {
					lo[k], hi[k] = min(lo[k], q[k]), max(hi[k], q[k])
				}
			}
			middle = [2]float64{(lo[0] + hi[0]) / 2, (lo[1] + hi[1]) / 2}
			break
		}
	}
	for _, e := range elements(t, f, "path", "fill:#222B38") {
		if x, y, ok := strings.Cut(strings.TrimPrefix(e.D, "M"), ","); ok { // a dot begins on its right side
			px, errX := strconv.ParseFloat(x, 64)
			py, errY := strconv.ParseFloat(y[:strings.IndexByte(y, 'A')], 64)
			if err := errors.Join(errX, errY); err != nil {
				t.Fatal(err)
			}
			at = append(at, [2]float64{px - 1.3 - middle[0], py - middle[1]})
		}
	}
	if len(at) != len(w.Idx) {
		t.Fatalf("%d dots, want %d", len(at), len(w.Idx))
	}
	return at
}

// TestMeasuredPlacesCount: electrodes are drawn where the recording has them, on the sphere through all its EEG, also where their names
// put them elsewhere, and where names put them as far as nobody has measured; where no head goes through what is measured, by the names.
func TestMeasuredPlacesCount(t *testing.T) {
	names := []string{"Fz", "C3", "C4", "Pz", "Cz", "O1"}
	byName := dots(t, whole(recording(1000, nil, names...)))
	rec := recording(1000, nil, names...)
	sin, cos := math.Sincos(20 * math.Pi / 180)
	middle := montage.Centre()
	for i, c := range rec.Info.Channels[:5] { // a cap 20° too far back, and O1 by its name
		x, y, z := c.Pos[0], c.Pos[1], c.Pos[2]-middle[2]
		rec.Info.Channels[i].Pos = &signal.Position{x, cos*y - sin*z, sin*y + cos*z + middle[2]}
	}
	w := whole(rec)
	at := dots(t, w)
	twenty := 2.0 / 9 * (byName[2][0] - byName[1][0]) // C3 and C4 are 90° apart
	for i, want := range [][2]float64{0: {0, byName[0][1] - twenty}, 3: {0, byName[3][1] - twenty}, 4: {0, -twenty}, 5: byName[5]} {
		if i != 1 && i != 2 && math.Hypot(at[i][0]-want[0], at[i][1]-want[1]) > 0.02 {
			t.Errorf("%s is drawn at %v, want %v", names[i], at[i], want)
		}
	}
	p, err := w.Places()
	if err != nil || p.Unfit != nil || len(p.ByName) != 1 || p.ByName[0] != "O1" {
		t.Errorf("%+v, %v", p, err)
	}
	w.Idx = w.Idx[:4]
	for i, few := range dots(t, w) { // the others are on the same head
		if math.Hypot(few[0]-at[i][0], few[1]-at[i][1]) > 0.02 {
			t.Errorf("%s is drawn at %v, with fewer channels at %v", names[i], at[i], few)
		}
	}
	for i := range rec.Info.Channels {
		rec.Info.Channels[i].Pos = &signal.Position{float64(i) / 100, float64(i*i) / 1000, 0} // in one plane
	}
	w = whole(rec)
	for i, flat := range dots(t, w) {
		if flat != byName[i] {
			t.Errorf("%s is drawn at %v, its name puts it at %v", names[i], flat, byName[i])
		}
	}
	if p, err = w.Places(); err != nil || p.Unfit == nil {
		t.Errorf("%+v, %v", p, err)
	}
	rec.Info.Channels[1].Name = "X1"
	if _, err := w.Places(); err == nil || !strings.Contains(err.Error(), "X1") || strings.Contains(err.Error(), "sphere_m") {
		t.Errorf("no head and a name of no place: %v", err)
	}
}

// TestFewPlacesInOnePlane: a few electrodes that lie nearly in one plane are drawn where their names put them, whatever a millimetre makes of the
// sphere through them; a cap of eight all over the head is drawn where it was measured.
func TestFewPlacesInOnePlane(t *testing.T) {
	muse := []string{"AF7", "AF8", "TP9", "TP10"}
	byName := dots(t, whole(recording(1000, nil, muse...)))
	for _, z := range [][4]float64{{-8, -13, -49, -43}, {-10, -13, -43, -46}, {-12, -8, -44, -49}, {-7, -14, -45, -46}, {-10, -11, -42.5, -45}} { // mm; the sphere of the last has a radius of 1.7 m
		rec := recording(1000, nil, muse...)
		for i, at := range [][2]float64{{-0.055, 0.069}, {0.055, 0.07}, {-0.085, -0.046}, {0.086, -0.048}} {
			rec.Info.Channels[i].Pos = &signal.Position{at[0], at[1], z[i] / 1000}
		}
		w := whole(rec)
		if p, err := w.Places(); err != nil || p.Unfit == nil || !strings.Contains(p.Unfit.Error(), "in one plane") {
			t.Fatalf("heights %v: %+v, %v", z, p, err)
		}
		for i, at := range dots(t, w) {
			if at != byName[i] {
				t.Errorf("heights %v: %s is drawn at %v, its name puts it at %v", z, muse[i], at, byName[i])
			}
		}
	}
	rec := recording(1000, nil, "Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2")
	for i, c := range rec.Info.Channels {
		rec.Info.Channels[i].Pos = &signal.Position{c.Pos[0] + 0.001 + 0.003*float64(i%3-1), c.Pos[1] + 0.003*float64(i%2), c.Pos[2] - 0.003*float64(i%2)}
	}
	if p, err := whole(rec).Places(); err != nil || p.Unfit != nil || len(p.ByName) > 0 {
		t.Errorf("eight all over the head: %+v, %v", p, err)
	}
}

// TestEventsStandAtTheirOnset: in a part of slow channels an event is a line at its onset, not at the nearest of their samples, and at the
// same place as in the main part; events in the last of their samples are drawn too. One whose sample is elsewhere stands at its sample.
func TestEventsStandAtTheirOnset(t *testing.T) {
	fast, slow := recording(1000, nil, "Cz"), recording(10, nil, "Cz")
	slow.Info.Rate = 1
	fast.Events = []signal.Event{{Sample: 240, Onset: 2.4, Label: "a"}, {Sample: 500, Onset: 7, Label: "a"}, {Sample: 980, Onset: 9.8, Label: "a"}}
	for _, rec := range []*signal.Recording{fast, slow} {
		w := whole(rec)
		w.EventsOf = fast
		f, err := figure.Traces(w)
		if err != nil {
			t.Fatal(err)
		}
		lines, events := elements(t, f, "path", grid), elements(t, f, "path", blue)
		at := func(s float64) float64 { // the lines of the grid are 1 s apart
			a, b := lines[0].path()[0][0], lines[10].path()[0][0]
			return a + (b-a)*s/10
		}
		if len(events) != 3 {
			t.Fatalf("at %g Hz %d events are drawn, want 3", rec.Info.Rate, len(events))
		}
		for i, want := range []float64{2.4, 5, 9.8} {
			if x := events[i].path()[0][0]; math.Abs(x-at(want)) > 0.02 {
				t.Errorf("at %g Hz event %d is at %g points, want %g", rec.Info.Rate, i, x, at(want))
			}
		}
	}
}

// TestOneSampleIsADot: a run of one sample is seen.
func TestOneSampleIsADot(t *testing.T) {
	rec := recording(1000, []signal.Span{{Start: 0, Len: 500}, {Start: 600, Len: 1}, {Start: 700, Len: 300}}, "C3")
	f, err := figure.Traces(whole(rec))
	if err != nil {
		t.Fatal(err)
	}
	six := elements(t, f, "path", grid)[6].path()[0][0] // s
	dots := elements(t, f, "path", "fill:#222B38")
	if len(dots) != 1 {
		t.Fatalf("%d dots, want 1", len(dots))
	}
	x := 0.0
	if _, err := fmt.Sscanf(dots[0].D, "M%g,", &x); err != nil || math.Abs(x-1-six) > 0.02 {
		t.Errorf("the dot begins at %g points, want at %g: %v", x, six+1, err)
	}
}

// TestNaNTakesOneSegment: a sample that is not finite takes the segments that it lies in from the spectrum of its channel and from no
// other; a channel with no segment left, or a flat one, is named and not in the mean.
func TestNaNTakesOneSegment(t *testing.T) {
	names := []string{"Fp1", "Fp2", "F3", "Fz", "F4", "C3", "Cz", "C4", "P3", "Pz", "P4", "Oz"}
	rec := recording(2000, nil, names...)
	x := rec.Data.(signal.Memory)
	clean, err := whole(rec).Density()
	if err != nil {
		t.Fatal(err)
	}
	x[0][1990] = math.NaN() // in the last of nine
	for i := 100; i < 2000; i += 200 {
		x[1][i] = math.Inf(1) // in each
	}
	clear(x[2])
	d, err := whole(rec).Density()
	if err != nil {
		t.Fatal(err)
	}
	if d.Segments != 9 || d.Used[0] != 8 || d.Used[1] != 0 || d.Used[3] != 9 {
		t.Errorf("%d segments, used %v", d.Segments, d.Used)
	}
	want := dsp.Welch(x[0][:1800], 100, dsp.WelchOptions{SegLen: 400})
	for k, v := range want {
		if math.Abs(d.PSD[0][k]-v) > 1e-12*v || d.PSD[3][k] != clean.PSD[3][k] {
			t.Fatalf("bin %d is %g and %g, want %g and %g", k, d.PSD[0][k], d.PSD[3][k], v, clean.PSD[3][k])
		}
	}
	f, err := figure.Spectrum(whole(rec), 0)
	if err != nil {
		t.Fatal(err)
	}
	where(t, f, "mean power of 10 channels")
	if mean := elements(t, f, "path", blue+";stroke-width:1.8"); len(mean) < 1 || len(mean[0].path()) != len(want)-2 { // from 0.5 Hz on
		t.Errorf("the mean has %d lines", len(mean))
	}
	where(t, f, "r.edf: 0 to 20 s, 8 to 9 segments; flat or not finite: Fp2, F3")
	if len(f.Without) != 2 || len(f.Spoilt) != 2 || f.Spoilt[0] != (figure.Spoilt{Channel: "Fp1", Used: 8, Segments: 9}) {
		t.Errorf("without a spectrum %v, spoilt %v", f.Without, f.Spoilt)
	}
	w := whole(rec)
	w.Idx = append([]int{0}, w.Idx[3:]...)
	if a, err := w.Power([]figure.Band{{8, 13}}); err != nil || len(a[0].Spoilt) != 1 {
		t.Errorf("a map of a channel with one NaN: %v, %v", a, err)
	}
	if _, err := w.Moment(100); err != nil {
		t.Errorf("a moment of a channel with one NaN elsewhere: %v", err)
	}
	if _, err := w.Moment(1990); err == nil || !strings.Contains(err.Error(), "Fp1 is not finite at that time") {
		t.Errorf("a moment at the NaN: %v", err)
	}
}

// tracesOf draws n channels, E1 and so on.
func tracesOf(t *testing.T, n int) (f *figure.Figure, names []string) {
	t.Helper()
	for i := range n {
		names = append(names, fmt.Sprintf("E%d", i+1))
	}
	f, err := figure.Traces(whole(recording(20, nil, names...)))
	if err != nil {
		t.Fatal(err)
	}
	return f, names
}

// TestVeryManyRows: a picture does not grow without end; those names that have room stand beside their rows, and how many have none is told.
func TestVeryManyRows(t *testing.T) {
	most := 0.0
	for _, n := range []int{512, 513, 1500} {
		f, names := tracesOf(t, n)
		if most == 0 {
			most = f.Height.Points()
		}
		if f.Height.Points() > most {
			t.Errorf("%d rows are %g points high, 512 are %g", n, f.Height.Points(), most)
		}
		named, before := 0, math.Inf(-1)
		for _, e := range elements(t, f, "text", "font-size:8px") {
			if !strings.HasPrefix(e.Text, "E") {
				continue
			}
			if e.Y-before < 9.4 {
				t.Fatalf("of %d rows, the name %s is %g points below that before", n, e.Text, e.Y-before)
			}
			before = e.Y
			if want := names[named*n/max(1, n-f.Unnamed)]; n == 1500 && e.Text != want {
				t.Errorf("the name %d of %d is %s, want %s", named, n, e.Text, want)
			}
			named++
		}
		if want := map[int]int{512: 512, 513: 257, 1500: 500}[n]; named != want || f.Unnamed != n-want {
			t.Errorf("of %d rows %d have a name, and %d are said to have none; want %d", n, named, f.Unnamed, want)
		}
	}
}

// TestNamesOfManyRows: however many rows there are, their names do not overlap.
func TestNamesOfManyRows(t *testing.T) {
	for _, n := range []int{4, 90, 150, 512} {
		f, _ := tracesOf(t, n)
		var at []float64
		for _, e := range elements(t, f, "text", "font-size:8px") {
			if strings.HasPrefix(e.Text, "E") {
				at = append(at, e.Y)
			}
		}
		if len(at) != n {
			t.Fatalf("%d names of %d rows", len(at), n)
		}
		for i := range n - 1 {
			if d := at[i+1] - at[i]; d < 9.4 { // the height of a line of 8 points
				t.Fatalf("of %d rows, the names %d and %d are %g points apart", n, i+1, i+2, d)
			}
		}
	}
}
