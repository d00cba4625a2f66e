package calibrate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func init() {
	decoders.Register("calibrated", func() decoders.Fitter {
		return &Calibrated{Decoder: decoders.Inner{Use: "lda"}, Method: ByTemperature, Folds: 5}
	})
}

// Method is a way of calibrating.
type Method string

// The methods that exist.
const (
	ByTemperature Method = "temperature" // one number: for any amount of data
	ByIsotonic    Method = "isotonic"    // any function that does not fall: for some hundreds of trials
)

// UnmarshalJSON accepts the names above.
func (m *Method) UnmarshalJSON(data []byte) error {
	var word string
	if err := json.Unmarshal(data, &word); err != nil || Method(word).check() != nil {
		return fmt.Errorf(`key "method": is %s, must be "temperature" or "isotonic"`, strings.TrimSpace(string(data)))
	}
	*m = Method(word)
	return nil
}

// JSONSchema describes the values for editors (JSON Schema 2020-12).
func (Method) JSONSchema() map[string]any {
	return map[string]any{"enum": []any{string(ByTemperature), string(ByIsotonic)}}
}

func (m Method) check() error {
	if m != ByTemperature && m != ByIsotonic {
		return fmt.Errorf(`method is %q, must be "temperature" or "isotonic"`, string(m))
	}
	return nil
}

// Calibrated is another decoder whose probabilities are calibrated on rows that it has not seen: the training rows are cut
// into folds, each class into blocks of rows that follow each other; the decoder is fitted without each fold in turn
// and scores it; the calibration is learned from these scores; and the decoder is fitted once more, to all rows.
// scikit-learn calls this CalibratedClassifierCV with ensemble=False. Blocks, not single rows, because neighbours in time
// are alike, and would let the decoder look better than it is.
//
// temperature keeps the most probable class; isotonic may not.
//
// With temperature T the probabilities become p_k^(1/T) / Σ_j p_j^(1/T), T that of the least log loss (Guo et al. 2017,
// arXiv:1706.04599); with isotonic each class's probability goes through the rising step function of least squared error and
// the classes are brought to the sum 1 (Zadrozny and Elkan 2002, doi:10.1145/775047.775151). A row [features] goes in, one
// probability per class comes out.
type Calibrated struct {
	Decoder decoders.Inner `json:"decoder" doc:"the decoder to calibrate, {use: name, key: value}"`
	Method  Method         `json:"method" doc:"temperature (one number, for any amount of data) or isotonic (free form, for hundreds of trials)"`
	Folds   int            `json:"folds" doc:"parts of the cross-validation that the calibration learns from, at least 2; every class needs at least as many training rows"`

	fit *fitted

	classes []string
	format  features.Format // of the windows, where the decoder reads windows
}

// fitted is the decoder and its calibration.
type fitted struct {
	decoder     decoders.Fitter
	temperature float64     // where isotonic is nil
	isotonic    []*Isotonic // one for each class; with two classes only for the second
	notes       []signal.Note
}

// Outputs is the classes, or nil before the fit.
func (c *Calibrated) Outputs() []string {
	if c.fit == nil {
		return nil
	}
	return slices.Clone(c.classes)
}

// SetClasses tells the classes before SetState. What was learned about other classes is forgotten.
func (c *Calibrated) SetClasses(classes []string) {
	if !slices.Equal(classes, c.classes) {
		c.fit = nil
	}
	c.classes = slices.Clone(classes)
}

// ReadsWindows says whether the decoder inside reads windows.
func (c *Calibrated) ReadsWindows() bool {
	return c.Decoder.ReadsWindows()
}

// SetFormat describes the windows to the decoder inside, where it reads windows.
func (c *Calibrated) SetFormat(in features.Format) error {
	if in.Len != c.format.Len || in.Rate != c.format.Rate || !slices.Equal(in.Names, c.format.Names) {
		c.fit = nil
	}
	c.format = in
	_, err := c.inside()
	return err
}

// inside is a new decoder of the kind inside.
func (c *Calibrated) inside() (decoders.Fitter, error) { return c.Decoder.New(c.format) }

// Fit learns from the rows x [rows][features]. It is an error where the decoder inside cannot be fitted, to all rows or
// without a fold, and where a class has fewer rows than there are folds. What was fitted before is then kept.
func (c *Calibrated) Fit(x [][]float64, y signal.Labels) error {
	return c.FitContext(context.Background(), x, y)
}

// FitContext is Fit that ends with the error of ctx as soon as the decoder inside does.
func (c *Calibrated) FitContext(ctx context.Context, x [][]float64, y signal.Labels) error {
	f, err := c.learn(ctx, x, y)
	if err != nil {
		return fmt.Errorf("calibrated: %w", err)
	}
	c.fit, c.classes = f, slices.Clone(y.Classes)
	return nil
}

func (c *Calibrated) learn(ctx context.Context, x [][]float64, y signal.Labels) (*fitted, error) {
	if err := c.Method.check(); err != nil {
		return nil, err
	}
	if c.Folds < 2 {
		return nil, fmt.Errorf("folds is %d, must be at least 2", c.Folds)
	}
	whole, err := c.train(ctx, x, y) // first, because its errors speak of the rows as the caller knows them
	if err != nil {
		return nil, err
	}
	fold, err := blocks(y, c.Folds)
	if err != nil {
		return nil, err
	}
	p := make([][]float64, len(x))
	notes := c.notesOf(whole)
	for f := range c.Folds {
		var rows [][]float64
		labels := signal.Labels{Classes: y.Classes}
		for i := range x {
			if fold[i] != f {
				rows, labels.Y = append(rows, x[i]), append(labels.Y, y.Y[i])
			}
		}
		d, err := c.train(ctx, rows, labels)
		if err != nil {
			return nil, fmt.Errorf("without fold %d of %d: %w", f+1, c.Folds, err)
		}
		notes = append(notes, c.notesOf(d)...)
		for i := range x {
			if fold[i] != f {
				continue
			}
			p[i] = make([]float64, len(y.Classes))
			if err := d.Predict(p[i], x[i]); err != nil {
				return nil, fmt.Errorf("training row %d, by a decoder that has not seen it: %w", i, err)
			}
		}
	}
	out := &fitted{decoder: whole, notes: signal.MergeNotes(notes)}
	if c.Method == ByIsotonic {
		out.isotonic, err = FitIsotonics(p, y.Y)
	} else {
		out.temperature, err = FitTemperature(p, y.Y)
	}
	return out, err
}

// notesOf is what the decoder inside says of its fit, under its name.
func (c *Calibrated) notesOf(d decoders.Fitter) (notes []signal.Note) {
	if n, ok := d.(signal.Noter); ok {
		for _, note := range n.Notes() {
			note.Text = c.Decoder.Use + ": " + note.Text
			notes = append(notes, note)
		}
	}
	return notes
}

// Notes is what the decoder inside says of its fits, to all rows and without each fold.
func (c *Calibrated) Notes() []signal.Note {
	if c.fit == nil {
		return nil
	}
	return c.fit.notes
}

// train is a new decoder fitted to x.
func (c *Calibrated) train(ctx context.Context, x [][]float64, y signal.Labels) (decoders.Fitter, error) {
	d, err := c.inside()
	if err != nil {
		return nil, err
	}
	return d, decoders.Fit(ctx, d, x, y)
}

// blocks is the fold of each row: every class is cut into folds blocks of rows that follow each other.
func blocks(y signal.Labels, folds int) ([]int, error) {
	counts := y.Counts()
	for k, n := range counts {
		if n < folds {
			return nil, fmt.Errorf("class %q has %d training rows, must have at least %d, one for each fold; record more, or set folds lower", y.Classes[k], n, folds)
		}
	}
	fold, seen := make([]int, len(y.Y)), make([]int, len(counts))
	for i, k := range y.Y {
		fold[i] = seen[k] * folds / counts[k]
		seen[k]++
	}
	return fold, nil
}

// Predict fills dst [classes] with the calibrated probability of each class for the row x [features].
func (c *Calibrated) Predict(dst, x []float64) error {
	if c.fit == nil {
		return errors.New("calibrated: not fitted; train the pipeline or load a bundle first")
	}
	if err := c.fit.decoder.Predict(dst, x); err != nil {
		return fmt.Errorf("calibrated: %w", err)
	}
	if c.fit.isotonic != nil {
		Isotonics(dst, c.fit.isotonic)
	} else {
		Temperature(dst, c.fit.temperature)
	}
	return nil
}

// EmbedLen is that of the decoder inside, 0 where it has none.
func (c *Calibrated) EmbedLen() int {
	if c.fit == nil {
		return 0
	}
	inner, ok := decoders.AsEmbedder(c.fit.decoder)
	if !ok {
		return 0
	}
	return inner.EmbedLen()
}

// Embed is that of the decoder inside.
func (c *Calibrated) Embed(dst, x []float64) error {
	if c.fit == nil {
		return errors.New("calibrated: not fitted; train the pipeline or load a bundle first")
	}
	inner, ok := decoders.AsEmbedder(c.fit.decoder)
	if !ok {
		return fmt.Errorf("calibrated: the decoder inside, %s, has no embedding", c.Decoder.Use)
	}
	if err := inner.Embed(dst, x); err != nil {
		return fmt.Errorf("calibrated: %w", err)
	}
	return nil
}

// State is that of the decoder, its names behind "decoder.", and "temperature" [1] or "isotonic" [knots, 3]: class,
// position, value.
func (c *Calibrated) State() signal.State {
	if c.fit == nil {
		return nil
	}
	s := signal.State{}
	for name, a := range c.fit.decoder.State() {
		s["decoder."+name] = a
	}
	if c.fit.isotonic == nil {
		s["temperature"] = signal.NewArray([]float64{c.fit.temperature}, 1)
		return s
	}
	var knots [][]float64
	for k, f := range c.fit.isotonic {
		for i := range f.X {
			knots = append(knots, []float64{float64(k), f.X[i], f.Y[i]})
		}
	}
	s["isotonic"] = signal.Matrix(knots)
	return s
}

// SetState puts back what State returned. It is called after SetClasses.
func (c *Calibrated) SetState(s signal.State) error {
	f, err := c.restore(s)
	if err != nil {
		return fmt.Errorf("calibrated: %w", err)
	}
	c.fit = f
	return nil
}

func (c *Calibrated) restore(s signal.State) (*fitted, error) {
	d, err := c.inside()
	if err != nil {
		return nil, err
	}
	inside := signal.State{}
	for name, a := range s {
		if inner, ok := strings.CutPrefix(name, "decoder."); ok {
			inside[inner] = a
		}
	}
	d.SetClasses(c.classes)
	if err := d.SetState(inside); err != nil {
		return nil, err
	}
	f := &fitted{decoder: d}
	if c.Method == ByTemperature {
		t, err := s.Get("temperature", 1)
		if err != nil {
			return nil, err
		}
		if f.temperature = t.Data[0]; !(f.temperature > 0) {
			return nil, fmt.Errorf(`array "temperature" is %g, must be above 0`, f.temperature)
		}
		return f, nil
	}
	f.isotonic, err = restoreIsotonic(s, len(c.classes))
	return f, err
}

func restoreIsotonic(s signal.State, classes int) ([]*Isotonic, error) {
	a, err := s.Get("isotonic", -1, 3)
	if err != nil {
		return nil, err
	}
	if classes == 2 {
		classes = 1
	}
	all := make([]*Isotonic, classes)
	for k := range all {
		all[k] = &Isotonic{}
	}
	for i, row := range a.Rows() {
		k := int(row[0])
		if !(row[0] >= 0 && row[0] < float64(classes)) || float64(k) != row[0] {
			return nil, fmt.Errorf(`array "isotonic": knot %d is of class %g, must be from 0 to %d`, i, row[0], classes-1)
		}
		f := all[k]
		if n := len(f.X); n > 0 && !(row[1] > f.X[n-1] && row[2] >= f.Y[n-1]) || !(row[2] >= 0 && row[2] <= 1) {
			return nil, fmt.Errorf(`array "isotonic": knot %d at %g has the value %g, must rise within 0 to 1`, i, row[1], row[2])
		}
		f.X, f.Y = append(f.X, row[1]), append(f.Y, row[2])
	}
	for k, f := range all {
		if len(f.X) == 0 {
			return nil, fmt.Errorf(`array "isotonic" has no knot of class %d`, k)
		}
	}
	return all, nil
}
