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
	"github.com/gyrus-bci/gyrus/stream/record"
	"github.com/gyrus-bci/gyrus/stream/session"
)

// tape is the recording of a live session.
type tape struct {
	*record.Recorder
	path    string
	outputs []string
	clock   bus.Clock
	stop    chan struct{}
	done    sync.WaitGroup
}

// newTape begins the recording of a session with src.
func newTape(cmd *cobra.Command, cfg *session.Config, model session.Model, src signal.Source, clock bus.Clock) (*tape, error) {
	t := &tape{path: cfg.Record.File, clock: clock, stop: make(chan struct{})}
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
	about.Bundle = beside(cfg.Record.File, about.Bundle)
	r, err := record.Create(record.Options{
		Path: cfg.Record.File, Info: src.Info(), Outputs: t.outputs, About: about, OnError: func(err error) { note(cmd, "RECORDING: %v; the session goes on without being recorded", err) },
		OnInstant: instantsNoted(cmd, cfg.Record.File),
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

// beside is the path of a file as it counts from a recording, "" for none.
func beside(recording, path string) string {
	if path == "" {
		return ""
	}
	dir, err := filepath.Abs(filepath.Dir(recording))
	full, err2 := filepath.Abs(path)
	if err != nil || err2 != nil {
		return path
	}
	if rel, err := filepath.Rel(dir, full); err == nil {
		return rel
	}
	return full // on another drive
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
	opt.OnLog = func(e record.Entry) {
		e.Bundle = beside(t.path, e.Bundle)
		t.Log(e)
	}
	opt.OnDecision = func(was session.Decided) {
		d, c := record.Of(was.Prediction), was.Command
		d.TArrived, d.TDecided, d.Model, d.Fate, d.Seq = t.clock.At(was.Arrived), t.clock.At(was.At), c.Bundle, was.Fate, was.Seq
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
			onDecision(was)
		}
	}
}

// close ends the recording.
func (t *tape) close() (record.Stats, error) {
	close(t.stop)
	t.done.Wait()
	return t.Close()
}
