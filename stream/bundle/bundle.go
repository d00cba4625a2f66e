// Package bundle reads and writes the one artefact of training: a file that holds the pipeline's definition, what it
// expects as input, and everything it has learned.
//
// The layout is safetensors (package foundation/weights): the manifest is JSON in the metadata, each fitted array an
// F64 tensor. A SHA-256 over the whole file, its own digits taken as zeros, makes every altered bit an error.
package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/gyrus-bci/gyrus/decoders/metrics"
	"github.com/gyrus-bci/gyrus/foundation/weights"
	"github.com/gyrus-bci/gyrus/ingest/atomicfile"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Version is the version of the manifest.
const Version = 1

const manifestKey = "gyrus"

// maxFile bounds what is read into memory: fitted arrays are small, and a wrong file must not take the machine down.
const maxFile = 4 << 30

// Manifest says what a bundle is.
type Manifest struct {
	Version int             `json:"version"`
	Gyrus   string          `json:"gyrus"` // the program's version
	Spec    json.RawMessage `json:"spec"`  // the pipeline with every parameter, defaults written out
	Input   Input           `json:"input"` // what it was fitted on and expects again
	// Montage is what a leading step montage brings every stream to, nil without one. A stream that lacks channels of Input is
	// taken where that step can.
	Montage *Input   `json:"montage,omitempty"`
	Classes []string `json:"classes"`           // in the order of the scores
	Outputs []string `json:"outputs,omitempty"` // with a section target in place of classes: the quantities
	Data    []Data   `json:"data"`              // the recordings it was fitted on
	Seed    uint64   `json:"seed"`              // of everything random in the fit
	// Score is what cross-validation said of a pipeline like this one, nil where there was none.
	Score *Score `json:"score,omitempty"`
	// Followed is the same of a pipeline with a section target, one entry to an output.
	Followed []metrics.Followed `json:"followed,omitempty"`
	// Rest is what training found on rest data that the threshold had not been set with, and Coverage how often a
	// conformal set held the true class; nil where the section decide does not ask for it.
	Rest     *Rest     `json:"rest,omitempty"`
	Coverage *Coverage `json:"coverage,omitempty"`
	// Delay is by how much the causal filters make the signal late, nil without one.
	Delay *Delay `json:"group_delay,omitempty"`
	// Adapted is where a model comes from that learned from feedback in a live session, nil for others.
	Adapted *Adapted `json:"adapted,omitempty"`
	// Notes are what the steps said of the fit.
	Notes []Note `json:"notes,omitempty"`
}

// Adapted says what a model was before it learned from feedback, and how much it learned.
type Adapted struct {
	From    string          `json:"from_sha256"` // of the file of the model before
	File    string          `json:"from_file"`   // its name, without folders
	Session string          `json:"session"`
	Run     int64           `json:"run"`     // of the session, as in its commands
	Updates int             `json:"updates"` // of the session and, where the model before had learned from feedback, before
	Decides bool            `json:"decides"` // what was learned decides; false: it has not proven better, and the decoder does
	Head    string          `json:"head"`    // hash of what was learned, as in the session's log
	Options json.RawMessage `json:"options"` // how it was learned
}

// Delay is the group delay of a chain of causal steps at the centre of its pass band.
type Delay struct {
	AtHz    float64     `json:"at_hz"`
	Seconds float64     `json:"seconds"` // of the chain: the sum
	Steps   []StepDelay `json:"steps"`
}

// StepDelay is that of one step.
type StepDelay struct {
	Step    string  `json:"step"` // "preprocess[0] bandpass"
	Seconds float64 `json:"seconds"`
}

// Note is what a step said of how it learned, such as how much it regularised.
type Note struct {
	Step string  `json:"step"` // "decoder lda"
	Text string  `json:"text"` // "shrinkage 0.11 to 0.15 (Ledoit-Wolf)"
	Low  float64 `json:"low"`  // the number in it: smallest and largest of all fits
	High float64 `json:"high"`
}

// Rest says how many false decisions a section decide makes at rest.
type Rest struct {
	Asked      float64 `json:"asked_per_min"`               // at most
	Threshold  float64 `json:"enter_nats"`                  // that was set, with all rest data
	Minutes    float64 `json:"minutes"`                     // of rest in which a decision could begin, each of them held out once
	Count      int     `json:"false_decisions"`             // that begin, on held-out rest
	Again      int     `json:"held_again,omitempty"`        // one more for each further second that a decision goes on into
	DecidedS   float64 `json:"in_decision_s,omitempty"`     // time of held-out rest in which one stands
	Share      float64 `json:"in_decision_share,omitempty"` // of all held-out rest
	PerMinute  float64 `json:"per_min"`                     // Count and Again by Minutes
	Low        float64 `json:"per_min_low"`                 // exact Poisson interval, 95 %
	High       float64 `json:"per_min_high"`
	Rejected   int     `json:"rejected,omitempty"`  // windows at rest that the pipeline's own checks rejected: not among the minutes, nothing is decided there
	Held       int     `json:"held_back,omitempty"` // windows of the training recordings that are unlike the rest: nothing is decided there
	Unlike     *Unlike `json:"unlike,omitempty"`    // where those are, nil where there are none, and in models from before it was kept
	Guard      *Guard  `json:"guard,omitempty"`     // nil with any_rest, and in models from before it was kept
	Blocks     int     `json:"blocks"`              // the rest data were cut into so many, each held out once
	Trials     int     `json:"trials"`              // cued ones of held-out runs: what the threshold costs
	Right      int     `json:"right"`               // of those, first decision within the trial is the true class
	Wrong      int     `json:"wrong"`               // … is another
	Recordings []Data  `json:"recordings"`
}

// Guard says what decisions are held back by where the stream is unlike the rest that a threshold was set with.
type Guard struct {
	Limit    float64 `json:"limit_sd"` // standard deviations of windows at rest that the stream may be away from it
	Channels int     `json:"channels"` // that are compared
	Of       int     `json:"of"`       // channels in all
	Windows  int     `json:"windows"`  // at rest
	Minutes  float64 `json:"minutes"`  // of rest
	Flat     int     `json:"flat"`     // windows in which a channel is flat or not finite, and left out
}

// Doubt says what of the rest could not be compared, and what to do about it; "" where all could.
func (g *Guard) Doubt() string {
	if g == nil || g.Channels == g.Of && g.Flat == 0 {
		return ""
	}
	lost := ""
	if g.Channels < g.Of {
		lost = fmt.Sprintf(", and only %d of %d channels are compared with the rest: whatever the others do holds no decision back", g.Channels, g.Of)
	}
	return fmt.Sprintf("in %d of %d windows at rest a channel is flat or not finite, which is left out%s; look at the electrodes and for drop-outs in the rest, or record it again", g.Flat, g.Windows, lost)
}

// Unlike says where in the training recordings the stream is unlike the rest that a threshold was set with, and in what.
type Unlike struct {
	Windows int    `json:"windows"`       // that follow the training recordings; Rest.Held of them are unlike the rest
	Trials  int    `json:"trial_windows"` // of all, those whose decisions count for a trial
	Held    int    `json:"trial_windows_held_back"`
	Away    []Away `json:"away"` // the channels that are farthest from the rest, farthest first
}

// Away is in what a channel is away from the rest, the median over the windows that are unlike it.
type Away struct {
	Channel string  `json:"channel"` // behind the section preprocess
	What    string  `json:"what"`    // AwayPower, AwayMobility, or AwayFlat where the channel has neither
	SD      float64 `json:"sd"`      // standard deviations of windows at rest, below 0 for less of it; 0 where it is flat
}

// What a channel can be away in: the logarithms of its variance and of its mobility (Hjorth 1970, doi:10.1016/0013-4694(70)90143-4).
const (
	AwayPower    = "power"
	AwayMobility = "mobility"
	AwayFlat     = "flat"
)

// String names it: "Oz power +5.2".
func (a Away) String() string {
	if a.What == AwayFlat {
		return a.Channel + " flat"
	}
	return fmt.Sprintf("%s %s %+.1f", a.Channel, a.What, a.SD)
}

// UnlikeWhere says where and in what the training recordings are unlike the rest, "" where they are not.
func (r *Rest) UnlikeWhere() string {
	u := r.Unlike
	switch {
	case r.Held == 0:
		return ""
	case u == nil:
		return fmt.Sprintf("%d windows of the training recordings are unlike the rest", r.Held)
	}
	where := fmt.Sprintf("%d of %d windows of the training recordings are unlike the rest, %d of the %d in trials and %d of the %d between them", r.Held, u.Windows, u.Held, u.Trials, r.Held-u.Held, u.Windows-u.Trials)
	if len(u.Away) == 0 {
		return where
	}
	return fmt.Sprintf("%s; %s", where, FarthestWords(u.Away))
}

// FarthestWords names what is farthest from the rest.
func FarthestWords(away []Away) string {
	names := make([]string, len(away))
	for i, a := range away {
		names[i] = a.String()
	}
	return "farthest, in standard deviations of the rest: " + strings.Join(names, ", ")
}

// Coverage says how conformal sets did on trials that nothing had learned from.
type Coverage struct {
	Asked   float64 `json:"asked"` // 1 − alpha
	Trials  int     `json:"trials"`
	Covered int     `json:"covered"` // the true class was possible
	Low     float64 `json:"low"`     // exact binomial interval of the coverage, 95 %
	High    float64 `json:"high"`
	Decided int     `json:"decided"` // trials with one class possible
	Right   int     `json:"right"`   // of those
}

// Input is a stream that a pipeline fits to: the same channels by name, in this order, at this rate.
type Input struct {
	Rate     float64   `json:"rate_hz"`
	Channels []Channel `json:"channels"`
	// Reference is the electrode that all were measured against, "" where unknown.
	Reference string `json:"reference,omitempty"`
}

// Channel is one expected channel.
type Channel struct {
	Name string      `json:"name"`
	Kind signal.Kind `json:"kind"`
	Unit signal.Unit `json:"unit"`
	// Pos is where the electrode was in training, which Laplacians and interpolation go by; nil where unknown.
	Pos *signal.Position `json:"pos,omitempty"`
	// Bad is what the source said in training, which montage, interpolate and car go by.
	Bad bool `json:"bad,omitempty"`
}

// InputOf is what a pipeline that was fitted on streams described by i expects. A position that is not finite is none.
func InputOf(i *signal.Info) Input {
	in := Input{Rate: i.Rate, Reference: i.Reference}
	for _, c := range i.Channels {
		ch := Channel{Name: c.Name, Kind: c.Kind, Unit: c.Unit, Bad: c.Bad}
		if c.Pos != nil && c.Pos.Finite() {
			pos := *c.Pos
			ch.Pos = &pos
		}
		in.Channels = append(in.Channels, ch)
	}
	return in
}

// Info describes the streams that i is met by.
func (i Input) Info() *signal.Info {
	info := &signal.Info{Rate: i.Rate, Reference: i.Reference}
	for _, c := range i.Channels {
		info.Channels = append(info.Channels, signal.Channel{Name: c.Name, Original: c.Name, Kind: c.Kind, Unit: c.Unit, Pos: c.Pos, Bad: c.Bad})
	}
	return info
}

// Data names one recording.
type Data struct {
	Name   string         `json:"name"`   // of the file, without folders
	SHA256 string         `json:"sha256"` // of its bytes; "" where it was simulated
	Trials map[string]int `json:"trials"` // per class
	// Deviations is where the file broke the specification of its format, and what was decided about units.
	Deviations []signal.Deviation `json:"deviations,omitempty"`
}

// Score is a balanced accuracy with the split that gave it.
type Score struct {
	Split            string  `json:"split"`
	Trials           int     `json:"trials"`
	BalancedAccuracy float64 `json:"balanced_accuracy"`
	CILow            float64 `json:"ci_low"`
	CIHigh           float64 `json:"ci_high"`
	Chance           float64 `json:"chance"`
}

// Bundle is the content of one file.
type Bundle struct {
	Manifest Manifest
	State    signal.State // "features.0.filters", "decoder.weights"
	// SHA256 is that of the file's bytes, as sha256sum prints it: the name of this model. Unmarshal sets it.
	SHA256 string
}

// Marshal lays b out as a file. The same content gives the same bytes.
func Marshal(b *Bundle) ([]byte, error) {
	manifest, err := json.Marshal(b.Manifest)
	if err != nil {
		return nil, fmt.Errorf("bundle: manifest: %w", err)
	}
	f := weights.File{Metadata: map[string]string{manifestKey: string(manifest)}, Tensors: map[string]weights.Tensor{}}
	for name, a := range b.State {
		f.Tensors[name] = weights.Float64s(a.Data, a.Shape...)
	}
	raw, err := weights.Seal(f)
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	return raw, nil
}

// Unmarshal reads a file that is whole in memory.
func Unmarshal(raw []byte) (*Bundle, error) {
	f, err := weights.Unseal(raw)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(raw)
	b := &Bundle{State: signal.State{}, SHA256: hex.EncodeToString(sum[:])}
	dec := json.NewDecoder(bytes.NewReader([]byte(f.Metadata[manifestKey])))
	var version struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal([]byte(f.Metadata[manifestKey]), &version); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if version.Version != Version {
		return nil, fmt.Errorf("manifest version %d, this gyrus reads %d: train again, or use the gyrus that wrote it", version.Version, Version)
	}
	dec.DisallowUnknownFields()
	if err := dec.Decode(&b.Manifest); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	for name, t := range f.Tensors {
		x, err := t.Float64s()
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		b.State[name] = signal.NewArray(x, t.Shape...)
	}
	return b, nil
}

// Write puts b into the file called path, whole or not at all.
func Write(path string, b *Bundle) error {
	raw, err := Marshal(b)
	if err != nil {
		return err
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		_, err := w.Write(raw)
		return err
	})
}

// ReadError is a file that is not a sound bundle.
type ReadError struct {
	File string
	Err  error
}

// Error is one line.
func (e *ReadError) Error() string {
	return fmt.Sprintf("%s: not a usable bundle: %v; train again with gyrus train", e.File, e.Err)
}

// Unwrap is the cause.
func (e *ReadError) Unwrap() error { return e.Err }

// Read reads the file called path. What is wrong with its content is a *ReadError.
func Read(path string) (*Bundle, error) {
	st, err := os.Stat(path) // opening a pipe would wait for whoever writes to it
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, &ReadError{path, fmt.Errorf("is no file but a %s", kindOf(st.Mode()))}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := begins(f, st.Size()); err != nil {
		return nil, errors.Join(&ReadError{path, err}, f.Close())
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(raw) > maxFile {
		return nil, &ReadError{path, fmt.Errorf("is larger than %d bytes", int64(maxFile))}
	}
	b, err := Unmarshal(raw)
	if err != nil {
		return nil, &ReadError{path, err}
	}
	return b, nil
}

// maxManifest is far more than any manifest takes.
const maxManifest = 64 << 20

// begins says what speaks against a file of size bytes that begins like f, before all of it is read.
func begins(f io.ReaderAt, size int64) error {
	var head [8]byte
	if _, err := f.ReadAt(head[:], 0); err != nil {
		return fmt.Errorf("has %d bytes: it was cut short, or is no bundle", size)
	}
	if n := binary.LittleEndian.Uint64(head[:]); n == 0 || n > uint64(min(size-8, maxManifest)) {
		return errors.New("does not begin with the length of its manifest: it is no bundle, or was cut short or altered")
	}
	return nil
}

func kindOf(m os.FileMode) string {
	switch {
	case m.IsDir():
		return "folder"
	case m&os.ModeNamedPipe != 0:
		return "pipe"
	default:
		return "device or socket"
	}
}
