package dashboard_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/dashboard"
)

// TestResumeOfThePageIsOfItsTime: a request of a browser that is read late, because the decoder stood still, lifts nothing that came
// since it was sent, and nothing at all when it is old; one that does not say when it was sent is refused.
func TestResumeOfThePageIsOfItsTime(t *testing.T) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	r := waits(t, options())
	page, server, clock, w, guard, ctl := r.page, r.server, r.clock, r.commands, r.guard, r.ctl
	page.Attach(dashboard.Session{Name: "s", Decoder: "d", Clock: clock, Operator: ctl, Stopper: server})
	_, found := guard.Waiting(t.Context(), "eeg", 0)
	defer found()
	post := func(body string) (r bus.Reply) {
		t.Helper()
		res, err := http.Post(page.URL()+"api/verb", "application/json", strings.NewReader(body))
		must(err)
		defer func() { _ = res.Body.Close() }()
		must(json.NewDecoder(res.Body).Decode(&r))
		return r
	}
	resumeSeen := func(seen, sent int64) bus.Reply {
		t.Helper()
		return post(fmt.Sprintf(`{"verb":"resume","run":"%d","t_seen_ns":"%d","t_sent_ns":"%d"}`, w.Run(), seen, sent))
	}
	resume := func(sent int64) bus.Reply { t.Helper(); return resumeSeen(sent, sent) }
	held := func(words string) {
		t.Helper()
		for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
			var telemetry bus.Telemetry
			res, err := http.Get(page.URL() + "api/state")
			must(err)
			err = json.NewDecoder(res.Body).Decode(&telemetry)
			must(errors.Join(err, res.Body.Close()))
			if strings.Contains(telemetry.HeldBy, words) && (telemetry.HeldBy == "") == (words == "") {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("held by %q, want %q", telemetry.HeldBy, words)
			}
		}
	}
	if r := post(`{"verb":"pause"}`); !r.OK {
		t.Fatalf("%+v", r)
	}
	if r := post(`{"verb":"resume"}`); r.OK || !strings.Contains(r.Error, "must say in t_sent_ns when it was sent") {
		t.Errorf("without a time: %+v", r)
	}
	if r := resume(clock.Now() - int64(8*time.Second)); r.OK || !strings.Contains(r.Error, "the request was sent 8.0 s ago") {
		t.Errorf("of 8 s before: %+v", r)
	}
	held("paused by an operator")

	sent := clock.Now() // pressed, and on its way
	nc, err := nats.Connect(server.URL())
	must(err)
	defer nc.Close()
	must(errors.Join(nc.Publish(bus.StopSubject("s"), []byte(`{"v":1,"id":"x","source":"button","why":"the arm jams"}`)), nc.Flush()))
	held("EMERGENCY STOP by button: the arm jams")
	if r := resume(sent); r.OK || !strings.Contains(r.Error, "before the newest word of an emergency stop came here (EMERGENCY STOP by button: the arm jams)") {
		t.Errorf("of before the stop: %+v", r)
	}
	if r := resumeSeen(sent, clock.Now()); r.OK || !strings.Contains(r.Error, "before the newest word of an emergency stop came here") {
		t.Errorf("of now, by a look of before the stop: %+v", r)
	}
	if r := post(fmt.Sprintf(`{"verb":"resume","run":"%d","t_sent_ns":"%d"}`, w.Run(), clock.Now())); r.OK || !strings.Contains(r.Error, "does not say in t_seen_ns") {
		t.Errorf("by nobody knows what look: %+v", r)
	}
	held("EMERGENCY STOP by button: the arm jams")
	r.guard.Stop(bus.Stop{ID: "y", Why: "smoke"})
	if r := resume(clock.Now()); r.OK || !strings.Contains(r.Error, "and must have been there for 1 s") || r.Seen == 0 {
		t.Errorf("of now, behind a stop that has only just come: %+v", r)
	}
	time.Sleep(time.Second)
	if r := resume(clock.Now()); !r.OK {
		t.Errorf("of now: %+v", r)
	}
	held("")
}
