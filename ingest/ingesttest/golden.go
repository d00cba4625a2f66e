package ingesttest

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Golden is what another program reads in a file. The scripts beside the golden values write it as JSON.
type Golden struct {
	Rate     float64  `json:"rate_hz"`
	Samples  int64    `json:"samples"` // in all runs, without gaps
	Begin    string   `json:"begin"`   // RFC 3339, "" where unknown
	Channels []string `json:"channels"`
	// Scale is what a stored number is multiplied with: in volts for the channels that are µV here, in the channel's own unit
	// for the others. Zero is what is subtracted before, Offset what is added then, nothing where they are empty.
	Zero        []float64    `json:"zero"`
	Scale       []float64    `json:"scale"`
	Offset      []float64    `json:"offset"`
	Float       bool         `json:"float"`  // stored numbers are float32, otherwise whole
	Double      bool         `json:"double"` // stored numbers are float64, of which the float32 are compared
	Positions   [][3]float64 `json:"positions"`
	Annotations [][3]any     `json:"annotations"` // onset and duration in seconds, text
	// Hash is the SHA-256 of all stored numbers as little-endian float64, channel after channel.
	Hash string `json:"sha256_stored"`
}

// ReadGolden reads the files of a golden.json by name.
func ReadGolden(t *testing.T, name string) map[string]Golden {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var g struct {
		Files map[string]Golden `json:"files"`
	}
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Files) == 0 {
		t.Fatalf("%s has no files", name)
	}
	return g.Files
}

// Check compares rate, number of samples, labels, the begin, and every stored number, which it gets back from the samples in µV
// by dividing: they must be the same integers, or the same float32. Every sample of a channel must be, to the last bit, its
// stored number times one scale, plus one offset, and these must be the golden ones to ulps units in the last place: those are
// for volts, and the last bit of a scale in µV is lost on the way. Events are the caller's: what is an event differs between
// programs.
func (g Golden) Check(t *testing.T, rec *signal.Recording) {
	t.Helper()
	if math.Abs(rec.Info.Rate/g.Rate-1) > 1e-15 {
		t.Errorf("the rate is %v Hz, want %v", rec.Info.Rate, g.Rate)
	}
	begin := ""
	if !rec.Begin.IsZero() {
		begin = rec.Begin.UTC().Format(time.RFC3339Nano)
	}
	want, err := time.Parse(time.RFC3339Nano, g.Begin)
	if (err != nil) != (begin == "") || err == nil && !want.Equal(rec.Begin) {
		t.Errorf("it begins at %q, want %q", begin, g.Begin)
	}
	if len(rec.Info.Channels) != len(g.Channels) {
		t.Fatalf("%d channels, want %d", len(rec.Info.Channels), len(g.Channels))
	}
	for i, c := range rec.Info.Channels {
		if c.Original != g.Channels[i] {
			t.Errorf("channel %d is %q, want %q", i, c.Original, g.Channels[i])
		}
	}
	var parts [][][]float64
	n := int64(0)
	for _, s := range rec.Runs() {
		x := slab(len(rec.Info.Channels), int(s.Len))
		if err := rec.Data.ReadSamples(x, s.Start); err != nil {
			t.Fatal(err)
		}
		parts, n = append(parts, x), n+s.Len
	}
	if n != g.Samples {
		t.Fatalf("%d samples, want %d", n, g.Samples)
	}
	h := sha256.New()
	var b [8]byte
	for ch, c := range rec.Info.Channels {
		gain, offset, zero := g.Scale[ch], 0.0, 0.0
		if len(g.Offset) > 0 {
			offset = g.Offset[ch]
		}
		if len(g.Zero) > 0 {
			zero = g.Zero[ch]
		}
		if c.Unit == signal.Microvolt {
			gain, offset = gain*1e6, offset*1e6
		}
		var samples, numbers []float64
		for _, x := range parts {
			for _, v := range x[ch] {
				stored := (v-offset)/gain + zero
				if g.Float {
					stored = float64(float32(stored))
				} else {
					stored = math.Round(stored)
				}
				if stored == 0 {
					stored = 0 // the sign of 0 tells nothing
				}
				samples, numbers = append(samples, v), append(numbers, stored-zero)
				binary.LittleEndian.PutUint64(b[:], math.Float64bits(stored))
				h.Write(b[:])
			}
		}
		if !g.Double && !linear(samples, numbers, gain, offset) {
			t.Errorf("channel %q: no scale within %d units in the last place of %v, and offset of %v, gives every sample from its stored number", c.Original, ulps, gain, offset)
		}
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != g.Hash {
		t.Errorf("the stored numbers have the SHA-256 %s, want %s", got, g.Hash)
	}
}

const ulps = 1

// linear looks for one gain and one offset near the given ones by which numbers become samples, each step rounded once.
func linear(samples, numbers []float64, gain, offset float64) bool {
	for _, g := range near(gain) {
	next:
		for _, o := range near(offset) {
			for i, n := range numbers {
				if float64(n*g)+o != samples[i] {
					continue next
				}
			}
			return true
		}
	}
	return false
}

// near is x and its neighbours, the nearest first.
func near(x float64) []float64 {
	if x == 0 {
		return []float64{0}
	}
	all := []float64{x}
	up, down := x, x
	for range ulps {
		up, down = math.Nextafter(up, math.Inf(1)), math.Nextafter(down, math.Inf(-1))
		all = append(all, up, down)
	}
	return all
}
