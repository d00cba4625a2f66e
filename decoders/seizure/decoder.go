package seizure

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/foundation/nn"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// network is a struct of parameters that embeds Training and core.
type network interface {
	decoders.Windowed
	training() *Training
	attach(d *decoder)
	// design checks the parameters against windows of the given format and says what the network reads and its layers.
	design(in features.Format, classes int) (frontKind, []stage, error)
}

// core makes a decoder of a struct of parameters that embeds it.
type core struct{ *decoder }

func (c *core) attach(d *decoder) { c.decoder = d }

func register(name string, construct func() network) {
	decoders.Register(name, func() decoders.Fitter {
		n := construct()
		n.attach(&decoder{name: name, own: n})
		return n
	})
}

// Exporter is a decoder of this package.
type Exporter interface {
	// Model is the fitted network in integers, of which each call makes a new one.
	Model() (*Model, error)
}

// decoder is what every network of this package does as a decoders.Windowed.
type decoder struct {
	name    string
	own     network // the parameters
	format  features.Format
	classes []string

	front  *front
	stages []stage
	std    standard
	scale  []float64 // the best step of 8 bits at the input and behind each stage
	net    *nn.Net   // for one window at a time; nil until fitted
	model  *Model    // nil unless int8
	made   []float64
	x      []float32
	logits []int16
	y      []float32
	row    decoders.Embedding
}

// SetFormat describes the windows.
func (d *decoder) SetFormat(in features.Format) error {
	if in.Len < 1 || len(in.Names) < 1 {
		return fmt.Errorf("%s: gets %v, must be windows: leave out the steps that turn windows into rows", d.name, in)
	}
	if d.format.Len == in.Len && d.format.Rate == in.Rate && slices.Equal(d.format.Names, in.Names) {
		return nil
	}
	kind, _, err := d.own.design(in, max(len(d.classes), 2))
	if err == nil {
		_, err = newFront(kind, in, d.own.training().LSB)
	}
	if err != nil {
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
	if err := d.admit(x, "scores", len(dst), len(d.classes)); err != nil {
		return err
	}
	if d.model != nil {
		d.model.window(d.logits, x)
		for k, v := range d.logits {
			d.y[k] = float32(float64(v) * d.model.Logit)
		}
		return d.probabilities(dst, d.y)
	}
	d.front.float(d.made, x)
	d.standardise(d.x, d.made)
	y, err := d.net.Forward(d.x)
	if err != nil {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	return d.probabilities(dst, y)
}

// admit checks a window and the room for what is asked of it.
func (d *decoder) admit(x []float64, what string, room, want int) error {
	switch {
	case d.net == nil:
		return fmt.Errorf("%s: is not fitted", d.name)
	case room != want:
		return fmt.Errorf("%s: room for %d %s, must be %d", d.name, room, what, want)
	case len(x) != len(d.format.Names)*d.format.Len:
		return fmt.Errorf("%s: the window has %d values, must have %d (%v)", d.name, len(x), len(d.format.Names)*d.format.Len, d.format)
	}
	if i := notFinite(x); i >= 0 {
		return fmt.Errorf("%s: sample %d of channel %s is %g, must be finite", d.name, i%d.format.Len, d.format.Names[i/d.format.Len], x[i])
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

// Embed is what the last layer of the network in floating point is given for one window.
func (d *decoder) Embed(dst, x []float64) error {
	if err := d.admit(x, "values", len(dst), d.EmbedLen()); err != nil {
		return err
	}
	d.front.float(d.made, x)
	d.standardise(d.x, d.made)
	y, err := d.net.Features(d.x)
	if err != nil {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	d.row.Fill(dst, y)
	return nil
}

func (d *decoder) probabilities(dst []float64, logits []float32) error {
	if err := decoders.SoftmaxLogits(dst, logits); err != nil {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	return nil
}

// notFinite is the first position of a value that is not finite, or -1.
func notFinite(x []float64) int {
	for i, v := range x {
		if v-v != 0 {
			return i
		}
	}
	return -1
}

// standardise takes out the mean and divides by the standard deviation.
func (d *decoder) standardise(dst []float32, made []float64) {
	for i, v := range made {
		k := d.front.feature(i)
		dst[i] = float32((v - d.std.mean[k]) / d.std.sd[k])
	}
}

// Fit trains the network on windows, x [windows][channels·samples], and calibrates its integer twin on some of them.
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

// calibrationWindows is how many training windows the scales of activations are taken from, evenly spread.
const calibrationWindows = 256

func (d *decoder) fit(ctx context.Context, x [][]float64, y signal.Labels) (*decoder, error) {
	if err := decoders.CheckWindows(x, y, d.format); err != nil {
		return nil, err
	}
	next, err := d.like(y.Classes)
	if err != nil {
		return nil, err
	}
	std, made, err := next.front.learn(x, d.format.Names)
	if err != nil {
		return nil, err
	}
	next.std = std
	rows := next.rows(made)
	net, err := d.own.training().run(ctx, layers(next.stages), next.shape(), rows, y)
	if err != nil {
		return nil, err
	}
	if err := d.own.training().compress(ctx, net, rows, y); err != nil {
		return nil, err
	}
	return next, next.finish(net, rows)
}

// rows are standardised windows, as the network reads them.
func (d *decoder) rows(made [][]float64) [][]float32 {
	rows := make([][]float32, len(made))
	for i, row := range made {
		rows[i] = make([]float32, len(row))
		d.standardise(rows[i], row)
	}
	return rows
}

// finish takes over a trained network and calibrates its integer twin.
func (d *decoder) finish(net *nn.Net, rows [][]float32) error {
	if err := d.use(net.Arrays()); err != nil {
		return err
	}
	n := min(len(rows), calibrationWindows)
	some := make([][]float32, n)
	for i := range some {
		some[i] = rows[i*len(rows)/n]
	}
	var err error
	if d.scale, err = scales(d.net, some); err != nil {
		return err
	}
	return d.quantise()
}

// Compress does to a decoder that was fitted without prune, and whose State this one was given, what Fit does with it: the
// smallest weights become 0 and the others are trained on. The windows must be those of the fit.
func (d *decoder) Compress(x [][]float64, y signal.Labels) error {
	next, err := d.compressed(x, y)
	if err != nil {
		return fmt.Errorf("%s: prune: %w", d.name, err)
	}
	*d = *next
	return nil
}

func (d *decoder) compressed(x [][]float64, y signal.Labels) (*decoder, error) {
	if d.net == nil {
		return nil, errors.New("is not fitted")
	}
	if err := decoders.CheckWindows(x, y, d.format); err != nil {
		return nil, err
	}
	next, err := d.like(y.Classes)
	if err != nil {
		return nil, err
	}
	next.std = d.std
	made := make([][]float64, len(x))
	for i, row := range x {
		made[i] = make([]float64, next.front.size())
		next.front.float(made[i], row)
	}
	rows := next.rows(made)
	t := d.own.training()
	net, err := nn.New(layers(next.stages), next.shape(), nn.Options{Batch: t.Batch, Workers: t.Workers, Seed: t.Seed, Train: true})
	if err != nil {
		return nil, err
	}
	if err := net.SetArrays(d.net.Arrays()); err != nil {
		return nil, err
	}
	if err := t.compress(context.Background(), net, rows, y); err != nil {
		return nil, err
	}
	return next, next.finish(net, rows)
}

// like is an unfitted decoder of the same parameters and format.
func (d *decoder) like(classes []string) (*decoder, error) {
	if err := d.own.training().check(); err != nil {
		return nil, err
	}
	next := &decoder{name: d.name, own: d.own, format: d.format, classes: slices.Clone(classes)}
	kind, stages, err := d.own.design(d.format, len(classes))
	if err != nil {
		return nil, err
	}
	next.stages = stages
	next.front, err = newFront(kind, d.format, d.own.training().LSB)
	return next, err
}

// use makes the network that answers single windows.
func (d *decoder) use(arrays map[string]nn.Array) error {
	one, err := nn.New(layers(d.stages), d.shape(), nn.Options{})
	if err != nil {
		return err
	}
	if err := one.SetArrays(arrays); err != nil {
		return err
	}
	d.net, d.x, d.made = one, make([]float32, d.front.size()), make([]float64, d.front.size())
	d.y, d.logits = make([]float32, len(d.classes)), make([]int16, len(d.classes))
	d.row = decoders.NewEmbedding(one.FeatureShape())
	return nil
}

// quantise makes the integer network where it is to answer. It is made in any case, so that a network without one is
// found at once.
func (d *decoder) quantise() error {
	m, err := d.newModel()
	if err != nil {
		return fmt.Errorf("int8: %w", err)
	}
	if d.own.training().Int8 {
		d.model = m
	}
	return nil
}

func (d *decoder) newModel() (*Model, error) {
	return newModel(d.name, d.classes, d.stages, d.front.clone(), d.std, d.net, d.scale)
}

// Model is the fitted network in integers.
func (d *decoder) Model() (*Model, error) {
	if d.net == nil {
		return nil, fmt.Errorf("%s: is not fitted", d.name)
	}
	return d.newModel()
}

func (d *decoder) shape() nn.Shape {
	switch d.front.kind {
	case samplesIn:
		return nn.Shape{d.front.channels, d.front.samples}
	case powersIn:
		return nn.Shape{d.front.size()}
	default:
		return nn.Shape{d.front.count, d.front.features()}
	}
}

// State is the weights under their names in the network, mean and sd [features], and scale [stages+1]: the best step
// of 8 bits at the input and behind each stage.
func (d *decoder) State() signal.State {
	if d.net == nil {
		return nil
	}
	s := signal.State{
		"input.mean": signal.NewArray(slices.Clone(d.std.mean), len(d.std.mean)),
		"input.sd":   signal.NewArray(slices.Clone(d.std.sd), len(d.std.sd)),
		"scale":      signal.NewArray(slices.Clone(d.scale), len(d.scale)),
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
	next, err := d.like(d.classes)
	if err != nil {
		return nil, err
	}
	n := next.front.features()
	for _, want := range []struct {
		name string
		size int
		dst  *[]float64
	}{{"input.mean", n, &next.std.mean}, {"input.sd", n, &next.std.sd}, {"scale", len(next.stages) + 1, &next.scale}} {
		a, err := s.Get(want.name, want.size)
		if err != nil {
			return nil, err
		}
		*want.dst = slices.Clone(a.Data)
	}
	if err := next.std.check(); err != nil {
		return nil, err
	}
	for i, v := range next.scale {
		if !(v > 0) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("scale %d is %g, must be above 0 and finite", i, v)
		}
	}
	arrays := map[string]nn.Array{}
	for name, a := range s {
		short, isNet := strings.CutPrefix(name, "net.")
		switch {
		case isNet:
			data := make([]float32, len(a.Data))
			for i, v := range a.Data {
				data[i] = float32(v)
			}
			arrays[short] = nn.Array{Shape: a.Shape, Data: data}
		case name != "input.mean" && name != "input.sd" && name != "scale":
			return nil, fmt.Errorf("there is an unknown array %q", name)
		}
	}
	if err := next.use(arrays); err != nil {
		return nil, err
	}
	return next, next.quantise()
}

// WhyNotExported names the form that these networks are written in.
func (d *decoder) WhyNotExported() string {
	return "is a network in integers with transforms in front of it, for microcontrollers: write it as C with gyrus models export-c, or train eegnet or cnn_lstm"
}
