package bus

import (
	"testing"
	"time"
)

// TestListening: the time for which all was heard begins anew with each connection, where the process stood still for as long as servers
// take to cut it off, and where the machine slept, whose even clock stands meanwhile.
func TestListening(t *testing.T) {
	for name, tc := range map[string]struct {
		even, wall time.Duration // since the last look
		connection uint64
		want       time.Duration
	}{
		"all is well":                {lookEvery, lookEvery, 0, 11 * lookEvery},
		"looked at late":             {1900 * time.Millisecond, 1900 * time.Millisecond, 0, 10*lookEvery + 1900*time.Millisecond},
		"it stood still":             {2 * time.Second, 2 * time.Second, 0, 0},
		"the machine slept":          {lookEvery, time.Hour, 0, 0},
		"a new connection":           {lookEvery, lookEvery, 1, 0},
		"the clock was set back":     {lookEvery, -time.Hour, 0, 0},
		"the clock is set by a hair": {lookEvery, lookEvery - 100*time.Millisecond, 0, 11*lookEvery - 100*time.Millisecond},
	} {
		var l listening
		at := moment{time.Hour, 1e6 * time.Hour}
		for range 11 {
			l.lookAt(at, 0)
			at.even, at.wall = at.even+lookEvery, at.wall+lookEvery
		}
		at.even, at.wall = at.even+tc.even-lookEvery, at.wall+tc.wall-lookEvery
		if got := l.lookAt(at, tc.connection); got != tc.want {
			t.Errorf("%s: all was heard for %v, want %v", name, got, tc.want)
		}
	}
}

// TestWhatLayInABufferWasHeardThen: a heartbeat of this decoder that comes back shows that all was heard until it was sent, whenever it
// is read; and behind a new connection what comes back shows nothing of the one before.
func TestWhatLayInABufferWasHeardThen(t *testing.T) {
	b := openBus(t, "")
	began := time.Now().Add(-time.Hour)
	w := &CommandWriter{bus: b, began: began, back: began}
	sent := began.Add(time.Minute)
	w.sent.put(1, sent)
	w.sent.put(2, sent.Add(time.Second))
	w.heardBack(1)
	if got := w.HeardUntil(); !got.Equal(sent.Add(-deafBefore)) {
		t.Errorf("all was heard until %v, want %v before %v", got, deafBefore, sent)
	}
	w.sent.put(1+uint64(len(w.sent)), sent.Add(time.Minute))
	w.heardBack(1) // of so long ago that it is not known any more
	w.heardBack(2)
	want := sent.Add(time.Second - deafBefore)
	if got := w.HeardUntil(); !got.Equal(want) {
		t.Errorf("all was heard until %v, want %v", got, want)
	}
	w.connection = 1 << 40 // as if that had come over another connection
	w.heardBack(1 + uint64(len(w.sent)))
	if got := w.HeardUntil(); !got.Equal(want) {
		t.Errorf("behind a new connection all was heard until %v, want %v", got, want)
	}
	w.connection = 7
	if w.Heard(6); !w.HeardUntil().Equal(want) {
		t.Errorf("by a word of before that connection all was heard until %v, want %v", w.HeardUntil(), want)
	}
	w.Heard(7) // an operator has looked, or a controller heard all
	if got, want := w.HeardUntil(), sent.Add(time.Minute-deafBefore); !got.Equal(want) {
		t.Errorf("all was heard until %v, want %v", got, want)
	}
}

// TestSince: the time is what the clock says that says more.
func TestSince(t *testing.T) {
	now := time.Now()
	if got := Since(now, now.Add(time.Second)); got != time.Second {
		t.Errorf("%v, want 1 s", got)
	}
	if got := Since(now.Round(0).Add(-time.Hour), now); got != time.Hour {
		t.Errorf("%v, want 1 h", got)
	}
}
