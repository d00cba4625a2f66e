package bids

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	_ "github.com/gyrus-bci/gyrus/ingest/brainvision" // to write and read
	_ "github.com/gyrus-bci/gyrus/ingest/edf"         // to write and read
	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// sample is a recording of two seconds whose samples are those of at.
func sample(at func(ch, t int) float64) *signal.Recording {
	info := &signal.Info{Rate: 100, Reference: "linked ears", Channels: []signal.Channel{
		{Name: "FC5", Original: "Fc5.", Kind: signal.EEG, Unit: signal.Microvolt, Pos: montage.Place("FC5")},
		{Name: "Cz", Original: "Cz..", Kind: signal.EEG, Unit: signal.Microvolt, Pos: montage.Place("Cz")},
		{Name: "eye", Original: "eye", Kind: signal.EOG, Unit: signal.Microvolt},
		{Name: "force", Original: "force", Kind: signal.Misc, Unit: "N"},
	}}
	x := make(signal.Memory, len(info.Channels))
	for ch := range x {
		x[ch] = make([]float64, 200)
		for t := range x[ch] {
			x[ch][t] = at(ch, t)
		}
	}
	return &signal.Recording{
		Name: "made", Format: "test", Info: info, Len: 200, Data: x, Begin: time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC),
		Events: []signal.Event{{Sample: 33, Onset: 1.0 / 3, Label: "left/hand"}, {Sample: 100, Onset: 1.0000000000000002, Duration: 0.25, Label: "7"}},
	}
}

func whole(ch, t int) float64 { return float64((t*7919+ch*31)%60000 - 30000) }

// item is rec as it goes into a tree.
func item(sub, task, run string, rec *signal.Recording) Item {
	return Item{
		Name: Name{}.With("sub", sub).With("task", task).With("run", run), Input: "in-" + sub + run,
		Open: func() (*signal.Recording, error) { return rec, nil },
	}
}

// snapshot is every file below dir and what is in it; folders end with a slash.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		rel = filepath.ToSlash(rel)
		if err != nil || e.IsDir() {
			all[rel+"/"] = ""
			return err
		}
		text, err := os.ReadFile(path)
		all[rel] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func files(all map[string]string) string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !strings.HasSuffix(name, "/") {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

var options = Options{Generator: Generator{Name: "gyrus", Version: "1"}, Date: "2026-11-26"}

func mustWrite(t *testing.T, root string, opt Options, items ...Item) []Written {
	t.Helper()
	w, err := Write(t.Context(), root, items, opt)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestWriteTree shows every file of a tree of one recording.
func TestWriteTree(t *testing.T) {
	root := filepath.Join(t.TempDir(), "a", "study")
	opt := options
	opt.LineFreq = 50
	it := item("01", "rest", "2", sample(whole))
	it.Name = it.Name.With("ses", "am")
	got := mustWrite(t, root, opt, it)
	const base = "sub-01/ses-am/eeg/sub-01_ses-am_task-rest_run-2_"
	if w := got[0]; w.Path != base+"eeg.edf" || w.To != "edf+" || w.From != "test" || w.Copied || len(w.Losses) > 0 {
		t.Errorf("written %+v, want EDF+ without a loss", w)
	}
	all := snapshot(t, root)
	if got, want := files(all), "CHANGES README dataset_description.json participants.json participants.tsv "+base+"channels.tsv "+base+"eeg.edf "+base+"eeg.json "+
		base+"events.json "+base+"events.tsv sub-01/ses-am/sub-01_ses-am_scans.tsv"; got != want {
		t.Errorf("files\n%s, want\n%s", got, want)
	}
	for name, want := range map[string]string{
		"participants.tsv":                      "participant_id\nsub-01\n",
		"sub-01/ses-am/sub-01_ses-am_scans.tsv": "filename\tacq_time\neeg/sub-01_ses-am_task-rest_run-2_eeg.edf\t2026-01-02T03:04:05.678\n",
		base + "channels.tsv": "name\ttype\tunits\tsampling_frequency\nFc5.\tEEG\tµV\t100\nCz..\tEEG\tµV\t100\n" +
			"eye\tEOG\tµV\t100\nforce\tMISC\tN\t100\n",
		base + "events.tsv": "onset\tduration\ttrial_type\tvalue\tsample\n0.3333333333333333\t0\tleft/hand\tn/a\t33\n1.0000000000000002\t0.25\t7\t7\t100\n",
		"CHANGES":           "1.0.0 2026-11-26\n  - First version, written by gyrus 1.\n",
	} {
		if all[name] != want {
			t.Errorf("%s is\n%s, want\n%s", name, all[name], want)
		}
	}
	eeg, err := ReadSidecar([]byte(all[base+"eeg.json"]), "eeg.json")
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"TaskName": `"rest"`, "SamplingFrequency": "100", "RecordingDuration": "2", "RecordingType": `"continuous"`, "EEGChannelCount": "2", "EOGChannelCount": "1", "MISCChannelCount": "1",
		"EEGReference": `"linked ears"`, "PowerLineFrequency": "50", "SoftwareFilters": `"n/a"`,
	} {
		if got := string(eeg.Raw(key)); got != want {
			t.Errorf("_eeg.json: %s is %s, want %s", key, got, want)
		}
	}
	s, err := ReadSidecar([]byte(all[DescriptionFile]), DescriptionFile)
	if err != nil {
		t.Fatal(err)
	}
	d, errs := ReadDescription(s)
	if len(errs) > 0 || d.Name != "study" || d.BIDSVersion != Version || d.DatasetType != Raw || len(d.GeneratedBy) != 1 || d.GeneratedBy[0].Version != "1" {
		t.Errorf("description %+v %v", d, errs)
	}
}

// TestWriteKeepsSamples: the file that is chosen holds the samples, bit for bit where no loss is listed.
func TestWriteKeepsSamples(t *testing.T) {
	fine := func(ch, t int) float64 { return float64(float32(math.Sin(float64(t*(ch+1))) * 1e3)) }
	for _, c := range []struct {
		name, format, to string
		at               func(ch, t int) float64
		losses           bool
	}{
		{"16 bits", "", "edf+", whole, false},
		{"24 bits", "", "bdf+", func(ch, t int) float64 { return 200 * whole(ch, t) }, false},
		{"32 bits of float", "", "brainvision", fine, false},
		{"64 bits of float", "", "brainvision", func(ch, t int) float64 { return math.Sin(float64(t)) }, true},
		{"asked for", "bdf+", "bdf+", fine, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			root, rec := t.TempDir(), sample(c.at)
			opt := options
			opt.Format = c.format
			w := mustWrite(t, root, opt, item("01", "rest", "", rec))[0]
			if w.To != c.to || (len(w.Losses) > 0) != c.losses {
				t.Errorf("written as %s with losses %v, want %s", w.To, w.Losses, c.to)
			}
			again, err := ingest.Open(os.DirFS(root), w.Path)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := again.Close(); err != nil {
					t.Error(err)
				}
			}()
			x := signal.NewChunk(again.Info, 0, int(rec.Len))
			if err := again.Data.ReadSamples(x.X, 0); err != nil {
				t.Fatal(err)
			}
			worst := 0.0
			for ch := range x.X {
				for i, v := range x.X[ch] {
					worst = max(worst, math.Abs(v-c.at(ch, i)))
				}
			}
			if limit := map[bool]float64{true: 1e-4}[c.losses]; worst > limit || again.Len != rec.Len {
				t.Errorf("samples differ by %g, want at most %g; %d of them, want %d", worst, limit, again.Len, rec.Len)
			}
			if left, _ := filepath.Glob(filepath.Join(root, "sub-01", "eeg", ".*")); len(left) > 0 {
				t.Errorf("formats that were tried left %v", left)
			}
		})
	}
}

// TestWriteRates: channels at other rates are in the same file where that holds them, and otherwise left out and listed.
func TestWriteRates(t *testing.T) {
	for _, c := range []struct {
		name   string
		rate   float64
		n      int
		to     string
		losses int
		rows   string
	}{
		{"fits", 50, 100, "edf+", 0, "eye\tEOG\tµV\t100\nforce\tMISC\tN\t100\npulse\tECG\tµV\t50\n"},
		{"does not, but is there", 51.8662, 104, "edf+", 3, "eye\tEOG\tµV\t100\nforce\tMISC\tN\t100\npulse\tECG\tµV\t51.904761904761905\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root, rec := t.TempDir(), sample(whole)
			pulse := make([]float64, c.n)
			rec.Others = []*signal.Recording{{
				Name: "made", Info: &signal.Info{Rate: c.rate, Channels: []signal.Channel{{Name: "pulse", Original: "pulse", Kind: signal.ECG, Unit: signal.Microvolt}}}, Len: int64(c.n), Data: signal.Memory{pulse},
			}}
			w := mustWrite(t, root, options, item("01", "rest", "", rec))[0]
			if w.To != c.to || len(w.Losses) != c.losses {
				t.Errorf("written as %s with losses %v, want %s with %d", w.To, w.Losses, c.to, c.losses)
			}
			if text := snapshot(t, root)["sub-01/eeg/sub-01_task-rest_channels.tsv"]; !strings.HasSuffix(text, c.rows) {
				t.Errorf("channels.tsv is\n%s, want it to end in\n%s", text, c.rows)
			}
		})
	}
}

// TestWriteEvents: what a table cannot hold is listed, and time counts from the first sample of the file.
func TestWriteEvents(t *testing.T) {
	root, rec := t.TempDir(), sample(whole)
	rec.Spans, rec.Len = []signal.Span{{Start: 100, Len: 100}, {Start: 250, Len: 50}}, 300
	for ch, x := range rec.Data.(signal.Memory) {
		rec.Data.(signal.Memory)[ch] = append(x, x[:100]...)
	}
	rec.Events = []signal.Event{
		{Sample: 50, Onset: 0.5, Label: "early"},
		{Sample: 150, Onset: 1.5, Label: " a\tb\n", Duration: -1},
		{Sample: 150, Onset: math.NaN(), Label: "nowhere"},
		{Sample: 120, Onset: 1.2, Label: "Stimulus/S 12"},
		{Sample: 260, Onset: 2.57, Label: ""},
	}
	w := mustWrite(t, root, options, item("01", "rest", "", rec))[0]
	all := snapshot(t, root)
	const want = "onset\tduration\ttrial_type\tvalue\tsample\n-0.5\t0\tearly\tn/a\t-50\n0.19999999999999996\t0\tStimulus/S 12\t12\t20\n0.5\tn/a\ta b\tn/a\t50\n1.6\t0\tn/a\tn/a\t110\n"
	if got := all["sub-01/eeg/sub-01_task-rest_events.tsv"]; got != want {
		t.Errorf("events.tsv is\n%s, want\n%s", got, want)
	}
	var rules []string
	for _, l := range w.Losses {
		rules = append(rules, l.Where+": "+l.Rule)
	}
	if got, want := strings.Join(rules, "; "), "begin: time counts from the first data record; events: an onset says at which sample an event is; events: an onset is a number; events: a duration is a number that is not below 0; "+
		"events: a label has no tab, no end of a line and no spaces around it, and is not n/a"; got != want {
		t.Errorf("losses %s, want %s", got, want)
	}
	if s := all["sub-01/eeg/sub-01_task-rest_eeg.json"]; !strings.Contains(s, `"discontinuous"`) || !strings.Contains(s, `"RecordingDuration": 2,`) {
		t.Errorf("_eeg.json of a recording with a gap: %s", s)
	}
}

// TestWriteCalledAsGaps: events that are called as gaps are make gaps of measured samples, in either format, and the sidecars keep the reference.
func TestWriteCalledAsGaps(t *testing.T) {
	for label, format := range map[string]string{"BAD filled": "edf+", signal.SkipLabel: "brainvision"} {
		opt := options
		opt.Format = format
		rec := sample(whole)
		rec.Info.Reference = "A1"
		rec.Events = []signal.Event{{Sample: 20, Onset: 0.2, Duration: 0.1, Label: label}}
		w := mustWrite(t, t.TempDir(), opt, item("01", "rest", "", rec))[0]
		var told []string
		for _, l := range w.Losses {
			told = append(told, l.Where)
		}
		if !slices.Contains(told, "samples") || slices.Contains(told, ingest.Reference) {
			t.Errorf("%s in %s: the losses are of %q, want one of samples and none of the reference: %+v", label, format, told, w.Losses)
		}
	}
}

// TestWriteEarly: what happened before the first sample is where it was in the table, also where the file has it at the first sample, and that is no
// conflict of the two.
func TestWriteEarly(t *testing.T) {
	for _, format := range formats {
		root, opt := t.TempDir(), options
		opt.Format = format
		rec := sample(whole)
		rec.Events = []signal.Event{{Sample: -50, Onset: -0.5, Label: "early"}, {Sample: 20, Onset: 0.2, Label: "light"}}
		w := mustWrite(t, root, opt, item("01", "rest", "", rec))[0]
		again, err := ingest.OpenFile(filepath.Join(root, filepath.FromSlash(w.Path)))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(again.Events, rec.Events) {
			t.Errorf("%s: events %+v, want %+v", format, again.Events, rec.Events)
		}
		for _, d := range append(again.Deviations, w.Losses...) {
			if strings.Contains(d.Where, "events") {
				t.Errorf("%s: %+v", format, d)
			}
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestWriteElectrodes: positions that follow from the names are not written, measured ones are, once for a session.
func TestWriteElectrodes(t *testing.T) {
	root := t.TempDir()
	moved := func(by float64) *signal.Recording {
		rec := sample(whole)
		p := *rec.Info.Channels[1].Pos
		p[0] += by
		rec.Info.Channels[1].Pos = &p
		rec.Info.Channels[0].Pos = nil
		return rec
	}
	rounded := sample(whole) // as a text of millimetres has it
	for ch := range rounded.Info.Channels[:2] {
		p := *rounded.Info.Channels[ch].Pos
		for k := range p {
			p[k] = math.Round(p[k]*1e9) / 1e9
		}
		rounded.Info.Channels[ch].Pos = &p
	}
	mustWrite(t, root, options, item("00", "rest", "1", sample(whole)), item("00", "rest", "2", rounded), item("01", "rest", "1", moved(0.25)), item("01", "rest", "2", moved(0.25)))
	mustWrite(t, root, options, item("01", "rest", "4", moved(0.25)))
	all := snapshot(t, root)
	var got []string
	for _, name := range strings.Fields(files(all)) {
		if strings.Contains(name, "electrodes") || strings.Contains(name, "coordsystem") {
			got = append(got, strings.TrimPrefix(name, "sub-01/eeg/"))
		}
	}
	if want := "sub-01_space-CapTrak_coordsystem.json sub-01_space-CapTrak_electrodes.tsv"; strings.Join(got, " ") != want {
		t.Errorf("tables of electrodes %s, want %s", got, want)
	}
	var name *NameError
	if _, err := Write(t.Context(), root, []Item{item("01", "rest", "3", moved(0.5))}, options); !errors.As(err, &name) || !strings.Contains(err.Error(), "another --session") {
		t.Errorf("other places in the same session: error %v", err)
	}
	if !maps.Equal(all, snapshot(t, root)) {
		t.Error("a refused recording has changed the tree")
	}
	// A table that somebody else wrote, with other digits and a column more, says the same.
	electrodes := filepath.Join(root, "sub-01", "eeg", "sub-01_space-CapTrak_electrodes.tsv")
	theirs := strings.ReplaceAll(strings.Replace(all["sub-01/eeg/sub-01_space-CapTrak_electrodes.tsv"], "z\n", "z\timpedance\n", 1), "n/a\n", "n/a\t5\n")
	theirs = strings.TrimSuffix(theirs, "\n") + "\t6\nPz\t0\t0\t1\t7\n"
	if err := os.WriteFile(electrodes, []byte(theirs), 0o600); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, root, options, item("01", "rest", "5", moved(0.25+1e-9)))
	if text := snapshot(t, root)["sub-01/eeg/sub-01_space-CapTrak_electrodes.tsv"]; text != theirs {
		t.Errorf("their electrodes.tsv is now\n%s", text)
	}
	cz := montage.Place("Cz")
	want := fmt.Sprintf("name\tx\ty\tz\nFc5.\tn/a\tn/a\tn/a\nCz..\t%s\t%s\t%s\n", decimal(cz[0]+0.25), decimal(cz[1]), decimal(cz[2]))
	if text := all["sub-01/eeg/sub-01_space-CapTrak_electrodes.tsv"]; text != want {
		t.Errorf("electrodes.tsv is\n%s, want\n%s", text, want)
	}
}

// TestWriteIntoTree: what others have written into a tree stays, and what is added is beside it.
func TestWriteIntoTree(t *testing.T) {
	root := t.TempDir()
	put := func(name, text string) {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	put(DescriptionFile, `{"Name": "old", "BIDSVersion": "1.8.0", "HEDVersion": "8.3.0", "GeneratedBy": [{"Name": "hand"}]}`)
	put("README.md", "mine")
	put("CHANGES", "mine")
	put("participants.tsv", "participant_id\tage\tfavourite\nsub-02\t30\tblue\n")
	put("participants.json", `{"age": {"Units": "years"}}`)
	put("sub-02/sub-02_scans.tsv", "filename\toperator\neeg/sub-02_task-rest_run-1_eeg.vhdr\tAda\n")
	it := item("01", "rest", "1", sample(whole))
	it.Participant = [][2]string{{"participant_id", "sub-other"}, {"age", "20"}, {"sex", "F"}}
	mustWrite(t, root, options, item("02", "rest", "2", sample(whole)), it)
	all := snapshot(t, root)
	for name, want := range map[string]string{
		"README.md": "mine", "CHANGES": "mine",
		"participants.tsv":        "participant_id\tage\tfavourite\tsex\nsub-01\t20\tn/a\tF\nsub-02\t30\tblue\tn/a\n",
		"sub-02/sub-02_scans.tsv": "filename\toperator\tacq_time\neeg/sub-02_task-rest_run-1_eeg.vhdr\tAda\tn/a\neeg/sub-02_task-rest_run-2_eeg.edf\tn/a\t2026-01-02T03:04:05.678\n",
	} {
		if all[name] != want {
			t.Errorf("%s is\n%s, want\n%s", name, all[name], want)
		}
	}
	for _, want := range []string{`"Name": "old"`, `"BIDSVersion": "1.8.0"`, `"HEDVersion": "8.3.0"`, `"Name": "hand"`, `"Name": "gyrus"`} {
		if !strings.Contains(all[DescriptionFile], want) {
			t.Errorf("%s lacks %s: %s", DescriptionFile, want, all[DescriptionFile])
		}
	}
	if text := all["participants.json"]; !strings.Contains(text, `"years"`) || !strings.Contains(text, "participant_id") {
		t.Errorf("participants.json is %s", text)
	}
	if _, there := all["README"]; there {
		t.Error("a second README is written")
	}
}

// TestWriteParticipantClash: what a tree says of a participant stays, also where recordings are replaced; that an input says something else
// is a loss of the first recording that does, refused with Strict.
func TestWriteParticipantClash(t *testing.T) {
	years, err := ReadSidecar([]byte(`{"age": {"Units": "year"}}`), "x")
	if err != nil {
		t.Fatal(err)
	}
	months, err := ReadSidecar([]byte(`{"age": {"Units": "month"}}`), "x")
	if err != nil {
		t.Fatal(err)
	}
	of := func(run, age, sex string, about Sidecar) Item {
		it := item("01", "rest", run, sample(whole))
		it.Participant = [][2]string{{"participant_id", "sub-x"}, {"age", age}, {"sex", sex}, {"hand", "R"}}
		it.ParticipantsAbout = about
		return it
	}
	root, opt := t.TempDir(), options
	if w := mustWrite(t, root, opt, of("1", "33", "n/a", years), of("2", "33", "n/a", years))[1]; len(w.Losses) > 0 {
		t.Errorf("the same row again: losses %v", w.Losses)
	}
	before := snapshot(t, root)
	opt.Force, opt.Strict = true, true
	var loss *ingest.LossError
	if _, err := Write(t.Context(), root, []Item{of("1", "34", "n/a", years)}, opt); !errors.As(err, &loss) || !strings.Contains(err.Error(), `participants.tsv: sub-01, column age`) {
		t.Errorf("strict: error %v, want one of the age of sub-01", err)
	}
	if !maps.Equal(before, snapshot(t, root)) {
		t.Error("a refused recording has changed the tree")
	}
	if _, err := Write(t.Context(), root, []Item{of("1", "n/a", "F", years)}, opt); err != nil {
		t.Errorf("what fills in n/a: %v", err)
	}
	opt.Strict = false
	w := mustWrite(t, root, opt, of("1", "34", "M", months), of("2", "34", "M", months))
	var told []string
	for _, l := range w[0].Losses {
		told = append(told, l.Where+": "+l.Found+"; "+l.Assumed)
	}
	if got, want := strings.Join(told, "\n"), `participants.tsv: sub-01, column age: "34" in the input, "33" in the tree; "33" stays`+"\n"+
		`participants.tsv: sub-01, column sex: "M" in the input, "F" in the tree; "F" stays`+"\n"+`participants.json: age: {"Units":"month"} in the input, {"Units":"year"} in the tree; that of the tree stays`; got != want {
		t.Errorf("losses\n%s, want\n%s", got, want)
	}
	if len(w[1].Losses) > 0 {
		t.Errorf("the same is told again: %v", w[1].Losses)
	}
	all := snapshot(t, root)
	if got, want := all["participants.tsv"], "participant_id\tage\tsex\thand\nsub-01\t33\tF\tR\n"; got != want || !strings.Contains(all["participants.json"], "year") {
		t.Errorf("participants.tsv is %q, want %q; participants.json is %s", got, want, all["participants.json"])
	}
}

// TestWriteForce: a recording is replaced only with Force, and then nothing of it is left.
func TestWriteForce(t *testing.T) {
	root := t.TempDir()
	opt := options
	opt.Format = "brainvision"
	mustWrite(t, root, opt, item("01", "rest", "1", sample(whole)), item("01", "rest", "2", sample(whole)))
	before := snapshot(t, root)
	for _, run := range []string{"1", "01", "001"} { // which are the same number
		_, err := Write(t.Context(), root, []Item{item("03", "rest", "1", sample(whole)), item("01", "rest", run, sample(whole))}, options)
		var there *ExistsError
		if !errors.As(err, &there) {
			t.Errorf("run %s: error %v, want that it is there", run, err)
		}
	}
	if !maps.Equal(snapshot(t, root), before) {
		t.Error("a refused recording has changed the tree")
	}
	opt = options
	opt.Force = true
	none := sample(whole)
	none.Events = nil
	mustWrite(t, root, opt, item("01", "rest", "01", none))
	all := snapshot(t, root)
	var of []string
	for _, name := range strings.Fields(files(all)) {
		if strings.Contains(name, "run-1") || strings.Contains(name, "run-01") {
			of = append(of, strings.TrimPrefix(name, "sub-01/eeg/sub-01_task-rest_"))
		}
	}
	if got, want := strings.Join(of, " "), "run-01_channels.tsv run-01_eeg.edf run-01_eeg.json"; got != want {
		t.Errorf("of the recording there are %s, want %s", got, want)
	}
	if got, want := all["sub-01/sub-01_scans.tsv"], "filename\tacq_time\neeg/sub-01_task-rest_run-01_eeg.edf\t2026-01-02T03:04:05.678\neeg/sub-01_task-rest_run-2_eeg.vhdr\t2026-01-02T03:04:05.678\n"; got != want {
		t.Errorf("scans.tsv is\n%s, want\n%s", got, want)
	}
}

// TestWriteRefuses: what has no place in a tree is refused before anything is written, and says why.
func TestWriteRefuses(t *testing.T) {
	good := sample(whole)
	deep := sample(whole)
	deep.Info.Channels[0].Kind = signal.ECoG
	empty := sample(whole)
	empty.Len = 0
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "thesis.doc"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(other, "thesis.doc")
	derivative := t.TempDir()
	if err := os.WriteFile(filepath.Join(derivative, DescriptionFile), []byte(`{"Name": "d", "BIDSVersion": "1.10.0", "DatasetType": "derivative"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	strict, desc, none := options, options, options
	strict.Strict, strict.Format = true, "edf+"
	desc.Desc = "clean"
	none.Derivative = "../x"
	for _, c := range []struct {
		name, root string
		opt        Options
		items      []Item
		says       string
	}{
		{"twice", "", options, []Item{item("01", "rest", "1", good), item("01", "rest", "01", good)}, "in-011 and in-0101 would both be"},
		{"in other letters", "", options, []Item{item("01", "rest", "1", good), item("01", "Rest", "1", good)}, "would both be"},
		{"one name in another", "", options, []Item{item("01", "rest", "1", good), item("01", "rest", "", good)}, "what is said of the one"},
		{"no task", "", options, []Item{item("01", "", "1", good)}, "name one, such as rest"},
		{"no subject", "", options, []Item{item("", "rest", "1", good)}, "without sub"},
		{"letters", "", options, []Item{item("a-b", "rest", "1", good)}, "letters and digits"},
		{"out of the tree", "", options, []Item{item("../../x", "rest", "1", good)}, "has a folder in it"},
		{"run", "", options, []Item{item("01", "rest", "one", good)}, "whole number"},
		{"intracranial", "", options, []Item{item("01", "rest", "1", good), item("02", "rest", "1", deep)}, "gyrus convert IN OUT.arrow"},
		{"no samples", "", options, []Item{item("01", "rest", "1", empty)}, "no samples"},
		{"another folder", other, options, []Item{item("01", "rest", "1", good)}, "no BIDS tree"},
		{"a file", file, options, []Item{item("01", "rest", "1", good)}, "a tree is a folder"},
		{"a derivative", derivative, options, []Item{item("01", "rest", "1", good)}, "of the type derivative"},
		{"strict", "", strict, []Item{item("01", "rest", "1", sample(func(_, t int) float64 { return math.Sin(float64(t)) }))}, "cannot hold all of the recording"},
		{"desc without a derivative", "", desc, []Item{item("01", "rest", "1", good)}, "only a derivative"},
		{"derivative", "", none, []Item{item("01", "rest", "1", good)}, "must be the name of a folder"},
	} {
		root := c.root
		if root == "" {
			root = filepath.Join(t.TempDir(), "new")
		}
		_, err := Write(t.Context(), root, c.items, c.opt)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.says)
		}
		var unfit *UnfitError
		if got, want := errors.As(err, &unfit), c.name == "intracranial" || c.name == "no samples"; got != want {
			t.Errorf("%s: that the recording is unfit is %t, want %t", c.name, got, want)
		}
		if _, err := os.Stat(root); c.root == "" && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: something was written: %v", c.name, snapshot(t, root))
		}
	}
}

// failing is a file on a disk that is full after so many bytes.
type failing struct {
	io.WriteCloser
	left *int
	err  error
	then func()
}

func (f failing) Write(p []byte) (int, error) {
	if *f.left -= len(p); *f.left < 0 {
		if f.then != nil {
			f.then()
		}
		if f.err != nil {
			return 0, f.err
		}
	}
	return f.WriteCloser.Write(p)
}

// TestWriteFails: wherever a disk is full, a source breaks or somebody interrupts, the tree is as it was, or not there.
func TestWriteFails(t *testing.T) {
	full := errors.New("no space left on device")
	stop := errors.New("stopped")
	items := func() []Item {
		return []Item{item("01", "rest", "1", sample(whole)), item("02", "rest", "1", sample(whole)), item("02", "walk", "1", sample(func(_, t int) float64 { return float64(float32(math.Sin(float64(t)))) }))}
	}
	for _, old := range []bool{false, true} {
		root := filepath.Join(t.TempDir(), "new")
		before := map[string]string{}
		opt := options
		total, place := math.MaxInt, filepath.Join(t.TempDir(), "x")
		if old {
			mustWrite(t, root, options, items()...)
			opt.Force, place = true, root
		}
		counted := opt
		counted.through = func(w io.WriteCloser) io.WriteCloser { return failing{w, &total, nil, nil} }
		mustWrite(t, place, counted, items()...)
		total = math.MaxInt - total
		if old {
			before = snapshot(t, root)
		}
		check := func(what string, err, want error) {
			t.Helper()
			if !errors.Is(err, want) {
				t.Errorf("%s: error %v, want %v", what, err, want)
			}
			if _, err := os.Stat(root); !old && !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("%s: something was written: %v", what, files(snapshot(t, root)))
			}
			if old && !maps.Equal(snapshot(t, root), before) {
				t.Fatalf("%s: the tree has changed: %s", what, files(snapshot(t, root)))
			}
		}
		for at := 0; at < total; at += max(1, total/12) {
			left := at
			opt.through = func(w io.WriteCloser) io.WriteCloser { return failing{w, &left, full, nil} }
			_, err := Write(t.Context(), root, items(), opt)
			check(fmt.Sprintf("disk full after %d of %d bytes", at, total), err, full)

			ctx, cancel := context.WithCancelCause(t.Context())
			left = at
			opt.through = func(w io.WriteCloser) io.WriteCloser { return failing{w, &left, nil, func() { cancel(stop) }} }
			_, err = Write(ctx, root, items(), opt)
			check(fmt.Sprintf("interrupted after %d of %d bytes", at, total), err, stop)
			cancel(nil)
		}
		opt.through = nil
		broken := items()
		broken[2].Open = func() (*signal.Recording, error) {
			rec := sample(whole)
			rec.Data = unreadable{rec.Data, full}
			return rec, nil
		}
		_, err := Write(t.Context(), root, broken, opt)
		check("a source that breaks", err, full)
		broken[2].Open = func() (*signal.Recording, error) { return nil, full }
		_, err = Write(t.Context(), root, broken, opt)
		check("a source that does not open", err, full)
	}
}

// unreadable breaks behind sample 100.
type unreadable struct {
	signal.SampleReader
	err error
}

func (u unreadable) ReadSamples(dst [][]float64, start int64) error {
	if start+int64(len(dst[0])) > 100 {
		return u.err
	}
	return u.SampleReader.ReadSamples(dst, start)
}

// TestWriteReadOnly: a folder that nobody may write to is named, and stays as it is.
func TestWriteReadOnly(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	if f, err := os.CreateTemp(dir, "x"); err == nil {
		t.Skip("this user may write to a folder that is read-only: ", errors.Join(f.Close(), os.Remove(f.Name())))
	}
	_, err := Write(t.Context(), filepath.Join(dir, "new"), []Item{item("01", "rest", "1", sample(whole))}, options)
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "new") {
		t.Errorf("error %v, want that the folder cannot be made", err)
	}
}

// TestWriteDerivative: a derivative is a tree of its own below the root, whose files have a description.
func TestWriteDerivative(t *testing.T) {
	root := t.TempDir()
	mustWrite(t, root, options, item("01", "rest", "1", sample(whole)))
	raw := snapshot(t, root)
	opt := options
	opt.Derivative, opt.Desc = "clean", "filtered"
	w := mustWrite(t, root, opt, item("01", "rest", "1", sample(whole)))[0]
	if want := "derivatives/clean/sub-01/eeg/sub-01_task-rest_run-1_desc-filtered_eeg.edf"; w.Path != want {
		t.Errorf("written as %s, want %s", w.Path, want)
	}
	all := snapshot(t, root)
	for name, text := range raw {
		if all[name] != text {
			t.Errorf("the source has changed: %s", name)
		}
	}
	s, err := ReadSidecar([]byte(all["derivatives/clean/"+DescriptionFile]), DescriptionFile)
	if err != nil {
		t.Fatal(err)
	}
	d, errs := ReadDescription(s)
	if len(errs) > 0 || d.DatasetType != Derivative || len(d.SourceDatasets) != 1 || len(d.GeneratedBy) != 1 {
		t.Errorf("description %+v %v", d, errs)
	}
	if got, want := files(all), "derivatives/clean/sub-01/eeg/sub-01_task-rest_run-1_desc-filtered_channels.tsv"; !strings.Contains(got, want) || strings.Contains(got, "derivatives/clean/participants") {
		t.Errorf("files %s", got)
	}
}

// TestWriteHandsOn: what a tree says of a recording is said again: columns, fields and HED that gyrus does not know.
func TestWriteHandsOn(t *testing.T) {
	root := t.TempDir()
	doc, err := ReadSidecar([]byte(`{"trial_type": {"HED": {"go": "Sensory-event, (Red, Blue)"}}}`), "x")
	if err != nil {
		t.Fatal(err)
	}
	eeg, err := ReadSidecar([]byte(`{"TaskName": "Rest!", "EEGReference": "Cz", "SamplingFrequency": 1, "EEGGround": "AFz", "PowerLineFrequency": 60}`), "x")
	if err != nil {
		t.Fatal(err)
	}
	it := item("01", "rest", "1", sample(whole))
	it.Scan = [][2]string{{"filename", "x"}, {"acq_time", "2026-01-02T03:04:05.678000Z"}, {"operator", "Ada"}}
	it.Said = &Sidecars{
		About: eeg, EventsAbout: doc, ElectrodesFile: "sub-x/eeg/sub-x_space-Other_electrodes.tsv", Coordsystem: doc,
		Electrodes: NewTable([]string{"name", "x", "y", "z", "impedance"}, []string{"Cz..", "1", "2", "3", "5"}),
		Events:     NewTable([]string{"onset", "duration", "trial_type", "HED", "colour"}, []string{"0.30", "0", "go", "Red", "deep red"}),
		Channels:   NewTable([]string{"name", "type", "units", "status", "low_cutoff"}, []string{"Cz..", "REF", "V", "bad", "0.1"}, []string{"eye", "VEOG", "V", "good", "n/a"}, []string{"gone", "EEG", "V", "good", "1"}),
	}
	mustWrite(t, root, options, it)
	all := snapshot(t, root)
	const base = "sub-01/eeg/sub-01_task-rest_run-1_"
	if got, want := all[base+"events.tsv"], "onset\tduration\ttrial_type\tHED\tcolour\n0.30\t0\tgo\tRed\tdeep red\n"; got != want {
		t.Errorf("events.tsv is\n%s, want\n%s", got, want)
	}
	if !strings.Contains(all[base+"events.json"], "Sensory-event, (Red, Blue)") {
		t.Errorf("events.json is %s", all[base+"events.json"])
	}
	if got, want := all[base+"channels.tsv"], "name\ttype\tunits\tsampling_frequency\tstatus\tlow_cutoff\nFc5.\tEEG\tµV\t100\tn/a\tn/a\nCz..\tEEG\tµV\t100\tbad\t0.1\n"+
		"eye\tVEOG\tµV\t100\tgood\tn/a\nforce\tMISC\tN\t100\tn/a\tn/a\n"; got != want {
		t.Errorf("channels.tsv is\n%s, want\n%s", got, want)
	}
	if got, want := all["sub-01/eeg/sub-01_space-Other_electrodes.tsv"], "name\tx\ty\tz\timpedance\nCz..\t1\t2\t3\t5\n"; got != want || all["sub-01/eeg/sub-01_space-Other_coordsystem.json"] == "" {
		t.Errorf("electrodes.tsv is\n%s, want\n%s", got, want)
	}
	if got, want := all["sub-01/sub-01_scans.tsv"], "filename\tacq_time\toperator\neeg/sub-01_task-rest_run-1_eeg.edf\t2026-01-02T03:04:05.678000Z\tAda\n"; got != want {
		t.Errorf("scans.tsv is\n%s, want\n%s", got, want)
	}
	got, err := ReadSidecar([]byte(all[base+"eeg.json"]), "x")
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"TaskName": `"Rest!"`, "EEGReference": `"Cz"`, "SamplingFrequency": "100", "EEGGround": `"AFz"`, "PowerLineFrequency": "60"} {
		if string(got.Raw(key)) != want {
			t.Errorf("_eeg.json: %s is %s, want %s", key, got.Raw(key), want)
		}
	}
}

// TestWriteSpaces: electrodes that a tree has in several systems of coordinates are in all of them in the one written, and names that
// nobody may see are left out of each.
func TestWriteSpaces(t *testing.T) {
	json := func(text string) Sidecar {
		s, err := ReadSidecar([]byte(text), "x")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	table := func(x string) *Table {
		return NewTable([]string{"name", "x", "y", "z", "nurse"}, []string{"Cz..", x, "2", "3", "Ada"})
	}
	it := item("02", "rest", "1", sample(whole))
	it.Said = &Sidecars{
		ElectrodesFile: "sub-01/eeg/sub-01_space-CapTrak_electrodes.tsv", Electrodes: table("1"), Coordsystem: json(`{"EEGCoordinateSystem": "CapTrak"}`),
		Elsewhere: []Space{{table("7"), json(`{"EEGCoordinateSystem": "MNI152Lin"}`), json(`{"nurse": {"Description": "Ada"}}`), "sub-01/eeg/sub-01_space-MNI152Lin_electrodes.tsv"}},
	}
	root := t.TempDir()
	mustWrite(t, root, options, it)
	all := snapshot(t, root)
	const base = "sub-02/eeg/sub-02_space-MNI152Lin_"
	if got, want := all[base+"electrodes.tsv"], "name\tx\ty\tz\tnurse\nCz..\t7\t2\t3\tAda\n"; got != want {
		t.Errorf("the table in the other space is %q, want %q", got, want)
	}
	if !strings.Contains(all[base+"coordsystem.json"], "MNI152Lin") || !strings.Contains(all[base+"electrodes.json"], "nurse") || !strings.Contains(all["sub-02/eeg/sub-02_space-CapTrak_electrodes.tsv"], "\t1\t2") {
		t.Errorf("written are %s", files(all))
	}
	it.Anonymous = &Anonymous{}
	hidden := t.TempDir()
	w := mustWrite(t, hidden, options, it)[0]
	for name, text := range snapshot(t, hidden) {
		if strings.Contains(text, "Ada") {
			t.Errorf("%s says who it is: %s", name, text)
		}
	}
	if got := snapshot(t, hidden)[base+"electrodes.tsv"]; got != "name\tx\ty\tz\nCz..\t7\t2\t3\n" || len(w.Personal) < 3 {
		t.Errorf("without names the table is %q, and listed are %+v", got, w.Personal)
	}
}

// TestWriteCopies: a file of a format that BIDS allows is copied byte for byte, and of BrainVision only the names of the
// other files change.
func TestWriteCopies(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ file, format string }{{"x.edf", "edf+"}, {"x.bdf", "bdf+"}, {"x.vhdr", "brainvision"}} {
		w, err := ingest.WriterFor(c.format, "")
		if err != nil {
			t.Fatal(err)
		}
		in := filepath.Join(dir, c.file)
		if _, err := ingest.WriteFile(in, w, sample(whole), false); err != nil {
			t.Fatal(err)
		}
		root := t.TempDir()
		it := item("01", "rest", "", nil)
		it.Copy, it.Open = in, func() (*signal.Recording, error) { return ingest.Open(os.DirFS(dir), c.file) }
		out := mustWrite(t, root, options, it)[0]
		if !out.Copied || len(out.Losses) > 0 {
			t.Errorf("%s: %+v, want a copy", c.file, out)
		}
		all, old := snapshot(t, root), snapshot(t, dir)
		const base = "sub-01/eeg/sub-01_task-rest_eeg"
		for _, ext := range []string{filepath.Ext(c.file), ".eeg", ".vmrk"} {
			got, there := all[base+ext]
			if !there && c.format != "brainvision" {
				continue
			}
			want := strings.NewReplacer("=x.eeg", "=sub-01_task-rest_eeg.eeg", "=x.vmrk", "=sub-01_task-rest_eeg.vmrk").Replace(old["x"+ext])
			if got != want || got == "" {
				t.Errorf("%s: %s is another file", c.file, base+ext)
			}
		}
		again, err := ingest.Open(os.DirFS(root), out.Path)
		if err != nil {
			t.Fatal(err)
		}
		if again.Len != 200 || len(again.Deviations) > 0 {
			t.Errorf("%s: the copy has %d samples and deviations %v", c.file, again.Len, again.Deviations)
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWriteCopiesBrainVision: the header may name the other files by its own name, and what is in a comment stays.
func TestWriteCopiesBrainVision(t *testing.T) {
	dir, root := t.TempDir(), t.TempDir()
	w, err := ingest.WriterFor("brainvision", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ingest.WriteFile(filepath.Join(dir, "x.vhdr"), w, sample(whole), false); err != nil {
		t.Fatal(err)
	}
	header := strings.NewReplacer("=x.eeg", "=$b.eeg", "=x.vmrk", "=$b.vmrk").Replace(snapshot(t, dir)["x.vhdr"]) + "\r\n[Comment]\r\nDataFile=mine\r\n"
	if err := os.WriteFile(filepath.Join(dir, "x.vhdr"), []byte(header), 0o600); err != nil {
		t.Fatal(err)
	}
	it := item("01", "rest", "", nil)
	it.Copy, it.Open = filepath.Join(dir, "x.vhdr"), func() (*signal.Recording, error) { return ingest.Open(os.DirFS(dir), "x.vhdr") }
	if out := mustWrite(t, root, options, it)[0]; !out.Copied {
		t.Errorf("%+v, want a copy", out)
	}
	const base = "sub-01/eeg/sub-01_task-rest_eeg"
	want := strings.ReplaceAll(header, "=$b.", "=sub-01_task-rest_eeg.")
	if all := snapshot(t, root); all[base+".vhdr"] != want || all[base+".eeg"] != snapshot(t, dir)["x.eeg"] {
		t.Errorf("the header is\n%s, want\n%s", all[base+".vhdr"], want)
	}
}

// TestWriteLabels: a file and channels.tsv have the same labels, each once, whatever the channels are called.
func TestWriteLabels(t *testing.T) {
	for _, format := range formats {
		root, rec := t.TempDir(), sample(whole)
		for i, name := range []string{"Fp1", "FP1.", "a name that is longer than sixteen µ", "tab\tin it"} {
			rec.Info.Channels[i].Name, rec.Info.Channels[i].Original = name, name
		}
		rec.Info.Channels[1].Name = "Fp1-2"
		opt := options
		opt.Format = format
		w := mustWrite(t, root, opt, item("01", "rest", "", rec))[0]
		again, err := ingest.Open(os.DirFS(root), w.Path)
		if err != nil {
			t.Fatal(err)
		}
		table, _, err := ReadTable([]byte(snapshot(t, root)["sub-01/eeg/sub-01_task-rest_channels.tsv"]), "channels.tsv")
		if err != nil {
			t.Fatal(err)
		}
		var labels []string
		for _, c := range again.Info.Channels {
			labels = append(labels, c.Original)
		}
		if got := table.names(); !slices.Equal(got, labels) || len(slices.Compact(slices.Sorted(slices.Values(got)))) != 4 {
			t.Errorf("%s: channels.tsv has %q, the file %q", format, got, labels)
		}
		if len(w.Losses) == 0 {
			t.Errorf("%s: labels were changed and no loss is listed", format)
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWriteAnonymous: what a tree says of who was recorded, where and when is not handed on.
func TestWriteAnonymous(t *testing.T) {
	about, err := ReadSidecar([]byte(`{"InstitutionName": "Clinic of Ada", "Manufacturer": "Brain"}`), "x")
	if err != nil {
		t.Fatal(err)
	}
	it := item("01", "rest", "1", sample(whole))
	it.Said, it.ParticipantsAbout, it.Anonymous = &Sidecars{About: about}, about, &Anonymous{}
	it.Participant, it.Scan = [][2]string{{"name", "Ada"}}, [][2]string{{"filename", "x"}, {"operator", "Ada"}}
	root := t.TempDir()
	mustWrite(t, root, options, it)
	found := false
	for name, text := range snapshot(t, root) {
		if strings.Contains(text, "Ada") {
			t.Errorf("%s says who it is: %s", name, text)
		}
		found = found || strings.Contains(text, "Manufacturer")
	}
	if !found {
		t.Error("the manufacturer, which is nobody's secret, is left out")
	}
}

// TestWriteSource: a new tree has the description and the texts of the one that it comes from, and says from which.
func TestWriteSource(t *testing.T) {
	root, tree := t.TempDir(), treeOf(t, map[string]string{
		DescriptionFile: `{"Name": "old", "BIDSVersion": "1.6.0", "License": "CC0", "HEDVersion": "8.3.0", "DatasetDOI": "10.1/x", "GeneratedBy": [{"Name": "hand"}]}`, "README.md": "mine", "CHANGES": "mine",
	})
	it := item("01", "rest", "1", sample(whole))
	it.From = tree
	mustWrite(t, root, options, it)
	all := snapshot(t, root)
	if all["README.md"] != "mine" || all["CHANGES"] != "mine" || all["README"] != "" {
		t.Errorf("texts %q %q %q", all["README.md"], all["CHANGES"], all["README"])
	}
	s, err := ReadSidecar([]byte(all[DescriptionFile]), DescriptionFile)
	if err != nil {
		t.Fatal(err)
	}
	d, errs := ReadDescription(s)
	if len(errs) > 0 || d.Name != "old" || d.BIDSVersion != Version || d.License != "CC0" || !s.Has("HEDVersion") || s.Has("DatasetDOI") || len(d.GeneratedBy) != 2 ||
		len(d.SourceDatasets) != 1 || d.SourceDatasets[0].DOI != "10.1/x" {
		t.Errorf("description %s %v", all[DescriptionFile], errs)
	}
}

// treeOf is a tree with these files.
func treeOf(t *testing.T, files map[string]string) *Tree {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := ReadTree(os.DirFS(root), ".")
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// TestWriteDescriptionStays: what a description says of programs and sources stays to the last field, where it is handed on and where recordings are
// added.
func TestWriteDescriptionStays(t *testing.T) {
	const by = `{"Name":"prep","Version":"2","Container":{"Type":"docker","URI":"a<b"}}`
	const from = `{"URL":"https://x.org","Note":"kept"}`
	it := item("01", "rest", "1", sample(whole))
	it.From = treeOf(t, map[string]string{
		DescriptionFile: `{"Name": "old", "BIDSVersion": "1.6.0", "DatasetDOI": "10.1/x", "GeneratedBy": [` + by + `], "SourceDatasets": [` + from + `]}`,
	})
	root := t.TempDir()
	mustWrite(t, root, options, it)
	for _, run := range []string{"1", "2"} {
		text := strings.Join(strings.Fields(snapshot(t, root)[DescriptionFile]), "")
		if !strings.Contains(text, `"GeneratedBy":[`+by+`,{"Name":"gyrus"`) || !strings.Contains(text, `"SourceDatasets":[`+from+`,{"DOI":"10.1/x"}]`) {
			t.Errorf("the description is %s, want %s and %s in it", text, by, from)
		}
		mustWrite(t, root, options, item("02", "rest", run, sample(whole)))
	}
}

// TestWriteProgramsStay: all that a tree says of the programs that made it stays, also what it says twice, and what comes in is left out only where the tree
// says the same of all its fields.
func TestWriteProgramsStay(t *testing.T) {
	const one, two = `{"Name":"prep","Version":"2","Description":"filters"}`, `{"Name":"prep","Version":"2","Description":"cuts","Steps":{"a":1,"b":2}}`
	const other = `{"Name":"prep","Version":"2","Container":{"Tag":"x"}}`
	root := t.TempDir()
	put := filepath.Join(root, DescriptionFile)
	if err := os.WriteFile(put, []byte(`{"Name": "old", "BIDSVersion": "1.8.0", "GeneratedBy": [`+one+`, `+two+`, `+one+`]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	it := item("01", "rest", "1", sample(whole))
	it.From = treeOf(t, map[string]string{
		DescriptionFile: `{"Name": "old", "BIDSVersion": "1.8.0", "GeneratedBy": [{"Steps": {"b": 2, "a": 1}, "Description": "cuts", "Version": "2", "Name": "prep"}, ` + other + `, ` + other + `]}`,
	})
	mustWrite(t, root, options, it)
	mustWrite(t, root, options, item("01", "rest", "2", sample(whole)))
	text := strings.Join(strings.Fields(snapshot(t, root)[DescriptionFile]), "")
	if want := `"GeneratedBy":[` + strings.Join([]string{one, two, one, other}, ",") + `,{"Name":"gyrus"`; !strings.Contains(text, want) || strings.Count(text, `"gyrus"`) != 1 {
		t.Errorf("the description is %s, want %s in it, and gyrus once", text, want)
	}
}

// TestWriteTextsUnread: a text of the tree that cannot be read, such as a link to what was not fetched, is there all the same.
func TestWriteTextsUnread(t *testing.T) {
	root := t.TempDir()
	mustWrite(t, root, options, item("01", "rest", "1", sample(whole)))
	links := map[string]string{"README": "annex/readme", "changes.md": "annex/changes", "LICENSE": "annex/license"}
	if err := errors.Join(os.Remove(filepath.Join(root, "README")), os.Remove(filepath.Join(root, "CHANGES"))); err != nil {
		t.Fatal(err)
	}
	for name, to := range links {
		if err := os.Symlink(to, filepath.Join(root, name)); err != nil {
			t.Skip(err)
		}
	}
	it := item("01", "rest", "2", sample(whole))
	it.From = treeOf(t, map[string]string{DescriptionFile: `{"Name": "` + filepath.Base(root) + `", "BIDSVersion": "1.8.0"}`, "README.md": "of one", "LICENSE": ""})
	w := mustWrite(t, root, options, it)[0]
	if len(w.Losses) != 1 || w.Losses[0].Where != "README.md" || !strings.Contains(w.Losses[0].Found, "README, which cannot be read") {
		t.Errorf("losses %+v, want the README of the input", w.Losses)
	}
	if len(w.Notes) != 1 || w.Notes[0].Where != "LICENSE" {
		t.Errorf("notes %+v, want the LICENSE of the input", w.Notes)
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		to, _ := os.Readlink(filepath.Join(root, e.Name()))
		if links[e.Name()] != to || links[e.Name()] == "" && rootText(strings.ToUpper(e.Name())) != "" {
			t.Errorf("%s is there, a link to %q", e.Name(), to)
		}
		delete(links, e.Name())
	}
	if len(links) > 0 {
		t.Errorf("there is none of %v", links)
	}
}

// TestWriteSourceClash: what a tree says of itself stays, and what an input tree says otherwise is a loss of its first recording, refused
// with Strict, whether the tree was there or is described by another input. Texts without anything of the recordings are a note.
func TestWriteSourceClash(t *testing.T) {
	one := treeOf(t, map[string]string{
		DescriptionFile: `{"Name": "one", "BIDSVersion": "1.6.0", "License": "CC0", "Authors": ["A"], "GeneratedBy": [{"Name": "hand"}]}`,
		"README.md":     "of one", "CHANGES": "of one",
	})
	two := treeOf(t, map[string]string{
		DescriptionFile: `{"Name": "one", "BIDSVersion": "1.8.0", "License": "PDDL", "Authors": [ "A" ], "Funding": ["F"], "GeneratedBy": [{"Name": "foot"}]}`,
		"README":        "of two", "CHANGES": "of two", "LICENSE": "of two", "CITATION.cff": "of two",
	})
	of := func(run string, from *Tree) Item {
		it := item("01", "rest", run, sample(whole))
		it.From = from
		return it
	}
	wants := [...]string{
		DescriptionFile + `: License: "PDDL" in the input, "CC0" in the tree; that of the tree stays`, DescriptionFile + `: Funding: ["F"] in the input, none in the tree; not taken over`,
		"README: 6 bytes of other text in the input than the tree has in README.md; that of the tree stays",
	}
	together, there := t.TempDir(), t.TempDir()
	if w := mustWrite(t, there, options, of("1", one)); len(w[0].Losses)+len(w[0].Notes) > 0 {
		t.Errorf("a new tree of one: losses %v, notes %v", w[0].Losses, w[0].Notes)
	}
	before, strict := snapshot(t, there), options
	strict.Strict = true
	var loss *ingest.LossError
	if _, err := Write(t.Context(), there, []Item{of("2", two)}, strict); !errors.As(err, &loss) || len(loss.Losses) != len(wants) || !maps.Equal(before, snapshot(t, there)) {
		t.Errorf("strict: error %v, want a refusal that changes nothing", err)
	}
	if _, err := Write(t.Context(), there, []Item{of("0", one)}, strict); err != nil {
		t.Errorf("the same tree again: %v", err)
	}
	for root, items := range map[string][]Item{together: {of("1", one), of("2", two), of("3", two)}, there: {of("2", two), of("3", two)}} {
		w := mustWrite(t, root, options, items...)
		k := len(w) - 2
		var told []string
		for _, l := range w[k].Losses {
			told = append(told, l.Where+": "+l.Found+"; "+l.Assumed)
		}
		if got, want := strings.Join(told, "\n"), strings.Join(wants[:], "\n"); got != want {
			t.Errorf("losses\n%s, want\n%s", got, want)
		}
		if len(w[k].Notes) != 1 || w[k].Notes[0].Where != "CHANGES" || len(w[k+1].Losses)+len(w[k+1].Notes) > 0 {
			t.Errorf("notes %v, then %v, want one about CHANGES, once", w[k].Notes, w[k+1])
		}
		all := snapshot(t, root)
		for name, want := range map[string]string{"README.md": "of one", "README": "", "CHANGES": "of one", "LICENSE": "of two", "CITATION.cff": "of two"} {
			if all[name] != want {
				t.Errorf("%s is %q, want %q", name, all[name], want)
			}
		}
		if text := all[DescriptionFile]; !strings.Contains(text, "CC0") || strings.Contains(text, "Funding") || !strings.Contains(text, "hand") || !strings.Contains(text, "foot") {
			t.Errorf("the description is %s, want that of one, and who made either", text)
		}
	}
	opt := options
	opt.About = Description{Name: "set", License: "ODC-By 1.0"}
	if w := mustWrite(t, there, opt, of("4", nil)); len(w[0].Losses) != 2 || !strings.Contains(w[0].Losses[1].Found, "ODC-By") {
		t.Errorf("what is known of the data set of a recording in no tree: losses %v, want name and licence", w[0].Losses)
	}
}

// TestWriteFilters: what the header of EDF says of filters is in the columns for them, unless it says that nobody knows.
func TestWriteFilters(t *testing.T) {
	root, rec := t.TempDir(), sample(whole)
	rec.Texts = []signal.Text{
		{Field: "prefiltering", Channel: "FC5", Text: "HP:0.1Hz LP:75Hz N:50Hz"},
		{Field: "prefiltering", Channel: "Cz", Text: "HP:0Hz LP:0Hz N:0Hz"},
		{Field: "prefiltering", Channel: "eye", Text: "HP: DC; LP: 30 Hz"},
		{Field: "transducer type", Channel: "force", Text: "LP:3Hz"},
	}
	mustWrite(t, root, options, item("01", "rest", "", rec))
	const want = "name\ttype\tunits\tsampling_frequency\tlow_cutoff\thigh_cutoff\tnotch\nFc5.\tEEG\tµV\t100\t0.1\t75\t50\nCz..\tEEG\tµV\t100\tn/a\tn/a\tn/a\n" +
		"eye\tEOG\tµV\t100\tn/a\t30\tn/a\nforce\tMISC\tN\t100\tn/a\tn/a\tn/a\n"
	if got := snapshot(t, root)["sub-01/eeg/sub-01_task-rest_channels.tsv"]; got != want {
		t.Errorf("channels.tsv is\n%s, want\n%s", got, want)
	}
}

// TestWriteHED: the version of HED strings goes with them, and a tree has one.
func TestWriteHED(t *testing.T) {
	about, err := ReadSidecar([]byte(`{"trial_type": {"HED": {"go": "Red"}}}`), "x")
	if err != nil {
		t.Fatal(err)
	}
	hed := func(sub, version string) Item {
		it := item(sub, "rest", "1", sample(whole))
		it.Said, it.HEDVersion = &Sidecars{EventsAbout: about, Events: &Table{Columns: []string{"onset", "duration"}}}, []byte(version)
		return it
	}
	root := t.TempDir()
	mustWrite(t, root, options, item("00", "rest", "1", sample(whole)))
	mustWrite(t, root, options, hed("01", `["8.3.0", "x:1.0.0"]`))
	if text := snapshot(t, root)[DescriptionFile]; !strings.Contains(strings.Join(strings.Fields(text), ""), `"HEDVersion":["8.3.0","x:1.0.0"]`) {
		t.Errorf("the description has no version of HED: %s", text)
	}
	before := snapshot(t, root)
	if _, err := Write(t.Context(), root, []Item{hed("02", `"8.2.0"`)}, options); err == nil || !strings.Contains(err.Error(), "of version") {
		t.Errorf("two versions in a tree: %v", err)
	}
	if !maps.Equal(before, snapshot(t, root)) {
		t.Error("a refused recording has changed the tree")
	}
	mustWrite(t, root, options, hed("02", `[ "8.3.0","x:1.0.0" ]`))
}
