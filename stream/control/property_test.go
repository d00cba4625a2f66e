package control

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// The world of the property tests. Time is true time, which the judge never sees: it is given the receiver's clock.
const (
	worldSpan   = 14 * time.Second
	worldWay    = 2 * ms  // the shortest time on the way
	worldJitter = 30 * ms // at most this much more on a good link
	beatPeriod  = 100 * ms
)

// message is one delivery of a command or a heartbeat.
type message struct {
	sent, arrives time.Duration // true time
	cmd           *bus.Command
	beat          *bus.Status
}

// outage is a time in which nothing arrives; what was sent meanwhile comes behind its end.
type outage struct {
	from, to time.Duration
	drain    float64 // of the time between two messages when sent, what lies between them on arrival: 0 is a burst
}

// world draws all messages of two runs over a link with outages.
func world(rt *rapid.T, jitter time.Duration, outages []outage, faults bool) []message {
	ppm := rapid.Float64Range(-200, 200).Draw(rt, "ppm")
	ahead := rapid.Int64Range(1, 2e18).Draw(rt, "ahead")
	clock := func(at time.Duration) int64 { return ahead + int64(at) + int64(ppm*1e-6*float64(at)) }
	lag := func(label string) time.Duration {
		return time.Duration(rapid.Int64Range(int64(worldWay), int64(worldWay+jitter)).Draw(rt, label))
	}
	deliver := func(sent time.Duration) time.Duration {
		for _, o := range outages {
			if o.from <= sent && sent < o.to {
				return o.to + time.Duration(o.drain*float64(sent-o.from)) + lag("way")
			}
			// What is sent while the backlog is worked off queues behind it: o.drain of it is still there.
			if end := o.to + time.Duration(o.drain*float64(o.to-o.from)); o.to <= sent && sent < end {
				return end + lag("way")
			}
		}
		return sent + lag("way")
	}
	var out []message
	add := func(m message) {
		m.arrives = deliver(m.sent)
		if faults && rapid.IntRange(0, 19).Draw(rt, "lost") == 0 {
			return
		}
		out = append(out, m)
		if faults && rapid.IntRange(0, 9).Draw(rt, "again") == 0 { // the same bytes once more, up to 5 s later
			m.arrives += time.Duration(rapid.Int64Range(0, int64(5*time.Second)).Draw(rt, "later"))
			out = append(out, m)
		}
	}
	change := worldSpan // when the second run begins; the first one may live on for a while
	if faults && rapid.Bool().Draw(rt, "two runs") {
		change = time.Duration(rapid.Int64Range(int64(time.Second), int64(worldSpan)).Draw(rt, "restart"))
	}
	for _, run := range []struct{ from, to time.Duration }{
		{0, min(worldSpan, change+time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(rt, "overlap")))},
		{change, worldSpan},
	} {
		id := clock(run.from)
		period := time.Duration(rapid.IntRange(30, 120).Draw(rt, "period_ms")) * ms
		pauses := [][2]time.Duration{} // of the decoder: heartbeats go on, commands do not
		if faults {
			for range rapid.IntRange(0, 3).Draw(rt, "pauses") {
				from := time.Duration(rapid.Int64Range(0, int64(worldSpan)).Draw(rt, "pause"))
				pauses = append(pauses, [2]time.Duration{from, from + time.Duration(rapid.Int64Range(0, int64(2*time.Second)).Draw(rt, "paused"))})
			}
		}
		paused := func(at time.Duration) bool {
			return slices.ContainsFunc(pauses, func(p [2]time.Duration) bool { return p[0] <= at && at < p[1] })
		}
		seq := uint64(0)
		for at := run.from; at < run.to; at += beatPeriod {
			seq++
			state, commands := bus.StateDecoding, uint64(0)
			for c := run.from; c <= at; c += period {
				if !paused(c) {
					commands++
				}
			}
			if paused(at) {
				state = bus.StateWaiting
			}
			add(message{sent: at, beat: &bus.Status{
				V: bus.Version, Session: "s1", Decoder: "mi", Run: id, Seq: seq, CmdSeq: commands, TPublish: clock(at), State: state,
			}})
		}
		seq = 0
		for at := run.from; at < run.to; at += period {
			if paused(at) {
				continue
			}
			seq++
			state, valid := bus.Actuate, float64(rapid.IntRange(160, 500).Draw(rt, "valid_ms"))
			if faults && rapid.IntRange(0, 9).Draw(rt, "shadow") == 0 {
				state, valid = bus.Shadow, rapid.SampledFrom([]float64{0, valid}).Draw(rt, "valid_in_shadow_ms")
			}
			add(message{sent: at, cmd: &bus.Command{
				V: bus.Version, Session: "s1", Decoder: "mi", Run: id, Seq: seq, TSample: clock(at), TPublish: clock(at),
				ValidForMS: valid, State: state, Kind: bus.KindNone,
			}})
		}
	}
	slices.SortStableFunc(out, func(a, b message) int { return int(a.arrives - b.arrives) })
	return out
}

// play delivers the messages to a judge, and its nonces to the decoder; asks for the command every 10 ms, and re-arms at the times given.
func play(messages []message, use func(now time.Duration, a Action, ok bool), verdict func(m message, v Verdict), rearms ...time.Duration) *judge {
	return playTo(decoderHears(messages), messages, use, verdict, rearms...)
}

// decoderHears lets three heartbeats that leave behind a nonce send it back.
func decoderHears(messages []message) func(now time.Duration, run int64, nonce string) {
	return func(now time.Duration, run int64, nonce string) {
		left := 3
		for _, m := range messages {
			if s := m.beat; s != nil && s.Run == run && m.sent >= now+worldWay && left > 0 && !slices.Contains(s.Nonces, nonce) {
				s.Nonces = append(s.Nonces, nonce)
				left--
			}
		}
	}
}

// playTo is play with an ear of its own for the nonces.
func playTo(ear func(now time.Duration, run int64, nonce string), messages []message, use func(now time.Duration, a Action, ok bool), verdict func(m message, v Verdict), rearms ...time.Duration) *judge {
	j := &judge{session: "s1", decoder: "mi", watchdog: 250 * ms, maxValid: 10 * time.Second, nonce: newNonces()}
	j.start()
	next := 0
	for now := time.Duration(0); now < worldSpan+6*time.Second; now += 10 * ms {
		for ; next < len(messages) && messages[next].arrives <= now; next++ {
			m := messages[next]
			if m.beat != nil {
				j.beat(m.arrives, m.arrives, *m.beat)
				if n := j.challenge(m.arrives, m.beat); n != "" {
					ear(m.arrives, m.beat.Run, n)
				}
			} else {
				verdict(m, j.command(m.arrives, m.arrives, *m.cmd))
			}
			a, ok := j.current(m.arrives)
			use(m.arrives, a, ok)
		}
		if slices.Contains(rearms, now) {
			if err := j.rearm(now); err != nil {
				panic(err) // nothing waits for a stop here
			}
		}
		a, ok := j.current(now)
		use(now, a, ok)
	}
	return j
}

// TestNothingStaleActs checks promise 4 by the true times: whatever the link does, no command is acted on whose true age
// is above valid_for_ms + bound. The bound: the base was proven by heartbeats of which the fastest was at most one
// heartbeat period (it may have waited for the end of a short outage) + way + jitter on its way, and rises by 500 ppm of
// the whole time, in which the sender's clock loses at most 200 ppm more. Nothing in shadow is acted on, nor what came before it, nor what came
// before a heartbeat that says that the decoder waits, nor anything of a run that has not sent a nonce back.
func TestNothingStaleActs(t *testing.T) {
	bound := beatPeriod + worldWay + worldJitter + time.Duration(700e-6*float64(worldSpan))
	acted, shaded := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		var outages []outage
		end := time.Duration(0)
		for range rapid.IntRange(0, 4).Draw(rt, "outages") {
			o := outage{drain: rapid.SampledFrom([]float64{0, 0, 0.1, 0.5, 0.8}).Draw(rt, "drain")}
			o.from = end + time.Duration(rapid.Int64Range(0, int64(3*time.Second)).Draw(rt, "good"))
			o.to = o.from + time.Duration(rapid.Int64Range(int64(10*ms), int64(10*time.Second)).Draw(rt, "outage"))
			end = o.to + time.Duration(o.drain*float64(o.to-o.from)) // outages do not overlap
			outages = append(outages, o)
		}
		messages := world(rt, worldJitter, outages, true)
		sent := map[[2]uint64]time.Duration{} // when, in true time, by run and number
		for _, m := range messages {
			if m.cmd != nil {
				sent[[2]uint64{uint64(m.cmd.Run), m.cmd.Seq}] = m.sent
			}
		}
		newest := int64(0)
		shadow := map[int64]uint64{}                             // the newest number in shadow that was refused as such, by run
		waits := func(now time.Duration, c bus.Command) uint64 { // the newest number behind which the decoder was heard to wait
			n, newest := uint64(0), map[int64]uint64{}
			for _, m := range messages {
				if s := m.beat; s != nil && m.arrives <= now && s.Run == c.Run && s.Seq > newest[s.Run] {
					if newest[s.Run] = s.Seq; s.State == bus.StateWaiting {
						n = max(n, s.CmdSeq)
					}
				}
			}
			return n
		}
		asked, silence, shown := map[string]sentNonce{}, time.Duration(0), ReasonNever
		hear := decoderHears(messages)
		var last bus.Command
		j := playTo(func(now time.Duration, run int64, nonce string) {
			asked[nonce] = sentNonce{now, run}
			hear(now, run, nonce)
		}, messages, func(now time.Duration, a Action, ok bool) {
			if a.Reason == ReasonWatchdog && shown != ReasonWatchdog {
				silence = now
			}
			shown = a.Reason
			if !ok {
				if a.Reason == ReasonNone {
					rt.Fatalf("at %v: safe without a reason", now)
				}
				return
			}
			acted++
			if !alive(messages, asked, silence, now, a.Command.Run) {
				rt.Fatalf("at %v: acted on a run that has sent no nonce back", now)
			}
			c := a.Command
			age := now - sent[[2]uint64{uint64(c.Run), c.Seq}]
			if valid := time.Duration(c.ValidForMS) * ms; age > valid+bound {
				rt.Fatalf("at %v: acted on a command of true age %v, valid for %v", now, age, valid)
			}
			if c.Run < last.Run || (c.Run == last.Run && c.Seq < last.Seq) {
				rt.Fatalf("at %v: command %d of run %d behind %d of run %d", now, c.Seq, c.Run, last.Seq, last.Run)
			}
			if c.Run < newest {
				rt.Fatalf("at %v: acted on an older run", now)
			}
			if c.State != bus.Actuate || c.Seq <= shadow[c.Run] {
				rt.Fatalf("at %v: acted on command %d in %s, %d was in shadow", now, c.Seq, c.State, shadow[c.Run])
			}
			if n := waits(now, c); c.Seq <= n {
				rt.Fatalf("at %v: acted on command %d, behind %d the decoder waits", now, c.Seq, n)
			}
			last = c
		}, func(m message, v Verdict) {
			if v == RefusedShadow {
				shadow[m.cmd.Run], shaded = m.cmd.Seq, shaded+1
			}
			if v != RefusedMalformed && v != RefusedForeign {
				newest = max(newest, m.cmd.Run)
			}
		})
		n := j.n
		sum := n.Accepted + n.Expired + n.Unproven + n.OldRun + n.Duplicate + n.Malformed + n.Foreign + n.Blocked + n.Rate + n.Change + n.Shadow
		if n.Received != sum || n.Malformed+n.Foreign+n.Blocked != 0 {
			rt.Fatalf("the counters do not add up: %+v", n)
		}
	})
	if acted == 0 || shaded == 0 {
		t.Fatalf("acted on %d times, refused in shadow %d times: the property held for nothing", acted, shaded)
	}
}

// TestFreshActs is the other half: on a good link every command is accepted once the first heartbeats are there, and the
// controller never stops.
func TestFreshActs(t *testing.T) {
	const jitter = 15 * ms // below the fall that takes the proof back
	rapid.Check(t, func(rt *rapid.T) {
		messages := world(rt, jitter, nil, false)
		proven := 3*beatPeriod + worldWay + jitter // the fourth heartbeat is here at the latest
		newest := uint64(0)
		j := play(messages, func(now time.Duration, a Action, ok bool) {
			// 120 ms are the longest period, so that a second one has come by then.
			if now > proven+2*120*ms && now < worldSpan && !ok {
				rt.Fatalf("at %v: safe (%s) on a good link", now, a.Reason)
			}
		}, func(m message, v Verdict) {
			overtaken := m.cmd.Seq < newest
			newest = max(newest, m.cmd.Seq)
			if m.arrives > proven && !overtaken && v != Accepted {
				rt.Fatalf("at %v: command %d is %s on a good link", m.arrives, m.cmd.Seq, v)
			}
		})
		if j.n.SafeEntries != 1 { // at the end of the world
			rt.Fatalf("%d safe entries, want 1", j.n.SafeEntries)
		}
	})
}

// TestJoinInTheMiddle: a receiver that starts while a backlog is being worked off has no base from before. It is the
// hardest case for one-way times.
func TestJoinInTheMiddle(t *testing.T) {
	for _, drain := range []float64{0, 0.05, 0.3, 0.5, 0.8} {
		for _, length := range []time.Duration{300 * ms, time.Second, 5 * time.Second} {
			t.Run(fmt.Sprintf("%v at %g", length, drain), func(t *testing.T) {
				rapid.Check(t, func(rt *rapid.T) {
					messages := world(rt, 5*ms, []outage{{0, length, drain}}, false)
					sent := map[uint64]time.Duration{}
					for _, m := range messages {
						if m.cmd != nil {
							sent[m.cmd.Seq] = m.sent
						}
					}
					play(messages, func(now time.Duration, a Action, ok bool) {
						if !ok {
							return
						}
						valid := time.Duration(a.Command.ValidForMS) * ms
						if age := now - sent[a.Command.Seq]; age > valid+beatPeriod+20*ms {
							rt.Fatalf("at %v: acted on a command of true age %v, valid for %v", now, age, valid)
						}
					}, func(message, Verdict) {})
				})
			})
		}
	}
}

// TestNothingStaleActsBehindRearm: the same where the clock of the second run is set back, so that it is the older one, and an
// operator re-arms now and then: nothing stale is acted on, and only behind a re-arming anything of the older run.
func TestNothingStaleActsBehindRearm(t *testing.T) {
	bound := beatPeriod + worldWay + worldJitter + time.Duration(700e-6*float64(worldSpan))
	acted := 0
	rapid.Check(t, func(rt *rapid.T) {
		var outages []outage
		if rapid.Bool().Draw(rt, "cut") {
			from := time.Duration(rapid.Int64Range(0, int64(worldSpan)).Draw(rt, "from"))
			outages = []outage{{from, from + time.Duration(rapid.Int64Range(int64(10*ms), int64(10*time.Second)).Draw(rt, "outage")), rapid.SampledFrom([]float64{0, 0.1, 0.8}).Draw(rt, "drain")}}
		}
		messages := world(rt, worldJitter, outages, true)
		older := int64(0)
		for _, m := range messages {
			if m.cmd != nil {
				older = max(older, m.cmd.Run)
			} else {
				older = max(older, m.beat.Run)
			}
		}
		const ahead = int64(worldSpan + 20*time.Second) // of the first run's clock
		sent := map[[2]uint64]time.Duration{}
		moved := map[any]bool{} // a message that comes twice is one
		for _, m := range messages {
			switch c, s := m.cmd, m.beat; {
			case c != nil:
				if c.Run != older && !moved[c] {
					moved[c] = true
					c.Run, c.TPublish, c.TSample = c.Run+ahead, c.TPublish+ahead, c.TSample+ahead
				}
				sent[[2]uint64{uint64(c.Run), c.Seq}] = m.sent
			case s.Run != older && !moved[s]:
				moved[s] = true
				s.Run, s.TPublish = s.Run+ahead, s.TPublish+ahead
			}
		}
		var rearms []time.Duration
		for range rapid.IntRange(0, 6).Draw(rt, "rearms") {
			rearms = append(rearms, 10*ms*time.Duration(rapid.IntRange(0, int(worldSpan/(10*ms))).Draw(rt, "rearm")))
		}
		was := int64(0)
		shown := false // that an older run is alone, at the moment of a re-arming
		before := Reason("")
		play(messages, func(now time.Duration, a Action, ok bool) {
			shown = shown || before == ReasonOlderRun && slices.Contains(rearms, now)
			before = a.Reason
			if !ok {
				return
			}
			c := a.Command
			age := now - sent[[2]uint64{uint64(c.Run), c.Seq}]
			if valid := time.Duration(c.ValidForMS) * ms; age > valid+bound {
				rt.Fatalf("at %v: acted on a command of true age %v, valid for %v", now, age, valid)
			}
			if was > c.Run {
				if acted++; !shown {
					rt.Fatalf("at %v: acted on an older run without a re-arming that says so", now)
				}
			}
			was = c.Run
		}, func(message, Verdict) {}, rearms...)
	})
	if acted == 0 {
		t.Fatal("no older run was ever followed: the property held for nothing")
	}
}
