package xdf

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/pages"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestStamps: what comes out is, bit for bit, what a list of all stamps has, wherever one looks.
func TestStamps(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, chunk := range []int64{1, 2, 33, 1024, 5000} {
		s := stamps{step: 1.0 / 300, expanded: newExpanded(0)}
		var want []float64
		for len(want) < 20_000 {
			at := 1000 * rng.Float64()
			s.push(at)
			want = append(want, at)
			n := rng.Int64N(chunk)
			last := s.deduce(n, at)
			for range n {
				at += s.step
				want = append(want, at)
			}
			if last != at {
				t.Fatalf("chunks up to %d: the last stamp is %g, want %g", chunk, last, at)
			}
		}
		look := func() {
			t.Helper()
			if s.n != int64(len(want)) {
				t.Fatalf("chunks up to %d: %d stamps, want %d", chunk, s.n, len(want))
			}
			for i, w := range want {
				if got := s.at(int64(i)); got != w {
					t.Fatalf("chunks up to %d: stamp %d is %v, want %v", chunk, i, got, w)
				}
			}
			var all []float64
			for i := int64(7); i < s.n-9; i = int64(7 + len(all)) {
				all = append(all, s.between(i, s.n-9)...)
			}
			if !slices.Equal(all, want[7:len(want)-9]) {
				t.Fatalf("chunks up to %d: between gives others", chunk)
			}
		}
		look()
		want = want[:len(want)-700]
		s.cut(int64(len(want)))
		look()
		moves := []move{{end: 1500, line: line{offset: 3, slope: 1e-5}}, {end: 1500}, {end: s.n, line: line{offset: -8, slope: -1e-4}}}
		var list pages.List[move]
		for _, m := range moves {
			list.Add(m)
		}
		s.move(list)
		for i, v := range want {
			if i < 1500 {
				want[i] = v + moves[0].at(v)
			} else {
				want[i] = v + moves[2].at(v)
			}
		}
		look()
		for range 1000 { // here and there
			i := rng.Int64N(s.n)
			if s.at(i) != want[i] {
				t.Fatalf("chunks up to %d: stamp %d is %v, want %v", chunk, i, s.at(i), want[i])
			}
		}
	}
}

// stamped is a file of one stream whose stamps come as chunk says: how many samples have one in common, and by how much they are late.
func stamped(t *testing.T, chunk int, jitter float64) []byte {
	t.Helper()
	const rate = 200
	var buf bytes.Buffer
	w, err := NewWriter(&buf, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	id, err := w.AddStream(StreamHeader{Name: "EEG", Type: "EEG", Format: "int16", Rate: rate, Channels: make([]signal.Channel, 3)})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, uint64(chunk)))
	clock, own := 0.0, true
	for k := 0; k < 9000; k += chunk {
		if k%3000 < chunk && k > 0 {
			clock += 0.5 + 5*float64(k/6000) // a short gap, then a long one
		}
		at := clock + float64(k)/rate
		all := []float64{at + jitter*rng.ExpFloat64()}
		if own = !own; own { // every second chunk has a stamp for each of its samples
			all = nil
			for i := range chunk {
				all = append(all, at+float64(i)/rate+jitter*rng.ExpFloat64())
			}
		}
		x := [][]float64{make([]float64, chunk), make([]float64, chunk), make([]float64, chunk)}
		if err := errors.Join(w.Samples(id, all, x), w.ClockOffset(id, at, -20+1e-4*rng.NormFloat64())); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// TestStampsReadAgain: a recording is the same, bit for bit, where there is no memory for its stamps.
func TestStampsReadAgain(t *testing.T) {
	defer func(stamps int64) { keptStamps = stamps }(keptStamps)
	for _, chunk := range []int{1, 25, 1500} {
		for _, jitter := range []float64{0, 1e-6, 1e-3, 0.05} {
			data := stamped(t, chunk, jitter)
			var recs [3]*signal.Recording
			for i, room := range []int64{4 << 20, 0, 5000} {
				keptStamps = room
				rec, err := ingest.Open(fstest.MapFS{"x.xdf": {Data: data}}, "x.xdf")
				if err != nil {
					t.Fatal(err)
				}
				recs[i] = rec
				if got, want := rec.Data.(*reader).line.segments, recs[0].Data.(*reader).line.segments; !reflect.DeepEqual(got, want) {
					t.Errorf("chunks of %d, jitter %g: with room for %d stamps the segments are %v, with all %v", chunk, jitter, room, got, want)
				}
				if !reflect.DeepEqual(rec.Deviations, recs[0].Deviations) || rec.Len != recs[0].Len || rec.Info.Rate != recs[0].Info.Rate {
					t.Errorf("chunks of %d, jitter %g: with room for %d stamps %v, with all %v", chunk, jitter, room, rec.Deviations, recs[0].Deviations)
				}
			}
			if s := recs[1].Data.(*reader).s; s.again.buf == nil {
				t.Errorf("chunks of %d, jitter %g: nothing was read again", chunk, jitter)
			}
		}
	}
}

// forgetful is a file that can be read once, from begin to end.
type forgetful struct {
	ingest.File

	at *int64
}

// ReadAt fails where it has been.
func (f forgetful) ReadAt(p []byte, off int64) (int, error) {
	if off+4096 < *f.at {
		return 0, fs.ErrPermission
	}
	*f.at = max(*f.at, off)
	return f.File.ReadAt(p, off)
}

// TestStampsCannotBeReadAgain: that is an error, no plausible recording.
func TestStampsCannotBeReadAgain(t *testing.T) {
	defer func(stamps int64) { keptStamps = stamps }(keptStamps)
	keptStamps = 0
	file, err := fstest.MapFS{"x.xdf": {Data: stamped(t, 25, 1e-3)}}.Open("x.xdf")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(forgetful{file.(ingest.File), new(int64)}, "x.xdf")
	var format *ingest.FormatError
	if !errors.As(err, &format) || !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "stamp cannot be read again") {
		t.Errorf("the error is %v", err)
	}
}

// TestMedian: it is that of the sorted list, where there are few and where there are many.
func TestMedian(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, n := range []int64{3, 100, fewOff, 4001, 50_000} {
		s := stream{stamps: stamps{step: 1, expanded: newExpanded(0)}}
		var off []float64
		last := 0.0
		for i := range n {
			at := float64(i) + math.Exp(3*rng.NormFloat64()-3)
			if d := math.Abs(at - last - 1); i > 0 && d > 1e-6 {
				off = append(off, d)
			}
			s.stamps.push(at)
			last = at
		}
		slices.Sort(off)
		u := s.uneven(0, n, 1)
		if got, want := s.median(0, n, 1, u), off[len(off)/2]; got != want || u.n != int64(len(off)) {
			t.Errorf("%d stamps: the median of %d is %v, want %v of %d", n, u.n, got, want, len(off))
		}
	}
}
