package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/record"
)

func killDecoder(ctx context.Context, r *rig) (outcome, error) {
	return r.struck(ctx, func() error { return r.end(r.decoder) }, func() error { return r.startDecoder(ctx) })
}

func killBroker(ctx context.Context, r *rig) (outcome, error) {
	return r.struck(ctx, func() error { return r.end(r.broker) }, func() error { return r.startBroker(ctx) })
}

func killOutlet(ctx context.Context, r *rig) (outcome, error) {
	var states string
	before := r.telemetry()
	o, err := r.struck(ctx, func() error { return r.end(r.outlet) }, func() (err error) {
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
func settle(ctx context.Context) error { return pause(ctx, 1500*time.Millisecond) }

// lastS is how much of the end of a recording may be missing behind a SIGKILL.
const lastS = 1.0

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
	if missing > lastS+r.grace.Seconds() || rec.Len < 3*rateHz {
		o.Wrong = "the end is missing"
	}
	return o, got.Close()
}

// againS is how long behind a jump of a clock commands must flow again: samples are held back for 0.3 s until it is clear that
// it was a jump, and a window is 1 s.
const againS = 2

// jumpClock lets the clock of the amplifier jump by 20 s, forth and back, then back and forth. Each time the jump is counted, the
// actuator is safe, and no window reaches over it. With stamps that are 20 s ahead samples count as measured when they arrive,
// and commands flow again. Stamps that are 20 s behind are old samples: nothing is sent until the clock is right again.
func jumpClock(ctx context.Context, r *rig) (o outcome, err error) {
	o.BarMS = r.barMS()
	at := 0
	for _, by := range []int{20, -20, -20, 20} {
		at += by
		behind := at < 0 // then every sample is too old
		if at-by >= 0 {
			if err := r.back(ctx); err != nil {
				return o, err
			}
			if err := settle(ctx); err != nil {
				return o, err
			}
		}
		before, commands := r.telemetry(), r.follow()
		raw, err := r.outlet.tell(ctx, fmt.Sprintf("jump %d", by))
		if err != nil {
			return o, err
		}
		var a answer
		if err := json.Unmarshal(raw, &a); err != nil {
			return o, err
		}
		jump := time.Unix(0, a.FirstNS) // when the first sample behind the jump, a chunk long, was pushed
		if unsafe := r.active(ctx, false, 10*time.Second); unsafe != nil {
			o.Wrong = fmt.Sprintf("behind a jump of %d s: %v", by, unsafe)
			return o, nil
		}
		o.SafeMS = max(o.SafeMS, time.Since(jump).Seconds()*1e3)
		again := "no command, as it must be"
		if behind {
			if err := pause(ctx, 4*time.Second); err != nil {
				return o, err
			}
		} else {
			if stuck := r.active(ctx, true, 30*time.Second); stuck != nil {
				o.Wrong = fmt.Sprintf("behind a jump of %d s: %v", by, stuck)
				return o, nil
			}
			back := time.Since(jump).Seconds()
			o.BackS = max(o.BackS, back)
			again = fmt.Sprintf("commands again behind %.2f s (at most %d)", back, againS)
			if back > againS+r.grace.Seconds() {
				o.Wrong = fmt.Sprintf("behind a jump of %d s commands came again behind %.2f s", by, back)
			}
		}
		if err := settle(ctx); err != nil {
			return o, err
		}
		after := r.telemetry()
		breaks := after.Gaps + after.Restarts - before.Gaps - before.Restarts
		// The first window behind the jump is full 0.9 s behind its first chunk. No command may have a sample from between; the
		// last one of before can be stamped with its arrival, up to a chunk late.
		over := 0
		for _, c := range commands() {
			if since := time.Duration(c.TSample - a.FirstNS).Seconds(); since > 0.01 && since < 0.88 || behind && (since > 0.01 || since < -5) {
				over++
			}
		}
		o.Notes += fmt.Sprintf("%+d s: %d breaks, %d windows over it, %s; ", by, breaks, over, again)
		if breaks < 1 || breaks > 2 {
			o.Wrong = fmt.Sprintf("a jump of %d s is counted as %d breaks of the stream, must be 1 (2 where it is found in two steps)", by, breaks)
		}
		if over > 0 {
			o.Wrong = fmt.Sprintf("%d commands are of windows over a jump of %d s, or of samples that are too old", over, by)
		}
	}
	return o, nil
}

// wrongClock gives the decoder's host a clock that is 20 s ahead, then one that is right again, 20 s behind, and right again.
// Each time the decoder begins anew, as a clock that does not jump while it runs is what a session has. A run whose clock was set
// back is older: the controller must say so, refuse all of it, and follow it when it is re-armed.
func wrongClock(ctx context.Context, r *rig) (o outcome, err error) {
	armed := len(r.rearms)
	for _, skew := range []time.Duration{20 * time.Second, 0, -20 * time.Second, 0} {
		one, err := r.struck(ctx, func() error { return r.end(r.decoder) }, func() error {
			r.mu.Lock()
			r.skew = skew
			r.mu.Unlock()
			return r.startDecoder(ctx)
		})
		if err != nil {
			return o, err
		}
		o.BarMS, o.SafeMS, o.BackS, o.Old = one.BarMS, max(o.SafeMS, one.SafeMS), max(o.BackS, one.BackS), o.Old+one.Old
		notes := one.Notes
		if notes != "" {
			notes += ", "
		}
		o.Notes += fmt.Sprintf("host's clock at %+.0f s: %scommands again behind %.1f s; ", skew.Seconds(), notes, one.BackS)
		if one.Wrong != "" {
			o.Wrong += fmt.Sprintf("with the host's clock at %+.0f s: %s; ", skew.Seconds(), one.Wrong)
		}
	}
	if n := len(r.rearms) - armed; n < 2 {
		o.Wrong += fmt.Sprintf("%d of the runs were older than the newest, must be 2 at least", n)
	}
	return o, nil
}

// loseChunks loses a part of the chunks for some seconds, by a schedule that both sides know: every stretch must be a gap, every
// lost sample must be counted, and every command that comes is held against the schedule.
func loseChunks(ctx context.Context, r *rig, part float64) (o outcome, err error) {
	if err := r.back(ctx); err != nil {
		return o, err
	}
	for range 2 { // what was lost before is told, and 3 s of chunks are behind it
		if err := settle(ctx); err != nil {
			return o, err
		}
	}
	n := 200
	if r.short {
		n = 100
	}
	r.rounds++
	seed := r.rounds
	before, commands := r.telemetry(), r.follow()
	raw, err := r.outlet.tell(ctx, fmt.Sprintf("lose %g %d %d", part, n, seed))
	if err != nil {
		return o, err
	}
	var a answer
	if err := json.Unmarshal(raw, &a); err != nil {
		return o, err
	}
	if err := pause(ctx, time.Duration(n)*chunkTime); err != nil {
		return o, err
	}
	for range 3 {
		if err := settle(ctx); err != nil {
			return o, err
		}
	}
	after := r.telemetry()
	lost := schedule(part, n, seed)
	list := commands()
	sum := judgeLoss(lost, a.FirstNS, list)
	gaps := int(after.Gaps + after.Restarts - before.Gaps - before.Restarts)
	missing := int(after.Streams[0].Suspected + after.Streams[0].Lost - before.Streams[0].Suspected - before.Streams[0].Lost)
	o.Notes = fmt.Sprintf("seed %d: %d of %d chunks lost in %d stretches: %d gaps, %d samples counted as missing; of %d windows that touch no loss %d were decided, of %d that do %d, %d commands lie beside the schedule; the decoder held %d back as too old; %s",
		seed, sum.lost, n, sum.runs, gaps, missing, sum.may, sum.did, n-sum.may, sum.over, sum.beside, after.Expired-before.Expired, slowest(list))
	var wrong []string
	if missing != sum.lost*chunkN {
		wrong = append(wrong, fmt.Sprintf("%d samples are counted as missing, %d are", missing, sum.lost*chunkN))
	}
	if gaps != sum.runs {
		wrong = append(wrong, fmt.Sprintf("%d gaps are counted, there were %d stretches", gaps, sum.runs))
	}
	if sum.over > 0 || sum.beside > 0 {
		wrong = append(wrong, "commands are of windows that touch lost samples, or that are misplaced")
	}
	if float64(sum.did) < r.least*float64(sum.may) {
		wrong = append(wrong, fmt.Sprintf("%d of %d windows that touch no loss were decided, must be %.0f %%", sum.did, sum.may, 100*r.least))
	}
	o.Wrong = strings.Join(wrong, "; ")
	return o, nil
}

// chunkTime is the length of a chunk.
const chunkTime = chunkN * time.Second / rateHz

// placed is how far the newest sample of a window may lie from the end of a chunk: 2.5 samples.
const placed = 10 * time.Millisecond

// losses is what came of a schedule.
type losses struct {
	lost, runs int // chunks, and stretches of them
	may, did   int // windows that touch no lost chunk, and those of them that commands came of
	over       int // commands of windows that touch one
	beside     int // commands whose newest sample is not the last one of a chunk
}

// judgeLoss holds commands against the schedule that began at first, nanoseconds since 1970. A window ends with chunk k and
// holds the newest windowS seconds; before the schedule nothing was lost.
func judgeLoss(lost []bool, first int64, list []seen) losses {
	const need = windowS * rateHz / chunkN
	var s losses
	may := map[int64]bool{}
	clean := int(need)
	for k, gone := range lost {
		if clean++; gone {
			if s.lost++; k == 0 || !lost[k-1] {
				s.runs++
			}
			clean = 0
		}
		if clean >= need {
			may[int64(k)] = true
		}
	}
	s.may = len(may)
	for _, c := range list {
		d := time.Duration(c.TSample - first)
		k := int64(d.Round(chunkTime) / chunkTime)
		switch off := (d - time.Duration(k)*chunkTime).Abs(); {
		case k < 0 || k >= int64(len(lost)):
		case off > placed:
			s.beside++
		case may[k]:
			s.did++
		default:
			s.over++
		}
	}
	return s
}

// slowViewer subscribes to everything and takes nothing off its socket, while another floods the server: the actuator must not
// notice, and the server must cut the viewer off. The notes tell what held a command up where one came late: it was published
// late, or it was long on its way, or nothing ran here; and what became meanwhile of the quiet session, which has no such viewer.
func slowViewer(ctx context.Context, r *rig) (o outcome, err error) {
	if err := r.back(ctx); err != nil {
		return o, err
	}
	calm, err := r.quiet.counters(ctx)
	if err != nil {
		return o, err
	}
	before, commands := r.rec.Counters(), r.follow()
	viewer, err := deafViewer(ctx, r.port)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, viewer.Close()) }()
	flood, err := nats.Connect(r.url)
	if err != nil {
		return o, err
	}
	defer flood.Close()
	load := make([]byte, 64<<10)
	began := time.Now()
	unsafe := 0
	var still time.Duration
	for time.Since(began) < 5*time.Second {
		if err := errors.Join(flood.Publish("gyrus.soak.raw.flood", load), ctx.Err()); err != nil {
			return o, err
		}
		if _, ok := r.rec.Current(); !ok {
			unsafe++
		}
		at := time.Now()
		time.Sleep(floodEvery)
		still = max(still, time.Since(at)-floodEvery)
	}
	took := time.Since(began)
	after, list := r.rec.Counters(), commands()
	calmer, err := r.quiet.counters(ctx)
	if err != nil {
		return o, err
	}
	if r.grace > 0 && after.Gaps == before.Gaps && after.SafeEntries-before.SafeEntries <= 1 {
		unsafe, after.SafeEntries = 0, before.SafeEntries // a machine that does other things stands still for 0.3 s now and then
	}
	o.Notes = fmt.Sprintf("%d commands in %.0f s beside a viewer that reads nothing, %d gaps, %d safe states; %s; this process stood still for %.0f ms; the quiet session had %d safe states",
		after.Accepted-before.Accepted, took.Seconds(), after.Gaps-before.Gaps, after.SafeEntries-before.SafeEntries, slowest(list), still.Seconds()*1e3, calmer.SafeEntries-calm.SafeEntries)
	if after.SafeEntries != before.SafeEntries || unsafe > 0 || after.Gaps != before.Gaps {
		o.Wrong = "the actuator noticed"
	}
	err = viewer.SetReadDeadline(time.Now().Add(2 * time.Second))
	if err == nil {
		_, err = io.Copy(io.Discard, viewer) // what its socket still holds; its end, or a reset, is that it was cut off
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		o.Wrong += "; the viewer was not cut off"
		return o, nil
	}
	return o, ctx.Err()
}

// floodEvery is the time between two messages of 64 KiB: the socket of who does not read is full within a second.
const floodEvery = 5 * time.Millisecond

// slowest says how long at most it took from the newest sample of a command to its publishing, and from there until it arrived.
func slowest(list []seen) string {
	var made, way time.Duration
	for _, c := range list {
		made = max(made, time.Duration(c.TPublish-c.TSample))
		way = max(way, time.Duration(c.arrived-c.TPublish))
	}
	return fmt.Sprintf("at most %.0f ms from the newest sample to publishing, %.0f ms on the way", made.Seconds()*1e3, way.Seconds()*1e3)
}

// deafViewer is a client that has subscribed to everything and reads nothing any more. Those of NATS's own libraries go on
// reading whatever their user does.
func deafViewer(ctx context.Context, port int) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, err
	}
	if err = conn.SetDeadline(time.Now().Add(10 * time.Second)); err == nil {
		_, err = io.WriteString(conn, "CONNECT {\"verbose\":false,\"pedantic\":false}\r\nSUB > 1\r\nPING\r\n")
	}
	for in := bufio.NewReader(conn); err == nil; {
		var line string
		if line, err = in.ReadString('\n'); strings.HasPrefix(line, "PONG") { // it is subscribed
			return conn, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("viewer: %w", err), conn.Close())
}
