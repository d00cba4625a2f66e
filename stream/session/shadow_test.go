package session

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/control"
)

// TestShadow: a session that begins in shadow decides as ever, and no controller acts on it, until an operator lets it; it goes back
// at any time, at once, and a pause neither ends nor begins it.
func TestShadow(t *testing.T) {
	a, _ := saved(t, 8, "lda")
	r := start(t, person(t), func(o *Options, _ *stepped) {
		with(load(t, a))(o, nil)
		if err := o.Commands.SetShadow(true); err != nil {
			t.Fatal(err)
		}
	})
	rec, err := control.New(r.b, control.Options{Session: "s", Decoder: "d"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := rec.Close(); err != nil {
			t.Error(err)
		}
	})
	shows := func(what string, ok func(a control.Action, acts bool) bool) {
		t.Helper()
		r.until(what, func() bool { return ok(rec.Current()) })
	}
	r.chunks(60)
	s := r.status()
	if !s.Shadow || s.Phase != bus.PhaseDecoding || s.Sent == 0 || s.SentShadow != s.Sent || s.Sent != s.Windows {
		t.Errorf("in shadow: %+v", s)
	}
	shows("the controller to say why", func(a control.Action, acts bool) bool { return !acts && a.Reason == control.ReasonShadow })
	shows("the commands to be refused", func(control.Action, bool) bool { return rec.Counters().Shadow == uint64(s.Sent) })
	if n := rec.Counters(); n.Received != n.Shadow {
		t.Errorf("%+v", n)
	}

	var ph struct {
		Phase bus.Phase
		State bus.Intent
	}
	ask := func(verb string, phase bus.Phase, state bus.Intent) {
		t.Helper()
		err := r.ask(&ph, verb)
		for end := time.Now().Add(patience); err != nil && strings.Contains(err.Error(), "must say in t_sent_ns") && time.Now().Before(end); {
			err = r.ask(&ph, verb) // no heartbeat came in time to ask by: this machine is busy with other things
		}
		if err != nil || ph.Phase != phase || ph.State != state {
			t.Fatalf("%s: %v, %v", verb, ph, err)
		}
	}
	ask("pause", bus.PhasePaused, bus.Shadow)
	ask("resume", bus.PhaseDecoding, bus.Shadow)
	ask("pause", bus.PhasePaused, bus.Shadow)
	ask("actuate", bus.PhasePaused, bus.Actuate)
	before := r.status()
	r.chunks(20)
	if s := r.status(); s.Sent != before.Sent || s.Shadow {
		t.Errorf("paused: %d commands, %+v", s.Sent-before.Sent, s)
	}
	ask("resume", bus.PhaseDecoding, bus.Actuate)
	for rec.Counters().Accepted == 0 { // it proves the decoder's clock meanwhile, before the recording is over
		r.chunks(1)
		time.Sleep(5 * time.Millisecond)
	}
	if s := r.status(); s.SentShadow != before.SentShadow || s.Sent == before.Sent || s.Shadow {
		t.Errorf("acting: %+v", s)
	}
	ask("shadow", bus.PhaseDecoding, bus.Shadow)
	shows("the controller to stop without a command", func(a control.Action, acts bool) bool { return !acts && a.Reason == control.ReasonShadow })
	before = r.status()
	r.chunks(20)
	if s := r.status(); s.Sent-before.Sent != s.SentShadow-before.SentShadow || s.Sent == before.Sent {
		t.Errorf("in shadow again: %+v", s)
	}
	if err := r.ask(nil, "stop"); err != nil {
		t.Fatal(err)
	}
	if rep, err := r.over(); err != nil || rep.Shadow == 0 || rep.Shadow >= rep.Sent {
		t.Errorf("%v, %d of %d in shadow", err, rep.Shadow, rep.Sent)
	}
}

// TestActuateMustBeFresh: a request to leave the shadow that lay in a buffer, or does not say when it was sent, does nothing; one to
// go into it does.
func TestActuateMustBeFresh(t *testing.T) {
	a, _ := saved(t, 8, "lda")
	r := start(t, person(t), func(o *Options, _ *stepped) {
		with(load(t, a))(o, nil)
		if err := o.Commands.SetShadow(true); err != nil {
			t.Fatal(err)
		}
	})
	clock := bus.NewClock() // the decoder's, but for the moment between
	nc, err := nats.Connect(r.b.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	run := r.status().Run
	send := func(id, verb string, sent int64) bus.Reply {
		t.Helper()
		data, err := json.Marshal(bus.Request{V: bus.Version, Session: "s", Decoder: "d", ID: id, Verb: verb, Sent: sent, Run: run})
		if err != nil {
			t.Fatal(err)
		}
		m, err := nc.Request(bus.CtlSubject("s"), data, patience)
		if err != nil {
			t.Fatal(err)
		}
		reply, err := bus.ParseReply(m.Data)
		if err != nil {
			t.Fatal(err)
		}
		return reply
	}
	for id, sent := range map[string]int64{"never": 0, "old": clock.Now() - int64(10*time.Second), "ahead": clock.Now() + int64(10*time.Second)} {
		if reply := send(id, "actuate", sent); reply.OK || !strings.Contains(reply.Error, "lets something move") {
			t.Errorf("%s: %+v", id, reply)
		}
		if !r.status().Shadow {
			t.Fatalf("%s: out of the shadow", id)
		}
	}
	if reply := send("now", "actuate", clock.Now()); !reply.OK || r.status().Shadow {
		t.Errorf("of now: %+v", reply)
	}
	if reply := send("back", "shadow", 0); !reply.OK || !r.status().Shadow {
		t.Errorf("into the shadow: %+v", reply)
	}
	if err := r.ask(nil, "stop"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.over(); err != nil {
		t.Error(err)
	}
}
