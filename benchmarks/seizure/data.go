package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/decoders/seizure"
	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/dataset/chbmit"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
	"github.com/gyrus-bci/gyrus/preprocess"
)

// patient is one person with all recordings, in order of time.
type patient struct {
	id       string
	runs     []run
	seizures []seizure.Span // on the axis of run.offset, in s
}

// run is one recording.
type run struct {
	name            string
	offset, seconds float64
	seizures        []seizure.Span              // in s from its start
	load            func() ([][]float32, error) // filtered, [channels][samples]
}

// windowS, stepS and rate are those of specification 3.3.
const (
	windowS  = 4
	stepS    = 1
	rate     = 256
	channels = 18
	length   = windowS * rate
)

// simulated makes the patients with the numbers from first to last, with so many recordings of so many seconds each, a
// seizure in each. A number is a seed: the same patient is always the same.
func simulated(first, last uint64, runs int, seconds, lineHz float64) ([]patient, error) {
	var out []patient
	for p := first; p <= last; p++ {
		who := patient{id: fmt.Sprintf("simulated %d", p)}
		for r := range runs {
			opt := synth.SeizureDefaults()
			opt.Subject, opt.Run, opt.LengthS, opt.Count = p, uint64(r+1), seconds, 1
			rec, truth, err := synth.Seizures(opt)
			if err != nil {
				return nil, err
			}
			x, err := filtered(rec, nil, lineHz)
			if err != nil {
				return nil, err
			}
			one := run{name: rec.Name, offset: seconds * float64(r), seconds: seconds, load: func() ([][]float32, error) { return x, nil }}
			for _, z := range truth.Seizures {
				one.seizures = append(one.seizures, seizure.Span{Start: z.StartS, End: z.EndS})
				who.seizures = append(who.seizures, seizure.Span{Start: one.offset + z.StartS, End: one.offset + z.EndS})
			}
			who.runs = append(who.runs, one)
		}
		out = append(out, who)
	}
	return out, nil
}

// chbMIT is the patients of the data set in fsys. Cases without times of day are left out, since the distance of their
// windows from seizures in other files is not known; left lists them, and the files without the montage.
func chbMIT(fsys fs.FS, lineHz float64) (out []patient, left []string, err error) {
	cases, err := chbmit.Cases(fsys)
	if err != nil {
		return nil, nil, err
	}
	at := map[string]int{}
	for _, c := range cases {
		all, err := c.Seizures()
		if err != nil {
			left = append(left, err.Error())
			continue
		}
		person := chbmit.Person(c.ID)
		k, known := at[person]
		if !known {
			k = len(out)
			at[person], out = k, append(out, patient{id: person})
		}
		// The second case of a person is years away from the first: an axis far behind.
		shift := 1e9 * float64(len(out[k].runs))
		for _, z := range all {
			out[k].seizures = append(out[k].seizures, seizure.Span{Start: shift + z.StartS, End: shift + z.EndS})
		}
		for _, f := range c.Files {
			name := path.Join(c.ID, f.Name)
			rec, err := ingest.Open(fsys, name)
			if errors.Is(err, fs.ErrNotExist) {
				left = append(left, name+": is not there")
				continue
			} else if err != nil {
				return nil, nil, err
			}
			_, missing := pick(rec.Info)
			if err := rec.Close(); err != nil {
				return nil, nil, err
			}
			if missing != "" || rec.Info.Rate != rate {
				left = append(left, fmt.Sprintf("%s: has no %s, or is at %g Hz", name, missing, rec.Info.Rate))
				continue
			}
			r := run{name: name, offset: shift + f.StartS, seconds: float64(rec.Len) / rate, load: func() (x [][]float32, err error) {
				rec, err := ingest.Open(fsys, name)
				if err != nil {
					return nil, err
				}
				defer func() { err = errors.Join(err, rec.Close()) }()
				idx, _ := pick(rec.Info)
				return filtered(rec, idx, lineHz)
			}}
			for _, z := range f.Seizures {
				r.seizures = append(r.seizures, seizure.Span{Start: z.StartS, End: z.EndS})
			}
			out[k].runs = append(out[k].runs, r)
		}
	}
	return out, left, nil
}

// pick finds the channels of the montage by what the file calls them; of channels with one name the first counts.
func pick(in *signal.Info) (idx []int, missing string) {
	for _, want := range synth.Bipolar() {
		k := slices.IndexFunc(in.Channels, func(c signal.Channel) bool { return strings.EqualFold(strings.TrimSpace(c.Original), want) })
		if k < 0 {
			return nil, want
		}
		idx = append(idx, k)
	}
	return idx, ""
}

// filtered reads a recording through the causal filters of specification 3.3: 0.5 to 40 Hz and a notch at the mains.
func filtered(rec *signal.Recording, idx []int, lineHz float64) ([][]float32, error) {
	if len(rec.Runs()) != 1 {
		return nil, fmt.Errorf("%s: has %d stretches, must have no gap", rec.Name, len(rec.Runs()))
	}
	c := signal.NewChunk(rec.Info, 0, int(rec.Len))
	if err := rec.Data.ReadSamples(c.X, 0); err != nil {
		return nil, err
	}
	if idx != nil {
		in := rec.Info.Pick(idx)
		for k := range in.Channels {
			in.Channels[k].Name = synth.Bipolar()[k]
		}
		picked := signal.Chunk{Info: in, Start: c.Start}
		for _, k := range idx {
			picked.X = append(picked.X, c.X[k])
		}
		c = picked
	}
	for _, step := range []struct{ use, params string }{
		{"notch", fmt.Sprintf(`{"freq_hz": %g}`, lineHz)}, {"bandpass", `{"low_hz": 0.5, "high_hz": 40, "order": 2}`},
	} {
		p, err := preprocess.Processors().New(step.use, []byte(step.params))
		if err != nil {
			return nil, err
		}
		if _, err := p.Start(c.Info); err != nil {
			return nil, err
		}
		if c, err = p.Process(c); err != nil {
			return nil, err
		}
	}
	x := make([][]float32, len(c.X))
	for ch, row := range c.X {
		x[ch] = make([]float32, len(row))
		for t, v := range row {
			x[ch][t] = float32(v)
		}
	}
	return x, nil
}

// cut copies the window that begins at sample at, one channel behind the other.
func cut(dst []float64, x [][]float32, at int) {
	for ch, row := range x {
		for t, v := range row[at : at+length] {
			dst[ch*length+t] = float64(v)
		}
	}
}

// class is that of the window that begins at sample at of a run, "" for none.
func (p *patient) class(r *run, l seizure.Labels, at int) string {
	start := r.offset + float64(at)/rate
	return l.Of(start, start+windowS, p.seizures)
}

// set is windows to train on.
type set struct {
	x [][]float64
	y signal.Labels
}

var classes = []string{seizure.Ictal, seizure.Interictal, seizure.Preictal}

// training is at most so many windows of each class of each run, evenly spread.
func (p *patient) training(runs []run, l seizure.Labels, most int) (set, error) {
	s := set{y: signal.Labels{Classes: classes}}
	for i := range runs {
		r := &runs[i]
		x, err := r.load()
		if err != nil {
			return s, err
		}
		at := make([][]int, len(classes))
		for k := 0; k+length <= len(x[0]); k += stepS * rate {
			if c := slices.Index(classes, p.class(r, l, k)); c >= 0 {
				at[c] = append(at[c], k)
			}
		}
		for c, list := range at {
			for j := range min(most, len(list)) {
				w := make([]float64, channels*length)
				cut(w, x, list[j*len(list)/min(most, len(list))])
				s.x, s.y.Y = append(s.x, w), append(s.y.Y, c)
			}
		}
	}
	return s, nil
}
