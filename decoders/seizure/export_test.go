package seizure

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
)

// compile builds the exported network with its harness. Without a C compiler the test is skipped.
func compile(t *testing.T, m *Model) string {
	t.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("skipped: there is no C compiler (cc) on this machine")
	}
	c, err := m.C("net", []string{"a note */ with an end in it"})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string][]byte{"net.h": c.Header, "net.c": c.Source, "main.c": c.Harness} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	exe := filepath.Join(dir, "net")
	out, err := exec.Command(cc, "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-O2", "-fsanitize=undefined", "-fno-sanitize-recover=undefined",
		"-o", exe, filepath.Join(dir, "net.c"), filepath.Join(dir, "main.c")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return exe
}

// compare streams blocks [channels, stretch] through C and windows of them through Go: every logit must be the same.
func compare(t *testing.T, m *Model, blocks [][]int16) (windows int) {
	t.Helper()
	exe := compile(t, m)
	var in, out, errs bytes.Buffer
	for _, b := range blocks {
		if err := binary.Write(&in, binary.NativeEndian, b); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(exe)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &in, &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	r := m.Report()
	if want := fmt.Sprintf("ram %d\n", r.RAM.State+r.RAM.Buffers); errs.String() != want {
		t.Errorf("C says %q, the report %q", errs.String(), want)
	}
	n, got := len(m.Classes), make([]int16, out.Len()/2)
	if err := binary.Read(&out, binary.NativeEndian, got); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(blocks)*(n+1) {
		t.Fatalf("%d numbers came out for %d blocks", len(got), len(blocks))
	}
	stretch, need := m.front.stretch, m.blocks()
	win, logits := make([]int16, m.front.channels*m.front.samples), make([]int16, n)
	for i := range blocks {
		answer := got[i*(n+1) : (i+1)*(n+1)]
		if (answer[0] == 1) != (i >= need-1) {
			t.Fatalf("block %d: answered %d", i, answer[0])
		}
		if i < need-1 {
			continue
		}
		for ch := range m.front.channels {
			for k := range need {
				copy(win[ch*m.front.samples+k*stretch:][:stretch], blocks[i-need+1+k][ch*stretch:])
			}
		}
		m.Run(logits, win)
		for k, v := range logits {
			if answer[1+k] != v {
				t.Fatalf("block %d: C has the logits %v, Go %v", i, answer[1:], logits)
			}
		}
		windows++
	}
	return windows
}

// randomBlocks are noise of every size, up to full scale, with silence and square waves between.
func randomBlocks(n, channels, stretch int) [][]int16 {
	rng := rand.New(rand.NewPCG(11, 12))
	out := make([][]int16, n)
	for i := range out {
		out[i] = make([]int16, channels*stretch)
		size := []float64{0, 3, 100, 300, 1000, 30000}[rng.IntN(6)]
		for j := range out[i] {
			switch rng.IntN(40) * (i % 4) {
			case 1:
				out[i][j] = []int16{-32768, 32767}[rng.IntN(2)]
			default:
				out[i][j] = int16(min(max(size*rng.NormFloat64(), -32768), 32767))
			}
		}
	}
	return out
}

// TestC: what the C compiler makes of the export gives the integers of Go, bit for bit.
func TestC(t *testing.T) {
	for _, name := range []string{"edge_dnn", "edge_cnn", "edge_lstm"} {
		for _, tc := range []struct {
			params            string
			channels, samples int
			rate              float64
		}{
			{`{"epochs": 1}`, 18, 1024, 256},
			{`{"epochs": 4, "prune": 0.6, "fine_tune_epochs": 2}`, 5, 500, 125},
		} {
			m := model(t, fitted(t, name, tc.params, tc.channels, tc.samples, tc.rate))
			n := compare(t, m, randomBlocks(40, tc.channels, int(tc.rate)))
			t.Logf("%s %s, %d channels at %g Hz: %d windows with equal logits", name, tc.params, tc.channels, tc.rate, n)
		}
	}
}

// TestCOnARecording is the same on EEG.
func TestCOnARecording(t *testing.T) {
	rec := datasettest.Whole(t, "eegmmidb/S001/S001R14.edf")
	const channels, stretch, lsb = 18, 160, 0.1
	var blocks [][]int16
	for at := 0; at+stretch <= rec.Len(); at += stretch {
		b := make([]int16, channels*stretch)
		for ch := range channels {
			for k := range stretch {
				b[ch*stretch+k] = int16(min(max(roundAway(rec.X[ch][at+k]/lsb), -32767), 32767))
			}
		}
		blocks = append(blocks, b)
	}
	for _, name := range []string{"edge_dnn", "edge_cnn", "edge_lstm"} {
		n := compare(t, model(t, fitted(t, name, `{"epochs": 2}`, channels, 4*stretch, stretch)), blocks)
		t.Logf("%s: %d windows with equal logits", name, n)
	}
}

// TestStack measures the frames of the exported code. Functions do not call themselves, so no chain of calls is deeper than
// all frames together; what an interrupt pushes must fit as well. The machine's compiler stands for that of a microcontroller,
// which is used as well where it is there.
func TestStack(t *testing.T) {
	frame := regexp.MustCompile(`:([a-z0-9_.]+)\t(\d+)\t(static|dynamic|dynamic,bounded)\n`)
	for _, name := range []string{"edge_dnn", "edge_cnn", "edge_lstm"} {
		for _, params := range []string{`{"epochs": 1}`, `{"epochs": 1, "prune": 0.6}`} {
			c, err := model(t, fitted(t, name, params, 18, 1024, 256)).C("net", nil)
			if err != nil {
				t.Fatal(err)
			}
			measured := 0
			for _, cc := range [][]string{{"gcc"}, {"arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-ffreestanding"}} {
				exe, err := exec.LookPath(cc[0])
				if err != nil {
					continue
				}
				dir := t.TempDir()
				for file, text := range map[string][]byte{"net.h": c.Header, "net.c": c.Source} {
					if err := os.WriteFile(filepath.Join(dir, file), text, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				cmd := exec.Command(exe, append(cc[1:], "-std=c99", "-O2", "-fstack-usage", "-c", "net.c")...)
				cmd.Dir = dir
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				usage, err := os.ReadFile(filepath.Join(dir, "net.su"))
				if err != nil {
					t.Fatal(err)
				}
				sum := 0
				for _, m := range frame.FindAllStringSubmatch(string(usage), -1) {
					n, err := strconv.Atoi(m[2])
					if err != nil || m[3] == "dynamic" { // without a bound
						t.Errorf("%s: the frame of %s is %s (%s), must have a bound", cc[0], m[1], m[2], m[3])
					}
					sum += n
				}
				const interrupt = 104
				t.Logf("%s %s, %s: all frames together %d bytes", name, params, cc[0], sum)
				if sum == 0 || sum+interrupt > StackBytes {
					t.Errorf("%s %s, %s: all frames together are %d bytes, an interrupt pushes %d, the report has %d:\n%s", name, params, cc[0], sum, interrupt, StackBytes, usage)
				}
				measured++
			}
			if measured == 0 {
				t.Skip("skipped: neither gcc nor arm-none-eabi-gcc is on this machine")
			}
		}
	}
}

func TestCErrors(t *testing.T) {
	m := model(t, fitted(t, "edge_dnn", `{"epochs": 1}`, 2, 300, 128))
	if _, err := m.C("net", nil); err == nil {
		t.Error("a window of 2.3 s is no error")
	}
	m = model(t, fitted(t, "edge_dnn", `{"epochs": 1}`, 2, 256, 128))
	for _, name := range []string{"", "Net", "1net", "a-b", "a b", "x;"} {
		if _, err := m.C(name, nil); err == nil {
			t.Errorf("the name %q is no error", name)
		}
	}
}
