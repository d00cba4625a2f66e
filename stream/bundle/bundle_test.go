package bundle

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func example() *Bundle {
	return &Bundle{
		Manifest: Manifest{
			Version: Version, Gyrus: "test", Spec: json.RawMessage(`{"decoder":{"use":"lda"}}`),
			Input:   Input{Rate: 160, Channels: []Channel{{"C3", signal.EEG, signal.Microvolt, &signal.Position{-0.065, -0.012, 0.064}, true}, {"C4", signal.EEG, signal.Microvolt, nil, false}}, Reference: "Cz"},
			Classes: []string{"feet", `fi"sts","sha256":"x`}, // a label that tries to look like the hash
			Data:    []Data{{Name: "S001R06.edf", SHA256: "ab", Trials: map[string]int{"feet": 7}}}, Seed: math.MaxUint64,
			Score: &Score{Split: "leave-one-run-out", Trials: 45, BalancedAccuracy: 0.95, CILow: 0.85, CIHigh: 0.99, Chance: 0.5},
		},
		State: signal.State{
			"features.0.filters": signal.NewArray([]float64{1, -2, math.SmallestNonzeroFloat64, math.Inf(1)}, 2, 2),
			"decoder.weights":    signal.NewArray([]float64{math.Pi}, 1),
			"decoder.scalar":     signal.NewArray([]float64{7}),
		},
	}
}

func TestRoundTrip(t *testing.T) {
	want := example()
	path := filepath.Join(t.TempDir(), "model.gyrus")
	if err := Write(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	want.State["decoder.scalar"] = signal.NewArray([]float64{7}, []int{}...)
	if raw, err := os.ReadFile(path); err != nil || fmt.Sprintf("%x", sha256.Sum256(raw)) != got.SHA256 {
		t.Errorf("the hash is %q (%v), want that of the file", got.SHA256, err)
	}
	if d := cmp.Diff(want, got, cmpopts.IgnoreFields(Bundle{}, "SHA256")); d != "" {
		t.Error(d)
	}
}

// TestEveryBit flips each bit of a bundle, cuts it at each byte and lengthens it: none of these may load.
func TestEveryBit(t *testing.T) {
	raw, err := Marshal(example())
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		for bit := range 8 {
			raw[i] ^= 1 << bit
			if _, err := Unmarshal(raw); err == nil {
				t.Fatalf("byte %d, bit %d flipped: loaded all the same", i, bit)
			}
			raw[i] ^= 1 << bit
		}
		if _, err := Unmarshal(raw[:i]); err == nil {
			t.Fatalf("cut at byte %d: loaded all the same", i)
		}
	}
	if _, err := Unmarshal(append(raw[:len(raw):len(raw)], 0)); err == nil {
		t.Error("a byte more: loaded all the same")
	}
	if _, err := Unmarshal(raw); err != nil {
		t.Errorf("unaltered: %v", err)
	}
}

func TestReadSaysWhichFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.gyrus")
	if err := os.WriteFile(path, []byte("no bundle at all, only a line of text"), 0o600); err != nil {
		t.Fatal(err)
	}
	var bad *ReadError
	if _, err := Read(path); !errors.As(err, &bad) || bad.File != path {
		t.Errorf("got %v, want a ReadError that names %s", err, path)
	}
}

func FuzzUnmarshal(f *testing.F) {
	raw, err := Marshal(example())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(raw[:40])
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := Unmarshal(data)
		if err != nil {
			return
		}
		if _, err := Marshal(b); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
	})
}

// TestNoBundle: what is no bundle is refused by its first bytes, however large it is.
func TestNoBundle(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.gyrus")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 3<<30); err != nil { // mostly a hole
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Read(path)
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "no bundle") || after.TotalAlloc-before.TotalAlloc > 1<<20 {
		t.Errorf("3 GiB of zeros: %v, %d bytes of memory", err, after.TotalAlloc-before.TotalAlloc)
	}
	if _, err := Read(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is no file but a folder") {
		t.Errorf("a folder: %v", err)
	}
}

// TestUnlikeWhere: where and in what the training recordings are unlike the rest, in words; of models from before it was kept, how many.
func TestUnlikeWhere(t *testing.T) {
	r := Rest{Held: 12}
	for _, c := range []struct {
		u    *Unlike
		want string
	}{
		{nil, "12 windows of the training recordings are unlike the rest"},
		{
			&Unlike{Windows: 100, Trials: 30, Held: 10, Away: []Away{{"Oz", AwayPower, 5.25}, {"O1", AwayMobility, -3}, {"C3", AwayFlat, 0}}},
			"12 of 100 windows of the training recordings are unlike the rest, 10 of the 30 in trials and 2 of the 70 between them; farthest, in standard deviations of the rest: Oz power +5.2, O1 mobility -3.0, C3 flat",
		},
	} {
		if r.Unlike = c.u; r.UnlikeWhere() != c.want {
			t.Errorf("%q, want %q", r.UnlikeWhere(), c.want)
		}
	}
	if got := new(Rest).UnlikeWhere(); got != "" {
		t.Errorf("nothing is unlike: %q", got)
	}
}
