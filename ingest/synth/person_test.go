package synth_test

import (
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
)

// lived is all that a person does within a minute, in chunks of chunkS; does is called before each chunk with its first sample.
func lived(t *testing.T, opt synth.Options, chunkS float64, does func(p *synth.Person, at int64)) ([][]float64, []signal.Event) {
	t.Helper()
	const seconds = 60
	p, err := synth.NewPerson(opt, seconds, chunkS)
	if err != nil {
		t.Fatal(err)
	}
	x := make([][]float64, len(p.Info().Channels))
	var events []signal.Event
	at := int64(0)
	for {
		does(p, at)
		c, err := p.Next(context.Background())
		if errors.Is(err, io.EOF) || float64(c.Start) >= seconds*opt.Rate {
			break
		}
		if err != nil || c.Start != at {
			t.Fatalf("chunk at %d, want %d: %v", c.Start, at, err)
		}
		for ch := range x {
			x[ch] = append(x[ch], c.X[ch]...)
		}
		events = append(events, c.Events...)
		at = c.End()
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	return x, events
}

func personOptions() synth.Options {
	opt := synth.Defaults()
	opt.Channels, opt.Effect, opt.Subject = []string{"C3", "Cz", "C4", "Oz"}, 0.9, 4
	return opt
}

// TestPersonFollowsCues: nothing changes until half a second behind a cue; then the mu rhythm above the area of the cue is weaker
// by what the effect says, until a second behind its end, and elsewhere nothing changes.
func TestPersonFollowsCues(t *testing.T) {
	opt := personOptions()
	const cue, end = 1600, 4800 // 10 s to 30 s
	still, _ := lived(t, opt, 0.1, func(*synth.Person, int64) {})
	cued, _ := lived(t, opt, 0.1, func(p *synth.Person, at int64) {
		switch at {
		case cue:
			p.Cue("T2") // the right fist: C3
		case end:
			p.Cue("")
		}
	})
	power := func(x []float64, from, to int) (sum float64) {
		for _, v := range x[from:to] {
			sum += v * v
		}
		return sum / float64(to-from)
	}
	for ch, name := range opt.Channels {
		for _, part := range [][2]int{{0, cue + 80}, {end + 161, len(still[ch])}} {
			if !slices.Equal(still[ch][part[0]:part[1]], cued[ch][part[0]:part[1]]) {
				t.Errorf("%s: samples [%d, %d) differ although nothing is imagined", name, part[0], part[1])
			}
		}
		diff := make([]float64, len(still[ch]))
		for i := range diff {
			diff[i] = still[ch][i] - cued[ch][i]
		}
		lost := power(diff, cue+160, end)
		// The rhythm at C3 has 6 µV at 10 Hz and 0.4 of it at 20 Hz; 1 − √(1 − 0.9) = 0.68 of it is gone.
		if want := 36 * 1.16 * 0.68 * 0.68; name == "C3" && (lost < want/2 || lost > want*2) {
			t.Errorf("C3: %.1f µV² are gone, want about %.1f", lost, want)
		}
		if name == "Oz" && lost > 1 {
			t.Errorf("Oz: %.2f µV² are gone", lost)
		}
	}
}

// TestPersonChunks: what a person does depends on when cues come, never on the chunks.
func TestPersonChunks(t *testing.T) {
	does := func(p *synth.Person, at int64) {
		switch at {
		case 1600:
			p.Cue("T1")
		case 2400:
			p.Cue("T2")
		case 3200:
			p.Free()
		}
	}
	want, events := lived(t, personOptions(), 0.1, does)
	if len(events) < 4 || events[0].Sample != 3200+int64(math.Round(4.2*160)) || events[0].Duration != 4.1 {
		t.Errorf("events of the person's own will: %v", events)
	}
	for _, chunkS := range []float64{0.05, 1.0 / 160, 0.5} {
		got, again := lived(t, personOptions(), chunkS, does)
		for ch := range want {
			n := min(len(want[ch]), len(got[ch]))
			if !slices.Equal(got[ch][:n], want[ch][:n]) {
				t.Fatalf("chunks of %g s: channel %d differs", chunkS, ch)
			}
		}
		if n := min(len(events), len(again)); !slices.Equal(again[:n], events[:n]) {
			t.Errorf("chunks of %g s: events %v, want %v", chunkS, again, events)
		}
	}
}

func TestPersonRefuses(t *testing.T) {
	odd := personOptions()
	odd.Task = "sleep"
	for _, err := range []error{
		second(synth.NewPerson(odd, 60, 0.1)), second(synth.NewPerson(personOptions(), math.NaN(), 0.1)), second(synth.NewPerson(personOptions(), 60, 0)), second(synth.NewPerson(personOptions(), 4000, 0.1)),
	} {
		if err == nil {
			t.Error("an impossible person is made")
		}
	}
}

func second(_ *synth.Person, err error) error { return err }
