package cli

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
)

// TestEarlyBegin: the begin of a recording is kept by tables whose times are nanoseconds since 1970, also before 2001.
func TestEarlyBegin(t *testing.T) {
	in := datasettest.Need(t, "formats/ecog/sample_ecog.edf") // of 2000
	begin := func(path string) string {
		code, out, errs := run(t, "info", "--json", path)
		var v struct{ Begin string }
		if err := json.Unmarshal([]byte(out), &v); code != 0 || err != nil {
			t.Fatalf("info %s: %d, %v, %s", path, code, err, errs)
		}
		return v.Begin
	}
	want := begin(in)
	if !strings.HasPrefix(want, "2000-01-12T12:01:01.7") {
		t.Fatalf("the EDF begins %q", want)
	}
	for _, ending := range []string{"arrow", "parquet"} {
		out := filepath.Join(t.TempDir(), "x."+ending)
		if code, _, errs := run(t, "convert", in, out); code != 0 {
			t.Fatalf("convert: %d, %s", code, errs)
		}
		if got := begin(out); got[:22] != want[:22] {
			t.Errorf("%s begins %q, want %q", ending, got, want)
		}
	}
}

// TestAssumedUnits: a unit that the user knows takes the place of the one in the file, whatever the format: the amplitudes of
// these two recordings tell that theirs is wrong.
func TestAssumedUnits(t *testing.T) {
	for _, name := range []string{"xdf/openbci-lsl/session-1.xdf", "ssvep-exo/subject01/record-[2012.07.06-19.02.16].gdf"} {
		path, err := filepath.Glob(strings.NewReplacer("[", "\\[", "]", "\\]").Replace(datasettest.Need(t, name)))
		if err != nil || len(path) != 1 {
			t.Fatalf("%s: %v, %v", name, path, err)
		}
		answers := map[int]bool{}
		for _, unit := range []string{"nV", "uV", "mV", "V"} {
			code, out, errs := run(t, "info", path[0], "--units-policy", "assume:"+unit)
			answers[code] = true
			if strings.Contains(errs, "does not tell the unit") {
				t.Errorf("%s as %s: %s", name, unit, errs)
			}
			if code == 0 && !strings.Contains(out+errs, "by --units-policy") {
				t.Errorf("%s as %s: nothing says what was assumed", name, unit)
			}
		}
		if !answers[0] {
			t.Errorf("%s: no unit is taken", name)
		}
	}
}

// TestMapWithoutPositions is an error that says what helps.
func TestMapWithoutPositions(t *testing.T) {
	in := filepath.Join(t.TempDir(), "x.csv")
	var b strings.Builder
	b.WriteString("t,Fp1\n")
	for i := range 2000 {
		b.WriteString(number(float64(i)/200) + "," + number(float64(i%40)-20) + "\n")
	}
	mapping := "time: {column: t, unit: s}\nchannels: [{column: Fp1, name: electrode 1, kind: eeg, unit: uV}]\n"
	for name, text := range map[string]string{in: b.String(), in + ".gyrus.yaml": mapping} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	code, _, errs := run(t, "plot", in, "--kind", "topo", "-o", filepath.Join(t.TempDir(), "x.svg"))
	if code != exitRefused || !strings.Contains(errs, "no position is known for") || !strings.Contains(errs, "--electrodes") {
		t.Errorf("exit code %d: %s", code, errs)
	}
}

// TestTwoLabels: two channels of one label are written with names that differ, and that is listed.
func TestTwoLabels(t *testing.T) {
	out := filepath.Join(t.TempDir(), "x.vhdr")
	code, text, errs := run(t, "convert", datasettest.Need(t, "formats/edf/duplicate_channel_labels.edf"), out)
	if code != 0 || !strings.Contains(text, "no other channel has it") {
		t.Fatalf("convert: %d, %s%s", code, text, errs)
	}
	header, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, line := range strings.Split(string(header), "\r\n") {
		if _, rest, ok := strings.Cut(line, "="); ok && strings.HasPrefix(line, "Ch") && strings.Count(rest, ",") >= 3 {
			label, _, _ := strings.Cut(rest, ",")
			if seen[label] {
				t.Errorf("two channels are called %q", label)
			}
			seen[label] = true
		}
	}
	if len(seen) < 2 {
		t.Errorf("%d channels in the header", len(seen))
	}
}

// TestBIDSUnitOverridden: a channel to which the table of a tree gives another unit than the header of its file has the same
// values in the tree that is written from it: the file is not copied, whose header would say otherwise.
func TestBIDSUnitOverridden(t *testing.T) {
	root, again := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	in := datasettest.Need(t, "eegmmidb/S001/S001R01.edf")
	if code, _, errs := run(t, "convert", "--bids", in, root, "--subject", "01", "--task", "x"); code != 0 {
		t.Fatalf("%d, %s", code, errs)
	}
	table := filepath.Join(root, "sub-01", "eeg", "sub-01_task-x_channels.tsv")
	text, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for i, line := range lines { // an EOG channel in mV, whatever its header says
		if strings.HasPrefix(line, "Fpz") {
			lines[i] = strings.Replace(line, "EEG\t\u00b5V", "EOG\tmV", 1)
		}
	}
	if err := os.WriteFile(table, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := run(t, "convert", "--bids", root, again); code != 0 {
		t.Fatalf("%d, %s", code, errs)
	}
	sample := func(path string) float64 {
		t.Helper()
		rec, err := opener{}.openSignals(path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = rec.Close() }()
		x := make([][]float64, len(rec.Info.Channels))
		for ch := range x {
			x[ch] = make([]float64, 100)
		}
		if err := rec.Data.ReadSamples(x, 0); err != nil {
			t.Fatal(err)
		}
		return x[rec.Info.Index("Fpz")][50]
	}
	one := func(dir string) string {
		for _, ending := range []string{"edf", "bdf", "vhdr"} {
			path := filepath.Join(dir, "sub-01", "eeg", "sub-01_task-x_eeg."+ending)
			if _, err := os.Stat(path); err == nil {
				return path
			}
		}
		t.Fatalf("no recording in %s", dir)
		return ""
	}
	plain, first, second := sample(in), sample(one(root)), sample(one(again))
	if math.Abs(first-1000*plain) > 1e-6*math.Abs(first) || plain == 0 {
		t.Fatalf("the table makes %g µV of %g, want a thousand times as much", first, plain)
	}
	if math.Abs(second-first) > 1e-4*math.Abs(first) {
		t.Errorf("%g µV in the tree are %g µV in the one written from it", first, second)
	}
}

// TestNearlyAllReturns: text-mode damage of which one byte was taken back is no recording, and is repaired to the same bytes.
func TestNearlyAllReturns(t *testing.T) {
	folder, err := os.ReadDir(datasettest.Need(t, "formats/edf/crlf-corrupt/S001"))
	if err != nil {
		t.Fatal(err)
	}
	var data []byte
	for _, f := range folder {
		if strings.HasSuffix(f.Name(), ".edf") {
			if data, err = os.ReadFile(datasettest.Need(t, "formats/edf/crlf-corrupt/S001/"+f.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	at := bytes.Index(data[5000:], []byte("\r\n")) + 5000
	path, out := filepath.Join(t.TempDir(), "x.edf"), filepath.Join(t.TempDir(), "fixed.edf")
	if err := os.WriteFile(path, slices.Delete(slices.Clone(data), at, at+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := run(t, "info", path); code != exitRefused || !strings.Contains(errs, "text-mode transfer") {
		t.Errorf("info: exit code %d, %s", code, errs)
	}
	// Without the returns that are left it has the bytes that the header promises: it is what was sent.
	if code, _, errs := run(t, "fix", path, out); code != 0 {
		t.Fatalf("fix: exit code %d, %s", code, errs)
	}
	all, want := filepath.Join(t.TempDir(), "all.edf"), filepath.Join(t.TempDir(), "want.edf")
	if err := os.WriteFile(all, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := run(t, "fix", all, want); code != 0 {
		t.Fatalf("fix: exit code %d, %s", code, errs)
	}
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if wanted, err := os.ReadFile(want); err != nil || !bytes.Equal(got, wanted) {
		t.Errorf("the repaired copy is another than that of the whole damage (%v)", err)
	}
}

// TestCutEventTable: of a table of events that was cut, those that are whole are read.
func TestCutEventTable(t *testing.T) {
	data, err := os.ReadFile(datasettest.Need(t, "ssvep-exo/subject01/record-[2012.07.06-19.02.16].gdf"))
	if err != nil {
		t.Fatal(err)
	}
	count := func(cut int) int {
		path := filepath.Join(t.TempDir(), "x.gdf")
		if err := os.WriteFile(path, data[:len(data)-cut], 0o600); err != nil {
			t.Fatal(err)
		}
		var v struct{ Events []any }
		mustJSON(t, &v, "info", path, "--json")
		return len(v.Events)
	}
	if all, some := count(0), count(30); all < 90 || some != all-15 {
		t.Errorf("%d events, %d behind a cut of 15 codes of 2 bytes", all, some)
	}
	dir := t.TempDir()
	cut := filepath.Join(dir, "cut.gdf")
	if err := os.WriteFile(cut, data[:len(data)/2], 0o600); err != nil { // within the samples: none are there
		t.Fatal(err)
	}
	for _, args := range [][]string{{cut, filepath.Join(dir, "x.arrow")}, {"--bids", "--subject", "1", "--task", "x", cut, filepath.Join(dir, "study")}} {
		if code, _, errs := run(t, append([]string{"convert"}, args...)...); code != exitIncomplete || !strings.Contains(errs, "there are no events") {
			t.Errorf("convert %q: exit code %d: %s", args, code, errs)
		}
	}
}
