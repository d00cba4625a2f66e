package bids_test

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/bids"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	_ "github.com/gyrus-bci/gyrus/ingest/fif" // to read
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	_ "github.com/gyrus-bci/gyrus/ingest/xdf" // to read
)

// peerRecording is what testdata/peer.py says of one recording.
type peerRecording struct {
	Path, Samples, Begin string
	Rate                 float64
	LineFreq             float64 `json:"line_freq"`
	Length               int
	Channels, Types      []string
	Bads, Labels         []string
	Onsets, Durations    []float64
	Positions            map[string]signal.Position
}

// peerTypes are the types of MNE.
var peerTypes = map[signal.Kind]string{signal.EEG: "eeg", signal.EOG: "eog", signal.ECG: "ecg", signal.EMG: "emg", signal.Trigger: "stim", signal.Misc: "misc"}

// writtenTree are the recordings of the trees that peers look at.
var writtenTree = []struct {
	file, sub, ses, task, run string
	format                    string
	anonymise, derivative     bool
	shift                     int // days
}{
	{file: "eegmmidb/S001/S001R04.edf", sub: "001", task: "imagery", run: "04"},
	{file: "eegmmidb/S001/S001R06.edf", sub: "001", task: "imagery", run: "06"},
	{file: "eegmmidb/S002/S002R04.edf", sub: "002", task: "imagery", run: "04"},
	{file: "eegmmidb/S002/S002R06.edf", sub: "002", task: "imagery", run: "06", format: "bdf+"},
	{file: "formats/bdf/test.bdf", sub: "bdf", ses: "1", task: "rest"},
	{file: "formats/bdf/test_bdf_stim_channel.bdf", sub: "bdf", ses: "2", task: "odd"},
	{file: "formats/brainvision/test.vhdr", sub: "bv", task: "odd"},
	{file: "formats/brainvision/test.vhdr", sub: "bv", task: "other", format: "brainvision"},
	{file: "formats/edf/test_subsecond.edf", sub: "edf", task: "rest", format: "edf+"},
	{file: "eegmat/Subject00_1.edf", sub: "eegmat", task: "rest"},
	{file: "xdf/openbci-lsl/session-1.xdf", sub: "xdf", task: "odd"},
	{file: "ssvep-exo/subject01/record-[2012.07.06-19.02.16]_raw.fif", sub: "fif", task: "ssvep", run: "1"},
	{file: "eegmmidb/S001/S001R08.edf", sub: "anon", task: "imagery", anonymise: true},
	{file: "eegmmidb/S001/S001R08.edf", sub: "shift", task: "imagery", anonymise: true, shift: 40000},
	{file: "eegmmidb/S001/S001R12.edf", sub: "shift", task: "edf", format: "edf+", anonymise: true, shift: 40000},
	{file: "eegmmidb/S001/S001R04.edf", sub: "001", task: "imagery", run: "04", derivative: true},
	{file: "ssvep-exo/subject01/record-[2012.07.06-19.02.16]_raw.fif", sub: "fif", task: "ssvep", run: "1", derivative: true},
}

var writeOptions = bids.Options{Generator: bids.Generator{Name: "gyrus", Version: "1"}, Date: "2026-11-26"}

// TestPeerReadsWritten: the official validator finds no error in trees that gyrus wrote, and mne-bids reads the same samples,
// channels, types, events and begins. It runs where GYRUS_BIDS_PYTHON names a Python with testdata/requirements.txt installed
// (make interop-bids).
func TestPeerReadsWritten(t *testing.T) {
	python := os.Getenv("GYRUS_BIDS_PYTHON")
	if python == "" {
		t.Skip("GYRUS_BIDS_PYTHON is not set: make interop-bids runs this test with bids-validator and mne-bids")
	}
	root := filepath.Join(t.TempDir(), "study")
	sources := map[string]*signal.Recording{} // by the path of what was written
	losses := map[string][]signal.Deviation{}
	for _, r := range writtenTree {
		path := datasettest.Need(t, r.file)
		open := func() (*signal.Recording, error) {
			rec, err := ingest.OpenFile(path)
			if err == nil && r.anonymise {
				rec, _, err = ingest.Anonymise(rec, ingest.Hiding{ShiftDays: r.shift})
			}
			return rec, err
		}
		opt := bids.Options{Format: r.format, LineFreq: 60, Generator: bids.Generator{Name: "gyrus", Version: "test"}, Date: "2026-11-26"}
		it := bids.Item{Input: r.file, Open: open, Copy: path, Name: bids.Name{}.With("sub", r.sub).With("ses", r.ses).With("task", r.task).With("run", r.run)}
		if r.anonymise {
			it.Copy = ""
		}
		if r.derivative {
			opt.Derivative, opt.Desc = "pipeline", "same"
		}
		w := bids.MustWrite(t, root, opt, it)[0]
		t.Logf("%s: %s, copied %v, %d losses", w.Path, w.To, w.Copied, len(w.Losses))
		rec, err := open()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := rec.Close(); err != nil {
				t.Error(err)
			}
		})
		sources[w.Path], losses[w.Path] = rec, w.Losses
	}
	measured := bids.Sample(bids.Whole)
	for i := range measured.Info.Channels[:2] {
		measured.Info.Channels[i].Pos = &signal.Position{0.01 * float64(i), 0.02, 0.0911}
	}
	measured.Info.Channels[1].Bad = true
	w := bids.MustWrite(t, root, writeOptions, bids.MakeItem("places", "rest", "", measured))[0]
	sources[w.Path] = measured

	for sub, path := range map[string]string{"gapsset": alone(t, cut(t), ".set"), "gapsbv": alone(t, gapped(marks...), ".vhdr")} {
		it := bids.Item{Input: path, Copy: path, Name: bids.Name{}.With("sub", sub).With("task", "odd")}
		it.Open = func() (*signal.Recording, error) { return ingest.OpenFile(path) }
		w := bids.MustWrite(t, root, bids.Options{LineFreq: 60, Generator: writeOptions.Generator, Date: writeOptions.Date}, it)[0]
		sources[w.Path], losses[w.Path] = ingesttest.OpenFile(t, path), w.Losses
	}

	// Where there are tables in two systems of coordinates, as in this tree, mne-bids reads places from neither.
	from := t.TempDir()
	if err := os.CopyFS(from, os.DirFS(datasettest.Need(t, "formats/bids/tiny_bids"))); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"electrodes.tsv", "coordsystem.json"} {
		if err := os.Remove(filepath.Join(from, "sub-01", "ses-eeg", "eeg", "sub-01_ses-eeg_space-CapTrak_"+suffix)); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := bids.ReadTree(os.DirFS(from), ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range tree.Recordings() { // whose events have HED strings, which the validator checks
		rec, err := tree.Open(r)
		if err != nil {
			t.Fatal(err)
		}
		said, _, err := tree.Sidecars(r)
		if err != nil {
			t.Fatal(err)
		}
		it := bids.Item{Input: r.Path, Name: r.Name.With("sub", "tiny"), Copy: filepath.Join(from, filepath.FromSlash(r.Path)), Said: said, HEDVersion: tree.Description.Rest.Raw("HEDVersion")}
		it.Open = func() (*signal.Recording, error) { return tree.Open(r) }
		w := bids.MustWrite(t, root, writeOptions, it)[0]
		sources[w.Path] = rec
		t.Cleanup(func() {
			if err := rec.Close(); err != nil {
				t.Error(err)
			}
		})
	}

	for _, tree := range []string{root, filepath.Join(root, "derivatives", "pipeline")} {
		if found := validate(t, python, tree); len(found) > 0 {
			t.Errorf("%s: %s", tree, strings.Join(found, "; "))
		}
	}
	// The validator finds errors where there are some.
	broken := t.TempDir()
	bids.MustWrite(t, broken, writeOptions, bids.MakeItem("01", "rest", "", bids.Sample(bids.Whole)))
	if err := os.WriteFile(filepath.Join(broken, "participants.tsv"), []byte("participant_id\nsub-02\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if found := validate(t, python, broken); len(found) != 1 || !strings.Contains(found[0], "PARTICIPANT_ID_MISMATCH") {
		t.Errorf("in a tree with a wrong participant the validator finds %q", found)
	}

	out := t.TempDir()
	cmd := exec.CommandContext(t.Context(), python, "testdata/peer.py", root, out)
	cmd.Stderr, cmd.Env = os.Stderr, append(os.Environ(), "TZ=UTC")
	text, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var peers []peerRecording
	if err := json.Unmarshal(text, &peers); err != nil {
		t.Fatal(err)
	}
	if len(peers) != len(sources) {
		t.Errorf("mne-bids found %d recordings, want %d", len(peers), len(sources))
	}
	for _, p := range peers {
		t.Run(p.Path, func(t *testing.T) { p.compare(t, sources[p.Path], losses[p.Path], out) })
	}
}

// validate runs the official validator and returns the errors that it finds.
func validate(t *testing.T, python, root string) (found []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(filepath.Dir(python), "bids-validator-deno"), "--format", "json", "--max-rows", "-1", root)
	cmd.Stderr = os.Stderr
	text, runErr := cmd.Output() // which is an error where an error is found
	var report struct {
		Issues struct {
			Issues []struct{ Code, SubCode, Severity, Location, IssueMessage string }
		}
		Summary struct{ TotalFiles int }
	}
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatalf("the validator: %v (%v): %s", err, runErr, text)
	}
	count := map[string]int{}
	for _, i := range report.Issues.Issues {
		if i.Severity == "error" {
			found = append(found, fmt.Sprintf("%s: %s %s: %s", i.Location, i.Code, i.SubCode, i.IssueMessage))
		}
		count[i.Severity+" "+i.Code]++
	}
	if (runErr != nil) != (len(found) > 0) {
		t.Errorf("the validator: %v, with %d errors", runErr, len(found))
	}
	if report.Summary.TotalFiles == 0 {
		t.Error("the validator has seen no file")
	}
	t.Logf("bids-validator: %d files, %v", report.Summary.TotalFiles, count)
	return found
}

// compare looks for differences between what mne-bids read and the recording that was written.
func (p peerRecording) compare(t *testing.T, rec *signal.Recording, losses []signal.Deviation, dir string) {
	if rec == nil {
		t.Fatal("no such recording was written")
	}
	info := rec.Info
	x := endToEnd(t, rec) // as MNE reads them
	if p.Rate != info.Rate || p.Length != len(x[0]) || len(p.Channels) != len(info.Channels) {
		t.Fatalf("%d channels, %d samples at %g Hz, want %d, %d, %g", len(p.Channels), p.Length, p.Rate, len(info.Channels), len(x[0]), info.Rate)
	}
	raw, err := os.ReadFile(filepath.Join(dir, p.Samples))
	if err != nil {
		t.Fatal(err)
	}
	var bads []string
	for ch, c := range info.Channels {
		own := c.Kind == signal.Misc && slices.Contains([]string{"gsr", "temperature"}, p.Types[ch]) // types of a tree, which gyrus hands on
		if p.Channels[ch] != c.Original || p.Types[ch] != peerTypes[c.Kind] && !own {
			t.Errorf("channel %d is %q of type %s, want %q, %s", ch, p.Channels[ch], p.Types[ch], c.Original, c.Kind)
		}
		if c.Bad {
			bads = append(bads, c.Original)
		}
		if c.Kind == signal.Trigger && strings.HasSuffix(p.Path, ".bdf") {
			t.Logf("channel %q: samples are not compared: MNE reads 17 bits of them, without their sign; the events are", c.Original)
			continue
		}
		largest, worst, factor := 0.0, 0.0, 0.0
		for i, want := range x[ch] {
			got := math.Float64frombits(binary.LittleEndian.Uint64(raw[8*(ch*p.Length+i):]))
			if c.Unit != signal.Microvolt && want != 0 && factor == 0 { // MNE takes some of these for volts
				factor = nearPower(want / got)
			}
			if factor != 0 {
				got *= factor
			}
			largest, worst = max(largest, math.Abs(want)), max(worst, math.Abs(got-want))
		}
		limit := 1e-12 * max(largest, 1) // MNE scales to volts, and the script back
		if rounded(losses) {
			limit = 1e-7 * largest // float32
		}
		if worst > limit {
			t.Errorf("channel %q: samples differ by %g, want at most %g", c.Original, worst, limit)
		}
	}
	if !slices.Equal(p.Bads, bads) {
		t.Errorf("bad channels %q, want %q", p.Bads, bads)
	}
	if p.LineFreq != 60 && !strings.Contains(p.Path, "places") {
		t.Errorf("mains at %g Hz, want 60", p.LineFreq)
	}
	p.compareEvents(t, rec)
	begin, err := time.Parse(time.RFC3339Nano, p.Begin)
	switch {
	case rec.Begin.IsZero() && strings.HasSuffix(p.Path, ".edf"):
		if begin.Year() != 1985 { // what EDF+ prescribes for none
			t.Errorf("begin %s, want none", p.Begin)
		}
	case rec.Begin.IsZero():
		if p.Begin != "" {
			t.Errorf("begin %s, want none", p.Begin)
		}
	case err != nil || !begin.Equal(rec.Begin.Truncate(time.Microsecond)):
		t.Errorf("begin %s (%v), want %v", p.Begin, err, rec.Begin)
	}
	for name, at := range p.Positions {
		i := slices.IndexFunc(info.Channels, func(c signal.Channel) bool { return c.Original == name })
		if i < 0 || info.Channels[i].Pos == nil || distance(at, *info.Channels[i].Pos) > 1e-6 {
			t.Errorf("electrode %s at %v, want %v", name, at, info.Channels[i].Pos)
		}
	}
	want := map[bool]int{strings.Contains(p.Path, "places"): 2, strings.Contains(p.Path, "tiny"): 64}[true]
	if len(p.Positions) != want {
		t.Errorf("%d positions were read, want %d", len(p.Positions), want)
	}
}

// rounded says that samples were, as is listed.
func rounded(losses []signal.Deviation) bool {
	return slices.ContainsFunc(losses, func(l signal.Deviation) bool { return strings.HasSuffix(l.Where, "samples") })
}

// nearPower is 1e6, 1e-6 or 1, whichever ratio is.
func nearPower(ratio float64) float64 {
	for _, p := range []float64{1e6, 1e-6} {
		if math.Abs(ratio/p-1) < 1e-9 {
			return p
		}
	}
	return 1
}

// compareEvents compares by onset. MNE rounds to microseconds.
func (p peerRecording) compareEvents(t *testing.T, rec *signal.Recording) {
	t.Helper()
	var want []signal.Event
	for _, e := range rec.Events {
		if rec.Info.Samples(e.Onset) != e.Sample {
			e.Onset = float64(e.Sample) / rec.Info.Rate // which is listed
		}
		e.Onset -= skipped(rec, e.Sample)
		e.Duration = min(e.Duration, float64(p.Length)/p.Rate-e.Onset) // where the file ends MNE ends events as well
		if e.Onset >= 0 && e.Onset <= float64(rec.Len)/rec.Info.Rate {
			want = append(want, e)
		}
	}
	if len(p.Onsets) != len(want) {
		t.Errorf("%d events, want %d", len(p.Onsets), len(want))
		return
	}
	slices.SortStableFunc(want, func(a, b signal.Event) int { return cmp.Compare(a.Onset, b.Onset) })
	for i, e := range want {
		if math.Abs(p.Onsets[i]-e.Onset) > 1e-6 || math.Abs(p.Durations[i]-e.Duration) > 1e-6 || p.Labels[i] != e.Label {
			t.Errorf("event %d is %q at %g for %g s, want %+v", i, p.Labels[i], p.Onsets[i], p.Durations[i], e)
			return
		}
	}
}
