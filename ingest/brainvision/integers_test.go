package brainvision_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	_ "github.com/gyrus-bci/gyrus/ingest/edf"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// measured is n samples of channels that an amplifier with these gains in µV may have given, of both ends of its range too.
func measured(n int64, gains ...float64) *signal.Recording {
	rng := rand.New(rand.NewPCG(5, 6))
	rec := &signal.Recording{Name: "x", Len: n, Info: &signal.Info{Rate: 500}}
	data := make(signal.Memory, len(gains))
	for ch, gain := range gains {
		name := fmt.Sprintf("x%d", ch)
		rec.Info.Channels = append(rec.Info.Channels, signal.Channel{Name: name, Original: name, Kind: signal.EEG, Unit: signal.Microvolt})
		for k := range n {
			d := float64(int16(rng.IntN(2000) - 1000))
			switch k {
			case n - 1:
				d = math.MaxInt16
			case n - 2:
				d = math.MinInt16
			}
			data[ch] = append(data[ch], d*gain)
		}
	}
	rec.Data = data
	return rec
}

// written writes a recording and returns its header, the recording that is read again, and what was lost.
func written(t *testing.T, rec *signal.Recording) (header string, again *signal.Recording, dir string) {
	t.Helper()
	w, err := ingest.WriterFor("brainvision", "")
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	if _, err := ingest.WriteFile(filepath.Join(dir, "new.vhdr"), w, rec, false); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "new.vhdr"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text), open(t, os.DirFS(dir), "new.vhdr"), dir
}

// equal compares every bit of the samples.
func equal(t *testing.T, got, want *signal.Recording) {
	t.Helper()
	x, y := all(t, got), all(t, want)
	for ch := range y {
		for k := range y[ch] {
			if x[ch][k] != y[ch][k] {
				t.Fatalf("channel %d sample %d is %v, want %v", ch, k, x[ch][k], y[ch][k])
			}
		}
	}
}

// TestIntegers: what comes from integers of 16 bits is written as such, and comes back in all bits, also where float32 would not
// hold it.
func TestIntegers(t *testing.T) {
	rec := measured(40_000, 0.1, 0.0488281, 1./3, 0.195, 16382./65528, 1e6/24/(1<<23), 3276.7/32768)
	header, again, _ := written(t, rec)
	if !strings.Contains(header, "BinaryFormat=INT_16") || !strings.Contains(header, "Ch1=x0,,0.1,µV\r\n") || !strings.Contains(header, "Ch2=x1,,0.0488281,µV\r\n") {
		t.Errorf("the header is\n%s", header)
	}
	equal(t, again, rec)
}

// TestNoIntegers: what would be rounded, or does not fit, is float32 as before.
func TestNoIntegers(t *testing.T) {
	for name, change := range map[string]func(x []float64){
		"filtered": func(x []float64) {
			for k := range x {
				x[k] = math.Sin(float64(k))
			}
		},
		"one that is between":        func(x []float64) { x[30_000] += 0.04 },
		"one bit":                    func(x []float64) { x[30_000] = math.Nextafter(x[30_000], 1e9) },
		"17 bits":                    func(x []float64) { x[30_000] = 40_000 * 0.1 },
		"17 bits in the first block": func(x []float64) { x[3] = 0.1 * (1 << 17) },
		"an offset": func(x []float64) {
			for k := range x {
				x[k] += 0.03
			}
		},
		"not a number": func(x []float64) { x[5] = math.NaN() },
	} {
		rec := measured(40_000, 0.1)
		change(rec.Data.(signal.Memory)[0])
		if header, _, _ := written(t, rec); !strings.Contains(header, "BinaryFormat=IEEE_FLOAT_32") || !strings.Contains(header, "Ch1=x0,,1,µV\r\n") {
			t.Errorf("%s: the header is\n%s", name, header)
		}
	}
	rec := measured(100, 0.1, 1)
	rec.Data.(signal.Memory)[1] = make([]float64, 100) // flat
	header, again, _ := written(t, rec)
	if !strings.Contains(header, "INT_16") {
		t.Errorf("a flat channel: the header is\n%s", header)
	}
	equal(t, again, rec)
}

// TestIntegersReal: recordings of amplifiers.
func TestIntegersReal(t *testing.T) {
	for _, name := range []string{"eegmmidb/S001/S001R04.edf", "formats/brainvision/test.vhdr"} {
		path := datasettest.Need(t, name)
		rec := open(t, os.DirFS(filepath.Dir(path)), filepath.Base(path))
		header, again, _ := written(t, rec)
		if !strings.Contains(header, "BinaryFormat=INT_16") {
			t.Errorf("%s: not as integers", name)
		}
		equal(t, again, rec)
	}
}

// TestPeerReadsWritten: MNE reads what is written, in both formats, as the same values.
func TestPeerReadsWritten(t *testing.T) {
	python := os.Getenv("GYRUS_BRAINVISION_PYTHON")
	if python == "" {
		t.Skip("GYRUS_BRAINVISION_PYTHON is not set: make interop-brainvision runs this test with MNE")
	}
	float := measured(500, 0.1, 0.2)
	float.Data.(signal.Memory)[1][7] = 1. / 3
	for name, rec := range map[string]*signal.Recording{"INT_16": measured(500, 0.1, 0.0488281, 1./3), "IEEE_FLOAT_32": float} {
		rec.Texts = []signal.Text{
			{Field: "odd", Text: "[Comment]\n[Channel Infos]\nCh1=x; 100 % = \u00e4"},
			{Field: "Comment", Text: "S o f t w a r e\r\n\r\n[x] = 1", Personal: true},
			{Field: "Comment", Text: "of two\r\nlines = 2", Personal: true},
			{Field: "device", Channel: "A", Text: "x"},
		}
		header, again, dir := written(t, rec)
		if !strings.Contains(header, "BinaryFormat="+name) {
			t.Fatalf("%s: the header is\n%s", name, header)
		}
		cmd := exec.CommandContext(t.Context(), python, "-c", "import sys, json, mne; print(json.dumps(mne.io.read_raw_brainvision(sys.argv[1], verbose='error').get_data().tolist()))", filepath.Join(dir, "new.vhdr"))
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		var volts [][]float64
		if err := json.Unmarshal(out, &volts); err != nil {
			t.Fatal(err)
		}
		for ch, x := range all(t, again) {
			for k, v := range x {
				if d := math.Abs(volts[ch][k]*1e6 - v); d > 4e-16*math.Abs(v) { // MNE multiplies in volts
					t.Fatalf("%s: channel %d sample %d: MNE reads %v V, want %v µV", name, ch, k, volts[ch][k], v)
				}
			}
		}
	}
}
