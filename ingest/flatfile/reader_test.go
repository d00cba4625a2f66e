package flatfile_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/flatfile"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestLayouts reads the same numbers from every way to lay them out, with a gap, in records shorter and longer than the reader's
// block of 1 MiB.
func TestLayouts(t *testing.T) {
	const channels, n, header = 3, 240_000, 100
	value := func(ch, k int64) int16 { return int16(k*7 + ch*1000 - 30000) }
	for _, per := range []int64{1, 5, 1000, n} {
		t.Run(fmt.Sprintf("%d in a record", per), func(t *testing.T) {
			data := make([]byte, header, header+2*channels*n)
			for r := range int64(n) / per {
				for ch := range int64(channels) {
					for k := range per {
						data = binary.LittleEndian.AppendUint16(data, uint16(value(ch, r*per+k)))
					}
				}
			}
			open := func() (*signal.Recording, error) {
				f, err := fstest.MapFS{"x": {Data: data}}.Open("x")
				if err != nil {
					return nil, err
				}
				src, err := flatfile.NewSource(f.(ingest.File), "x", nil)
				if err != nil {
					return nil, err
				}
				lay := flatfile.Layout{Record: 2 * channels * per, PerRecord: per}
				rec := &signal.Recording{Name: "x", Format: "test", Info: &signal.Info{Rate: 100}, Closer: f}
				for ch := range int64(channels) {
					lay.Columns = append(lay.Columns, flatfile.Column{At: 2 * ch * per, Step: 2, Type: flatfile.Int16, Gain: 0.5, Offset: float64(ch)})
					rec.Info.Channels = append(rec.Info.Channels, signal.Channel{Name: strconv.FormatInt(ch, 10), Kind: signal.Misc})
				}
				line := flatfile.Whole(n)
				line.Break(100_003, 40)
				lay.At, lay.Runs = header, line
				rec.Spans, rec.Len = lay.Spans()
				rec.Data = flatfile.NewReader(src, lay)
				return rec, nil
			}
			ingesttest.Run(t, open)
			rec, err := open()
			if err != nil {
				t.Fatal(err)
			}
			k := int64(0)
			for _, s := range rec.Runs() {
				x := make([][]float64, channels)
				for ch := range x {
					x[ch] = make([]float64, s.Len)
				}
				if err := rec.Data.ReadSamples(x, s.Start); err != nil {
					t.Fatal(err)
				}
				for i := range x[0] {
					for ch := range x {
						if want := float64(value(int64(ch), k))*0.5 + float64(ch); x[ch][i] != want {
							t.Fatalf("sample %d of the file, channel %d: %g, want %g", k, ch, x[ch][i], want)
						}
					}
					k++
				}
			}
			if k != n || rec.Len != n+40 {
				t.Errorf("%d samples of %d, want %d of %d", k, rec.Len, n, n+40)
			}
		})
	}
}

func TestNumber(t *testing.T) {
	for typ, want := range map[flatfile.Type]float64{
		flatfile.Int8: -2, flatfile.Uint8: 254, flatfile.Int16: -2, flatfile.Uint16: 65534, flatfile.Int24: -2, flatfile.Uint24: 1<<24 - 2,
		flatfile.Int32: -2, flatfile.Uint32: 1<<32 - 2, flatfile.Int64: -2, flatfile.Uint64: math.MaxUint64,
	} {
		b := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
		little := append([]byte{0xfe}, b[1:]...)
		big := append([]byte{}, b[:typ.Width()]...)
		big[len(big)-1] = 0xfe
		if x, y := flatfile.Number(little, typ, false), flatfile.Number(big, typ, true); x != want || y != want {
			t.Errorf("type %d: %g and %g, want %g", typ, x, y, want)
		}
	}
}

func TestSourceRead(t *testing.T) {
	f, err := fstest.MapFS{"x": {Data: []byte("abc")}}.Open("x")
	if err != nil {
		t.Fatal(err)
	}
	src, err := flatfile.NewSource(f.(ingest.File), "x", nil)
	if err != nil {
		t.Fatal(err)
	}
	var format *ingest.FormatError
	if _, err := src.Bytes(1, 3, "field"); !errors.As(err, &format) || format.Offset != 1 {
		t.Errorf("the error is %v", err)
	}
	for range 3 {
		src.Deviate(1, "field", "rule", "found", "assumed")
	}
	if d := src.Deviations(); len(d) != 1 || d[0].Found != "found; 2 more like it" {
		t.Errorf("%+v", d)
	}
}
