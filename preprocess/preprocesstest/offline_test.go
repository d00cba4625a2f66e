package preprocesstest_test

import (
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/preprocesstest"
)

const offlineEnv = "GYRUS_TEST_BROKEN_OFFLINE"

// applier copies its input and then does what apply says.
type applier struct {
	apply func(a *applier, c signal.Chunk) signal.Chunk
	calls int
	kept  signal.Chunk
}

func (a *applier) Apply(c signal.Chunk) (signal.Chunk, error) {
	a.calls++
	if a.apply == nil {
		return c.Clone(), nil
	}
	return a.apply(a, c), nil
}

// brokenAppliers break one promise each; says is what the suite must say about it.
var brokenAppliers = map[string]struct {
	apply func(a *applier, c signal.Chunk) signal.Chunk
	says  string
}{
	"shares its input": {func(_ *applier, c signal.Chunk) signal.Chunk { return c }, "when its input is overwritten"},
	"shares the events": {func(_ *applier, c signal.Chunk) signal.Chunk {
		y := c.Clone()
		y.Events = c.Events
		return y
	}, "when its input is overwritten"},
	"writes to its input": {func(_ *applier, c signal.Chunk) signal.Chunk {
		c.X[0][0] *= 2
		return c.Clone()
	}, "Apply writes to its input"},
	"one output for all": {func(a *applier, c signal.Chunk) signal.Chunk {
		y := c.Clone()
		if a.kept.Len() == y.Len() {
			for ch, x := range y.X {
				copy(a.kept.X[ch], x)
			}
			a.kept.Start, a.kept.Time, a.kept.Events = y.Start, y.Time, y.Events
			return a.kept
		}
		a.kept = y
		return y
	}, "when it has seen another stretch"},
	"remembers": {func(a *applier, c signal.Chunk) signal.Chunk {
		y := c.Clone()
		y.X[0][0] += float64(a.calls)
		return y
	}, "behind other stretches"},
	"drops events": {func(_ *applier, c signal.Chunk) signal.Chunk {
		y := c.Clone()
		y.Events = nil
		return y
	}, "come out as"},
	"counts from 0": {func(_ *applier, c signal.Chunk) signal.Chunk {
		y := c.Clone()
		for i := range y.Events {
			y.Events[i].Sample -= y.Start
		}
		y.Start = 0
		return y
	}, "come out as"},
	"hides NaN": {func(_ *applier, c signal.Chunk) signal.Chunk {
		y := c.Clone()
		for _, x := range y.X {
			for t, v := range x {
				if math.IsNaN(v) {
					x[t] = 0
				}
			}
		}
		return y
	}, "is hidden"},
	"spreads NaN": {func(_ *applier, c signal.Chunk) signal.Chunk {
		y := c.Clone()
		for t, v := range y.X[3] {
			y.X[0][t] -= v
		}
		return y
	}, "changes channel 0: must be an error"},
	"no number for one sample": {func(_ *applier, c signal.Chunk) signal.Chunk {
		y := c.Clone()
		for _, x := range y.X {
			x[0] += 0 / float64(len(x)-1)
		}
		return y
	}, "1 samples: sample 0 of channel 0 is NaN"},
	"half the rate, old axis": {func(_ *applier, c signal.Chunk) signal.Chunk {
		info := *c.Info
		info.Rate /= 2
		y := signal.NewChunk(&info, c.Start, (c.Len()+1)/2)
		y.Time = c.Time
		y.Events = append(y.Events, c.Events...)
		for i := range y.Events {
			y.Events[i].Sample = min(y.Start+(y.Events[i].Sample-c.Start)/2, y.End()-1)
		}
		for ch, x := range y.X {
			for t := range x {
				x[t] = c.X[ch][2*t]
			}
		}
		return y
	}, "sample 0 of the stream would lie"},
	"half the rate, old events": {func(_ *applier, c signal.Chunk) signal.Chunk {
		info := *c.Info
		info.Rate /= 2
		from := (c.Start + 1) / 2
		y := signal.NewChunk(&info, from, int((c.End()+1)/2-from))
		y.Time = c.TimeAt(2 * from)
		for _, e := range c.Events {
			e.Sample = y.Start
			y.Events = append(y.Events, e)
		}
		for ch, x := range y.X {
			for t := range x {
				x[t] = c.X[ch][2*(from+int64(t))-c.Start]
			}
		}
		return y
	}, "ns off, a sample lasts"},
}

func TestOfflineSuiteFindsBrokenSteps(t *testing.T) {
	if name, inside := os.LookupEnv(offlineEnv); inside {
		preprocesstest.RunOffline(t, name, func() preprocess.Offline { return &applier{apply: brokenAppliers[name].apply} })
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range brokenAppliers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(self, "-test.run=^"+strings.Split(t.Name(), "/")[0]+"$")
			cmd.Env = append(slices.Clone(os.Environ()), offlineEnv+"="+name)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Fatalf("the suite finds nothing wrong:\n%s", out)
			}
			if !strings.Contains(string(out), b.says) {
				t.Errorf("the suite must say %q, says\n%s", b.says, out)
			}
		})
	}
}

func TestOfflineSuitePassesACopy(t *testing.T) {
	preprocesstest.RunOffline(t, "copy", func() preprocess.Offline { return &applier{} })
}
