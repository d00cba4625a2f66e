package session

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/record"
)

// TestLink plays a stream that stalls, is lost, comes back and is lost by word of its source, and checks every transition.
func TestLink(t *testing.T) {
	zero := time.Unix(1000, 0)
	at := func(msec int) time.Time { return zero.Add(time.Duration(msec) * time.Millisecond) }
	l := newLink("eeg", Watch{StalledMS: 200, LostMS: 1000}, zero, func(t time.Time) int64 { return int64(t.Sub(zero)) })
	state := func(want signal.LinkState) {
		t.Helper()
		if l.state != want {
			t.Fatalf("state is %s, want %s", l.state, want)
		}
	}
	if l.tick(at(5000), nil) || l.state != signal.LinkResolving {
		t.Error("a stream of which nothing came is more than being looked for")
	}
	for k := range 20 { // a chunk every 50 ms
		first, changed := l.chunk(at(5000+50*k), 0)
		if first || changed != (k == 0) {
			t.Fatalf("chunk %d: first %t, changed %t", k, first, changed)
		}
	}
	state(signal.LinkConnected) // the newest at 5950
	if l.tick(at(6149), nil) {
		t.Error("199 ms of silence change the state")
	}
	if !l.tick(at(6150), nil) {
		t.Error("200 ms of silence change nothing")
	}
	state(signal.LinkStalled)
	if first, changed := l.chunk(at(6400), 0); first || !changed {
		t.Error("samples behind a stall are the first behind a loss, or change nothing")
	}
	state(signal.LinkConnected)
	l.tick(at(6900), nil)
	state(signal.LinkStalled)
	if !l.tick(at(7400), nil) {
		t.Error("1 s of silence changes nothing")
	}
	state(signal.LinkLost)
	if l.tick(at(8000), nil) {
		t.Error("a loss is told twice")
	}
	if first, changed := l.chunk(at(9000), 0); !first || !changed {
		t.Error("the first samples behind a loss are not")
	}
	state(signal.LinkRecovered)
	if first, changed := l.chunk(at(9500), 0); first || changed {
		t.Error("the second samples behind a loss change something")
	}
	if !l.tick(at(10_000), nil) && l.state != signal.LinkStalled {
		t.Error("recovered for ever")
	}
	l.chunk(at(10_050), 0)
	state(signal.LinkConnected)
	// The source knows of a loss before the silence tells, but what it holds is taken in first.
	lost := &signal.Health{State: signal.LinkLost, Detail: "the outlet is gone"}
	if l.tick(at(10_100), lost) {
		t.Error("a loss that the source tells of counts while samples come")
	}
	lost.Samples = 1 // it has handed out one that is not here yet
	if l.tick(at(10_160), lost) {
		t.Error("a loss that the source tells of counts before its last sample")
	}
	l.taken = 1
	if !l.tick(at(10_160), lost) {
		t.Error("a loss that the source tells of does not count")
	}
	state(signal.LinkLost)
	if l.detail != "the outlet is gone" || l.losses != 2 || l.flows() {
		t.Errorf("detail %q, %d losses", l.detail, l.losses)
	}
	// A peer that is there and says nothing is stalled by its own word, and lost when the silence has lasted.
	l.chunk(at(11_000), 0)
	quiet := &signal.Health{State: signal.LinkStalled, Detail: "no data"}
	l.tick(at(11_500), quiet)
	state(signal.LinkStalled)
	l.tick(at(12_600), quiet)
	state(signal.LinkLost)
	if l.losses != 3 {
		t.Errorf("%d losses", l.losses)
	}
	var got []string
	for _, c := range l.newest {
		got = append(got, c.From+">"+c.To)
	}
	want := []string{"resolving>connected", "connected>stalled", "stalled>connected", "connected>stalled", "stalled>lost", "lost>recovered"}
	if !slices.Equal(got[:6], want) || l.changes != uint64(len(l.newest)) || l.newest[1].Time != int64(6150*time.Millisecond) {
		t.Errorf("transitions %v, want to begin with %v", got, want)
	}
	for k := range 100 {
		l.enter([]signal.LinkState{signal.LinkStalled, signal.LinkConnected}[k%2], "x", at(20_000+k))
	}
	if len(l.newest) != keptTransitions || l.changes < 100 {
		t.Errorf("%d transitions are kept, %d counted", len(l.newest), l.changes)
	}
}

// TestLinkSlow: a stream whose chunks come far apart is not stalled, nor lost, between two: at once where the chunks are as long as that,
// and else when it has shown for a while that they always are. Silence of twice that stalls it all the same.
func TestLinkSlow(t *testing.T) {
	for _, tc := range []struct {
		every, length time.Duration
		learns        int // chunks behind which it is known
	}{
		{time.Second, time.Second, 0},
		{8 * time.Second, 8 * time.Second, 0},
		{400 * time.Millisecond, 50 * time.Millisecond, 0},
		{time.Second, 50 * time.Millisecond, 8},
		{5 * time.Second, 50 * time.Millisecond, 20},
	} {
		now := time.Unix(1000, 0)
		l := newLink("slow", WatchDefaults(), now, func(time.Time) int64 { return 0 })
		for k := range 60 {
			l.chunk(now, tc.length)
			changes := l.changes
			for end := now.Add(tc.every - tickEvery); now.Before(end); now = now.Add(tickEvery) {
				l.tick(now, nil)
			}
			now = now.Add(tickEvery)
			if k >= tc.learns && l.changes != changes && l.state != signal.LinkConnected {
				t.Fatalf("chunks of %v every %v: %s behind chunk %d: %s", tc.length, tc.every, l.state, k, l.detail)
			}
		}
		if !l.tick(now.Add(tc.every+tc.every/2), nil) || l.flows() {
			t.Errorf("chunks of %v every %v: silence of 2.5 times that leaves it %s", tc.length, tc.every, l.state)
		}
	}
}

// TestLinkWatch: each change of a stream that is recorded, and of its marks, is told once, with the words of a recording, and for the log.
func TestLinkWatch(t *testing.T) {
	zero := time.Unix(1000, 0)
	at := func(s float64) time.Time { return zero.Add(time.Duration(s * 1e9)) }
	info := &signal.Info{Rate: 100, Channels: []signal.Channel{{Name: "C3"}}}
	src := &markedSource{marks: signal.Marks{State: signal.LinkConnected}}
	w := NewLinkWatch("eeg", zero)
	var told []string
	look := func(s float64, h *signal.Health) {
		for _, c := range w.Look(at(s), src, h) {
			told = append(told, c.String())
		}
	}
	chunk := func(s float64, n int) {
		for _, c := range w.Chunk(at(s), signal.NewChunk(info, 0, n), nil) {
			told = append(told, c.String())
			if e := c.Entry(7); e.Kind != record.KindStream || e.Sample != 7 || e.Time != at(s).UnixNano() || e.Stream != "eeg" || e.To != c.To || e.Why != c.Reason {
				t.Errorf("%+v", e)
			}
		}
	}
	look(1, nil)
	chunk(1, 0) // events alone
	chunk(1, 5)
	chunk(1.05, 5)
	look(1.5, nil)
	look(1.6, nil)
	look(1.7, nil)
	look(2, &signal.Health{State: signal.LinkLost, Detail: "the outlet is gone"})
	src.marks.State, src.marks.Detail = signal.LinkLost, "the outlet is gone too"
	look(3, nil)
	look(9, nil)
	chunk(10, 5)
	want := []string{
		"eeg: connected: samples come", "eeg: stalled: no samples for 0.6 s", "eeg: lost: the outlet is gone",
		"eeg marks: lost: the outlet is gone too", "eeg: recovered: samples come again: those between are missing",
	}
	if !slices.Equal(told, want) {
		t.Errorf("told is %q, want %q", told, want)
	}
	if h := w.Health(); h.State != string(signal.LinkRecovered) || h.Stalls != 1 || h.Losses != 1 || h.Name != "eeg" {
		t.Errorf("%+v", h)
	}
}

// TestLossBetweenTwoLooks: a loss that is over when anybody looks is told with its time and counted once, before the first chunk behind it;
// one that was seen, or that is behind the chunk, is not told there again.
func TestLossBetweenTwoLooks(t *testing.T) {
	zero := time.Unix(1000, 0)
	at := func(s float64) time.Time { return zero.Add(time.Duration(s * 1e9)) }
	info := &signal.Info{Rate: 100, Channels: []signal.Channel{{Name: "C3"}}}
	w := NewLinkWatch("eeg", zero)
	h := &signal.Health{State: signal.LinkConnected}
	var told []string
	tell := func(all []Change) {
		for _, c := range all {
			told = append(told, fmt.Sprintf("%.1f %s", time.Unix(0, c.Time).Sub(zero).Seconds(), c))
		}
	}
	chunk := func(s float64, anew bool) {
		c := signal.NewChunk(info, 0, 5)
		c.Anew = anew
		h.Samples += 5
		tell(w.Chunk(at(s), c, h))
	}
	chunk(1, false)
	*h = signal.Health{State: signal.LinkRecovered, Samples: 5, Losses: 1, LostAt: at(1.1), LostWhy: "the outlet is gone"}
	chunk(1.3, true)
	chunk(1.4, true) // its clock jumps
	chunk(2.4, false)
	h.State, h.Losses, h.Detail = signal.LinkLost, 2, "gone again"
	tell(w.Look(at(2.6), nil, h))
	h.State = signal.LinkRecovered
	chunk(2.7, true)
	h.State, h.Losses, h.Detail = signal.LinkLost, 3, "for the third time"
	chunk(3.8, true) // it was lost behind it
	tell(w.Look(at(4), nil, h))
	want := []string{
		"1.0 eeg: connected: samples come", "1.1 eeg: lost: the outlet is gone", "1.3 eeg: recovered: samples come again: those between are missing",
		"2.4 eeg: connected: samples come", "2.6 eeg: lost: gone again", "2.7 eeg: recovered: samples come again: those between are missing",
		"3.8 eeg: connected: samples come", "4.0 eeg: lost: for the third time",
	}
	if !slices.Equal(told, want) {
		t.Errorf("told is %q, want %q", told, want)
	}
	if l := w.Health(); l.Losses != 3 {
		t.Errorf("%d losses, want 3", l.Losses)
	}
}

type markedSource struct {
	signal.Source
	marks signal.Marks
}

func (s *markedSource) Marks() signal.Marks { return s.marks }

// TestLead: samples of a clock that is ahead are as old as they are beside the youngest of them, not 0 all of them.
func TestLead(t *testing.T) {
	var l lead
	now := time.Unix(1000, 0)
	at := func(seems, want time.Duration, anew bool) {
		t.Helper()
		now = now.Add(100 * time.Millisecond)
		if got := l.age(seems, now, anew); got < want-time.Millisecond || got > want+time.Millisecond {
			t.Errorf("a sample that seems %v old is taken for %v, want %v", seems, got, want)
		}
	}
	at(20*time.Millisecond, 20*time.Millisecond, false) // a clock that is right
	at(-30*time.Second, 0, false)                       // it is 30 s ahead
	at(-29*time.Second, time.Second, false)             // and this lay about for a second
	at(-25*time.Second, 5*time.Second, false)
	at(-30*time.Second-50*time.Millisecond, 0, false)
	at(-20*time.Second, 0, true) // another clock
	for range 100 {              // which drifts by 100 ppm towards ours, and is never taken for stale
		now = now.Add(time.Minute)
		seems := -20*time.Second + time.Duration(100e-6*float64(now.Sub(time.Unix(1000, 0))))
		if got := l.age(seems, now, false); got > 10*time.Millisecond {
			t.Fatalf("a clock that drifts: %v old", got)
		}
	}
}

func TestAge(t *testing.T) {
	info := &signal.Info{Rate: 100, Channels: []signal.Channel{{Name: "C3"}}}
	chunk := func(start int64) signal.Chunk { return signal.NewChunk(info, start, 10) }
	pass := func(g *ageGate, c signal.Chunk, age time.Duration) (signal.Chunk, bool, bool, error) {
		take, send, err := g.pass(&c, age)
		return c, take, send, err
	}
	const old, young = 300 * time.Millisecond, 10 * time.Millisecond

	skip := &ageGate{opt: Age{MaxMS: 100, Policy: "skip"}}
	_, take, send, err := pass(skip, chunk(0), young)
	if !take || !send || err != nil {
		t.Error("a young chunk is not taken")
	}
	for k := range 3 {
		c := chunk(int64(10 + 10*k))
		c.Anew, c.Events = k == 1, []signal.Event{{Sample: c.Start}}
		if _, take, _, err := pass(skip, c, old); take || err != nil {
			t.Error("an old chunk is taken")
		}
	}
	c, take, _, _ := pass(skip, chunk(40), young)
	if !take || !c.Anew {
		t.Error("that the stream began anew is lost with the chunk that said so")
	}
	if c, _, _, _ := pass(skip, chunk(50), young); c.Anew {
		t.Error("the stream begins anew twice")
	}
	if skip.skipped != 30 || skip.gaps != 1 || skip.events != 3 || skip.behind() != "" {
		t.Errorf("skipped %d samples in %d stretches with %d events, %q", skip.skipped, skip.gaps, skip.events, skip.behind())
	}

	all := &ageGate{opt: Age{MaxMS: 100, Policy: "all"}}
	if _, take, send, err := pass(all, chunk(0), old); !take || send || err != nil {
		t.Error("policy all: an old chunk must be taken and its commands held back")
	}
	fail := &ageGate{opt: Age{MaxMS: 100, Policy: "fail"}}
	var stale *StaleError
	if _, _, _, err := pass(fail, chunk(7), old); !errors.As(err, &stale) || !strings.Contains(err.Error(), "sample 16 is 0.300 s old") {
		t.Errorf("policy fail: %v", err)
	}
	none := &ageGate{}
	if _, take, send, err := pass(none, chunk(0), time.Hour); !take || !send || err != nil {
		t.Error("without a bound an old chunk is refused")
	}
	never := &ageGate{opt: Age{MaxMS: 100, Policy: "skip"}}
	for k := range 5 {
		_, _, _, _ = pass(never, chunk(int64(10*k)), old+time.Duration(k))
	}
	if why := never.behind(); !strings.Contains(why, "the youngest by 0.200 s") {
		t.Errorf("nothing was ever young enough: %q", why)
	}
}

// TestHistogram: quantiles of buckets lie within 3.5 % of the exact ones.
func TestHistogram(t *testing.T) {
	var h histogram
	for k := 1; k <= 10_000; k++ {
		h.add(time.Duration(k) * 7 * time.Microsecond)
	}
	for _, p := range []float64{0.01, 0.5, 0.99, 0.999} {
		want := float64(p * 10_000 * 7)
		if got := float64(h.quantile(p).Nanoseconds()) / 1e3; got < want*0.96 || got > want*1.04 {
			t.Errorf("quantile %g is %g µs, want %g", p, got, want)
		}
	}
	if h.quantile(1) > 70*time.Millisecond || h.most != 70*time.Millisecond || h.all != 10_000 {
		t.Errorf("the largest is %v of %d", h.most, h.all)
	}
	if n := h.cumulative(35 * time.Millisecond); n < 4600 || n > 5000 {
		t.Errorf("%d are at most 35 ms, want nearly 5000", n)
	}
	h.add(0)
	h.add(1000 * time.Hour)
	if h.n[0] != 1 || h.n[histogramSize-1] != 1 {
		t.Error("the ends hold nothing")
	}
}
