package cli

import (
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
	"github.com/gyrus-bci/gyrus/stream/record"
	"github.com/gyrus-bci/gyrus/stream/session"
)

// tape is the recording of a live session.
type tape struct {
	*record.Recorder
	outputs []string
	clock   bus.Clock
	stop    chan struct{}
	done    sync.WaitGroup
}

// newTape begins the recording of a session with src.
func newTape(cmd *cobra.Command, cfg *session.Config, model session.Model, src signal.Source, clock bus.Clock) (*tape, error) {
	t := &tape{clock: clock, stop: make(chan struct{})}
	if model.Pipeline != nil {
		t.outputs = model.Pipeline.Outputs()
	} else { // the session makes its model
		t.outputs = slices.Compact(slices.Sorted(maps.Values(cfg.Calibrate.Classes)))
	}
	about := struct {
		*session.Config
		Bundle string    `json:"bundle"` // beside the recording, or absolute
		SHA256 string    `json:"model_sha256"`
		Begin  time.Time `json:"begin"`
		Gyrus  string    `json:"gyrus"`
	}{cfg, cfg.Bundle, model.SHA256, time.Now().UTC(), Version}
	if about.Bundle == "" {
		about.Bundle = cfg.Calibrate.Save
	}
	if dir, err := filepath.Abs(filepath.Dir(cfg.Record.File)); err == nil {
		if full, err := filepath.Abs(about.Bundle); err == nil {
			if rel, err := filepath.Rel(dir, full); err == nil {
				about.Bundle = rel
			}
		}
	}
	r, err := record.Create(record.Options{
		Path: cfg.Record.File, Info: src.Info(), Outputs: t.outputs, About: about, OnError: func(err error) { note(cmd, "RECORDING: %v", err) },
	})
	if err != nil {
		return nil, err
	}
	t.Recorder = r
	note(cmd, "recording to %s", cfg.Record.File)
	if live, is := src.(signal.LiveSource); is {
		t.done.Go(func() { t.watch(live, cfg.Source.Name()) })
	}
	return t, nil
}

// watch records the clock of the source once a second.
func (t *tape) watch(src signal.LiveSource, name string) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-t.stop:
			return
		case now := <-tick.C:
			t.Clock(record.Clock{Time: t.clock.At(now), Stream: name, Health: src.Health()})
		}
	}
}

// attach lets the session tell the tape what happens, beside those that it tells already.
func (t *tape) attach(opt *session.Options) {
	onChunk, onDecision := opt.OnChunk, opt.OnDecision
	opt.OnCue = t.Event
	opt.OnChunk = func(c signal.Chunk) {
		t.Chunk(c)
		if onChunk != nil {
			onChunk(c)
		}
	}
	opt.OnDecision = func(p *pipeline.Prediction, c bus.Command, arrived time.Time) {
		d := record.Of(p)
		d.TArrived, d.TDecided, d.Model = t.clock.At(arrived), t.clock.Now(), c.Bundle
		if len(c.Scores) > 0 { // the classes of a model that was made here may be in another order
			d.Values = make([]float64, len(t.outputs))
			for _, s := range c.Scores {
				if k := slices.Index(t.outputs, s.Label); k >= 0 {
					d.Values[k] = s.P
				}
			}
		}
		t.Decision(d)
		if onDecision != nil {
			onDecision(p, c, arrived)
		}
	}
}

// close ends the recording.
func (t *tape) close() (record.Stats, error) {
	close(t.stop)
	t.done.Wait()
	return t.Close()
}
