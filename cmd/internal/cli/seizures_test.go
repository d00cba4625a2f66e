package cli

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders/seizure"
	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
)

// chbFiles are where each file of the case begins, in s of the day: the second ten seconds behind the end of the first.
var chbFiles = []float64{36000, 36310, 43200}

const chbLength = 300 // s of each

// chb writes a case in the layout of CHB-MIT: names in capitals, one of them twice, a channel that is none, and a summary. It
// returns the files and the seizures on the axis of the day.
func chb(t *testing.T) (files []string, all []seizure.Span) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "chb01")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	var summary strings.Builder
	summary.WriteString("Data Sampling Rate: 256 Hz\n*************************\n\nChannels in EDF Files:\n")
	day := func(s float64) string {
		return fmt.Sprintf("%02d:%02d:%02d", int(s)/3600, int(s)/60%60, int(s)%60)
	}
	for i, start := range chbFiles {
		opt := synth.SeizureDefaults()
		opt.Subject, opt.Run, opt.LengthS, opt.Count, opt.PreictalS = 3, uint64(i+1), chbLength, 1, 100
		rec, truth, err := synth.Seizures(opt)
		if err != nil {
			t.Fatal(err)
		}
		x := signal.NewChunk(rec.Info, 0, int(rec.Len))
		if err := rec.Data.ReadSamples(x.X, 0); err != nil {
			t.Fatal(err)
		}
		f := edftest.File{N: chbLength}
		add := func(label string, row []float64) {
			f.Signals = append(f.Signals, edftest.Signal{Label: label, Dim: "uV", Samples: 256, At: func(r, k int) int16 {
				return int16(math.Round(10 * row[256*r+k]))
			}})
		}
		for ch, name := range synth.Bipolar() {
			add(strings.ToUpper(name), x.X[ch])
		}
		add("T8-P8", x.X[14])
		add("ECG", x.X[0])
		name := fmt.Sprintf("chb01_%02d.edf", i+1)
		files = append(files, filepath.Join(dir, name))
		if err := os.WriteFile(files[i], f.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		z := truth.Seizures[0]
		from, to := math.Floor(z.StartS), math.Ceil(z.EndS) // whole seconds, as the data set has them
		all = append(all, seizure.Span{Start: start + from, End: start + to})
		fmt.Fprintf(&summary, "\nFile Name: %s\nFile Start Time: %s\nFile End Time: %s\nNumber of Seizures in File: 1\nSeizure Start Time: %g seconds\nSeizure End Time: %g seconds\n",
			name, day(start), day(start+chbLength), from, to)
	}
	if err := os.WriteFile(filepath.Join(dir, "chb01-summary.txt"), []byte(summary.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return files, all
}

// classOf is the definition, window by window: half of it in a seizure; far from all; in the preictal time of one that leads.
func classOf(from, to float64, all []seizure.Span, preictal, horizon, far float64) string {
	inside, near, gap := 0.0, false, false
	for i, z := range all {
		inside += math.Max(0, math.Min(to, z.End)-math.Max(from, z.Start))
		near = near || from < z.End+far && to > z.Start-far
		lead := i == 0 || z.Start-all[i-1].End >= far
		gap = gap || lead && from >= z.Start-preictal && to <= z.Start-horizon
	}
	switch {
	case 2*inside >= to-from:
		return "ictal"
	case !near:
		return "interictal"
	case inside == 0 && gap:
		return "preictal"
	}
	return ""
}

// TestTrainOnCHBMIT trains on two files of a case and scores a third, through the command line.
func TestTrainOnCHBMIT(t *testing.T) {
	files, all := chb(t)
	dir := t.TempDir()
	gallery, err := os.ReadFile("../../../stream/pipeline/gallery/seizure-lstm.yaml")
	if err != nil {
		t.Fatal(err)
	}
	spec := filepath.Join(dir, "seizure.yaml")
	if err := os.WriteFile(spec, []byte(strings.Replace(string(gallery), "int8: true", "int8: true, epochs: 25, batch: 16", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := []string{"--seizures", "seizure", "--preictal", "90", "--horizon", "10", "--interictal", "95", "--window-step", "1"}
	count := func(files ...int) map[string]int {
		n := map[string]int{}
		for _, i := range files {
			for at := 0.0; at+4 <= chbLength; at++ {
				n[classOf(chbFiles[i]+at, chbFiles[i]+at+4, all, 90, 10, 95)]++
			}
		}
		return n
	}
	alone := func(i int) (n int) {
		for at := 0.0; at+4 <= chbLength; at++ {
			if classOf(chbFiles[i]+at, chbFiles[i]+at+4, all[i:i+1], 90, 10, 95) == "interictal" {
				n++
			}
		}
		return n
	}
	if with := count(1)["interictal"]; with >= alone(1) {
		t.Fatalf("the seizure of the file before must take interictal windows from the second: %d with it, %d without", with, alone(1))
	}
	var trained trainJSON
	model := filepath.Join(dir, "model.gyrus")
	mustJSON(t, &trained, append([]string{"train", spec, files[0], files[1], "-o", model, "--json"}, flags...)...)
	for i, r := range trained.Recordings {
		for class, n := range count(i) {
			if class != "" && r.Trials[class] != n {
				t.Errorf("%s: %d windows are %s, by definition %d", r.Name, r.Trials[class], class, n)
			}
		}
	}
	var v evalJSON
	mustJSON(t, &v, append([]string{"eval", model, files[2], "--json"}, flags...)...)
	want := count(2)
	for k, class := range v.Classes {
		n := 0
		for _, c := range v.Confusion[k] {
			n += c
		}
		if n != want[class] {
			t.Errorf("%d windows that are scored are %s, by definition %d", n, class, want[class])
		}
	}
	if len(v.Alarms) != 2 {
		t.Fatalf("%d scores of alarms, must be one and one of all: %+v", len(v.Alarms), v.Alarms)
	}
	a := v.Alarms[1]
	t.Logf("balanced accuracy in training %.3f, of the third file %.3f, chance %.3f; alarms %+v", trained.BalancedAccuracy, v.BalancedAccuracy, v.Chance, a)
	if a.Seizures != 1 || math.Abs(a.Hours-chbLength/3600.0) > 1e-9 || a.Detected != 1 || a.Sensitivity == nil || *a.Sensitivity != 1 || math.Abs(a.PerDay-24*a.PerHour) > 1e-9 {
		t.Errorf("%+v", a)
	}
	if math.Abs(a.PerHour-float64(a.False)/a.Hours) > 1e-9 || a.Latency[1] == nil || *a.Latency[1] > 40 {
		t.Errorf("%+v", a)
	}
	if v.CILow <= v.Chance {
		t.Errorf("the balanced accuracy of the third file is %.3f with the interval from %.3f, must be above chance, %.3f", v.BalancedAccuracy, v.CILow, v.Chance)
	}
	code, text, errs := run(t, append([]string{"eval", model, files[2]}, flags...)...)
	if code != 0 || !strings.Contains(text, "SzCORE") || !strings.Contains(text, "together") {
		t.Errorf("exit %d: %s%s", code, text, errs)
	}
}

func TestSeizureFlagsRefuse(t *testing.T) {
	files, _ := chb(t)
	broken := filepath.Join(filepath.Dir(files[0]), "chb01-summary.txt")
	for _, tc := range []struct {
		args []string
		code int
		say  string
	}{
		{[]string{"train", "seizure-lstm", files[0], "--preictal", "100"}, exitUsage, "needs --seizures"},
		{[]string{"train", "seizure-lstm", files[0], "--seizures", "seizure", "--horizon", "3000"}, exitUsage, "must rise"},
		{[]string{"train", "seizure-lstm", files[0], "--seizures", "seizure", "--most", "-1"}, exitUsage, "must be at least 0"},
		{[]string{"train", "csp-lda", files[0], "--seizures", "seizure"}, exitUsage, "ictal: ictal"},
		{[]string{"train", "kalman-velocity", files[0], "--seizures", "seizure"}, exitUsage, "section target"},
		{[]string{"train", "seizure-lstm", files[0], files[1], "--seizures", "seizure"}, exitRefused, "interictal"}, // nothing is 4 h away
	} {
		if code, _, errs := run(t, tc.args...); code != tc.code || !strings.Contains(errs, tc.say) {
			t.Errorf("%v: exit %d, must be %d with %q: %s", tc.args, code, tc.code, tc.say, errs)
		}
	}
	text := string(mustRead(t, broken))
	if err := os.WriteFile(broken, []byte(strings.Replace(text, "Seizure End", "Seizure Fnd", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := run(t, "train", "seizure-lstm", files[0], "--seizures", "seizure"); code != exitRefused || !strings.Contains(errs, "chb01-summary.txt: line") {
		t.Errorf("a broken summary: exit %d: %s", code, errs)
	}
}

// TestThin: what stays of a class is spread over all of it.
func TestThin(t *testing.T) {
	var events []signal.Event
	for i := range 1000 {
		events = append(events, signal.Event{Sample: int64(i), Label: []string{"a", "b"}[min(i%20, 1)]})
	}
	kept, left := thin(events, 100)
	n, last := map[string]int{}, -1
	for _, e := range kept {
		n[e.Label]++
		if e.Label == "b" {
			if last >= 0 && (e.Sample-int64(last) > 12) {
				t.Errorf("none between %d and %d", last, e.Sample)
			}
			last = int(e.Sample)
		}
	}
	if n["a"] != 50 || n["b"] != 100 || left != 850 {
		t.Errorf("%v stay, %d are left out", n, left)
	}
	if kept, left := thin(events, 0); len(kept) != 1000 || left != 0 {
		t.Errorf("%d, %d", len(kept), left)
	}
}
