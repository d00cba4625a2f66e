package edf_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// rewrite writes rec as format and reads it again.
func rewrite(t testing.TB, rec *signal.Recording, format string) (again *signal.Recording, losses []signal.Deviation) {
	t.Helper()
	again, losses = rewriteOffGrid(t, rec, format)
	for _, d := range again.Deviations {
		t.Errorf("what was written breaks the specification: %+v", d)
	}
	return again, losses
}

// rewriteOffGrid is rewrite of a recording with segments that may begin between two samples.
func rewriteOffGrid(t testing.TB, rec *signal.Recording, format string) (again *signal.Recording, losses []signal.Deviation) {
	t.Helper()
	w, err := ingest.WriterFor(format, "")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	made, err := ingest.WriteFile(filepath.Join(dir, "x"+w.Ext[0]), w, rec, false)
	if err != nil {
		t.Fatal(err)
	}
	again, err = ingest.Open(os.DirFS(dir), "x"+w.Ext[0])
	if err != nil {
		t.Fatal(err)
	}
	closeAfter(t, again)
	again.Deviations = slices.DeleteFunc(again.Deviations, func(d signal.Deviation) bool {
		return d.Rule == "labels differ and are not empty" // "T8-P8" twice: with a number it would not be known as EEG
	})
	return again, made.Losses
}

// same compares all of two recordings but the names of file and format; tol is what each sample may differ by.
func same(t testing.TB, got, want *signal.Recording, tol float64) {
	t.Helper()
	if !got.Begin.Equal(want.Begin) || got.Len != want.Len || len(got.Others) != len(want.Others) {
		t.Fatalf("begins at %v with %d samples and %d other rates, want %v, %d, %d", got.Begin, got.Len, len(got.Others), want.Begin, want.Len, len(want.Others))
	}
	if g, w := fmt.Sprint(got.Events), fmt.Sprint(want.Events); g != w {
		t.Errorf("the events are\n%s, want\n%s", g, w)
	}
	gs, ws := append([]*signal.Recording{got}, got.Others...), append([]*signal.Recording{want}, want.Others...)
	for k, w := range ws {
		g := gs[k]
		if g.Info.Rate != w.Info.Rate || fmt.Sprint(g.Runs()) != fmt.Sprint(w.Runs()) || len(g.Info.Channels) != len(w.Info.Channels) {
			t.Fatalf("%v with runs %v, want %v with %v", g.Info, g.Runs(), w.Info, w.Runs())
		}
		for ch, c := range w.Info.Channels {
			if d := g.Info.Channels[ch]; d.Name != c.Name || d.Kind != c.Kind || d.Unit != c.Unit {
				t.Errorf("channel %d is %+v, want %+v", ch, d, c)
			}
		}
		if len(w.Info.Channels) == 0 {
			continue
		}
		for _, run := range w.Runs() {
			const step = 8192
			for at := run.Start; at < run.End(); at += step {
				n := min(step, run.End()-at)
				x, y := rows(len(w.Info.Channels), n), rows(len(w.Info.Channels), n)
				if err := g.Data.ReadSamples(x, at); err != nil {
					t.Fatal(err)
				}
				if err := w.Data.ReadSamples(y, at); err != nil {
					t.Fatal(err)
				}
				for ch := range x {
					for i := range x[ch] {
						if d := math.Abs(x[ch][i] - y[ch][i]); !(d <= tol) {
							t.Fatalf("%s: sample %d is %.17g, want %.17g", w.Info.Channels[ch].Name, at+int64(i), x[ch][i], y[ch][i])
						}
					}
				}
			}
		}
	}
}

func rows(n int, of int64) [][]float64 {
	x := make([][]float64, n)
	for i := range x {
		x[i] = make([]float64, of)
	}
	return x
}

// TestRoundTrip writes every real file again and reads it: all is as it was, to the last bit of every sample, and nothing is
// lost. The reserved fields, the texts that EDF+ wants in parts, and what the reader has already put right are not compared.
func TestRoundTrip(t *testing.T) {
	n := 0
	for _, set := range []string{"formats/edf", "formats/bdf", "formats/ecog", "eegmat", "eegmmidb/S002"} {
		root := os.DirFS(datasettest.Need(t, set))
		err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
			ext := filepath.Ext(name)
			if err != nil || ext != ".edf" && ext != ".bdf" || strings.Contains(name, "crlf") {
				return err
			}
			t.Run(set+"/"+name, func(t *testing.T) {
				rec, err := ingest.Open(root, name)
				if err != nil {
					t.Fatal(err)
				}
				closeAfter(t, rec)
				again, losses := rewrite(t, rec, ext[1:]+"+")
				same(t, again, rec, 0)
				for _, l := range losses {
					if !strings.HasPrefix(l.Where, "local ") { // header texts
						t.Errorf("loss: %+v", l)
					}
				}
				n++
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n < 25 {
		t.Errorf("%d files, want at least 25", n)
	}
}

// TestRoundTripGenerated is the same for generated files, one for each section of EDF+ that bears on it.
func TestRoundTripGenerated(t *testing.T) {
	subsecond := discontinuous("0.25", "7.25", "")
	for name, f := range map[string]edftest.File{
		"2.1.1 continuous": small(), "2.1.1 discontinuous": gaps(), "2.2.4 time keeping, fraction of a second": subsecond,
		"mixed rates":      {N: 4, Signals: []edftest.Signal{{Label: "EEG Fz", Dim: "uV", Samples: 100}, {Label: "Temp rectal", Dim: "DegC", Samples: 1}, {Label: "EEG Cz", Dim: "mV", Samples: 100}, {Label: "EMG chin", Dim: "uV", Samples: 7}}},
		"same label twice": {N: 2, Signals: []edftest.Signal{{Label: "T8-P8", Dim: "uV", Samples: 4}, {Label: "T8-P8", Dim: "uV", Samples: 4}}},
		"short records":    {N: 50, Duration: "0.02", Signals: []edftest.Signal{{Label: "EEG Fz", Dim: "uV", Samples: 5}}},
		"inverted":         {N: 2, Signals: []edftest.Signal{{Label: "EEG Fz", Dim: "uV", Samples: 5, PhysMin: "100", PhysMax: "-100"}}},
	} {
		t.Run(name, func(t *testing.T) {
			rec := mustOpen(t, f)
			again, losses := rewrite(t, rec, "edf+")
			same(t, again, rec, 0)
			if len(losses) > 0 {
				t.Errorf("losses: %+v", losses)
			}
			wide, losses := rewrite(t, rec, "bdf+")
			same(t, wide, rec, 0)
			if len(losses) > 0 {
				t.Errorf("losses in BDF+: %+v", losses)
			}
		})
	}
}

// made is a recording that comes from no file.
func made() *signal.Recording {
	const n = 1000
	x := rows(3, n)
	for i := range n {
		x[0][i] = 50 * math.Sin(float64(i)/7)
		x[1][i] = 1e-3 * math.Cos(float64(i)/5)
		x[2][i] = float64(i % 3) // a trigger
	}
	return &signal.Recording{
		Name: "made", Begin: time.Date(2026, 3, 4, 5, 6, 7, 125e6, time.UTC), Len: n, Data: signal.Memory(x),
		Info: &signal.Info{Rate: 250, Channels: []signal.Channel{
			{Name: "Fz", Original: "Fz", Kind: signal.EEG, Unit: signal.Microvolt},
			{Name: "Cz", Original: "Cz", Kind: signal.EEG, Unit: signal.Microvolt},
			{Name: "STI 014", Original: "STI 014", Kind: signal.Trigger},
		}},
		Events: []signal.Event{{Sample: -25, Onset: -0.1, Label: "before"}, {Sample: 25, Onset: 0.1, Duration: 0.3, Label: "Größe µV"}, {Sample: 5000, Onset: 20, Label: "behind"}},
	}
}

// TestScaled: floating-point samples are scaled to the full range, wrong by half a step at most, and the loss is listed.
func TestScaled(t *testing.T) {
	for format, bits := range map[string]int{"edf+": 16, "bdf+": 24} {
		rec := made()
		again, losses := rewrite(t, rec, format)
		step := 100.001 / math.Exp2(float64(bits))
		same(t, again, rec, 0.51*step)
		if len(losses) != 2 {
			t.Errorf("%s: %d losses, want one for each of the two channels of fractions: %+v", format, len(losses), losses)
		}
	}
}

// TestKindsOfLabels: what channels are is read as it was, whatever they are called, and labels that were cut differ. Names that changed are listed.
func TestKindsOfLabels(t *testing.T) {
	var openBCI, inputs, fif []string
	for i := range 8 {
		openBCI = append(openBCI, fmt.Sprintf("EXG Channel %d", i))
	}
	for i := range 3 {
		inputs = append(inputs, fmt.Sprintf("E%d", i+1))
	}
	for i := range 60 {
		fif = append(fif, fmt.Sprintf("EEG %03d", i+1))
	}
	for _, c := range []struct {
		name   string
		kind   signal.Kind
		names  []string
		labels []string // nil: all as the names
	}{
		{"OpenBCI", signal.EEG, openBCI, []string{
			"EEG EXG Channe 0", "EEG EXG Channe 1", "EEG EXG Channe 2", "EEG EXG Channe 3", "EEG EXG Channe 4", "EEG EXG Channe 5", "EEG EXG Channe 6", "EEG EXG Channe 7",
		}},
		{"long", signal.Misc, []string{"Digital Channel 0 (D11)", "Digital Channel 1 (D12)", "temperature of the skin"}, []string{"Digital Ch (D11)", "Digital Ch (D12)", "temperature skin"}},
		{"the same once cut", signal.EMG, []string{"left musculus tibialis x", "left musculus soleus x", "left musculus vastus x"}, []string{"EMG left muscu x", "EMG left muscu-2", "EMG left muscu-3"}},
		{"not ASCII", signal.Misc, []string{"Ä", "Ö", "Ü"}, []string{"?", "?-2", "?-3"}},
		{"of a FIF file", signal.EEG, fif, nil},
		{"misc called as an electrode", signal.Misc, []string{"Fz", "temp"}, []string{"MISC Fz", "temp"}},
		{"a trigger", signal.Trigger, []string{"pulses", "Status"}, []string{"TRIGGER pulses", "Status"}},
		{"inputs", signal.EEG, inputs, []string{"EEG E1", "EEG E2", "EEG E3"}},
	} {
		for _, format := range []string{"edf+", "bdf+"} {
			rec := &signal.Recording{Name: "made", Len: 100, Data: signal.Memory(rows(len(c.names), 100)), Info: &signal.Info{Rate: 100}}
			for _, name := range c.names {
				rec.Info.Channels = append(rec.Info.Channels, signal.Channel{Name: name, Original: name, Kind: c.kind})
			}
			if c.kind == signal.EEG || c.kind == signal.EMG {
				for i := range rec.Info.Channels {
					rec.Info.Channels[i].Unit = signal.Microvolt
				}
			}
			again, losses := rewrite(t, rec, format)
			if n := len(again.Deviations); n > 0 || len(again.Info.Channels) != len(c.names) {
				t.Fatalf("%s: %d deviations, %d channels", c.name, n, len(again.Info.Channels))
			}
			seen, renamed := map[string]bool{}, 0
			for i, ch := range again.Info.Channels {
				want := c.names[i]
				if i < len(c.labels) {
					want = c.labels[i]
				}
				if ch.Kind != c.kind || seen[ch.Original] || (c.labels == nil || i < len(c.labels)) && ch.Original != want {
					t.Errorf("%s as %s: channel %q is %s, labelled %q (for another one: %t), want %s, %q", c.name, format, c.names[i], ch.Kind, ch.Original, seen[ch.Original], c.kind, want)
				}
				seen[ch.Original] = true
				if ch.Name != c.names[i] {
					renamed++
				}
			}
			listed := 0
			for _, l := range losses {
				if strings.HasPrefix(l.Where, "channel ") && strings.Contains(l.Assumed, "which is read as") {
					listed++
				}
			}
			if listed != renamed {
				t.Errorf("%s as %s: %d channels have other names, %d are listed: %+v", c.name, format, renamed, listed, losses)
			}
		}
	}
}

// TestLabelsOfALargeCap: E1 to E128 of EGI's caps keep their labels, by which montages and models find them; that they are EEG no label tells,
// which is listed.
func TestLabelsOfALargeCap(t *testing.T) {
	rec := &signal.Recording{Name: "made", Len: 100, Data: signal.Memory(rows(128, 100)), Info: &signal.Info{Rate: 100}}
	for i := range 128 {
		name := fmt.Sprintf("E%d", i+1)
		rec.Info.Channels = append(rec.Info.Channels, signal.Channel{Name: name, Original: name, Kind: signal.EEG, Unit: signal.Microvolt})
	}
	again, losses := rewrite(t, rec, "edf+")
	for i, c := range again.Info.Channels {
		if want := rec.Info.Channels[i].Name; c.Name != want || c.Original != want {
			t.Errorf("%s is called %q, labelled %q", want, c.Name, c.Original)
		}
	}
	if n := len(losses); n < 128 || !strings.Contains(losses[0].Found, "not known as eeg") {
		t.Errorf("%d losses, want one for the kind of each channel: %+v", n, losses[:min(n, 2)])
	}
}

// TestLosses has what the format cannot hold.
func TestLosses(t *testing.T) {
	for _, c := range []struct {
		name, where string
		change      func(r *signal.Recording)
	}{
		{"not finite", "samples", func(r *signal.Recording) { r.Data.(signal.Memory)[2][7] = math.NaN() }},
		{"no whole record", "samples at 2000 Hz", func(r *signal.Recording) {
			r.Info.Rate, r.Spans = 2000, []signal.Span{{Start: 0, Len: 499}, {Start: 600, Len: 400}}
		}},
		{"long label", "channel", func(r *signal.Recording) {
			r.Info.Channels[0].Name, r.Info.Channels[0].Original = "a channel with a very long name", "a channel with a very long name"
		}},
		{"no label", "events", func(r *signal.Recording) { r.Events[1].Label = "" }},
		{"control bytes", "events", func(r *signal.Recording) { r.Events[1].Label = "a\x14b" }},
		{"called as gaps are", "samples", func(r *signal.Recording) { r.Events[1].Label = "BAD filled" }},
		{"reference", "reference", func(r *signal.Recording) { r.Info.Reference = "A1" }},
		{"rate", "sampling rate", func(r *signal.Recording) { r.Info.Rate = 250 + 1e-9 }},
		{"unit", "unit", func(r *signal.Recording) { r.Info.Channels[2].Unit = "furlongs per fortnight" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			rec := made()
			c.change(rec)
			_, losses := rewrite(t, rec, "edf+")
			for _, l := range losses {
				if strings.Contains(l.Where, c.where) && l.Rule != "" && l.Found != "" && l.Assumed != "" && !strings.Contains(l.Rule, "integers of") {
					return
				}
			}
			t.Errorf("no loss about %s among %+v", c.where, losses)
		})
	}
}

// peer is what a script in testdata says with these arguments. It runs where GYRUS_EDF_PYTHON names a Python with
// benchmarks/speed/peers/requirements-formats.txt installed (make interop-edf).
func peer(t *testing.T, script string, into any, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Getenv("GYRUS_EDF_PYTHON"), append([]string{filepath.Join("testdata", script)}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := json.Unmarshal(out, into); err != nil {
		t.Fatal(err)
	}
}

func needPeer(t *testing.T) {
	t.Helper()
	if os.Getenv("GYRUS_EDF_PYTHON") == "" {
		t.Skip("GYRUS_EDF_PYTHON is not set: make interop-edf runs this test with edfio, MNE and pyEDFlib")
	}
}

// TestPeerReadsWritten: edfio, MNE and pyEDFlib read what the writer wrote.
func TestPeerReadsWritten(t *testing.T) {
	needPeer(t)
	recs := map[string]*signal.Recording{"made": made(), "small": mustOpen(t, small()), "gaps": mustOpen(t, gaps()), "noted gaps": mustOpen(t, notedGaps())}
	for _, name := range []string{
		"eegmmidb/S001/S001R04.edf", "formats/edf/test_subsecond.edf", "formats/edf/test_uneven_samp.edf", "formats/bdf/test_subsecond.bdf",
		"formats/bdf/test.bdf", "formats/ecog/sample_ecog.edf", "formats/edf/SC4001EC-Hypnogram.edf",
	} {
		path := datasettest.Need(t, name)
		rec, err := ingest.Open(os.DirFS(filepath.Dir(path)), filepath.Base(path))
		if err != nil {
			t.Fatal(err)
		}
		closeAfter(t, rec)
		recs[filepath.Base(name)] = rec
	}
	for name, rec := range recs {
		for _, format := range []string{"edf+", "bdf+"} {
			t.Run(name+" as "+format, func(t *testing.T) {
				w, err := ingest.WriterFor(format, "")
				if err != nil {
					t.Fatal(err)
				}
				dir := t.TempDir()
				file := filepath.Join(dir, "x"+w.Ext[0])
				if _, err := ingest.WriteFile(file, w, rec, false); err != nil {
					t.Fatal(err)
				}
				var found goldenFile
				peer(t, "golden.py", &found, "--check", file)
				again, err := ingest.Open(os.DirFS(dir), filepath.Base(file))
				if err != nil {
					t.Fatal(err)
				}
				closeAfter(t, again)
				if again.Spans == nil { // edfio puts the records of a discontinuous file one behind the other
					compareSignals(t, again, found.Signals)
				}
				if rec.Info.Rate > 0 { // onsets are those of the file, whatever gaps there are
					compareEvents(t, again, found.Events)
				}
			})
		}
	}
}
