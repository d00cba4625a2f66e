package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/lsl"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
	"github.com/gyrus-bci/gyrus/stream/session"
)

// barCores is how much of a core a stream of so many channels at 2 kHz may take, outlet, inlet, session and bus together.
const barCores = 0.5

// scaled is one row.
type scaled struct {
	Channels int     `json:"channels"`
	RateHz   float64 `json:"rate_hz"`
	Seconds  float64 `json:"seconds"`
	Samples  int64   `json:"samples"`
	Lost     int64   `json:"lost"`
	Gaps     int64   `json:"gaps"`
	Skipped  int64   `json:"skipped"` // of those lost: left out because they were too old
	Commands int64   `json:"commands"`
	Cores    float64 `json:"cores"` // time of the processor over the time on the wall, all of this process
	HeapMB   float64 `json:"heap_mb"`
	Age      float64 `json:"age_p99_ms"`
	Met      bool    `json:"met"`
}

// wide is the pipeline: a band-pass and band power in 4 channels of many; it must read every channel to filter it.
const wide = `
preprocess: [{use: bandpass, low_hz: 8, high_hz: 30, order: 2}, {use: pick, channels: [C1, C2, C3, C4]}]
segment: {use: events, tmin_s: 0.5, tmax_s: 1.5, events: {T1: left, T2: right}}
live: {use: sliding, length_s: 1, step_s: 0.1}
features: [{use: csp, components: 4}, {use: logvar}]
decoder: {use: lda}
`

func scale(ctx context.Context, o options) error {
	var missed []error
	for _, channels := range o.channels {
		r, err := wideRun(ctx, channels, 2000, o.seconds)
		if err != nil {
			return err
		}
		r.Met = r.Lost == 0 && r.Gaps == 0 && r.Cores <= barCores
		if !r.Met {
			missed = append(missed, fmt.Errorf("%d channels: %d samples lost, %d gaps, %.2f cores (bar: none, none, %g)", channels, r.Lost, r.Gaps, r.Cores, barCores))
		}
		if o.json {
			if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
				return err
			}
			continue
		}
		fmt.Printf("%d channels × %g Hz in chunks of 10 ms for %.0f s: %d samples, %d lost (%d too old), %d gaps, %d commands, %.2f cores (bar %g), age p99 %.2f ms, heap %.0f MB\n",
			r.Channels, r.RateHz, r.Seconds, r.Samples, r.Lost, r.Skipped, r.Gaps, r.Commands, r.Cores, barCores, r.Age, r.HeapMB)
	}
	return errors.Join(missed...)
}

// channelsOf describes n channels, C1 and so on.
func channelsOf(n int, rate float64) *signal.Info {
	info := &signal.Info{Rate: rate}
	for ch := range n {
		name := fmt.Sprintf("C%d", ch+1)
		info.Channels = append(info.Channels, signal.Channel{Name: name, Original: name, Kind: signal.EEG, Unit: signal.Microvolt})
	}
	return info
}

// noise fills x with waves that differ from channel to channel.
func noise(x [][]float64) {
	for ch := range x {
		s := uint64(ch + 1)
		for t := range x[ch] {
			s = s*6364136223846793005 + 1442695040888963407
			x[ch][t] = float64(int64(s)>>40) / (1 << 18)
		}
	}
}

// learnt is the pipeline fitted to n channels.
func learnt(def string, info *signal.Info) (*pipeline.Pipeline, error) {
	const seconds = 60
	x := signal.NewChunk(info, 0, int(info.Samples(seconds))).X
	noise(x)
	rec := &signal.Recording{Name: "noise", Format: "synth", Info: info, Len: int64(len(x[0])), Data: signal.Memory(x)}
	for k := range seconds/3 - 1 {
		s := info.Samples(float64(3*k + 1))
		rec.Events = append(rec.Events, signal.Event{Sample: s, Onset: float64(s) / info.Rate, Label: []string{"T1", "T2"}[k%2]})
	}
	return fitted(def, rec)
}

func wideRun(ctx context.Context, channels int, rate, seconds float64) (scaled, error) {
	info := channelsOf(channels, rate)
	r := scaled{Channels: channels, RateHz: rate, Seconds: seconds}
	p, err := learnt(wide, info)
	if err != nil {
		return r, err
	}
	runtime.GC()
	cfg := lsl.DefaultConfig()
	name := fmt.Sprintf("gyrus-scale-%d-%d", os.Getpid(), channels)
	out, err := lsl.NewOutlet(lsl.StreamInfo{Name: name, Type: "EEG", Channels: channels, Rate: rate, Format: lsl.Float32, SourceID: name, Desc: lsl.Describe(info)}, lsl.OutletOptions{Config: &cfg})
	if err != nil {
		return r, err
	}
	in, err := lsl.Open(ctx, lsl.InletOptions{Config: &cfg, Name: name, Wait: 10 * time.Second})
	if err != nil {
		return r, errors.Join(err, out.Close())
	}
	b, err := bus.Open(ctx, bus.Options{})
	if err != nil {
		return r, err
	}
	clock := bus.NewClock()
	w, err := bus.NewCommandWriter(b, "scale", "d", time.Second, clock)
	if err != nil {
		return r, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	var rep session.Report
	go func() {
		var err error
		rep, err = session.Run(ctx, session.Options{Source: in, Stream: name, Pipeline: p, Commands: w, Clock: clock, Age: session.AgeDefaults()})
		done <- err
	}()
	if err := out.WaitReaders(ctx, 1); err != nil {
		return r, err
	}
	x := signal.NewChunk(info, 0, int(rate/100)).X
	noise(x)
	cpu := cpuTime()
	began, base := time.Now(), lsl.LocalClock()
	for k := range int(seconds * 100) {
		if wait := time.Until(began.Add(time.Duration(k+1) * 10 * time.Millisecond)); wait > 0 {
			time.Sleep(wait)
		}
		// Stamped as an amplifier does, by its own clock: a machine that is late does not change when something was measured.
		if err := out.PushSignal(x, base+float64(k+1)/100); err != nil {
			return r, err
		}
	}
	took := time.Since(began)
	r.Cores = (cpuTime() - cpu).Seconds() / took.Seconds()
	time.Sleep(300 * time.Millisecond)
	stop()
	err = <-done
	var heap runtime.MemStats
	runtime.ReadMemStats(&heap)
	st := out.Stats()
	r.HeapMB = float64(heap.HeapAlloc) / 1e6
	r.Samples, r.Gaps, r.Commands, r.Age = rep.Samples, rep.Gaps, rep.Sent, rep.Age.P99
	r.Lost = int64(st.Pushed) - rep.Samples
	r.Skipped = rep.Skipped
	for _, end := range []func() error{in.Close, out.Close, w.Close, b.Close} {
		err = errors.Join(err, end())
	}
	return r, err
}

// spikes takes 1,024 channels at 30 kHz through a band-pass and bins of 20 ms, in chunks of 1 ms, as fast as it goes: one half
// of the channels to each of two cores, as two pipelines.
func spikes(ctx context.Context, o options) error {
	const channels, rate, cores = 1024, 30000.0, 2
	seconds := min(o.seconds, 30)
	var missed []error
	for _, measure := range []string{"power", "count"} {
		took := make(chan error, cores)
		began := time.Now()
		for range cores {
			go func() { took <- spikesHalf(ctx, channels/cores, rate, seconds, measure) }()
		}
		var err error
		for range cores {
			err = errors.Join(err, <-took)
		}
		if err != nil {
			return err
		}
		times := seconds / time.Since(began).Seconds()
		if times <= 1 {
			missed = append(missed, fmt.Errorf("%s: %.2f × real time, must be above 1", measure, times))
		}
		if o.json {
			if err := json.NewEncoder(os.Stdout).Encode(map[string]any{"channels": channels, "rate_hz": rate, "measure": measure, "x_realtime": times, "cores": cores}); err != nil {
				return err
			}
			continue
		}
		fmt.Printf("%d channels × %g Hz, band-pass 300 to 6000 Hz and bins of 20 ms (%s), chunks of 1 ms, %d cores: %.2f × real time (bar: above 1)\n", channels, rate, measure, cores, times)
	}
	return errors.Join(missed...)
}

func spikesHalf(ctx context.Context, channels int, rate, seconds float64, measure string) error {
	info := channelsOf(channels, rate)
	spec, err := pipeline.Parse("spikes", []byte(fmt.Sprintf(`
preprocess: [{use: bandpass, low_hz: 300, high_hz: 6000, order: 2}, {use: bin, width_s: 0.02, measure: %s}]
segment: {use: events, tmin_s: 0, tmax_s: 0.2, events: {T1: left, T2: right}}
live: {use: sliding, length_s: 0.2, step_s: 0.1}
features: [{use: logvar}]
decoder: {use: lda}
`, measure)))
	if err != nil {
		return err
	}
	p, err := pipeline.Build(spec, pipeline.All)
	if err != nil {
		return err
	}
	if err := p.Start(info); err != nil {
		return err
	}
	c := signal.NewChunk(info, 0, int(rate/1000))
	noise(c.X)
	windows := 0
	for k := range int(seconds * 1000) {
		if err := ctx.Err(); err != nil {
			return err
		}
		c.Start, c.Time = int64(k)*int64(c.Len()), int64(k)*1e6
		ws, err := p.Windows(c)
		if err != nil {
			return err
		}
		for _, w := range ws {
			if windows++; math.IsNaN(w.X[0][0]) {
				return errors.New("a window is not finite")
			}
		}
	}
	if want := int(seconds*10) - 1; windows < want {
		return fmt.Errorf("%d windows, want %d", windows, want)
	}
	return nil
}
