package adapt

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

// Use is the name of Adapted in a pipeline file.
const Use = "adapted"

func init() {
	decoders.Register(Use, func() decoders.Fitter { return &Adapted{Decoder: decoders.Inner{Use: "lda"}} })
}

// Adapted is a decoder with what it has learned from feedback in live sessions on top of it: what gyrus live saves. Where
// that has proven better than the decoder it decides, otherwise the decoder does. In training it is the decoder: labels
// are learned from by that alone, and what feedback taught before is forgotten.
//
// The values of deciding for each class are linear in a constant, the features and 2p − 1 for each class, p what the
// decoder said; they were learned as by Li et al. 2010 (doi:10.1145/1772690.1772758), with forgetting. The features are the
// row of numbers that the decoder gets; of a window [channels, samples] they are what its last layer is given, and the
// powers and correlations of the channels. One probability per class comes out: those nearest to (value + 1)/2.
type Adapted struct {
	Decoder decoders.Inner `json:"decoder" doc:"the decoder that learned from feedback, {use: name, key: value}"`

	classes []string
	format  features.Format // of windows, where the decoder reads those
	inside  decoders.Fitter // nil until fitted
	head    *Head           // nil: nothing was learned from feedback
	learned signal.State    // of the head, until a session takes it
	running []float64       // what the decoder said
	view    *View
}

// ReadsWindows says whether the decoder inside reads windows.
func (a *Adapted) ReadsWindows() bool { return a.Decoder.ReadsWindows() }

// SetFormat describes the windows to the decoder inside, where it reads windows.
func (a *Adapted) SetFormat(in features.Format) error {
	if in.Len != a.format.Len || in.Rate != a.format.Rate || !slices.Equal(in.Names, a.format.Names) {
		a.forget()
	}
	a.format = in
	_, err := a.Decoder.New(in)
	return err
}

// SetClasses tells the classes before SetState. What was learned about other classes is forgotten.
func (a *Adapted) SetClasses(classes []string) {
	if !slices.Equal(classes, a.classes) {
		a.forget()
	}
	a.classes = slices.Clone(classes)
}

func (a *Adapted) forget() { a.inside, a.head, a.learned = nil, nil, nil }

// Outputs is the classes, or nil before the fit.
func (a *Adapted) Outputs() []string {
	if a.inside == nil {
		return nil
	}
	return slices.Clone(a.classes)
}

// Inside is the decoder as it was trained, nil before.
func (a *Adapted) Inside() decoders.Fitter { return a.inside }

// Fit fits the decoder inside. On an error what was learned before is kept.
func (a *Adapted) Fit(x [][]float64, y signal.Labels) error {
	return a.FitContext(context.Background(), x, y)
}

// FitContext is Fit that ends with the error of ctx as soon as the decoder inside does.
func (a *Adapted) FitContext(ctx context.Context, x [][]float64, y signal.Labels) error {
	d, err := a.Decoder.New(a.format)
	if err == nil {
		err = decoders.Fit(ctx, d, x, y)
	}
	if err != nil {
		return fmt.Errorf("adapted: %w", err)
	}
	a.forget()
	a.inside, a.classes = d, slices.Clone(y.Classes)
	return nil
}

// Predict fills dst [classes] with the probabilities for x: those of the head where it decides, else the decoder's.
func (a *Adapted) Predict(dst, x []float64) error {
	if a.inside == nil {
		return errors.New("adapted: not fitted; train the pipeline or load a bundle first")
	}
	if err := a.inside.Predict(dst, x); err != nil {
		return fmt.Errorf("adapted: %w", err)
	}
	if a.head == nil {
		return nil
	}
	copy(a.running, dst)
	row, err := a.view.Of(x)
	if err != nil {
		return fmt.Errorf("adapted: %w", err)
	}
	if err := a.head.Scores(dst, row, a.running); err != nil {
		return fmt.Errorf("adapted: %w", err)
	}
	return nil
}

// EmbedLen is that of the decoder inside, 0 where it has none.
func (a *Adapted) EmbedLen() int {
	if e, ok := a.embedder(); ok {
		return e.EmbedLen()
	}
	return 0
}

// Embed is that of the decoder inside.
func (a *Adapted) Embed(dst, x []float64) error {
	e, ok := a.embedder()
	if !ok {
		return fmt.Errorf("adapted: the decoder inside, %s, is not fitted, or reads no windows", a.Decoder.Use)
	}
	if err := e.Embed(dst, x); err != nil {
		return fmt.Errorf("adapted: %w", err)
	}
	return nil
}

func (a *Adapted) embedder() (decoders.Embedder, bool) {
	if a.inside == nil {
		return nil, false
	}
	return decoders.AsEmbedder(a.inside)
}

// Take hands over what was learned from feedback, to go on with in a session under its options; from then on Predict is
// the decoder inside. width is that of the rows that the head gets. Where nothing was learned it is a new head.
func (a *Adapted) Take(opt Options, width int) (*Head, error) {
	if a.learned == nil {
		return New(opt, len(a.classes), width)
	}
	h, err := Resume(opt, len(a.classes), width, a.learned)
	if err != nil {
		return nil, err
	}
	a.head = nil
	return h, nil
}

// Wrap is the pipeline step and the state, both as a bundle has them, of the decoder with the parameters d and the state s
// with a head on top of it. d may be an Adapted itself: then its head is replaced.
func Wrap(d decoders.Inner, s signal.State, h *Head) (params json.RawMessage, state signal.State, err error) {
	inner, prefix := d, "decoder."
	if d.Use == Use {
		var a struct {
			Decoder decoders.Inner `json:"decoder"`
		}
		if err := json.Unmarshal(d.Params, &a); err != nil {
			return nil, nil, fmt.Errorf("adapt: %w", err)
		}
		inner, prefix = a.Decoder, ""
	}
	if params, err = json.Marshal(map[string]any{"decoder": inner}); err != nil {
		return nil, nil, fmt.Errorf("adapt: %w", err)
	}
	state = signal.State{}
	for name, v := range s {
		if prefix != "" || strings.HasPrefix(name, "decoder.") {
			state[prefix+name] = v
		}
	}
	for name, v := range h.Save() {
		state["head."+name] = v
	}
	return params, state, nil
}

// State is that of the decoder, its names behind "decoder.", and that of the head behind "head.", where there is one.
func (a *Adapted) State() signal.State {
	if a.inside == nil {
		return nil
	}
	s := signal.State{}
	for name, v := range a.inside.State() {
		s["decoder."+name] = v
	}
	for name, v := range a.learned {
		s["head."+name] = v
	}
	return s
}

// SetState puts back what State returned. It is called after SetClasses, and SetFormat where the decoder reads windows.
func (a *Adapted) SetState(s signal.State) error {
	if err := a.restore(s); err != nil {
		return fmt.Errorf("adapted: %w", err)
	}
	return nil
}

func (a *Adapted) restore(s signal.State) error {
	inside, learned := signal.State{}, signal.State{}
	for name, v := range s {
		if rest, ok := strings.CutPrefix(name, "decoder."); ok {
			inside[rest] = v
		} else if rest, ok := strings.CutPrefix(name, "head."); ok {
			learned[rest] = v
		} else {
			return fmt.Errorf("there is an unknown array %q", name)
		}
	}
	d, err := a.Decoder.New(a.format)
	if err != nil {
		return err
	}
	d.SetClasses(a.classes)
	if err := d.SetState(inside); err != nil {
		return err
	}
	if len(learned) == 0 {
		a.forget()
		a.inside = d
		return nil
	}
	in := a.format
	if _, windows := decoders.AsWindowed(d); !windows { // nobody tells how long the rows are
		theta, err := learned.Get("theta", len(a.classes), -1)
		if err != nil {
			return err
		}
		in.Names = make([]string, max(theta.Shape[1]-1-len(a.classes), 0))
	}
	view, err := NewView(d, in)
	if err != nil {
		return err
	}
	h, err := Resume(Defaults(), len(a.classes), view.Len(), learned)
	if err != nil {
		return err
	}
	a.inside, a.head, a.learned, a.view, a.running = d, h, learned, view, make([]float64, len(a.classes))
	return nil
}

// WhyNotExported says what can be.
func (a *Adapted) WhyNotExported() string {
	return "has learned from feedback, and what it learned is no part of a network: export the model that it was before, which the manifest names (adapted: from_file), or train anew on what was recorded"
}
