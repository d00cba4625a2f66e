package deep

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/foundation/nn"
	"github.com/gyrus-bci/gyrus/foundation/onnx"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// network is what a file of this package defines: a struct with its parameters that embeds Training and core.
type network interface {
	decoders.Windowed
	method
	// attach gives it the decoder that it is to be.
	attach(d *decoder)
}

// method is how a network is made, learns and answers. Training has all but the first.
type method interface {
	// ready reports parameters of training that are out of their range.
	ready() error
	// layers checks the parameters against windows of the given format, and says how to make the network for so many
	// classes. Where Training trains it, the network maps [channels, samples] to one logit to a class.
	layers(in features.Format, classes int) (func() nn.Layer, error)
	// input is the shape of what the network takes.
	input(in features.Format) nn.Shape
	// learn trains a new network on the windows x. It ends with the error of ctx soon after that is done.
	learn(ctx context.Context, d *decoder, define func() nn.Layer, x [][]float64, y signal.Labels) (*nn.Net, error)
	// answer fills dst with the probabilities of the classes for the standardised window x. It does not allocate.
	answer(net *nn.Net, dst []float64, x []float32) error
	// embed is what the last layer of the network is given for the standardised window x. It does not allocate.
	embed(net *nn.Net, x []float32) ([]float32, error)
	// onnx adds to g what makes probabilities [batch, classes] of the output of the network, which is called y there.
	onnx(g *onnx.Graph, y string) (probabilities string, err error)
	// meaning is what the output of the network is, for programs that get the weights alone.
	meaning() string
}

// core makes a decoder of a struct of parameters that embeds it.
type core struct{ *decoder }

func (c *core) attach(d *decoder) { c.decoder = d }

// register adds a network to the decoders. The constructor holds the defaults.
func register(name string, construct func() network) {
	decoders.Register(name, func() decoders.Fitter {
		n := construct()
		n.attach(&decoder{name: name, own: n})
		return n
	})
}

// decoder is what every network of this package does as a decoders.Windowed.
type decoder struct {
	name    string
	own     method // the parameters
	format  features.Format
	classes []string

	mean, sd []float64 // of each channel
	net      *nn.Net   // for one window at a time; nil until fitted
	x        []float32
	row      decoders.Embedding // of what the last layer is given
}

// SetFormat describes the windows.
func (d *decoder) SetFormat(in features.Format) error {
	if in.Len < 1 || len(in.Names) < 1 {
		return fmt.Errorf("%s: gets %v, must be windows: leave out the steps that turn windows into rows", d.name, in)
	}
	if d.format.Len == in.Len && d.format.Rate == in.Rate && slices.Equal(d.format.Names, in.Names) {
		return nil
	}
	if err := d.own.ready(); err != nil {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	if _, err := d.own.layers(in, max(len(d.classes), 2)); err != nil {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	d.format, d.net = in, nil
	return nil
}

// SetClasses names the scores. What was learned about others is forgotten.
func (d *decoder) SetClasses(classes []string) {
	if !slices.Equal(d.classes, classes) {
		d.classes, d.net = slices.Clone(classes), nil
	}
}

// Outputs are the classes, nil until fitted.
func (d *decoder) Outputs() []string {
	if d.net == nil {
		return nil
	}
	return slices.Clone(d.classes)
}

// Predict fills dst with the probabilities of the classes for one window.
func (d *decoder) Predict(dst, x []float64) error {
	if err := d.take(x, "scores", len(dst), len(d.classes)); err != nil {
		return err
	}
	if err := d.own.answer(d.net, dst, d.x); err != nil {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	return nil
}

// EmbedLen is the number of values that Embed gives.
func (d *decoder) EmbedLen() int {
	if d.net == nil {
		return 0
	}
	return d.row.Len()
}

// Embed is what the last layer of the network is given for one window, averaged over stretches of time where it is long.
func (d *decoder) Embed(dst, x []float64) error {
	if err := d.take(x, "values", len(dst), d.EmbedLen()); err != nil {
		return err
	}
	y, err := d.own.embed(d.net, d.x)
	if err != nil {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	d.row.Fill(dst, y)
	return nil
}

// take checks a window and the room for what is asked of it, and standardises it.
func (d *decoder) take(x []float64, what string, room, want int) error {
	switch {
	case d.net == nil:
		return fmt.Errorf("%s: is not fitted", d.name)
	case room != want:
		return fmt.Errorf("%s: room for %d %s, must be %d", d.name, room, what, want)
	case len(x) != len(d.x):
		return fmt.Errorf("%s: the window has %d values, must have %d (%v)", d.name, len(x), len(d.x), d.format)
	}
	if i := d.standardise(d.x, x); i >= 0 {
		return fmt.Errorf("%s: sample %d of channel %s is %g, must be finite and within the range of float32", d.name, i%d.format.Len, d.format.Names[i/d.format.Len], x[i])
	}
	return nil
}

// standardise writes the window x to dst, each channel with its mean taken out and divided by its standard deviation. It
// returns the first position whose value is not finite, or -1.
func (d *decoder) standardise(dst []float32, x []float64) int {
	n := d.format.Len
	for ch := range d.mean {
		m, f := d.mean[ch], 1/d.sd[ch]
		for t, v := range x[ch*n : (ch+1)*n] {
			z := float32((v - m) * f)
			if z-z != 0 { // NaN and ±Inf
				return ch*n + t
			}
			dst[ch*n+t] = z
		}
	}
	return -1
}

// Fit trains the network on windows, x [windows][channels·samples].
func (d *decoder) Fit(x [][]float64, y signal.Labels) error {
	return d.FitContext(context.Background(), x, y)
}

// FitContext is Fit that ends with the error of ctx, within a step of training; what was learned before is kept.
func (d *decoder) FitContext(ctx context.Context, x [][]float64, y signal.Labels) error {
	next, err := d.fit(ctx, x, y)
	if err != nil {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	*d = *next
	return nil
}

// fit is a fitted copy of d.
func (d *decoder) fit(ctx context.Context, x [][]float64, y signal.Labels) (*decoder, error) {
	if err := decoders.CheckWindows(x, y, d.format); err != nil {
		return nil, err
	}
	next := &decoder{name: d.name, own: d.own, format: d.format, classes: slices.Clone(y.Classes)}
	if err := next.scale(x); err != nil {
		return nil, err
	}
	define, err := d.own.layers(d.format, len(y.Classes))
	if err != nil {
		return nil, err
	}
	net, err := d.own.learn(ctx, next, define, x, y)
	if err != nil {
		return nil, err
	}
	return next, next.use(define, net.Arrays())
}

// use makes the network that answers single windows.
func (d *decoder) use(define func() nn.Layer, arrays map[string]nn.Array) error {
	one, err := nn.New(define, d.own.input(d.format), nn.Options{})
	if err != nil {
		return err
	}
	if err := one.SetArrays(arrays); err != nil {
		return err
	}
	if err := one.Freeze(); err != nil {
		return err
	}
	d.net, d.x, d.row = one, make([]float32, d.shape().Size()), decoders.NewEmbedding(one.FeatureShape())
	return nil
}

func (d *decoder) shape() nn.Shape { return nn.Shape{len(d.format.Names), d.format.Len} }

// scale learns the mean and the standard deviation of each channel.
func (d *decoder) scale(x [][]float64) error {
	n := d.format.Len
	d.mean, d.sd = make([]float64, len(d.format.Names)), make([]float64, len(d.format.Names))
	for ch := range d.mean {
		sum := 0.0
		for _, row := range x {
			for _, v := range row[ch*n : (ch+1)*n] {
				sum += v
			}
		}
		mean := sum / float64(len(x)*n)
		square := 0.0
		for _, row := range x {
			for _, v := range row[ch*n : (ch+1)*n] {
				square += (v - mean) * (v - mean)
			}
		}
		sd := math.Sqrt(square / float64(len(x)*n))
		switch {
		case math.IsInf(sd, 0) || math.IsNaN(sd):
			return fmt.Errorf("the values of channel %s are too large to square in a float64; scale them down", d.format.Names[ch])
		case sd < 1e-12*math.Abs(mean) || sd == 0:
			return fmt.Errorf("channel %s is flat in all training windows; leave it out (use: pick)", d.format.Names[ch])
		}
		d.mean[ch], d.sd[ch] = mean, sd
	}
	return nil
}

// State is the weights under their names in the network, and mean and sd [channels].
func (d *decoder) State() signal.State {
	if d.net == nil {
		return nil
	}
	s := signal.State{
		"input.mean": signal.NewArray(slices.Clone(d.mean), len(d.mean)),
		"input.sd":   signal.NewArray(slices.Clone(d.sd), len(d.sd)),
	}
	for name, a := range d.net.Arrays() {
		data := make([]float64, len(a.Data))
		for i, v := range a.Data {
			data[i] = float64(v)
		}
		s["net."+name] = signal.NewArray(data, a.Shape...)
	}
	return s
}

// SetState puts back what State gave.
func (d *decoder) SetState(s signal.State) error {
	next, err := d.restored(s)
	if err != nil {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	*d = *next
	return nil
}

func (d *decoder) restored(s signal.State) (*decoder, error) {
	if len(d.classes) < 2 || d.format.Len == 0 {
		return nil, errors.New("must be told the classes and the format of the windows before its state")
	}
	next := &decoder{name: d.name, own: d.own, format: d.format, classes: d.classes}
	for name, dst := range map[string]*[]float64{"input.mean": &next.mean, "input.sd": &next.sd} {
		a, err := s.Get(name, len(d.format.Names))
		if err != nil {
			return nil, err
		}
		*dst = slices.Clone(a.Data)
	}
	for ch, v := range next.sd {
		if !(v > 0) || math.IsInf(v, 0) || math.IsNaN(next.mean[ch]) || math.IsInf(next.mean[ch], 0) {
			return nil, fmt.Errorf("channel %s has the mean %g and the standard deviation %g, must be finite and above 0", d.format.Names[ch], next.mean[ch], v)
		}
	}
	arrays := map[string]nn.Array{}
	for name, a := range s {
		switch {
		case name == "input.mean" || name == "input.sd":
		case len(name) > 4 && name[:4] == "net.":
			data := make([]float32, len(a.Data))
			for i, v := range a.Data {
				data[i] = float32(v)
			}
			arrays[name[4:]] = nn.Array{Shape: a.Shape, Data: data}
		default:
			return nil, fmt.Errorf("there is an unknown array %q", name)
		}
	}
	define, err := d.own.layers(d.format, len(d.classes))
	if err != nil {
		return nil, err
	}
	return next, next.use(define, arrays)
}
