package edf_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	_ "github.com/gyrus-bci/gyrus/ingest/xdf"
)

// marked is discontinuous with these lists in its second record.
func marked(lists string, onsets ...string) edftest.File {
	f := discontinuous(onsets...)
	f.Signals[2] = edftest.Annotations(120, func(r int) string {
		text := edftest.TAL("+"+onsets[r], "")
		if r == 1 {
			text += lists
		}
		return text
	})
	return f
}

// TestFilled: EDF+ section 2.2.2, an annotation BAD filled lies over samples that fill a record. They are a gap, which may begin and
// end within a record, and the annotation is no event.
func TestFilled(t *testing.T) {
	mark := func(onset, duration string) string { return edftest.TAL(onset, duration, "BAD filled") }
	for _, tc := range []struct {
		name, lists string
		onsets      string
		fast, slow  string // runs at 10 and 1 Hz
		events      string
	}{
		{"none", "", "0 1 2", "0+30", "0+3", ""},
		{"within a record", mark("+0.2", "0.3"), "0 1 2", "0+2 5+25", "0+3", ""},
		{"over records", mark("+0.5", "1.7"), "0 1 2", "0+5 22+8", "0+1", ""},
		{"at the beginning", mark("+0", "1"), "0 1 2", "10+20", "1+2", ""},
		{"at the end", mark("+1.8", "1.2"), "0 1 2", "0+18", "0+2", ""},
		{"out of order, and over each other", mark("+2", "0.5") + mark("+1", "0.3") + mark("+1.2", "0.2") + mark("+1.1", "0.1"), "0 1 2", "0+10 14+6 25+5", "0+2", ""},
		{"side by side", mark("+1", "0.3") + mark("+1.3", "0.3"), "0 1 2", "0+10 16+14", "0+3", ""},
		{"outside the data", mark("-5", "2") + mark("+77", "3"), "0 1 2", "0+30", "0+3", ""},
		{"all", mark("-1", "99"), "0 1 2", "", "", ""},
		{"behind a gap", mark("+7.5", "0.5"), "0 1 7", "0+20 70+5", "0+2", ""},
		{"over a gap", mark("+1.5", "5.6"), "0 1 7", "0+15 71+9", "0+1 7+1", ""},
		{"a start within a second", mark("+1.3", "0.4"), "0.3 1.3 2.3", "0+10 14+16", "0+3", ""},
		{"without a duration", edftest.TAL("+1", "", "BAD filled"), "0 1 2", "0+30", "0+3", "1/0/BAD filled"},
		{
			"other texts", edftest.TAL("+1", "1", "BAD filling", "bad filled", "BAD filled by hand", "BAD filled@@", "BAD filled@@Pz"), "0 1 2", "0+30", "0+3",
			"1/1/BAD filling 1/1/bad filled 1/1/BAD filled by hand 1/1/BAD filled@@ 1/1/BAD filled@@Pz",
		},
		{"MNE's mark", edftest.TAL("+0.5", "0.7", "BAD_ACQ_SKIP") + mark("+2", "0.4"), "0 1 2", "0+5 12+8 24+6", "0+1 2+1", ""},
		{"MNE's mark for one channel", edftest.TAL("+1", "1", "BAD_ACQ_SKIP@@Cz"), "0 1 2", "0+30", "0+3", "1/1/BAD_ACQ_SKIP"},
		{"MNE's mark without a duration", edftest.TAL("+1", "", "BAD_ACQ_SKIP"), "0 1 2", "0+30", "0+3", "1/0/BAD_ACQ_SKIP"},
		{"one channel", edftest.TAL("+1", "1", "BAD filled@@Cz"), "0 1 2", "0+10 20+10", "0+3", ""},
		{"the other channel", edftest.TAL("+1", "1", "BAD filled@@Temp"), "0 1 2", "0+30", "0+1 2+1", ""},
		{"each channel", edftest.TAL("+1", "1", "BAD filled@@Temp", "BAD filled@@Cz") + mark("+0.4", "0.2"), "0 1 2", "0+4 6+4 20+10", "0+1 2+1", ""},
		{"beside an event", edftest.TAL("+1", "0.5", "T1", "BAD filled", "T2"), "0 1 2", "0+10 15+15", "0+1 2+1", "1/0.5/T1 1/0.5/T2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			onsets := strings.Fields(tc.onsets)
			f := marked(tc.lists, onsets...)
			rec := mustOpen(t, f)
			plain := marked("", onsets...)
			raw := mustOpen(t, plain)
			for k, want := range []string{tc.fast, tc.slow} {
				got, is := rec, raw
				if k == 1 {
					got, is = rec.Others[0], raw.Others[0]
				}
				if s := runs(got); s != want {
					t.Fatalf("the runs of rate %d are %q, want %q", k, s, want)
				}
				checkRecording(t, got)
				for i, run := range got.Runs() {
					if run.Len == 0 {
						continue
					}
					x := rows(1, run.Len)
					if err := is.Data.ReadSamples(x, run.Start); err != nil {
						t.Fatal(err)
					}
					if !slices.Equal(whole(t, got, i)[0], x[0]) {
						t.Errorf("the samples from %d on are not those of the file without the mark", run.Start)
					}
				}
				for _, gap := range got.Gaps() {
					if err := got.Data.ReadSamples(rows(1, 1), gap.Start); err == nil {
						t.Errorf("sample %d, which is in a gap, was read", gap.Start)
					}
				}
			}
			var events []string
			for _, e := range rec.Events {
				events = append(events, fmt.Sprintf("%g/%g/%s", e.Onset, e.Duration, e.Label))
			}
			if s := strings.Join(events, " "); s != tc.events {
				t.Errorf("the events are %q, want %q", s, tc.events)
			}
			if len(rec.Deviations) > 0 {
				t.Errorf("the deviations are %+v, want none", rec.Deviations)
			}
			if noted := strings.Contains(tc.lists, "BAD_ACQ_SKIP") && tc.events == ""; noted != (len(rec.Notes) == 1 && strings.Contains(rec.Notes[0].Rule, "BAD_ACQ_SKIP")) {
				t.Errorf("the notes are %+v", rec.Notes)
			}
		})
	}
}

// runs is where rec has data: start+length.
func runs(rec *signal.Recording) string {
	var all []string
	for _, s := range rec.Runs() {
		if s.Len > 0 {
			all = append(all, fmt.Sprintf("%d+%d", s.Start, s.Len))
		}
	}
	return strings.Join(all, " ")
}

// TestFilledStatus: what the signal Status holds in samples that fill a record is no event, and what it holds behind them is one where it changed.
func TestFilledStatus(t *testing.T) {
	const cms = 1 << 20
	f := biosemi()
	f.Signals = append(f.Signals, edftest.Annotations(60, func(r int) string {
		return edftest.TAL(edftest.Steady(r), "") + edftest.TAL("+0", "0.3", "BAD filled") + edftest.TAL("+1", "0.5", "BAD filled")
	}))
	rec := mustOpenBDF(t, bdf(f, func(sig, i int) (int32, bool) {
		return []int32{0, 9, 9, cms | 1, cms | 1, cms | 2, cms, cms, cms, cms | 3, 77, 0, 66, 77, 77, cms | 3, cms | 4, cms, cms, cms}[i], sig == 1
	}))
	if got, want := fmt.Sprint(rec.Events), "[{5 0.5 0 2 } {9 0.9 0 3 } {16 1.6 0 4 }]"; got != want {
		t.Errorf("the events are %s, want %s", got, want)
	}
	if got := runs(rec); got != "3+7 15+5" {
		t.Errorf("the runs are %s", got)
	}
}

// TestFilledConformance holds files with marks to what all readers must do.
func TestFilledConformance(t *testing.T) {
	f := marked(edftest.TAL("+0.5", "0.7", "BAD filled")+edftest.TAL("+2.9", "0.1", "BAD filled@@Cz"), "0", "1", "2")
	ingesttest.Run(t, func() (*signal.Recording, error) { return open(t, f.Bytes()) })
}

// madeGroup is a recording of n channels with these runs, whose samples are whole numbers that tell channels and samples apart.
func madeGroup(rate float64, name string, n int, spans ...signal.Span) *signal.Recording {
	rec := &signal.Recording{Name: "made", Spans: spans, Len: spans[len(spans)-1].End(), Info: &signal.Info{Rate: rate}}
	x := rows(n, rec.Len)
	for ch := range x {
		label := fmt.Sprintf("%s%d", name, ch+1)
		rec.Info.Channels = append(rec.Info.Channels, signal.Channel{Name: label, Original: label, Kind: signal.Misc})
		for i := range x[ch] {
			x[ch][i] = float64((i*7+ch*31)%30000 - 15000)
		}
	}
	for at, k := int64(0), 0; k < len(spans); at, k = spans[k].End(), k+1 { // nobody may read these
		for ch := range x {
			for i := at; i < spans[k].Start; i++ {
				x[ch][i] = math.NaN()
			}
		}
	}
	rec.Data = signal.Memory(x)
	return rec
}

func span(start, n int64) signal.Span { return signal.Span{Start: start, Len: n} }

// needFilling are recordings whose runs are no whole records.
func needFilling() map[string]*signal.Recording {
	with := func(rec *signal.Recording, others ...*signal.Recording) *signal.Recording {
		rec.Others = others
		rec.Begin = time.Date(2026, 3, 4, 5, 6, 7, 125e6, time.UTC)
		return rec
	}
	return map[string]*signal.Recording{
		"256 Hz, 1 s has no parts of one sample": with(madeGroup(256, "x", 5, span(0, 1001), span(1500, 999))),
		"one channel":                            with(madeGroup(250, "x", 1, span(0, 997), span(1000, 1009), span(4001, 13))),
		"two streams that begin apart":           with(madeGroup(100, "x", 3, span(0, 1000)), madeGroup(100, "y", 2, span(131, 700))),
		"the first begins behind the other":      with(madeGroup(100, "x", 3, span(217, 1000)), madeGroup(100, "y", 2, span(0, 700))),
		"gaps of one stream":                     with(madeGroup(250, "x", 3, span(0, 2500)), madeGroup(50, "y", 2, span(7, 130), span(200, 31), span(300, 100))),
		"gaps of both":                           with(madeGroup(250, "x", 3, span(0, 700), span(1300, 801)), madeGroup(50, "y", 2, span(0, 131), span(267, 155))),
		"a stream that is in one part only":      with(madeGroup(250, "x", 3, span(0, 700), span(13000, 801)), madeGroup(50, "y", 2, span(2613, 77))),
		"rates that share no record":             with(madeGroup(256, "x", 3, span(0, 2560)), madeGroup(31.25, "y", 1, span(0, 299))),
	}
}

// TestRoundTripFilled: samples that fill records are marked in the file, and read as no data: all runs, and nothing but these, come back,
// and what was read is written again without a change.
func TestRoundTripFilled(t *testing.T) {
	for name, rec := range needFilling() {
		for _, format := range []string{"edf+", "bdf+"} {
			t.Run(name+" as "+format, func(t *testing.T) {
				again, losses := rewrite(t, rec, format)
				same(t, again, rec, 0)
				filled := slices.ContainsFunc(losses, func(d signal.Deviation) bool {
					return strings.HasPrefix(d.Where, "samples at") && strings.Contains(d.Assumed, `"BAD filled"`)
				})
				for _, l := range losses {
					if !strings.HasPrefix(l.Where, "samples at") {
						t.Errorf("loss: %+v", l)
					}
				}
				twice, more := rewrite(t, again, format)
				same(t, twice, again, 0)
				if again := slices.ContainsFunc(more, func(d signal.Deviation) bool { return strings.HasPrefix(d.Where, "samples at") }); again != filled {
					t.Errorf("samples were filled at first: %v, and then: %v", filled, again)
				}
			})
		}
	}
}

// TestFilledAtMost: records are short where that leaves less to be filled, but not so short that what is not samples is most of the file.
func TestFilledAtMost(t *testing.T) {
	for _, tc := range []struct {
		name   string
		rec    *signal.Recording
		filled int64 // samples, at most
	}{
		{"a sample to a record", madeGroup(250, "x", 8, span(0, 1001), span(2000, 997)), 0},
		{"four channels", madeGroup(250, "x", 4, span(0, 1001), span(2000, 997)), 0},
		{"one channel has four samples to a record", madeGroup(250, "x", 1, span(0, 1001), span(2000, 997)), 6},
		{"a fast amplifier", madeGroup(20000, "x", 16, span(0, 20011), span(40000, 19997)), 0},
		{"no sample of 1/1024 s in eight characters", madeGroup(1024, "x", 8, span(0, 1001), span(2000, 997)), 30},
		{"a rate that no header holds", madeGroup(92.934369590269839, "x", 8, span(0, 12877), span(38286, 14939)), 20},
		{"an hour of many samples", madeGroup(500, "x", 4, span(0, 1_200_007)), 30},
		{"hours of a rate that no header holds", madeGroup(512.0371, "x", 1, span(0, 1200007)), 2000},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := written(t, tc.rec, "edf+")
			st, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			samples := int64(0)
			for _, run := range tc.rec.Runs() {
				samples += run.Len
			}
			bytes := 2 * samples * int64(len(tc.rec.Info.Channels))
			if most := 4*bytes + int64(256*(2+len(tc.rec.Info.Channels))) + 1024; st.Size() > most {
				t.Errorf("%d bytes of samples make a file of %d, want at most %d", bytes, st.Size(), most)
			}
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			again := unmarked(t, raw) // so that all samples of the file count
			filled := -samples
			for _, run := range again.Runs() {
				filled += run.Len
			}
			if filled > tc.filled {
				t.Errorf("%d samples were filled, want at most %d", filled, tc.filled)
			}
			for _, run := range tc.rec.Runs() {
				if d := math.Abs(again.Info.Rate/tc.rec.Info.Rate-1) * float64(run.Len); d > 0.1 {
					t.Errorf("at %.17g Hz the last of %d samples at %.17g Hz is %.2g samples from its time", again.Info.Rate, run.Len, tc.rec.Info.Rate, d)
				}
			}
			if n, err := strconv.Atoi(strings.TrimSpace(string(raw[236:244]))); err != nil || n > 1<<20 {
				t.Errorf("%d data records (%v), want at most %d", n, err, 1<<20)
			}
		})
	}
}

// TestFilledRates: of durations that suit several rates, that one is taken which leaves the least to be filled, counted from where the
// streams begin. (Streams of a Muse: a record of 11.125 s suits both rates too, and would be filled by half.)
func TestFilledRates(t *testing.T) {
	rec := madeGroup(256, "eeg", 5, span(12, 2808))
	rec.Others = []*signal.Recording{madeGroup(51.866194385144901, "acc", 3, span(0, 571))}
	again, losses := rewrite(t, rec, "edf+")
	if again.Info.Rate != 256 || runs(again) != runs(rec) || runs(again.Others[0]) != runs(rec.Others[0]) {
		t.Errorf("read are %s at %g Hz and %s, want %s at 256 Hz and %s", runs(again), again.Info.Rate, runs(again.Others[0]), runs(rec), runs(rec.Others[0]))
	}
	i := slices.IndexFunc(losses, func(d signal.Deviation) bool { return d.Where == "samples at 256 Hz" })
	if i < 0 {
		t.Fatalf("no loss about samples at 256 Hz: %+v", losses)
	}
	var n int
	if _, err := fmt.Sscanf(losses[i].Found, "%d samples", &n); err != nil || n > 128 {
		t.Errorf("%d samples were filled (%v), want less than half a second", n, err)
	}
}

// TestFilledClockResets: two runs of an amplifier whose rate fits no header, with a gap between them. Nothing is in the file that was not
// measured, or it is marked; the gap stays as it was, and events stay at their samples.
func TestFilledClockResets(t *testing.T) {
	path := datasettest.Need(t, "xdf/examples/clock_resets.xdf")
	rec, err := ingest.Open(os.DirFS(filepath.Dir(path)), filepath.Base(path))
	if err != nil {
		t.Fatal(err)
	}
	closeAfter(t, rec)
	again, _ := rewrite(t, rec, "bdf+")
	if got, want := runs(again), runs(rec); got != want {
		t.Errorf("the runs are %s, want %s", got, want)
	}
	at := func(rec *signal.Recording) (all []string) {
		for _, e := range rec.Events {
			all = append(all, fmt.Sprintf("%d %s", e.Sample, e.Label))
		}
		return all
	}
	if !slices.Equal(at(again), at(rec)) {
		t.Errorf("the events are at\n%s, want\n%s", at(again), at(rec))
	}
	twice, _ := rewrite(t, again, "bdf+")
	same(t, twice, again, 0)
}

// TestFilledSameLabel: a label that channels with other gaps have too does not say which is meant. Then nothing is marked, so that no sample
// is lost, and that is listed.
func TestFilledSameLabel(t *testing.T) {
	rec, other := madeGroup(100, "x", 2, span(0, 1000)), madeGroup(50, "y", 2, span(101, 200))
	for _, r := range []*signal.Recording{rec, other} {
		c := &r.Info.Channels[1]
		c.Name, c.Original, c.Kind, c.Unit = "T8-P8", "T8-P8", signal.EEG, signal.Microvolt
	}
	rec.Others = []*signal.Recording{other}
	again, losses := rewrite(t, rec, "edf+")
	i := slices.IndexFunc(losses, func(d signal.Deviation) bool { return strings.HasPrefix(d.Where, "gaps of channel") })
	if i < 0 || !strings.Contains(losses[i].Found, `"T8-P8"`) {
		t.Errorf("the losses are %+v, want one about the label", losses)
	}
	var got []string
	for _, r := range append([]*signal.Recording{again}, again.Others...) {
		got = append(got, fmt.Sprintf("%s of %g Hz: %s", r.Info.Channels[0].Original, r.Info.Rate, runs(r)))
	}
	if want := []string{"T8-P8 of 50 Hz: 0+500", "x1 of 100 Hz: 0+1000", "y1 of 50 Hz: 101+200"}; !slices.Equal(slices.Sorted(slices.Values(got)), want) {
		t.Errorf("read are %q, want %q", got, want)
	}
}

// TestFilledEvents: where the header cannot hold the rate, events go with their samples, however far between two of them they lie.
func TestFilledEvents(t *testing.T) {
	const rate = 92.934369590269839
	rec := madeGroup(rate, "x", 8, span(0, 12876), span(38286, 14939))
	for _, run := range rec.Runs() {
		for i, k := 0, run.Start; k < run.End(); i, k = i+1, k+61 {
			off := []float64{-0.49, 0, 0.3, 0.49}[i%4]
			if k == 0 {
				off = 0
			}
			rec.Events = append(rec.Events, signal.Event{Sample: k, Onset: (float64(k) + off) / rate, Label: strconv.FormatInt(k, 10)})
		}
	}
	again, losses := rewrite(t, rec, "edf+")
	if again.Info.Rate == rate || !slices.ContainsFunc(losses, func(d signal.Deviation) bool { return strings.HasPrefix(d.Where, "sampling rate") }) {
		t.Fatalf("the file has %g Hz, with the losses %+v: the test needs a rate that no header holds", again.Info.Rate, losses)
	}
	if len(again.Events) != len(rec.Events) {
		t.Fatalf("%d events, want %d", len(again.Events), len(rec.Events))
	}
	first := []int64{again.Runs()[0].Start, again.Runs()[1].Start}
	for i, e := range again.Events {
		k, at := rec.Events[i].Sample, e.Sample
		if run := rec.Runs()[1]; k >= run.Start {
			k, at = k-run.Start, at-first[1]
		}
		if at != k {
			t.Errorf("the event of sample %s is at sample %d of its run, want %d", e.Label, at, k)
		}
	}
}

// TestPeerReadsFilled: edfio and pyEDFlib read all samples of files in which some fill records, and edfio the marks.
func TestPeerReadsFilled(t *testing.T) {
	needPeer(t)
	for name, rec := range needFilling() {
		for _, format := range []string{"edf+", "bdf+"} {
			t.Run(name+" as "+format, func(t *testing.T) {
				file := written(t, rec, format)
				var found goldenFile
				peer(t, "golden.py", &found, "--check", file)
				raw, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				plain := unmarked(t, raw) // as those see it who know no marks
				for i := range found.Events {
					found.Events[i][2] = asText.Replace(found.Events[i][2].(string))
				}
				if plain.Spans == nil { // edfio puts the records of a discontinuous file one behind the other
					compareSignals(t, plain, found.Signals)
				}
				compareEvents(t, plain, found.Events)
			})
		}
	}
}

// written is the path of a file with rec.
func written(t *testing.T, rec *signal.Recording, format string) string {
	t.Helper()
	w, err := ingest.WriterFor(format, "")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "x"+w.Ext[0])
	if _, err := ingest.WriteFile(file, w, rec, false); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestPeerLeavesOutFilled: MNE, asked to leave out what annotations call bad, keeps exactly the epochs in which every sample was measured.
// It joins the records of a discontinuous file, as if there were no gap, so that only what lies before the first gap is at its place.
func TestPeerLeavesOutFilled(t *testing.T) {
	needPeer(t)
	const n = 64 // samples of an epoch
	recs := needFilling()
	recs["the nearer the better"] = madeGroup(256, "x", 3, span(0, 1001), span(1003, 515), span(1519, 1001))
	dropped := 0
	for name, rec := range recs {
		for _, format := range []string{"edf+", "bdf+"} {
			t.Run(name+" as "+format, func(t *testing.T) {
				file := written(t, rec, format)
				var mne struct {
					Rate    float64 `json:"rate_hz"`
					Samples int64   `json:"samples"`
					Starts  []int64 `json:"starts"`
					Good    int64   `json:"good"`
				}
				peer(t, "golden.py", &mne, "--kept", file, strconv.FormatFloat(n/rec.Info.Rate, 'g', -1, 64))
				if mne.Rate != rec.Info.Rate {
					t.Fatalf("MNE has %g Hz, want %g", mne.Rate, rec.Info.Rate)
				}
				raw, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				plain, err := open(t, []byte(asText.Replace(string(raw))))
				if err != nil {
					t.Fatal(err)
				}
				end := plain.Runs()[0].End() // of what MNE has at its place
				var want, got []int64
				for start := int64(0); start+n <= end; start += n {
					whole := true
					for _, r := range append([]*signal.Recording{rec}, rec.Others...) {
						for i := range int64(n) { // was the sample of this group measured that is at this time?
							at := (start + i) * int64(r.Info.Rate*100) / int64(mne.Rate*100)
							whole = whole && slices.ContainsFunc(r.Runs(), func(s signal.Span) bool { return s.Start <= at && at < s.End() })
						}
					}
					if whole {
						want = append(want, start)
					} else {
						dropped++
					}
				}
				for _, start := range mne.Starts {
					if start+n <= end {
						got = append(got, start)
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("MNE keeps the epochs at %v, want those at %v", got, want)
				}
				if plain.Spans == nil && len(rec.Others) == 0 {
					measured := int64(0)
					for _, run := range rec.Runs() {
						measured += run.Len
					}
					if mne.Good != measured {
						t.Errorf("MNE has %d samples that are not bad, %d were measured", mne.Good, measured)
					}
				}
			})
		}
	}
	if dropped < 20 {
		t.Errorf("%d epochs had a sample that was not measured: too few to tell", dropped)
	}
}

// asText makes texts of marks that say nothing to anybody, nor name a channel.
var asText = strings.NewReplacer("BAD filled", "was filled", "@@", "::")

// unmarked is a file without the marks of samples that were filled in.
func unmarked(t *testing.T, raw []byte) *signal.Recording {
	t.Helper()
	rec, err := open(t, []byte(asText.Replace(string(raw))))
	if err != nil {
		t.Fatal(err)
	}
	return rec
}
