package units

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Policy says what to do where the unit of a channel that measures a voltage is unknown, or its amplitudes tell that it is
// wrong. The zero value warns.
type Policy struct {
	refuse bool
	assume string // a unit as it was asked for, "" where none is assumed
}

// ParsePolicy reads "warn", "error" and "assume:UNIT", such as "assume:uV".
func ParsePolicy(s string) (Policy, error) {
	unit, assume := strings.CutPrefix(s, "assume:")
	switch {
	case s == "warn":
		return Policy{}, nil
	case s == "error":
		return Policy{refuse: true}, nil
	case assume && Parse(unit).Voltage:
		return Policy{assume: unit}, nil
	}
	return Policy{}, fmt.Errorf("units policy %q, must be warn, error, or assume: and a unit (nV, uV, mV, V)", s)
}

// Error says that a recording was refused for its units.
type Error struct {
	Name string // of the recording
	Dev  signal.Deviation
	// Assumed is the unit that was assumed by the policy and did not help, "" where none was.
	Assumed string
	// Plausible are the units that would make EEG of the samples.
	Plausible []string
}

// Error is one line.
func (e *Error) Error() string {
	remedy := "say which unit it is with --units-policy assume:uV (or mV, V, nV)"
	switch {
	case e.Assumed != "" && len(e.Plausible) > 0:
		remedy = "assume " + strings.Join(e.Plausible, " or ") + ", which is plausible"
	case e.Assumed != "":
		remedy = "assume another unit than " + e.Assumed
	}
	return fmt.Sprintf("%s: %s: %s; found %s; %s, or let it pass with --units-policy warn", e.Name, e.Dev.Where, e.Dev.Rule, e.Dev.Found, remedy)
}

// voltages are the kinds of channel that measure one.
var voltages = []signal.Kind{signal.EEG, signal.EOG, signal.ECG, signal.EMG, signal.SEEG, signal.ECoG}

// Apply looks at the units of rec, and of its Others, and does what p says. What was found and decided is in Deviations
// afterwards. Errors of p are *Error.
func Apply(rec *signal.Recording, p Policy) error {
	for _, r := range append([]*signal.Recording{rec}, rec.Others...) {
		if len(r.Info.Channels) == 0 {
			continue
		}
		assumed, err := p.unknown(rec, r)
		if err != nil {
			return err
		}
		if err := p.implausible(rec, r, assumed); err != nil {
			return err
		}
	}
	return nil
}

// unknown looks for channels of which the unit is no voltage and should be one, and says whether they have got the assumed one.
func (p Policy) unknown(rec, r *signal.Recording) (assumed bool, err error) {
	var which []int
	for ch, c := range r.Info.Channels {
		if slices.Contains(voltages, c.Kind) && c.Unit != signal.Microvolt {
			which = append(which, ch)
		}
	}
	if len(which) == 0 || !p.refuse && p.assume == "" { // the readers have listed it
		return false, nil
	}
	first := r.Info.Channels[which[0]]
	d := signal.Deviation{
		Where: fmt.Sprintf("unit of %d channels", len(which)), Rule: "a voltage (uV, mV, V, nV) for " + strings.ToUpper(string(first.Kind)),
		Found: fmt.Sprintf("%q for %q", string(first.Unit), first.Name), Assumed: p.assume + ", by --units-policy",
	}
	if p.refuse {
		return false, &Error{Name: rec.Name, Dev: d}
	}
	scales := make([]Scale, len(r.Info.Channels))
	for _, ch := range which {
		scales[ch] = Parse(p.assume)
	}
	rescale(r, scales)
	rec.Deviations = append(rec.Deviations, d)
	return true, nil
}

// implausible looks for amplitudes that EEG does not have. Where the unit is an assumed one already, it only lists them: the
// file says none, and the user has. What is assumed in the place of the file's unit has to make EEG of the samples.
func (p Policy) implausible(rec, r *signal.Recording, assumed bool) error {
	d, which, err := implausible(r)
	if err != nil || d == nil {
		return err
	}
	rec.Deviations = slices.DeleteFunc(rec.Deviations, func(o signal.Deviation) bool { return o.Where == amplitudeWhere }) // by the reader
	if p.refuse {
		return &Error{Name: rec.Name, Dev: *d}
	}
	if assumed {
		names := make([]string, len(r.Info.Channels))
		for i := range names {
			names[i] = p.assume
		}
		fits, err := plausible(r, which, names)
		if err != nil {
			return err
		}
		d.Assumed = "the samples stay in " + p.assume + ", by --units-policy"
		if len(fits) > 0 {
			d.Assumed += "; " + strings.Join(fits, " or ") + " would be plausible"
		}
	} else if p.assume != "" {
		scales, from, err := reinterpret(r, which, Parse(p.assume))
		if err != nil {
			return &Error{Name: rec.Name, Dev: signal.Deviation{Where: d.Where, Rule: d.Rule, Found: d.Found + "; " + err.Error()}, Assumed: p.assume}
		}
		other := *r
		rescale(&other, scales)
		switch still, _, err := implausible(&other); {
		case err != nil:
			return err
		case still != nil:
			fits, err := plausible(r, which, r.Data.(signal.UnitReader).SourceUnits())
			if err != nil {
				return err
			}
			still.Found = fmt.Sprintf("%s; with %s in place of %s, %s", d.Found, p.assume, from, still.Found)
			return &Error{Name: rec.Name, Dev: *still, Assumed: p.assume, Plausible: fits}
		}
		rescale(r, scales)
		d.Assumed = fmt.Sprintf("%s in place of %s, by --units-policy", p.assume, from)
	}
	rec.Deviations = append(rec.Deviations, *d)
	return nil
}

// plausible is the units that make EEG of those channels of r, whose samples were converted from the units from.
func plausible(r *signal.Recording, which []int, from []string) (fits []string, err error) {
	for _, name := range []string{"nV", "uV", "mV", "V"} {
		scales := make([]Scale, len(r.Info.Channels))
		for _, ch := range which {
			scales[ch] = Parse(named(from[ch])).to(Parse(name))
		}
		other := *r
		rescale(&other, scales)
		d, _, err := implausible(&other)
		if err != nil {
			return nil, err
		}
		if d == nil {
			fits = append(fits, name)
		}
	}
	return fits, nil
}

// reinterpret is by what to scale some channels of r, whose units in the file are taken to be the one of to.
func reinterpret(r *signal.Recording, which []int, to Scale) (scales []Scale, from string, err error) {
	s, ok := r.Data.(signal.UnitReader)
	if !ok {
		return nil, "", fmt.Errorf("the reader of %s does not tell the unit in the file, so that none can be assumed in its place", r.Format)
	}
	scales = make([]Scale, len(r.Info.Channels))
	all := s.SourceUnits()
	var names []string
	for _, ch := range which {
		name := named(all[ch])
		scales[ch] = Parse(name).to(to)
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return scales, strings.Join(names, " and "), nil
}

// rescale makes r hand out the channels that have a scale times that.
func rescale(r *signal.Recording, scales []Scale) {
	info := *r.Info
	info.Channels = slices.Clone(info.Channels)
	for ch, s := range scales {
		if s != (Scale{}) {
			info.Channels[ch].Unit = s.Unit
		}
	}
	r.Info, r.Data = &info, scaled{r.Data, scales, r.FileRuns()}
}

// scaled is samples in another unit.
type scaled struct {
	signal.SampleReader
	scales []Scale // the zero value leaves a channel as it is
	runs   []signal.Span
}

// FileRuns are those of the file.
func (s scaled) FileRuns() []signal.Span { return s.runs }

// Rescaled says whether rec hands out other numbers than its own files say, because of another unit, by a policy or by what lies beside it:
// a copy of the files would not say the same.
func Rescaled(rec *signal.Recording) bool {
	data := rec.Data
	if part, ok := data.(interface{ Unwrap() signal.SampleReader }); ok { // of which some samples are left out
		data = part.Unwrap()
	}
	s, ok := data.(scaled)
	return ok && slices.ContainsFunc(s.scales, func(x Scale) bool { return x.Mul != x.Div })
}

// ReadSamples reads and scales.
func (s scaled) ReadSamples(dst [][]float64, start int64) error {
	if err := s.SampleReader.ReadSamples(dst, start); err != nil {
		return err
	}
	for ch, scale := range s.scales {
		if scale != (Scale{}) {
			for t, x := range dst[ch] {
				dst[ch][t] = scale.Apply(x)
			}
		}
	}
	return nil
}

// CheckSamples looks at the samples as the source has them.
func (s scaled) CheckSamples() ([]signal.Deviation, error) {
	return signal.CheckSamples(s.SampleReader)
}

// Changes says that samples may be handed out in another unit than the source says.
func (p Policy) Changes() bool { return p.assume != "" }
