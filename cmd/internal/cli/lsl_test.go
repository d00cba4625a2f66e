package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/lsl"
	"github.com/gyrus-bci/gyrus/ingest/synth"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/record"
)

// lab keeps the streams of a test on this machine, on ports that no other program uses.
func lab(t *testing.T) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "lsl_api.cfg")
	port := 20_000 + os.Getpid()%300*40 // below the ephemeral ones
	text := fmt.Sprintf("[ports]\nMulticastPort = %d\nBasePort = %d\n[multicast]\nResolveScope = machine\n[lab]\nSessionID = %s-%d\n", port, port+1, t.Name(), os.Getpid())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LSLAPICFG", file)
}

// TestLSLSession: a recording as a stream of the lab streaming layer, listed, and decoded by a session until it is stopped.
func TestLSLSession(t *testing.T) {
	lab(t)
	m := model(t)
	amplifier := start(t, "play", s001(t, "R14"), "--lsl", "--stream", "cap", "--speed", "40", "--readers", "1", "--json")
	says(t, "waiting for 1 readers", &amplifier.errs)

	code, out, errs := run(t, "streams", "--json", "--wait", "0.6")
	var found []map[string]any
	if err := json.Unmarshal([]byte(out), &found); code != exitDone || err != nil || len(found) != 2 {
		t.Fatalf("streams: exit code %d, %v in %q; %s", code, err, out, errs)
	}
	keys(t, "stream", found[0], "name", "type", "channels", "rate_hz", "format", "source_id", "uid", "hostname", "address", "data_port")
	if found[0]["name"] != "cap" || found[0]["type"] != "EEG" || found[0]["channels"] != 64.0 || found[0]["rate_hz"] != 160.0 || found[1]["name"] != "cap-markers" {
		t.Errorf("streams: %v", found)
	}
	code, out, _ = run(t, "streams", "--wait", "0.6", "--predicate", "desc/channels/channel/label='Cz'")
	if lines := strings.Split(strings.TrimSpace(out), "\n"); code != exitDone || len(lines) != 2 || !strings.HasPrefix(lines[1], "cap ") || !strings.Contains(lines[1], "gyrus-play-cap") {
		t.Errorf("streams with Cz: exit code %d, %q", code, out)
	}

	file := filepath.Join(t.TempDir(), "s.yaml")
	text := fmt.Sprintf("session: s1\nbundle: %s\nsource: {use: lsl, name: cap, markers: \"name='cap-markers'\", timeout_s: 20}\nage: {policy: all, max_ms: 600000}\n", m)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	decoder := start(t, "live", file, "--json")
	if code := amplifier.wait(t); code != exitDone {
		t.Errorf("play: exit code %d, %s", code, amplifier.errs.String())
	}
	var played struct {
		Samples, Events float64
		Dropped         float64
	}
	if err := json.Unmarshal([]byte(amplifier.out.String()), &played); err != nil || played.Samples != 20000 || played.Events != 30 || played.Dropped != 0 {
		t.Errorf("play: %+v, %v in %q", played, err, amplifier.out.String())
	}
	says(t, "&name=cap: lost: the connection ended", &decoder.errs) // that of the marks ends before, while samples are under way
	decoder.stop()
	decoder.wait(t)
	var rep map[string]any
	if err := json.Unmarshal([]byte(decoder.out.String()), &rep); err != nil {
		t.Fatalf("live: %v in %q; %s", err, decoder.out.String(), decoder.errs.String())
	}
	if rep["samples"] != 20000.0 || rep["gaps"] != 0.0 || rep["sent"].(float64) < 1000 {
		t.Errorf("live: %v samples, %v gaps, %v commands: want 20000, 0 and over 1000: %s", rep["samples"], rep["gaps"], rep["sent"], decoder.errs.String())
	}
}

func TestLSLUsage(t *testing.T) {
	lab(t)
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"play", "x.edf"}, "one of --nats and --lsl"},
		{[]string{"play", "x.edf", "--lsl", "--nats"}, "one of --nats and --lsl"},
		{[]string{"play", "x.edf", "--lsl", "--port", "4222"}, "--port does nothing with --lsl"},
		{[]string{"play", "x.edf", "--nats", "--readers", "1"}, "--readers does nothing with --nats"},
		{[]string{"play", "x.edf", "--lsl", "--listen", "here"}, "must be an IPv4 address"},
		{[]string{"play", "x.edf", "--lsl", "--readers", "-1"}, "--readers is -1"},
		{[]string{"play", "x.edf", "--lsl"}, "x.edf"},
		{[]string{"streams", "--wait", "0"}, "--wait is 0"},
		{[]string{"streams", "--predicate", "(("}, "is no XPath"},
		{[]string{"streams", "all"}, "unknown command"},
	} {
		code, out, errs := run(t, tc.args...)
		if code != exitUsage || out != "" || !strings.Contains(errs, tc.want) {
			t.Errorf("%v: exit code %d, %q, %q; want %d with %q", tc.args, code, out, errs, exitUsage, tc.want)
		}
	}
	code, out, errs := run(t, "streams", "--json", "--wait", "0.2")
	if code != exitDone || strings.TrimSpace(out) != "[]" || !strings.Contains(errs, "no stream answered") {
		t.Errorf("nothing there: exit code %d, %q, %q", code, out, errs)
	}
	t.Setenv("LSLAPICFG", filepath.Join(t.TempDir(), "none.cfg"))
	if code, _, errs := run(t, "streams"); code != exitUsage || !strings.Contains(errs, "none.cfg") {
		t.Errorf("a configuration that is not there: exit code %d, %q", code, errs)
	}
}

// TestWrongStamps: record and live say what is wrong with the stamps of a stream, once, where its sender stamps in µs, or NaN.
func TestWrongStamps(t *testing.T) {
	lab(t)
	for name, stamp := range map[string]func(s float64) float64{
		"micro": func(s float64) float64 { return s * 1e6 },
		"nan":   func(float64) float64 { return math.NaN() },
	} {
		t.Run(name, func(t *testing.T) {
			o := outlet(t, lsl.StreamInfo{Name: name, Type: "EEG", Channels: 6, Rate: 250, Format: lsl.Float32, SourceID: name})
			k := 0
			often(t, func() error {
				for i := range 5 {
					if err := lsl.Push(o, []float32{1, 2, 3, 4, 5, float32(k)}, stamp(1+float64(5*k+i)/250)); err != nil {
						return err
					}
				}
				k++
				return nil
			})
			dir := t.TempDir()
			_, _, errs := run(t, "record", filepath.Join(dir, "r.arrow"), "lsl://?name="+name, "--duration", "3")
			if n := strings.Count(errs, "STAMPS of lsl://?name="+name); n != 1 || !strings.Contains(errs, "mend the sending program") {
				t.Errorf("record says it %d times: %s", n, errs)
			}
			file := filepath.Join(dir, "s.yaml")
			text := fmt.Sprintf("source: {use: lsl, name: %s}\ncalibrate: {classes: {T1: left, T2: right}, save: c.gyrus}\n", name)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			live := start(t, "live", file, "--json")
			says(t, "STAMPS of ", &live.errs)
			live.stop()
			live.wait(t)
			if n := strings.Count(live.errs.String(), "STAMPS of "); n != 1 {
				t.Errorf("live says it %d times: %s", n, live.errs.String())
			}
		})
	}
}

// outlet offers a stream until the end of the test.
func outlet(t *testing.T, info lsl.StreamInfo) *lsl.Outlet {
	t.Helper()
	o, err := lsl.NewOutlet(info, lsl.OutletOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

// often calls push every 20 ms from a goroutine of its own, until that fails or the test ends.
func often(t *testing.T, push func() error) {
	t.Helper()
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
			}
			if err := push(); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	t.Cleanup(func() { close(quit); <-done })
}

// pushing sends samples 20 ms apart, stamped so many seconds before now, and with every tenth of them a mark, until the end of the test:
// the marks are stamped when they happen, by off, and sent late.
func pushing(t *testing.T, name string, behind, off float64, late time.Duration) {
	t.Helper()
	o := outlet(t, lsl.StreamInfo{Name: name, Type: "EEG", Channels: 6, Rate: 250, Format: lsl.Float32, SourceID: name})
	m := outlet(t, lsl.StreamInfo{Name: name + "-marks", Type: "Markers", Channels: 1, Format: lsl.String, SourceID: name + "-marks"})
	type mark struct{ stamp, due float64 }
	begin, k, held := lsl.LocalClock(), 0, []mark(nil)
	often(t, func() error {
		for i := range 5 {
			at := begin + float64(5*k+i)/250
			if err := lsl.Push(o, []float32{1, 2, 3, 4, 5, float32(5*k + i)}, at-behind); err != nil {
				return err
			}
		}
		if k%10 == 0 {
			at := begin + float64(5*k)/250
			held = append(held, mark{at - behind + off, at + late.Seconds()})
		}
		for len(held) > 0 && lsl.LocalClock() >= held[0].due {
			if err := lsl.Push(m, []string{"x"}, held[0].stamp); err != nil {
				return err
			}
			held = held[1:]
		}
		k++
		return nil
	})
}

// TestLateMarks: marks that are sent half a second late with the right stamps are recorded where they were, also with a delay of the
// device, and that they are late is said; those of a clock of their own are said to be.
func TestLateMarks(t *testing.T) {
	lab(t)
	for _, tc := range []struct {
		name   string
		off    float64
		late   time.Duration
		query  string
		places int64 // of a mark, modulo the 50 samples from one to the next; -1 for anywhere
		said   string
	}{
		{"half", 0, 500 * time.Millisecond, "", 0, "after their samples"},
		{"device", 0, 500 * time.Millisecond, "&delay_s=0.06", 15, "after their samples"},
		{"both", 0, 500 * time.Millisecond, "&delay_s=0.06&markers_delay_s=0.02", 10, "after their samples"},
		{"own-clock", -5000, 0, "", -1, "their stamps lie 5e+03 s behind the clock that their program tells of"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			pushing(t, tc.name, 0, tc.off, tc.late)
			file := filepath.Join(t.TempDir(), "r.arrow")
			code, out, errs := run(t, "record", file, "lsl://?name="+tc.name+"&markers=name='"+tc.name+"-marks'"+tc.query, "--duration", "3", "--json")
			var res struct {
				Streams []struct {
					Events int
					Marks  struct {
						Came, Late, Waiting uint64
						LagS                float64 `json:"max_lag_s"`
						StampsOffS          float64 `json:"stamps_off_s"`
					}
				}
			}
			if err := json.Unmarshal([]byte(out), &res); err != nil || len(res.Streams) != 1 {
				t.Fatalf("exit code %d, %v in %q: %s", code, err, out, errs)
			}
			m := res.Streams[0].Marks
			if want := map[bool]int{true: exitIncomplete, false: exitDone}[m.Waiting > 0]; code != want {
				t.Errorf("exit code %d with %d waiting marks, want %d: %s", code, m.Waiting, want, errs)
			}
			if n := strings.Count(errs, "MARKS of lsl://?name="+tc.name); n != 1 || !strings.Contains(errs, tc.said) {
				t.Errorf("it is said %d times: %s", n, errs)
			}
			if m.Came < 8 || res.Streams[0].Events != int(m.Came-m.Waiting) {
				t.Errorf("%d events of %+v", res.Streams[0].Events, m)
			}
			if tc.places < 0 {
				if m.StampsOffS > -4990 {
					t.Errorf("%+v", m)
				}
				return
			}
			if m.Late < 6 || m.LagS < 0.1 || m.LagS > 5 { // half a second, but for how late the samples are themselves on a busy machine
				t.Errorf("%+v, want most of them late by about half a second", m)
			}
			rec, err := ingest.Open(os.DirFS(filepath.Dir(file)), "r.arrow")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = rec.Close() }()
			count := make([][]float64, 6)
			for ch := range count {
				count[ch] = make([]float64, 1)
			}
			for _, e := range rec.Events {
				if e.Sample < 0 || e.Sample >= rec.Len {
					continue // of before the beginning
				}
				if err := rec.Data.ReadSamples(count, e.Sample); err != nil {
					t.Fatal(err)
				}
				if got := int64(count[5][0]) % 50; got != tc.places {
					t.Errorf("a mark stands at sample %d of the sender, modulo 50 %d, want %d", int64(count[5][0]), got, tc.places)
				}
				if math.Abs(e.Onset*250-float64(e.Sample)) > 0.51 {
					t.Errorf("%+v: the onset is not that of the sample", e)
				}
			}
		})
	}
}

// TestStampsBehind: samples half a minute behind the clock of their sender count as of when they arrive, and record and live say so, once.
func TestStampsBehind(t *testing.T) {
	lab(t)
	pushing(t, "slow", 30, 0, 0)
	dir := t.TempDir()
	began := time.Now()
	_, _, errs := run(t, "record", filepath.Join(dir, "r.arrow"), "lsl://?name=slow", "--duration", "2")
	if n := strings.Count(errs, "STAMPS of lsl://?name=slow: they lie 3"); n != 1 {
		t.Errorf("record says it %d times: %s", n, errs)
	}
	rec, err := ingest.Open(os.DirFS(dir), "r.arrow")
	if err != nil {
		t.Fatal(err)
	}
	if d := rec.Begin.Sub(began); d < -time.Second || d > 30*time.Second {
		t.Errorf("the recording begins %v after it was asked for", d)
	}
	if err := rec.Close(); err != nil {
		t.Error(err)
	}
	file := filepath.Join(dir, "s.yaml")
	if err := os.WriteFile(file, []byte("source: {use: lsl, name: slow}\ncalibrate: {classes: {T1: left, T2: right}, save: c.gyrus}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	live := start(t, "live", file, "--json")
	says(t, "s behind the clock that it tells of", &live.errs)
	says(t, "cue 1 of", &live.errs) // samples are taken in
	live.stop()
	live.wait(t)
}

// amplifier plays a simulated run as a stream and its marks, neither with a source_id, ten times as fast, until one or both are ended.
type amplifier struct {
	samples, marks *lsl.Outlet
	channels       int
	sent           atomic.Int64
	stop           context.CancelFunc
	done           chan error
}

func newAmplifier(t *testing.T, name string) *amplifier {
	t.Helper()
	rec, _, err := synth.MotorImagery(synth.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	src, err := stream.Pace(ingest.Play(rec, ingest.PlayOptions{Chunk: 10}), 10, func() int64 { return lsl.Wall(lsl.LocalClock()) })
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	a := &amplifier{
		samples:  outlet(t, lsl.StreamInfo{Name: name, Type: "EEG", Channels: len(rec.Info.Channels), Rate: rec.Info.Rate, Format: lsl.Float32, Desc: lsl.Describe(rec.Info)}),
		marks:    outlet(t, lsl.StreamInfo{Name: name + "-marks", Type: "Markers", Channels: 1, Format: lsl.String}),
		channels: len(rec.Info.Channels), stop: stop, done: make(chan error, 1),
	}
	silent := outlet(t, lsl.StreamInfo{Name: name + "-unread", Type: "Markers", Channels: 1, Format: lsl.String})
	go func() {
		if err := a.samples.WaitReaders(ctx, 1); err != nil {
			a.done <- err
			return
		}
		a.done <- offer(ctx, src, a.samples, silent, &playLSLJSON{}, a.sent.Store)
	}()
	t.Cleanup(stop)
	return a
}

// dies ends the stream of samples when n have been sent, and one behind them that is no number.
func (a *amplifier) dies(t *testing.T, n int64) {
	t.Helper()
	for a.sent.Load() < n {
		time.Sleep(5 * time.Millisecond)
	}
	a.stop()
	if err := <-a.done; !errors.Is(err, context.Canceled) {
		t.Fatalf("the recording ended: %v", err)
	}
	none := make([]float32, a.channels)
	for ch := range none {
		none[ch] = float32(math.NaN())
	}
	if err := errors.Join(lsl.Push(a.samples, none, lsl.LocalClock()), a.samples.Close()); err != nil {
		t.Error(err)
	}
}

// TestStreamsWithoutSourceID: a stream without a source_id whose program ends is lost, not over: live and record say so at once, write what
// came until then, and end with exit code 4. Another source of a recording goes on. Where only the marks end, the samples go on.
func TestStreamsWithoutSourceID(t *testing.T) {
	lab(t)
	dir := t.TempDir()
	m := filepath.Join(dir, "m.gyrus")
	if code, _, errs := run(t, "train", "csp-lda", "synth:imagery:1:1", "synth:imagery:1:2", "-o", m); code != exitDone {
		t.Fatalf("train: %s", errs)
	}
	whole := func(file string, least int64) *record.Recorded {
		t.Helper()
		rec, err := record.Open(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = rec.Close() })
		if rec.Samples.Len < least {
			t.Errorf("%s has %d samples, at least %d were sent", file, rec.Samples.Len, least)
		}
		return rec
	}
	said := func(what, text string, all ...string) {
		t.Helper()
		for _, want := range all {
			if !strings.Contains(text, want) {
				t.Errorf("%s says no %q: %s", what, want, text)
			}
		}
	}
	const why = "the connection ended; it has no source_id, by which another one could be known to be the same"

	t.Run("live", func(t *testing.T) {
		a := newAmplifier(t, "amp")
		file := write(t, dir, "s.yaml", "session: s1\nbundle: m.gyrus\nsource: {use: lsl, name: amp}\nage: {policy: all}\nrecord: {file: live.arrow}\n")
		c := start(t, "live", file, "--json")
		a.dies(t, 5000)
		code := c.wait(t)
		var rep struct {
			Samples, Sent, Windows int64
			Streams                []struct {
				State  string
				Losses int
			}
		}
		if err := json.Unmarshal([]byte(c.out.String()), &rep); code != exitIncomplete || err != nil {
			t.Fatalf("exit code %d, %v in %q: %s", code, err, c.out.String(), c.errs.String())
		}
		if rep.Samples < 5000 || rep.Sent == 0 || len(rep.Streams) != 1 || rep.Streams[0].State != "lost" || rep.Streams[0].Losses != 1 {
			t.Errorf("%+v", rep)
		}
		said("live", c.errs.String(), "name=amp: lost: \"amp\" ", why, " 1 are not finite")
		log := whole("live.arrow", 5000).Log
		if end := log[len(log)-1]; end.Kind != record.KindEnd || !strings.Contains(end.Why, why) || !strings.Contains(end.Why, "lost") {
			t.Errorf("the log ends with %+v", end)
		}
	})
	t.Run("record", func(t *testing.T) {
		a, b := newAmplifier(t, "first"), newAmplifier(t, "second")
		c := start(t, "record", filepath.Join(dir, "r.arrow"), "lsl://?name=first", "lsl://?name=second", "--json")
		a.dies(t, 2000)
		says(t, "lsl://?name=first: lost: ", &c.errs)
		before := b.sent.Load()
		for b.sent.Load() < before+1000 {
			time.Sleep(5 * time.Millisecond)
		}
		c.stop()
		code := c.wait(t)
		var res recordedJSON
		if err := json.Unmarshal([]byte(c.out.String()), &res); code != exitIncomplete || err != nil || len(res.Streams) != 2 {
			t.Fatalf("exit code %d, %v in %q: %s", code, err, c.out.String(), c.errs.String())
		}
		if s := res.Streams[0]; s.State != "lost" || s.Losses != 1 || !strings.Contains(s.Detail, why) {
			t.Errorf("the first: %+v", s)
		}
		if s := res.Streams[1]; s.State != "connected" || s.Samples < before {
			t.Errorf("the second: %+v, %d were sent before the first was lost", s, before)
		}
		said("record", c.errs.String(), "lsl://?name=first: lost at the end: ", why)
		whole("r-1-lsl-name-first.arrow", 2000)
		whole("r-2-lsl-name-second.arrow", before)
	})
	for _, verb := range []string{"live", "record"} {
		t.Run("marks of "+verb, func(t *testing.T) {
			name := "with-" + verb
			a := newAmplifier(t, name)
			args := []string{"record", filepath.Join(dir, "marks.arrow"), "lsl://?name=" + name + "&markers=name='" + name + "-marks'", "--json"}
			if verb == "live" {
				args = []string{"live", write(t, dir, "marks.yaml", "session: s2\nbundle: m.gyrus\nsource: {use: lsl, name: "+name+", markers: \"name='"+name+"-marks'\"}\nage: {policy: all}\n"), "--json"}
			}
			c := start(t, args...)
			says(t, ": connected: samples come", &c.errs)
			if err := a.marks.Close(); err != nil {
				t.Fatal(err)
			}
			says(t, " marks: lost: "+why, &c.errs)
			before := a.sent.Load()
			for a.sent.Load() < before+3000 {
				time.Sleep(5 * time.Millisecond)
			}
			c.stop()
			if code := c.wait(t); code != exitIncomplete {
				t.Errorf("exit code %d: %s", code, c.errs.String())
			}
			said(verb, c.errs.String(), "its stream of marks is lost: "+why)
			var rep struct {
				Samples int64
				Streams []struct{ Samples, Losses int64 }
			}
			if err := json.Unmarshal([]byte(c.out.String()), &rep); err != nil || len(rep.Streams) == 0 || max(rep.Samples, rep.Streams[0].Samples) < before+2000 || rep.Streams[0].Losses != 0 {
				t.Errorf("%v: the samples did not go on behind %d: %q", err, before, c.out.String())
			}
		})
	}
}

// TestTooOldIsSaid: samples that are left out because they are too old are told of, with their age and what to do.
func TestTooOldIsSaid(t *testing.T) {
	lab(t)
	pushing(t, "late", 3, 0, 0)
	file := filepath.Join(t.TempDir(), "s.yaml")
	if err := os.WriteFile(file, []byte("source: {use: lsl, name: late}\ncalibrate: {classes: {T1: left, T2: right}, save: c.gyrus}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	live := start(t, "live", file, "--json")
	says(t, "s old, age.max_ms allows 1.000 s: they are left out", &live.errs)
	live.stop()
	live.wait(t)
	if n := strings.Count(live.errs.String(), "they are left out, and nothing is decided"); n != 1 {
		t.Errorf("live says it %d times: %s", n, live.errs.String())
	}
}
