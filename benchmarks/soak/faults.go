package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/record"
)

// barMS is how long an actuator may act behind the end of new commands: they are valid for 250 ms, and so long is the watchdog.
const barMS = 300

func killDecoder(ctx context.Context, r *rig) (outcome, error) {
	return r.struck(ctx, r.decoder.kill, func() error { return r.startDecoder(ctx) })
}

func killBroker(ctx context.Context, r *rig) (outcome, error) {
	return r.struck(ctx, r.broker.kill, func() (err error) {
		time.Sleep(2 * time.Second) // what could be sent late piles up meanwhile
		r.broker, err = start(ctx, nil, "broker", "127.0.0.1", strconv.Itoa(r.port))
		return err
	})
}

func killOutlet(ctx context.Context, r *rig) (outcome, error) {
	var states string
	before := r.telemetry()
	o, err := r.struck(ctx, r.outlet.kill, func() (err error) {
		time.Sleep(3 * time.Second)
		states = stateOf(r.telemetry())
		r.outlet, err = start(ctx, nil, "outlet", r.stream)
		return err
	})
	if err != nil || o.Wrong != "" {
		return o, err
	}
	if err := settle(ctx); err != nil {
		return o, err
	}
	after := r.telemetry()
	o.Notes = fmt.Sprintf("the stream was %s, is %s; %d losses", states, stateOf(after), lossesOf(after)-lossesOf(before))
	if states != "lost" || lossesOf(after) == lossesOf(before) {
		o.Wrong = "the loss of the stream was not told"
	}
	return o, nil
}

func stateOf(t bus.Telemetry) string {
	if len(t.Streams) == 0 {
		return "unknown"
	}
	return t.Streams[0].State
}

func lossesOf(t bus.Telemetry) uint64 {
	if len(t.Streams) == 0 {
		return 0
	}
	return t.Streams[0].Losses
}

// settle waits until telemetry has told of what is over.
func settle(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(1500 * time.Millisecond):
		return nil
	}
}

// lastS is how much of the end of a recording may be missing behind a SIGKILL.
const lastS = 1.5

// killRecorder kills a recorder while it writes: what it has written must be readable to the last second.
func killRecorder(ctx context.Context, r *rig) (o outcome, err error) {
	dir, err := os.MkdirTemp("", "gyrus-soak-")
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "run.arrow")
	p, err := start(ctx, nil, "recorder", path, r.stream)
	if err != nil {
		return o, err
	}
	select {
	case <-ctx.Done():
		return o, errors.Join(ctx.Err(), p.kill())
	case <-time.After(6 * time.Second):
	}
	at := time.Now()
	if err := p.kill(); err != nil {
		return o, err
	}
	got, err := record.Open(path)
	if err != nil {
		o.Wrong = err.Error()
		return o, nil
	}
	rec := got.Samples
	end := rec.Begin.Add(time.Duration(float64(rec.Len) / rec.Info.Rate * 1e9))
	missing := at.Sub(end).Seconds()
	read := signal.NewChunk(rec.Info, 0, 1)
	last := rec.Runs()[len(rec.Runs())-1]
	if err := rec.Data.ReadSamples(read.X, last.End()-1); err != nil {
		o.Wrong = err.Error()
	}
	o.Notes = fmt.Sprintf("%.1f s are readable, %.2f s before the kill are missing (at most %.1f)", float64(rec.Len)/rec.Info.Rate, missing, lastS)
	if missing > lastS || rec.Len < 3*rateHz {
		o.Wrong = "the end is missing"
	}
	return o, got.Close()
}

// jumpClock lets the clock of the amplifier jump by 20 s, forth and back. The session must go on each time, with windows that
// reach over neither jump.
func jumpClock(ctx context.Context, r *rig) (outcome, error) {
	var o outcome
	for _, by := range []string{"20", "-20"} {
		if err := r.active(ctx, true, 60*time.Second); err != nil {
			return o, err
		}
		before := r.telemetry()
		if _, err := r.outlet.tell(ctx, "jump "+by); err != nil {
			return o, err
		}
		time.Sleep(4 * time.Second)
		began := time.Now()
		if err := r.active(ctx, true, 60*time.Second); err != nil {
			o.Wrong = fmt.Sprintf("behind a jump of %s s: %v", by, err)
			return o, nil
		}
		after := r.telemetry()
		o.Notes += fmt.Sprintf("jump of %s s: commands again within %.1f s, %d breaks of the stream, age %.0f ms; ", by, 4+time.Since(began).Seconds(), after.Gaps+after.Restarts-before.Gaps-before.Restarts, ageOf(after))
		if after.Windows == before.Windows {
			o.Wrong = fmt.Sprintf("behind a jump of %s s nothing is decided", by)
		}
	}
	return o, nil
}

func ageOf(t bus.Telemetry) float64 {
	if len(t.Streams) == 0 || t.Streams[0].AgeMS == nil {
		return 0
	}
	return *t.Streams[0].AgeMS
}

// loseChunks loses a part of the chunks for some seconds: every stretch is a gap, and no window reaches over one.
func loseChunks(ctx context.Context, r *rig, part float64) (outcome, error) {
	var o outcome
	if err := r.active(ctx, true, 60*time.Second); err != nil {
		return o, err
	}
	if err := settle(ctx); err != nil {
		return o, err
	}
	before := r.telemetry()
	if _, err := r.outlet.tell(ctx, fmt.Sprintf("loss %g", part)); err != nil {
		return o, err
	}
	select {
	case <-ctx.Done():
		return o, ctx.Err()
	case <-time.After(20 * time.Second):
	}
	raw, err := r.outlet.tell(ctx, "count")
	if err != nil {
		return o, err
	}
	var did pushed
	if err := json.Unmarshal(raw, &did); err != nil {
		return o, err
	}
	if _, err := r.outlet.tell(ctx, "loss 0"); err != nil {
		return o, err
	}
	if err := settle(ctx); err != nil {
		return o, err
	}
	after := r.telemetry()
	gaps := int(after.Gaps + after.Restarts - before.Gaps - before.Restarts)
	windows := int(after.Windows - before.Windows)
	o.Notes = fmt.Sprintf("%d of %d chunks lost in %d stretches: %d gaps counted, %d samples missing by the clock, %d windows decided (%d lie between losses)",
		did.Lost, did.Chunks, did.Runs, gaps, after.Streams[0].Suspected-before.Streams[0].Suspected, windows, did.Windows)
	// The clock of the stream must account for every lost sample, but for those of the moments before and behind the count.
	// Stretches with less than 0.25 s between them may be told as one gap.
	missing := int(after.Streams[0].Suspected - before.Streams[0].Suspected)
	if missing < (did.Lost-2)*chunkN || missing > (did.Lost+4)*chunkN || gaps < did.Runs/2 || gaps > did.Runs+4 {
		o.Wrong = "the gaps do not match the losses"
	}
	if most := did.Windows + int(3*rateHz/chunkN) + 10; windows > most {
		o.Wrong = fmt.Sprintf("%d windows, at most %d lie between losses", windows, most)
	}
	return o, nil
}

// slowViewer subscribes to everything and reads nothing, while another floods the server: the actuator must not notice.
func slowViewer(ctx context.Context, r *rig) (outcome, error) {
	var o outcome
	if err := r.active(ctx, true, 60*time.Second); err != nil {
		return o, err
	}
	before := r.rec.Counters()
	viewer, err := nats.Connect(r.url, nats.NoReconnect())
	if err != nil {
		return o, err
	}
	defer viewer.Close()
	blocked := make(chan struct{})
	defer close(blocked)
	if _, err := viewer.Subscribe(">", func(*nats.Msg) { <-blocked }); err != nil {
		return o, err
	}
	flood, err := nats.Connect(r.url)
	if err != nil {
		return o, err
	}
	defer flood.Close()
	load := make([]byte, 64<<10)
	began := time.Now()
	unsafe := 0
	for time.Since(began) < 5*time.Second {
		if err := errors.Join(flood.Publish("gyrus.soak.raw.flood", load), ctx.Err()); err != nil {
			return o, err
		}
		if _, ok := r.rec.Current(); !ok {
			unsafe++
		}
		time.Sleep(5 * time.Millisecond)
	}
	after := r.rec.Counters()
	o.Notes = fmt.Sprintf("%d commands in %.0f s beside a viewer that reads nothing, %d gaps, %d safe states", after.Accepted-before.Accepted, time.Since(began).Seconds(), after.Gaps-before.Gaps, after.SafeEntries-before.SafeEntries)
	if after.SafeEntries != before.SafeEntries || unsafe > 0 || after.Gaps != before.Gaps {
		o.Wrong = "the actuator noticed"
	}
	return o, nil
}
