package preprocesstest_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/preprocesstest"
)

// The suite is itself tested with steps that break one promise each. A failing test cannot be run inside a passing one,
// so each runs in a process of its own: this test's binary, with the name of the step in the environment.
const env = "GYRUS_TEST_BROKEN_STEP"

// step copies its input, or does what process says.
type step struct {
	info    *signal.Info
	process func(s *step, c signal.Chunk) signal.Chunk
	sum     float64
	held    signal.Chunk
	out     signal.Buffer
}

func (s *step) Start(in *signal.Info) (*signal.Info, error) {
	s.info = in
	return in, nil
}

func (s *step) Process(c signal.Chunk) (signal.Chunk, error) {
	if s.process != nil {
		return s.process(s, c), nil
	}
	return s.copy(c), nil
}

func (s *step) copy(c signal.Chunk) signal.Chunk {
	y := s.out.Like(c, s.info)
	for ch, x := range c.X {
		copy(y.X[ch], x)
	}
	return y
}

func (s *step) Flush() (signal.Chunk, error) { return signal.Chunk{}, nil }

var sink []float64 // keeps an allocation from being optimised away

// brokenSteps is a step and what the suite must say about it.
var brokenSteps = map[string]struct {
	process func(s *step, c signal.Chunk) signal.Chunk
	says    string
}{
	"mean of the chunk": {func(s *step, c signal.Chunk) signal.Chunk {
		y := s.copy(c)
		for _, x := range y.X {
			var sum float64
			for _, v := range x {
				sum += v
			}
			for t := range x {
				x[t] -= sum / float64(len(x))
			}
		}
		return y
	}, "one sample at a time: channel 0"},
	"remembers over a start": {func(s *step, c signal.Chunk) signal.Chunk {
		y := s.copy(c)
		for t := range y.X[0] {
			s.sum += y.X[0][t]
			y.X[0][t] = s.sum
		}
		return y
	}, "behind another stream: channel 0"},
	"keeps its input": {func(s *step, c signal.Chunk) signal.Chunk {
		if c.Len() == 0 {
			return signal.Chunk{}
		}
		y := s.copy(c)
		if s.held.Len() > 0 && s.held.End() == c.Start {
			y.X[0][0] = s.held.X[0][s.held.Len()-1]
		}
		s.held = c
		return y
	}, "one sample at a time: channel 0"},
	"writes to its input": {func(s *step, c signal.Chunk) signal.Chunk {
		for _, x := range c.X {
			for t := range x {
				x[t] *= 2
			}
		}
		return s.copy(c)
	}, "Process writes to its input"},
	"allocates": {func(s *step, c signal.Chunk) signal.Chunk {
		sink = make([]float64, c.Len())
		return s.copy(c)
	}, "allocations per chunk, must be 0"},
	"drops events": {func(s *step, c signal.Chunk) signal.Chunk {
		y := s.copy(c)
		y.Events = nil
		return y
	}, "come out as"},
	"counts from 0": {func(s *step, c signal.Chunk) signal.Chunk {
		y := s.copy(c)
		y.Start -= 1003
		y.Events = nil
		return y
	}, "come out as"},
	"forgets the time": {func(s *step, c signal.Chunk) signal.Chunk {
		y := s.copy(c)
		y.Time = 0
		return y
	}, "other times"},
	"leaves a hole": {func(s *step, c signal.Chunk) signal.Chunk {
		if c.Len() == 1 && c.Start%100 == 0 {
			return signal.Chunk{}
		}
		return s.copy(c)
	}, "a chunk starts at sample 1101, the one before ended at 1100"},
	"another description": {func(s *step, c signal.Chunk) signal.Chunk {
		y := s.copy(c)
		y.Info = &signal.Info{Rate: 1, Channels: s.info.Channels}
		return y
	}, "Start said"},
	"returns nothing": {func(*step, signal.Chunk) signal.Chunk { return signal.Chunk{} }, "none out"},
}

// cutter returns what slice says of all samples so far.
type cutter struct {
	all signal.Chunk
	cut func(all signal.Chunk, n int) []signal.Window
}

func (s *cutter) Start(in *signal.Info) (int, error) {
	s.all = signal.Chunk{Info: in}
	return 100, nil
}

func (s *cutter) Push(c signal.Chunk) ([]signal.Window, error) {
	if s.all.Len() == 0 {
		s.all = c.Clone()
	} else {
		for ch := range s.all.X {
			s.all.X[ch] = append(s.all.X[ch], c.X[ch]...)
		}
	}
	return s.cut(s.all, c.Len()), nil
}

func (s *cutter) End() []preprocess.Miss { return nil }

func window(all signal.Chunk, from int64) signal.Window {
	part := all.Slice(from, from+100)
	return signal.Window{Info: all.Info, Start: from, Time: all.TimeAt(from + 99), X: part.X}
}

var brokenCutters = map[string]struct {
	cut  func(all signal.Chunk, n int) []signal.Window
	says string
}{
	"newest samples of every chunk": {func(all signal.Chunk, n int) []signal.Window {
		if all.Len() < 100 || n == 0 {
			return nil
		}
		return []signal.Window{window(all, all.End()-100)}
	}, "windows, must be"},
	"late": {func(all signal.Chunk, n int) []signal.Window {
		if k := int64(all.Len()); k >= 150 && k-int64(n) < 150 {
			return []signal.Window{window(all, all.Start)}
		}
		return nil
	}, "comes late"},
	"wrong time": {func(all signal.Chunk, n int) []signal.Window {
		if n < 100 {
			return nil
		}
		w := window(all, all.Start)
		w.Time = all.Time
		return []signal.Window{w}
	}, "its newest sample has"},
	"wrong samples": {func(all signal.Chunk, n int) []signal.Window {
		if n < 101 {
			return nil
		}
		w := window(all, all.Start)
		w.X[3] = all.X[3][1:101]
		return []signal.Window{w}
	}, "is not that part of the stream"},
	"short": {func(all signal.Chunk, n int) []signal.Window {
		if n < 101 {
			return nil
		}
		w := window(all, all.Start)
		for ch := range w.X {
			w.X[ch] = w.X[ch][:99]
		}
		return []signal.Window{w}
	}, "must be 8 × 100"},
	"none": {func(signal.Chunk, int) []signal.Window { return nil }, "no window in"},
	"label without event": {func(all signal.Chunk, n int) []signal.Window {
		if n < 101 {
			return nil
		}
		w := window(all, all.Start)
		w.Label = "left"
		return []signal.Window{w}
	}, "must have both or none"},
	"over a gap": {func(all signal.Chunk, n int) []signal.Window {
		var out []signal.Window
		for end := all.Start + 100; end <= all.End(); end++ {
			if end > all.End()-int64(n) {
				out = append(out, window(all, end-100))
			}
		}
		return out
	}, "takes a chunk behind a gap without a Start"},
}

func TestSuiteFindsBrokenSteps(t *testing.T) {
	if name, inside := os.LookupEnv(env); inside {
		if b, ok := brokenSteps[name]; ok {
			preprocesstest.Run(t, name, func() preprocess.Processor { return &step{process: b.process} })
			return
		}
		if b, ok := brokenCutters[name]; ok {
			preprocesstest.RunSegmenter(t, name, func() preprocess.Segmenter { return &cutter{cut: b.cut} })
			return
		}
		t.Skipf("no step %q", name)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	says := map[string]string{}
	for name, b := range brokenSteps {
		says[name] = b.says
	}
	for name, b := range brokenCutters {
		says[name] = b.says
	}
	for name, want := range says {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(self, "-test.run=^"+strings.Split(t.Name(), "/")[0]+"$")
			cmd.Env = append(slices.Clone(os.Environ()), env+"="+name)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Fatalf("the suite finds nothing wrong:\n%s", out)
			}
			if !strings.Contains(string(out), want) {
				t.Errorf("the suite must say %q, says\n%s", want, out)
			}
		})
	}
}

func TestSuitePassesACopy(t *testing.T) {
	construct := func() preprocess.Processor { return &step{} }
	preprocesstest.Run(t, "copy", construct)
	preprocesstest.ChannelsApart(t, construct)
}
