package eeglab

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/flatfile"
	"github.com/gyrus-bci/gyrus/ingest/matfile"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func init() {
	ingest.Register(ingest.Format{
		Name: "eeglab", Ext: []string{".set", ".fdt"}, Match: matfile.Match, OpenIn: OpenIn,
		Hint: "the samples of an EEGLAB data set (.fdt) are opened by the .set beside it",
	})
}

// OpenIn reads the data set f and finds the file with its samples beside it. It owns f from now on and closes it, also when it
// fails.
func OpenIn(fsys fs.FS, f ingest.File, name string) (*signal.Recording, error) {
	data, rec, err := open(fsys, f, name)
	if err != nil {
		if data != nil && data != f {
			err = errors.Join(err, data.Close())
		}
		return nil, errors.Join(err, f.Close())
	}
	rec.Closer = data
	if data != f {
		if err := f.Close(); err != nil {
			return nil, errors.Join(err, data.Close())
		}
	}
	return rec, nil
}

// open returns the file with the samples also where something behind it fails; it may be f itself.
func open(fsys fs.FS, f ingest.File, name string) (ingest.File, *signal.Recording, error) {
	src, err := flatfile.NewSource(f, name, nil)
	if err != nil {
		return nil, nil, err
	}
	set, err := readSet(src)
	if err != nil {
		return nil, nil, err
	}
	file, smp, part, err := set.samples(fsys, f)
	if err != nil {
		return file, nil, err
	}
	rec := &signal.Recording{Name: name, Format: "EEGLAB"}
	if part != "" {
		rec.Parts = []string{part}
	}
	if rec.Info, err = set.describe(); err != nil {
		return file, nil, err
	}
	rec.Notes = set.notes
	events := set.readEvents()
	line := set.timeline(events, smp.n)
	pieces, filled := line, int64(0)
	skips := unmeasured(events)
	if len(skips) > 0 {
		pieces, filled = line.Without(skips)
	}
	if filled > 0 {
		rec.Notes = append(rec.Notes, signal.SkipNote("event", len(skips), float64(filled)/set.rate))
		events = slices.DeleteFunc(events, event.unmeasured)
	}
	rec.Events = place(events, line, set.rate)
	lay := smp.lay
	lay.At, lay.Runs = smp.at, pieces
	rec.Spans, rec.Len = lay.Spans()
	inUnits := signal.InUnits{SampleReader: flatfile.NewReader(smp.src, lay), Units: make([]string, set.channels)} // the format has none
	if rec.Data = inUnits; filled > 0 {
		rec.Data = signal.Filled{InUnits: inUnits, All: line.Runs()}
	}
	if err := set.personal(rec); err != nil {
		return file, nil, err
	}
	rec.Deviations = src.Deviations()
	return file, rec, nil
}

// set is the structure EEG.
type set struct {
	src                      *flatfile.Source
	fields                   map[string]matfile.Value
	channels, points, trials int64
	rate                     float64
	notes                    []signal.Deviation
}

const (
	maxChannels = 1 << 16
	maxSamples  = 1 << 50
)

func readSet(src *flatfile.Source) (*set, error) {
	read := append([]string{"srate", "nbchan", "pnts", "trials", "data", "event", "chanlocs", "ref"}, personal...)
	vars, err := matfile.Open(src, append(read, "EEG")...)
	if err != nil {
		return nil, err
	}
	s := &set{src: src, fields: vars} // one by one, as newer versions of EEGLAB write them
	if eeg, found := s.fields["EEG"]; found {
		if s.fields, err = eeg.Fields(read...); err != nil {
			return nil, err
		}
	}
	if _, found := s.fields["srate"]; !found {
		return nil, src.Errorf(src.Size, "EEG", "the MAT-file has no structure EEG with a field srate: it is no EEGLAB data set")
	}
	for _, f := range []struct {
		name string
		to   *int64
		most int64
	}{{"nbchan", &s.channels, maxChannels}, {"pnts", &s.points, maxSamples}, {"trials", &s.trials, maxSamples}} {
		if *f.to, err = s.whole(f.name, f.most); err != nil {
			return nil, err
		}
	}
	if s.points > maxSamples/s.trials {
		return nil, src.Errorf(s.fields["trials"].At, "trials", "%d of %d samples are more than any file has", s.trials, s.points)
	}
	rate, ok, err := s.fields["srate"].Float("srate")
	if err != nil {
		return nil, err
	}
	if !ok || !(rate > 0) || math.IsInf(rate, 0) {
		return nil, src.Errorf(s.fields["srate"].At, "srate", "is %g, must be a rate above 0", rate)
	}
	s.rate = rate
	return s, nil
}

// personal are the fields that may say who was recorded: names of folders and files do, and commands with them.
var personal = []string{"setname", "subject", "group", "comments", "filename", "filepath", "history"}

const personalLetters = 1 << 14 // of the longest that is read

// personal keeps them. One that cannot be read is none of the signal, and is listed.
func (s *set) personal(rec *signal.Recording) error {
	for _, name := range personal {
		v := s.fields[name]
		if n := v.Count(); v.Class == matfile.Char && n > personalLetters {
			rec.AddPersonal(name, fmt.Sprintf("%d letters, which are not read", n))
			continue
		}
		text, _, err := v.Rows(name)
		var bad *ingest.FormatError
		if errors.As(err, &bad) {
			s.src.Deviate(bad.Offset, name, "is text", bad.Err.Error(), "it is not read, and may say who was recorded")
			continue
		}
		if err != nil {
			return err
		}
		rec.AddPersonal(name, text)
	}
	return nil
}

// whole is a field that must be a whole number above 0.
func (s *set) whole(name string, most int64) (int64, error) {
	x, ok, err := s.fields[name].Float(name)
	if err != nil {
		return 0, err
	}
	if !ok && name == "trials" {
		return 1, nil
	}
	if !ok || x != math.Trunc(x) || x < 1 || x > float64(most) {
		return 0, s.src.Errorf(s.fields[name].At, name, "must be a whole number from 1 to %d", most)
	}
	return int64(x), nil
}

// text is a field that may be text; "" where it is not.
func (s *set) text(name string) (string, error) {
	text, _, err := s.fields[name].Text(name)
	return text, err
}

// samples is where they are.
type samples struct {
	src *flatfile.Source
	lay flatfile.Layout
	at  int64
	n   int64 // of each channel, in all epochs
}

// samples finds the samples, in f or in the file beside it, which it opens.
func (s *set) samples(fsys fs.FS, f ingest.File) (ingest.File, *samples, string, error) {
	data, found := s.fields["data"]
	if !found {
		return nil, nil, "", s.src.Errorf(s.src.Size, "data", "the data set has no field data")
	}
	want := s.points * s.trials
	if data.Class == matfile.Number {
		src, at, typ, big, n, err := data.Array("data")
		if err != nil {
			return f, nil, "", err
		}
		if n/s.channels != want || n%s.channels != 0 || data.Dims[0] != s.channels {
			return f, nil, "", s.src.Errorf(data.At, "data", "is %v numbers, must be %d channels × %d samples × %d epochs", data.Dims, s.channels, s.points, s.trials)
		}
		return f, &samples{src, s.layout(typ, big, false, want), at, want}, "", nil
	}
	named, err := s.text("data")
	if err != nil {
		return nil, nil, "", err
	}
	if named == "" {
		return nil, nil, "", s.src.Errorf(data.At, "data", "must be numbers, or the name of an .fdt file")
	}
	file, name, err := s.beside(fsys, data.At, named)
	if err != nil {
		return nil, nil, "", err
	}
	src, err := flatfile.NewSource(file, name, s.src.Log)
	if err != nil {
		return file, nil, "", err
	}
	transposed := strings.EqualFold(path.Ext(name), ".dat")
	n := src.Size / (4 * s.channels)
	if n != want || src.Size%(4*s.channels) != 0 {
		if n < want && (transposed || n == 0) {
			return file, nil, "", src.Errorf(src.Size, "samples", "%d bytes, must be %d channels × %d samples of 4 bytes: the file was cut; fetch it again", src.Size, s.channels, want)
		}
		src.Deviate(src.Size, "samples", fmt.Sprintf("%d channels × %d samples of 4 bytes", s.channels, want), fmt.Sprintf("%d bytes", src.Size), fmt.Sprintf("the first %d samples", min(n, want)))
	}
	n = min(n, want)
	return file, &samples{src, s.layout(flatfile.Float32, false, transposed, want), 0, n}, name, nil
}

// layout is of multiplexed samples, or, transposed, of channels of n samples one behind the other.
func (s *set) layout(typ flatfile.Type, big, transposed bool, n int64) flatfile.Layout {
	w := typ.Width()
	lay := flatfile.Layout{Columns: make([]flatfile.Column, s.channels), Record: w * s.channels, PerRecord: 1, Big: big}
	if transposed {
		lay.Record, lay.PerRecord = w*s.channels*n, n
	}
	for ch := range lay.Columns {
		c := flatfile.Column{At: int64(ch) * w, Step: w, Type: typ, Gain: 1}
		if transposed {
			c.At *= n
		}
		lay.Columns[ch] = c
	}
	return lay
}

// beside opens the file of the samples: the one that is named, or the one with the name of the data set.
func (s *set) beside(fsys fs.FS, at int64, named string) (ingest.File, string, error) {
	base := strings.TrimSuffix(path.Base(s.src.Name), path.Ext(s.src.Name))
	short := named[strings.LastIndexAny(named, `/\`)+1:]
	for i, other := range []string{short, base + ".fdt", base + ".dat"} {
		f, err := ingest.OpenBeside(fsys, s.src.Name, other)
		switch {
		case err == nil:
			if i > 0 || short != named {
				s.src.Deviate(at, "data", "names the file of the samples beside the data set", fmt.Sprintf("%q", named), fmt.Sprintf("%q", other))
			}
			return f, ingest.Beside(s.src.Name, other), nil
		case !errors.Is(err, fs.ErrNotExist) && i > 0:
			return nil, "", s.src.Errorf(at, "data", "%w", err)
		}
	}
	return nil, "", s.src.Errorf(at, "data", "the samples are in %q, which is not there, nor is %s.fdt: put it beside the data set", named, base)
}
