package xdf_test

import (
	"encoding/binary"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// longs is a sample of int64 with a stamp.
func longs(t float64, values ...int64) string {
	b := []byte("\x08" + f64(t))
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	return string(b)
}

const rounded = "more than 53 significant bits"

// found is what is listed about values of int64 that are no float64, "" where nothing is.
func found(rec *signal.Recording) string {
	i := slices.IndexFunc(rec.Deviations, func(d signal.Deviation) bool { return strings.Contains(d.Rule, rounded) })
	if i < 0 {
		return ""
	}
	return rec.Deviations[i].Found
}

// TestInt64: values that are no float64 are rounded to the nearest, and that is listed: of which channel, how many, and the largest. Each
// value is held against big.Float, which has room for all of them.
func TestInt64(t *testing.T) {
	const limit = 1 << 53
	values := []int64{0, 1, -1, limit, -limit, limit + 1, -limit - 1, limit + 2, limit + 3, -(limit + 3), 1 << 62, 1<<62 + 1, math.MaxInt64, math.MinInt64, math.MinInt64 + 1, 3 << 60}
	var rows []string
	wrong, largest := 0, new(big.Float)
	for i, v := range values {
		rows = append(rows, longs(float64(i)/10, int64(i), v))
		exact := new(big.Float).SetPrec(64).SetInt64(v)
		if f, _ := exact.Float64(); exact.Cmp(big.NewFloat(f)) != 0 {
			if wrong++; new(big.Float).Abs(exact).Cmp(new(big.Float).Abs(largest)) > 0 {
				largest = exact
			}
		}
	}
	rec := open(t, file(streamHeader(1, "counter", "EEG", "int64", "10", 2, ""), samples(1, rows...)))
	x := [][]float64{make([]float64, len(values)), make([]float64, len(values))}
	if err := rec.Data.ReadSamples(x, 0); err != nil {
		t.Fatal(err)
	}
	for i, v := range values {
		want, _ := new(big.Float).SetPrec(64).SetInt64(v).Float64()
		if x[0][i] != float64(i) || x[1][i] != want {
			t.Errorf("sample %d is %g and %.20g, want %d and %.20g", i, x[0][i], x[1][i], i, want)
		}
	}
	text, _ := largest.Int(nil)
	if wrong != 7 || text.String() != "9223372036854775807" {
		t.Fatalf("%d values of the test are no float64, the largest %s", wrong, text)
	}
	if got, want := found(rec), `"channel 2": 7 of 16 samples, the largest 9223372036854775807`; got != want {
		t.Errorf("listed is %q, want %q", got, want)
	}
}

// TestInt64Small: what float64 holds is not listed.
func TestInt64Small(t *testing.T) {
	rec := open(t, file(streamHeader(1, "counter", "EEG", "int64", "10", 1, ""), samples(1, longs(0, 1<<53), longs(0.1, -1<<60), longs(0.2, math.MinInt64))))
	if got := found(rec); got != "" {
		t.Errorf("listed is %q, and all of them are float64", got)
	}
}

// TestInt64Channels: many channels are counted behind the first eight.
func TestInt64Channels(t *testing.T) {
	row := []int64{1<<53 + 1, -1<<53 - 1, 1<<53 + 3, 1<<53 + 5, 1<<53 + 7, 1<<53 + 9, 1<<53 + 11, 1<<53 + 13, 1<<53 + 15}
	rec := open(t, file(streamHeader(1, "counter", "EEG", "int64", "10", len(row), ""), samples(1, longs(0, row...))))
	got := found(rec)
	if !strings.Contains(got, `"channel 2": 1 of 1 samples, the largest -9007199254740993`) || strings.Contains(got, `"channel 9"`) || !strings.HasSuffix(got, "; 1 more channels") {
		t.Errorf("listed is %q", got)
	}
}

// TestInt64Events: an irregular stream of whole numbers is events whose labels have all digits.
func TestInt64Events(t *testing.T) {
	rec := open(t, file(streamHeader(1, "E", "EEG", "int16", "10", 1, ""), samples(1, at(0, 1), at(0.1, 2)),
		streamHeader(2, "codes", "Markers", "int64", "0", 1, ""), samples(2, longs(0, 1<<53+1), longs(0.1, 100_000_000), longs(0.1, -7))))
	var got []string
	for _, e := range rec.Events {
		got = append(got, e.Label)
	}
	if want := []string{"9007199254740993", "100000000", "-7"}; !slices.Equal(got, want) {
		t.Errorf("the labels are %q, want %q", got, want)
	}
	if got := found(rec); got != "" {
		t.Errorf("listed is %q, and nothing is rounded", got)
	}
}
