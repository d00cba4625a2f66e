package ingest_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// ramp is a recording of two channels at 10 Hz whose samples say where they are: t and -t, from 0 to 99.
func ramp() *signal.Recording {
	x := make(signal.Memory, 2)
	for t := range 100 {
		x[0] = append(x[0], float64(t))
		x[1] = append(x[1], -float64(t))
	}
	return &signal.Recording{
		Name:  "ramp",
		Begin: time.Unix(1000, 0),
		Info: &signal.Info{Rate: 10, Channels: []signal.Channel{
			{Name: "Cz", Kind: signal.EEG, Unit: signal.Microvolt},
			{Name: "Pz", Kind: signal.EEG, Unit: signal.Microvolt},
		}},
		Len: 100, Data: x,
	}
}

type piece struct {
	Start, Len, Time int64
	Labels           string
}

// play is all chunks of rec; it checks the samples on the way.
func play(t *testing.T, rec *signal.Recording, opt ingest.PlayOptions) []piece {
	t.Helper()
	src := ingest.Play(rec, opt)
	var all []piece
	for {
		c, err := src.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range c.Len() {
			want := float64(c.Start) + float64(i)
			if c.X[0][i] != want || c.X[1][i] != -want {
				t.Fatalf("sample %g is %g and %g", want, c.X[0][i], c.X[1][i])
			}
		}
		var labels []string
		for _, e := range c.Events {
			labels = append(labels, e.Label)
		}
		all = append(all, piece{c.Start, int64(c.Len()), c.Time, strings.Join(labels, " ")})
	}
	if _, err := src.Next(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("behind the end comes %v, want io.EOF again", err)
	}
	return all
}

func TestPlayGapsAndEvents(t *testing.T) {
	rec := ramp()
	rec.Spans = []signal.Span{{Start: 2, Len: 5}, {Start: 20, Len: 3}}
	rec.Events = []signal.Event{
		{Sample: -1, Label: "before"},
		{Sample: 2, Label: "a"},
		{Sample: 5, Label: "b"},
		{Sample: 5, Label: "c"},
		{Sample: 6, Label: "d"},
		{Sample: 10, Label: "gap"},
		{Sample: 22, Label: "e"},
		{Sample: 23, Label: "after"},
	}
	const ns = int64(time.Second)
	want := []piece{
		{2, 4, 1000*ns + 2*ns/10, "a b c"},
		{6, 1, 1000*ns + 6*ns/10, "d"},
		{20, 3, 1002 * ns, "e"},
	}
	if d := cmp.Diff(want, play(t, rec, ingest.PlayOptions{Chunk: 4})); d != "" {
		t.Errorf("chunks (-want +got):\n%s", d)
	}
}

func TestPlayDefault(t *testing.T) {
	rec := ramp()
	rec.Info.Rate, rec.Begin = 256, time.Time{} // 0.1 s are 25.6 samples
	got := play(t, rec, ingest.PlayOptions{})
	want := []piece{{0, 26, 0, ""}, {26, 26, 101562500, ""}, {52, 26, 203125000, ""}, {78, 22, 304687500, ""}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("chunks (-want +got):\n%s", d)
	}
}

func TestPlayRandom(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	next := int64(0)
	for _, p := range play(t, ramp(), ingest.PlayOptions{Sizes: func() int { return 1 + rng.IntN(30) }}) {
		if p.Start != next {
			t.Errorf("a chunk begins at %d, want %d", p.Start, next)
		}
		next += p.Len
	}
	if next != 100 {
		t.Errorf("the chunks end at %d, want 100", next)
	}
}

func TestPlayRefuses(t *testing.T) {
	empty := ramp()
	empty.Info = &signal.Info{}
	for _, tc := range []struct {
		name string
		src  signal.Source
		want string
	}{
		{"no channels", ingest.Play(empty, ingest.PlayOptions{}), "ramp: cannot be played: sampling rate is 0 Hz"},
		{"negative chunk", ingest.Play(ramp(), ingest.PlayOptions{Chunk: -5}), "chunks of -5 samples"},
		{"size 0", ingest.Play(ramp(), ingest.PlayOptions{Sizes: func() int { return 0 }}), "chunk of 0 samples"},
	} {
		if _, err := tc.src.Next(t.Context()); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: the error is %v, must contain %q", tc.name, err, tc.want)
		}
	}
}

// broken is a reader that fails at sample 50.
type broken struct{ signal.Memory }

var errBroken = errors.New("broken")

func (b broken) ReadSamples(dst [][]float64, start int64) error {
	if start+int64(len(dst[0])) > 50 {
		return errBroken
	}
	return b.Memory.ReadSamples(dst, start)
}

func TestPlayError(t *testing.T) {
	rec := ramp()
	rec.Data = broken{rec.Data.(signal.Memory)}
	src := ingest.Play(rec, ingest.PlayOptions{Chunk: 50})
	if _, err := src.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 { // it is not skipped over
		if _, err := src.Next(t.Context()); !errors.Is(err, errBroken) {
			t.Errorf("the error is %v, want that of the reader", err)
		}
	}
}

func TestPlayContextAndClose(t *testing.T) {
	rec := ramp()
	src := ingest.Play(rec, ingest.PlayOptions{Chunk: 10})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := src.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled context gives %v", err)
	}
	if c, err := src.Next(t.Context()); err != nil || c.Start != 0 {
		t.Errorf("after a cancelled call comes sample %d, %v, want 0: nothing is skipped", c.Start, err)
	}
	if err := src.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := src.Next(t.Context()); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("a closed player gives %v, want an error that is not the end of the recording", err)
	}
}

func TestPlayAllocates(t *testing.T) {
	rec := ramp()
	rec.Len, rec.Data = 1<<40, zeros{}
	src := ingest.Play(rec, ingest.PlayOptions{Chunk: 16})
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() {
		if _, err := src.Next(ctx); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%g allocations for a chunk, want 0", n)
	}
}

type zeros struct{}

func (zeros) ReadSamples(dst [][]float64, _ int64) error {
	for _, x := range dst {
		clear(x)
	}
	return nil
}
