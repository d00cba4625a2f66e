package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/session"
)

// nobodyKnows is how a decoder begins to say that somebody has to look whether all may move: a stop may have come while its link to the
// bus was broken, and nobody who could know has said that none did.
const nobodyKnows = "it is not known whether an emergency stop came"

const (
	// looksFor is how long the person looks between what they were shown and their request: the decoder refuses who took less than 1 s.
	looksFor = 1200 * time.Millisecond
	// movesS is how long at most behind a resume commands must flow: 250 ms of heartbeats, and a chunk.
	movesS = 1.0
	// comesBack is how long a session may take to come back from anything.
	comesBack = 60 * time.Second
)

// heldFile is where a decoder of the soak keeps what holds it back, as that of a user does beside the session file.
func heldFile(dir, name string) string {
	return session.HeldFile(filepath.Join(dir, "session.yaml"), name, soakDecoder)
}

// resumed is one time that somebody had to look whether all may move.
type resumed struct {
	wrong string
	took  time.Duration // from the request, which was granted, until the actuator acted
	at    time.Time     // of the request
}

// saw is told how the decoder says that it is. Between two looks of one run that both say that commands are held back none may have been
// published: each that was is counted.
func (r *rig) saw(t bus.Telemetry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.look
	r.look = t
	if t.HeldBy != "" && !slices.Contains(r.shown, t.HeldBy) {
		r.shown = append(r.shown, t.HeldBy)
	}
	if before.HeldBy == "" || t.HeldBy == "" || before.Run != t.Run {
		return
	}
	for _, c := range r.recent {
		if c.run == t.Run && before.TPublish < c.published && c.published < t.TPublish {
			r.moved++
		}
	}
}

// sent is when a run published a command.
type sent struct{ run, published int64 }

// keptSent is how many commands are remembered until the next look, which comes within half a second: 10 a second are sent.
const keptSent = 64

// back waits until the actuator acts. Where the decoder says that nobody knows whether a stop came it plays the person who looks and
// resumes the session, as often as it takes.
func (r *rig) back(ctx context.Context) error {
	began, waiting := time.Now(), false
	for {
		if _, ok := r.rec.Current(); ok {
			if waiting {
				p := &r.persons[len(r.persons)-1]
				if p.took = time.Since(p.at); p.took.Seconds() > movesS+r.grace.Seconds() {
					p.wrong = fmt.Sprintf("commands came %.1f s behind a resume, at most %g are allowed", p.took.Seconds(), movesS)
				}
			}
			return nil
		}
		t := r.telemetry()
		if r.needsPerson(t) {
			granted, err := r.resume(ctx, t)
			if err != nil {
				return err
			}
			waiting = waiting || granted
		}
		if time.Since(began) > comesBack {
			return fmt.Errorf("the actuator acts on no command behind %s; the decoder says that it is %s, held back by %q", comesBack, t.Phase, t.HeldBy)
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return err
		}
	}
}

// needsPerson says whether t, of the run at work, asks for somebody, and is newer than what they have answered.
func (r *rig) needsPerson(t bus.Telemetry) bool {
	return strings.HasPrefix(t.HeldBy, nobodyKnows) && t.Run == r.running && (t.Run != r.answered.run || t.TPublish > r.answered.published)
}

// resume is what an operator does with gyrus ctl: asks, is refused and shown what is in force, looks, and asks again with what the
// refusal said. granted is false where something newer had come meanwhile, which they must look at first.
func (r *rig) resume(ctx context.Context, t bus.Telemetry) (granted bool, err error) {
	shown, err := r.ask(ctx, 0)
	if err == nil {
		return false, fmt.Errorf("the session was resumed for somebody who was shown nothing, while the decoder said: %s", t.HeldBy)
	}
	var refused *bus.RefusedError
	if !errors.As(err, &refused) || shown.Seen == 0 {
		return false, fmt.Errorf("resume, before anybody was shown why: %w", err)
	}
	if err := pause(ctx, looksFor); err != nil {
		return false, err
	}
	if _, ok := r.rec.Current(); ok {
		return false, fmt.Errorf("the actuator acts before anybody has resumed the session, and the decoder said: %s", t.HeldBy)
	}
	p := resumed{at: time.Now()}
	done, err := r.ask(ctx, shown.Seen)
	r.answered = sent{t.Run, done.TPublish}
	if errors.As(err, &refused) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("resume: %w", err)
	}
	var lifted struct {
		Doubt string `json:"lifted_doubt"`
	}
	if err := json.Unmarshal(done.Result, &lifted); err != nil {
		return false, err
	}
	if !strings.HasPrefix(lifted.Doubt, nobodyKnows) {
		p.wrong = fmt.Sprintf("resume lifted the doubt %q, must be the one that was shown: %s", lifted.Doubt, t.HeldBy)
	}
	r.persons = append(r.persons, p)
	return true, nil
}

// ask sends what gyrus ctl sends for resume.
func (r *rig) ask(ctx context.Context, seen int64) (bus.Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return r.person.AskAt(ctx, bus.Asked{At: time.Now(), Seen: seen}, soakSession, soakDecoder, "resume")
}

// killInDoubt kills the broker, and then the decoder, as soon as that has put on record that nobody knows whether a stop came: the next one
// must hold commands back by the record, for as long as nobody resumes it.
func killInDoubt(ctx context.Context, r *rig) (o outcome, err error) {
	moved := false
	o, err = r.struck(ctx, func() error { return r.end(r.broker) }, func() error {
		if err := r.startBroker(ctx); err != nil {
			return err
		}
		for began := time.Now(); ; {
			raw, err := os.ReadFile(heldFile(r.dir, soakSession))
			if err == nil && strings.Contains(string(raw), nobodyKnows) && r.needsPerson(r.telemetry()) {
				break
			}
			if time.Since(began) > 20*time.Second {
				return fmt.Errorf("20 s behind the broker the decoder is held back by %q, and on record is %q, must be: %s", r.telemetry().HeldBy, raw, nobodyKnows)
			}
			if err := pause(ctx, 10*time.Millisecond); err != nil {
				return err
			}
		}
		if err := r.end(r.decoder); err != nil {
			return err
		}
		if err := r.startDecoder(ctx); err != nil {
			return err
		}
		for began := time.Now(); time.Since(began) < 4*time.Second && !moved; { // longer than the others are asked
			_, moved = r.rec.Current()
			if err := pause(ctx, 5*time.Millisecond); err != nil {
				return err
			}
		}
		return nil
	})
	if moved {
		o.Wrong = "a decoder that was killed in doubt moved the actuator when it was started again, before anybody resumed it"
	}
	return o, err
}

// pause waits.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// do makes a fault happen and judges what came of it.
func (r *rig) do(ctx context.Context, f fault) (outcome, error) {
	at, persons := time.Now(), len(r.persons)
	r.mu.Lock()
	moved := r.moved
	r.mu.Unlock()
	o, err := f.run(ctx, r)
	if err != nil {
		return o, fmt.Errorf("%s: %w", f.name, err)
	}
	r.mu.Lock()
	o.Moved += r.moved - moved
	r.mu.Unlock()
	o.Fault, o.Took = f.name, time.Since(at).Seconds()
	o.add(r.persons[persons:])
	o.judge(f.persons, r.grace)
	return o, nil
}

// add counts the times that somebody had to resume the session.
func (o *outcome) add(list []resumed) {
	o.Persons += len(list)
	for _, p := range list {
		o.MovesS = max(o.MovesS, p.took.Seconds())
		if o.Wrong == "" {
			o.Wrong = p.wrong
		}
	}
}

// judge says what is wrong with how a fault went behind which somebody must resume the session so often. On a machine that does other
// things a link may break beside the fault, so that somebody is needed more often; never less.
func (o *outcome) judge(persons int, grace time.Duration) {
	if o.Skipped != "" || o.Wrong != "" {
		return
	}
	switch {
	case o.BarMS > 0 && o.SafeMS > o.BarMS:
		o.Wrong = fmt.Sprintf("the actuator was safe behind %.0f ms, at most %.0f are allowed", o.SafeMS, o.BarMS)
	case o.Old > 0:
		o.Wrong = fmt.Sprintf("%d old commands were acted on", o.Old)
	case o.Moved > 0:
		o.Wrong = fmt.Sprintf("%d commands were sent while the decoder said that they are held back", o.Moved)
	case o.Persons < persons:
		o.Wrong = fmt.Sprintf("the session came back and somebody resumed it %d times, must be %d: a doubt was skipped in silence", o.Persons, persons)
	case o.Persons > persons && grace == 0:
		o.Wrong = fmt.Sprintf("somebody had to resume the session %d times, must be %d", o.Persons, persons)
	}
}
