package cli

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/cmd/internal/doctor"
	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/record"
)

// write makes a file of a test.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestRecordedSession: a session that records itself is replayed to the same bits; another model is laid beside it; the
// recording is one like any other.
func TestRecordedSession(t *testing.T) {
	dir := t.TempDir()
	m := filepath.Join(dir, "m.gyrus")
	if code, _, errs := run(t, "train", "csp-lda", "synth:imagery:1:1", "synth:imagery:1:2", "-o", m); code != 0 {
		t.Fatalf("train: %s", errs)
	}
	file := write(t, dir, "s.yaml", "bundle: m.gyrus\nsource: {use: synth, seed: 2, speed: 40}\nrecord: {file: run1.arrow}\n"+patient)
	var live struct {
		Samples   int64 `json:"samples"`
		Sent      int64 `json:"sent"`
		NotSent   int64 `json:"not_sent"`
		Recording struct {
			Samples   int64 `json:"samples"`
			Decisions int64 `json:"decisions"`
			Dropped   int64 `json:"dropped"`
		} `json:"recording"`
	}
	mustJSON(t, &live, "live", file, "--json")
	if r := live.Recording; r.Samples != live.Samples || r.Samples == 0 || r.Decisions != live.Sent+live.NotSent || r.Dropped != 0 {
		t.Errorf("the session had %d samples and %d commands, recorded are %+v", live.Samples, live.Sent, r)
	}
	if code, _, errs := run(t, "live", file); code != 1 || !strings.Contains(errs, "is there already") {
		t.Errorf("over the recording: exit code %d, %s", code, errs)
	}
	rec := filepath.Join(dir, "run1.arrow")
	var again replayJSON
	mustJSON(t, &again, "replay", rec, "--json")
	if !again.SameModel || again.Exact != again.Recorded || again.Replayed != again.Recorded || int64(again.Recorded) != live.Recording.Decisions {
		t.Errorf("the replay: %+v", again)
	}
	other := filepath.Join(dir, "other.gyrus")
	if code, _, errs := run(t, "train", "mdm", "synth:imagery:1:1", "synth:imagery:1:2", "-o", other); code != 0 {
		t.Fatalf("train: %s", errs)
	}
	code, out, errs := run(t, "replay", rec, "--model", other)
	if code != 0 || !strings.Contains(out, "window ends (s)") || !strings.Contains(out, "the same decision") {
		t.Errorf("another model: exit code %d, %s%s", code, out, errs)
	}
	// A decision that is not what the model says.
	decisions := filepath.Join(dir, "run1.decisions.arrow")
	data := mustRead(t, decisions)
	at := strings.LastIndex(string(data), "right")
	if at < 0 {
		at = strings.LastIndex(string(data), "left")
	}
	if at < 0 {
		t.Fatal("no label in the decisions")
	}
	original := data[at]
	data[at] = 'X'
	if err := os.WriteFile(decisions, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := run(t, "replay", rec); code != 1 || !strings.Contains(errs, "not the same to the last bit") {
		t.Errorf("an altered decision: exit code %d, %s", code, errs)
	}
	// A crash: of a session in which nothing was swapped or left out all is compared, but for what is another behind the end of the log.
	log := filepath.Join(dir, "run1.log.arrow")
	whole := mustRead(t, log)
	if err := os.WriteFile(log, whole[:len(whole)*3/4], 0o600); err != nil {
		t.Fatal(err)
	}
	const cut = "the log of the recording was cut off: it reaches up to "
	var part replayJSON
	code, out, errs = run(t, "replay", rec, "--json")
	if err := json.Unmarshal([]byte(out), &part); err != nil || code != exitDone || !part.SameModel || part.CutOff == 0 || part.Recorded+part.CutOff != again.Recorded ||
		part.Recorded < again.Recorded/2 || part.Exact != part.Recorded || !strings.Contains(errs, cut) || !strings.Contains(errs, "are not known") {
		t.Errorf("an altered decision behind the end of the log: exit code %d, %+v, %s", code, part, errs)
	}
	data[at] = original
	if err := os.WriteFile(decisions, data, 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs = run(t, "replay", rec, "--json")
	if err := json.Unmarshal([]byte(out), &part); err != nil || code != exitDone || !part.SameModel || part.CutOff != 0 || part.Exact != again.Exact || !strings.Contains(errs, cut) {
		t.Errorf("a cut log: exit code %d, %+v, %s", code, part, errs)
	}
	head := 8 + binary.LittleEndian.Uint32(data[4:]) // no decision is whole
	if err := os.WriteFile(decisions, data[:head+10], 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs = run(t, "replay", rec, "--json")
	if err := json.Unmarshal([]byte(out), &part); err != nil || code != exitIncomplete || part.SameModel || part.CutOff == 0 || !strings.Contains(errs, "nothing could be compared") {
		t.Errorf("without decisions: exit code %d, %+v, %s", code, part, errs)
	}
	var info infoJSON
	mustJSON(t, &info, "info", rec, "--json")
	if info.Format != "Arrow" || info.Samples != live.Samples || len(info.Events) == 0 {
		t.Errorf("info: %s, %d samples, %d events", info.Format, info.Samples, len(info.Events))
	}
}

// TestReplaySwapped: a session that was paused and whose model was swapped is replayed with both models, wherever they are; what
// a model that is not there decided is not compared, and a bundle that is none of the session's has to come alone. A session of
// which every sample was too old has its samples recorded.
func TestReplaySwapped(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := t.TempDir()
	for name, use := range map[string]string{"a": "csp-lda", "b": "mdm", "c": "csp-lda"} {
		args := []string{"train", use, "synth:imagery:1:1", "synth:imagery:1:2", "-o", filepath.Join(dir, name+".gyrus")}
		if name == "c" {
			args = append(args, "synth:imagery:1:3")
		}
		if code, _, errs := run(t, args...); code != 0 {
			t.Fatalf("train: %s", errs)
		}
	}
	port := freePort(t)
	url := fmt.Sprintf("nats://127.0.0.1:%d", port)
	file := write(t, dir, "s.yaml", fmt.Sprintf("session: s1\nbundle: a.gyrus\nsource: {use: synth, seed: 2, speed: 4}\nbus: {port: %d}\nrecord: {file: run1.arrow}\n", port))
	src := start(t, "live", file)
	says(t, "connected", &src.errs)
	time.Sleep(2 * time.Second)
	for _, verb := range [][]string{{"pause"}, {"resume"}, {"swap", filepath.Join(dir, "b.gyrus")}, {"stop"}} {
		if code, _, errs := run(t, append([]string{"ctl", "s1", "--url", url}, verb...)...); code != 0 {
			t.Fatalf("%v: %s", verb, errs)
		}
		time.Sleep(time.Second)
	}
	src.wait(t)
	rec := filepath.Join(dir, "run1.arrow")
	var whole, part replayJSON
	mustJSON(t, &whole, "replay", rec, "--json")
	if len(whole.Models) != 2 || !whole.SameModel || whole.Exact != whole.Recorded || whole.Exact < 50 || whole.Models[0].Decisions == 0 || whole.Models[1].Decisions == 0 ||
		whole.Fates["held"] == 0 || whole.Fates["sent"]+whole.Fates["held"] != whole.Recorded {
		t.Errorf("the replay: %+v", whole)
	}
	second := filepath.Join(dir, "b.gyrus")
	code, out, errs := run(t, "replay", rec, "--model", second)
	if code != exitDone || !strings.Contains(errs, "b.gyrus decided a part of the session, and is laid beside the whole of it") || !strings.Contains(out, "replayed with "+second) {
		t.Errorf("a model of the session over the whole of it: exit code %d, %s%s", code, out, errs)
	}
	mustJSON(t, &part, "replay", rec, "--model", second, "--json")
	if part.SameModel || part.Model != second || part.Recorded != whole.Recorded || part.Replayed < whole.Replayed*9/10 || part.Exact >= part.Recorded || part.Exact == 0 {
		t.Errorf("a model of the session over the whole of it: %+v", part)
	}
	moved := filepath.Join(dir, "moved.gyrus")
	if err := os.Rename(filepath.Join(dir, "b.gyrus"), moved); err != nil {
		t.Fatal(err)
	}
	mustJSON(t, &part, "replay", rec, "--json")
	if part.SameModel || part.OtherModels != whole.Models[1].Decisions || part.Exact != whole.Models[0].Decisions || part.Recorded != part.Exact || part.Models[1].File != "" {
		t.Errorf("without the second model: %+v", part)
	}
	mustJSON(t, &whole, "replay", rec, "--model", moved, "--json")
	if !whole.SameModel || whole.OtherModels != 0 || whole.Exact != whole.Recorded {
		t.Errorf("with the second model from elsewhere: %+v", whole)
	}
	other := filepath.Join(dir, "c.gyrus")
	if code, _, errs := run(t, "replay", rec, "--model", moved, "--model", other); code != 2 || !strings.Contains(errs, "c.gyrus is none of the models of the session") {
		t.Errorf("two models, one of another session: exit code %d, %s", code, errs)
	}
	mustJSON(t, &part, "replay", rec, "--model", other, "--json")
	if part.SameModel || part.Model != other || part.Recorded != whole.Recorded || part.Exact == part.Recorded {
		t.Errorf("a model of another session: %+v", part)
	}

	// A log that was cut: nobody knows which model decided behind a swap that is not in it, and all is compared where it is.
	log := filepath.Join(dir, "run1.log.arrow")
	data := mustRead(t, log)
	for _, tenths := range []int{6, 7, 8, 9} {
		if err := os.WriteFile(log, data[:len(data)*tenths/10], 0o600); err != nil {
			t.Fatal(err)
		}
		code, out, errs := run(t, "replay", rec, "--model", moved)
		if code != exitDone || !strings.Contains(errs, "the log of the recording was cut off: it reaches up to ") || !strings.Contains(out, ", 0 differ or are in one only") {
			t.Errorf("%d tenths of the log: exit code %d, %s%s", tenths, code, out, errs)
		}
		mustJSON(t, &part, "replay", rec, "--model", moved, "--json")
		known, err := record.Open(rec)
		if err != nil {
			t.Fatal(err)
		}
		swapped := slices.ContainsFunc(known.Log, func(e record.Entry) bool { return e.Kind == record.KindSwap })
		if err := known.Close(); err != nil {
			t.Fatal(err)
		}
		if swapped != (part.CutOff == 0) || part.Recorded < whole.Models[0].Decisions || part.Recorded+part.CutOff+part.OtherModels != whole.Recorded || part.Exact != part.Recorded {
			t.Errorf("%d tenths of the log: %d compared, %d exact, %d cut off, %d of other models, of %d", tenths, part.Recorded, part.Exact, part.CutOff, part.OtherModels, whole.Recorded)
		}
	}

	late := write(t, dir, "late.yaml", "bundle: a.gyrus\nsource: {use: synth, seed: 2, speed: 40}\nage: {max_ms: 0.000001, policy: skip}\nrecord: {file: late.arrow}\n")
	if code, _, errs := run(t, "live", late); code != 3 {
		t.Errorf("a session of old samples: exit code %d, %s", code, errs)
	}
	var info infoJSON
	mustJSON(t, &info, "info", filepath.Join(dir, "late.arrow"), "--json")
	var none replayJSON
	mustJSON(t, &none, "replay", filepath.Join(dir, "late.arrow"), "--json")
	if info.Samples < 1000 || none.Recorded != 0 || none.Replayed != 0 {
		t.Errorf("a session of old samples: %d samples, %+v", info.Samples, none)
	}
}

// TestRecordMisnamed: the name of a folder, like the ending of another format, is a wrong usage, of record and of the session file.
func TestRecordMisnamed(t *testing.T) {
	dir := t.TempDir()
	model := filepath.Join(dir, "m.gyrus")
	if code, _, errs := run(t, "train", "mdm", "synth:imagery:1:1", "synth:imagery:1:2", "-o", model); code != exitDone {
		t.Fatalf("train: %s", errs)
	}
	for _, name := range []string{".", "..", "runs" + string(filepath.Separator), ".arrow", "r.edf"} {
		want := "is no name of a recording: give it one, such as "
		if name == "r.edf" {
			want = "the ending is .edf"
		}
		for _, more := range [][]string{nil, {"--xdf"}, {"lsl://?name=other"}} {
			args := append([]string{"record", dir + string(filepath.Separator) + name, "lsl://?name=none", "--wait", "0.1"}, more...)
			if code, _, errs := run(t, args...); code != exitUsage || !strings.Contains(errs, want) {
				t.Errorf("%v: exit code %d, %s", args, code, errs)
			}
		}
		file := write(t, dir, "s.yaml", "bundle: m.gyrus\nsource: {use: synth, speed: 40}\nrecord: {file: "+strconv.Quote(name)+"}\n")
		if code, _, errs := run(t, "live", file); code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("live to %q: exit code %d, %s", name, code, errs)
		}
	}
}

// TestRecord: a stream on the bus is written down, as Arrow and as XDF.
func TestRecord(t *testing.T) {
	dir := t.TempDir()
	port := freePort(t)
	url := fmt.Sprintf("nats://127.0.0.1:%d", port)
	src := start(t, "play", "synth:imagery:3:1", "--nats", "--port", strconv.Itoa(port), "--session", "s1", "--speed", "2")
	says(t, "bus:", &src.errs)
	for _, name := range []string{"a.arrow", "a.xdf"} {
		var res struct {
			Streams []recordedStream `json:"streams"`
		}
		mustJSON(t, &res, "record", filepath.Join(dir, name), "nats:eeg", "--url", url, "--session", "s1", "--duration", "2", "--json")
		if len(res.Streams) != 1 || res.Streams[0].Samples < 100 || res.Streams[0].Dropped != 0 {
			t.Errorf("%s: %+v", name, res)
		}
		var info infoJSON
		mustJSON(t, &info, "info", filepath.Join(dir, name), "--json")
		if len(info.Channels) == 0 || info.Samples < res.Streams[0].Samples {
			t.Errorf("%s: read back: %d channels, %d samples, recorded %d", name, len(info.Channels), info.Samples, res.Streams[0].Samples)
		}
	}
	var about map[string]any
	if err := json.Unmarshal(mustRead(t, filepath.Join(dir, "a.json")), &about); err != nil || about["source"] != "nats:eeg" {
		t.Errorf("a.json: %v, %v", about, err)
	}
	src.stop()
	src.wait(t)
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"record", filepath.Join(dir, "b.arrow"), "nats:eeg", "--url", ""}, 2, "--url"},
		{[]string{"record", filepath.Join(dir, "b.arrow"), "eeg"}, 2, "is no source"},
		{[]string{"record", filepath.Join(dir, "b.arrow"), "lsl://?name=nobody", "--wait", "0.5"}, 1, "was not there"},
		{[]string{"record", filepath.Join(dir, "b.arrow"), "serial:///dev/null"}, 2, "is no source, must be like nats:eeg or lsl://?name=EEG"},
		{[]string{"record", filepath.Join(dir, "b.arrow"), "nats:eeg", "--duration", "-1"}, 2, "--duration"},
		{[]string{"replay", filepath.Join(dir, "none.arrow")}, 2, "none.arrow"},
		{[]string{"replay", filepath.Join(dir, "none.xdf")}, 2, "none.xdf"},
		{[]string{"replay", filepath.Join(dir, "a.arrow")}, 2, "--model"},
		{[]string{"replay", write(t, dir, "a.xdf", "XDF:")}, 3, "a.xdf: a session that was recorded as .xdf cannot be replayed"},
		{[]string{"replay", write(t, dir, "a.edf", "0")}, 3, "a.edf: is no recording of a session, and there is no " + filepath.Join(dir, "a.edf.arrow") + "; replay takes the .arrow file"},
	} {
		if code, _, errs := run(t, c.args...); code != c.code || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit code %d, want %d; %q must hold %q", c.args, code, c.code, errs, c.want)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "b*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestRecordKeepsChannels: a recording whose events are of some channels is played on the bus and written down, with them.
func TestRecordKeepsChannels(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.arrow"), filepath.Join(dir, "out.arrow")
	x := make([]float64, 6000)
	rec := &signal.Recording{
		Name: "in", Len: int64(len(x)), Data: signal.Memory{x, x},
		Info: &signal.Info{Rate: 100, Channels: []signal.Channel{{Name: "C3", Kind: signal.EEG, Unit: signal.Microvolt}, {Name: "Cz", Kind: signal.EEG, Unit: signal.Microvolt}}},
	}
	of := map[string]signal.Channels{"all": {}, "one": signal.ChannelsOf("Cz"), "two": signal.ChannelsOf("C3", "Cz")}
	for k := range rec.Len / 10 {
		label := []string{"all", "one", "two"}[k%3]
		rec.Events = append(rec.Events, signal.Event{Sample: 10 * k, Onset: float64(k) / 10, Label: label, Channels: of[label]})
	}
	w, err := ingest.WriterFor("", in)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ingest.WriteFile(in, w, rec, false); err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	src := start(t, "play", in, "--nats", "--port", strconv.Itoa(port), "--session", "s1")
	says(t, "bus:", &src.errs)
	if code, _, errs := run(t, "record", out, "nats:eeg", "--url", fmt.Sprintf("nats://127.0.0.1:%d", port), "--session", "s1", "--duration", "2"); code != 0 {
		t.Fatalf("record: exit code %d, %s", code, errs)
	}
	src.stop()
	src.wait(t)
	var info infoJSON
	mustJSON(t, &info, "info", out, "--json")
	seen := map[string]bool{}
	for _, e := range info.Events {
		if seen[e.Label] = true; e.Channels != of[e.Label] {
			t.Errorf("event %q is of %q, want %q", e.Label, e.Channels, of[e.Label])
		}
	}
	if len(seen) != len(of) {
		t.Errorf("there are %v of %d events, want all of %v", seen, len(info.Events), of)
	}
}

// TestRecordOfAStreamThatGoes: record says at once, at the end, in its result and in the log that its stream is gone, and that it is
// back, and ends with exit code 4 where it is gone at the end; not where the sender ended it.
func TestRecordOfAStreamThatGoes(t *testing.T) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	port := freePort(t)
	i := &signal.Info{Rate: 100, Channels: []signal.Channel{{Name: "C3", Kind: signal.EEG, Unit: signal.Microvolt}}}
	// sender is a server, and on it a stream with a chunk every 20 ms, until the one or the other is ended.
	sender := func() (b *bus.Bus, end func()) {
		b, err := bus.Open(t.Context(), bus.Options{Port: port})
		must(err)
		w, err := bus.NewRawWriter(b, "s1", "eeg", i, bus.Clock{})
		must(err)
		quit, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			for start := int64(0); ; start += 2 {
				select {
				case <-quit:
					if err := w.Close(); err != nil {
						t.Error(err)
					}
					return
				case <-time.After(20 * time.Millisecond):
				}
				c := signal.NewChunk(i, start, 2)
				c.Time = time.Now().UnixNano()
				if w.Write(c) != nil { // the server is gone
					return
				}
			}
		}()
		return b, func() { close(quit); <-done }
	}
	ends := func(c *command, dir string, code int, state string, losses uint64) (s recordedStream) {
		t.Helper()
		got := c.wait(t)
		var res recordedJSON
		if err := json.Unmarshal([]byte(c.out.String()), &res); err != nil || len(res.Streams) != 1 {
			t.Fatalf("%v in %q", err, c.out.String())
		}
		s = res.Streams[0]
		if s.Transport != nil && s.Transport.Lost > 0 { // sent before there was a link again
			code = exitIncomplete
		}
		if got != code {
			t.Errorf("exit code %d, want %d: %s", got, code, c.errs.String())
		}
		if s.State != state || s.Losses != losses || s.Detail == "" || s.Samples == 0 {
			t.Errorf("%+v, want the state %s and %d losses", s, state, losses)
		}
		rec, err := record.Open(filepath.Join(dir, "r.arrow"))
		must(err)
		defer func() { must(rec.Close()) }()
		var lost uint64
		for _, e := range rec.Log {
			if e.Kind == record.KindStream && e.To == string(signal.LinkLost) {
				lost++
			}
		}
		if lost != losses {
			t.Errorf("the log has %d losses, want %d: %+v", lost, losses, rec.Log)
		}
		return s
	}
	recording := func() (c *command, dir string) {
		dir = t.TempDir()
		c = start(t, "record", filepath.Join(dir, "r.arrow"), "nats:eeg", "--url", fmt.Sprintf("nats://127.0.0.1:%d", port), "--session", "s1", "--json")
		says(t, "nats:eeg: connected: samples come", &c.errs)
		return c, dir
	}
	gone := fmt.Sprintf("nats:eeg: lost: no link to nats://127.0.0.1:%d", port)

	b, _ := sender()
	c, dir := recording()
	must(b.Close())
	says(t, gone, &c.errs)
	c.stop()
	ends(c, dir, exitIncomplete, "lost", 1)
	if !strings.Contains(c.errs.String(), "nats:eeg: lost at the end: no link to") {
		t.Errorf("the end says %s", c.errs.String())
	}

	b, _ = sender()
	c, dir = recording()
	must(b.Close())
	says(t, gone, &c.errs)
	b, end := sender()
	says(t, "nats:eeg: recovered: samples come again", &c.errs)
	end()
	if s := ends(c, dir, exitDone, "ended", 1); s.Restarts != 1 {
		t.Errorf("%d restarts, want 1", s.Restarts)
	}
	must(b.Close())

	lab(t)
	dir = t.TempDir()
	amplifier := start(t, "play", "synth:imagery:3:1", "--lsl", "--stream", "cap", "--readers", "1")
	says(t, "waiting for 1 readers", &amplifier.errs)
	c = start(t, "record", filepath.Join(dir, "r.arrow"), "lsl://?name=cap", "--json")
	says(t, "lsl://?name=cap: connected: samples come", &c.errs)
	amplifier.stop()
	says(t, "lsl://?name=cap: lost: ", &c.errs)
	c.stop()
	ends(c, dir, exitIncomplete, "lost", 1)
}

// TestRecordingIsThere: that a file of a recording is there, or no folder for it, is found before anybody waits for a stream: by doctor, by
// live and by record. Nothing is left behind.
func TestRecordingIsThere(t *testing.T) {
	dir := t.TempDir()
	m := filepath.Join(dir, "m.gyrus")
	if code, _, errs := run(t, "train", "csp-lda", "synth:imagery:1:1", "synth:imagery:1:2", "-o", m); code != 0 {
		t.Fatalf("train: %s", errs)
	}
	write(t, dir, "old.log.arrow", "the log of another day")
	for file, want := range map[string]string{
		"old.arrow": "old.log.arrow is there already; a recording never replaces another", "none/new.arrow": "there is no folder " + filepath.Join(dir, "none"), "new.arrow": "",
	} {
		path := write(t, dir, "s.yaml", fmt.Sprintf("session: s1\nbundle: m.gyrus\nsource: {use: nats}\nrecord: {file: %s}\n", file))
		_, out, errs := run(t, "doctor", "--session", path, "--json")
		var v doctorJSON
		if err := json.Unmarshal([]byte(out), &v); err != nil {
			t.Fatalf("%v in %q: %s", err, out, errs)
		}
		found := 0
		for _, f := range v.Findings {
			if f.Check != "writes" {
				continue
			}
			found++
			if state := map[bool]doctor.State{true: doctor.OK, false: doctor.Problem}[want == ""]; f.State != state || !strings.Contains(f.What, want) || (f.Remedy == "") != (want == "") {
				t.Errorf("%s: doctor says %+v, want %q", file, f, want)
			}
		}
		if found != 1 {
			t.Errorf("%s: doctor says %d times whether it can be written: %+v", file, found, v.Findings)
		}
		if want == "" {
			continue
		}
		if code, _, errs := run(t, "live", path); code != 1 || !strings.Contains(errs, want) || strings.Contains(errs, "waiting for the stream") {
			t.Errorf("%s: live: exit code %d, %s", file, code, errs)
		}
		if code, _, errs := run(t, "record", filepath.Join(dir, file), "lsl://?name=nobody"); code != 1 || !strings.Contains(errs, want) || strings.Contains(errs, "was not there") {
			t.Errorf("%s: record: exit code %d, %s", file, code, errs)
		}
	}
	for _, sources := range [][]string{{"lsl://?name=a"}, {"lsl://?name=a", "lsl://?name=b"}} {
		if code, _, errs := run(t, append([]string{"record", dir + string(filepath.Separator)}, sources...)...); code != exitUsage || !strings.Contains(errs, "is no name of a recording") {
			t.Errorf("a folder as the name of %d: exit code %d, %s", len(sources), code, errs)
		}
	}
	write(t, dir, "two-2-lsl-name-b.arrow", "the second of two")
	if code, _, errs := run(t, "record", filepath.Join(dir, "two.arrow"), "lsl://?name=a", "lsl://?name=b"); code != 1 || !strings.Contains(errs, "two-2-lsl-name-b.arrow is there already") {
		t.Errorf("the second of two: exit code %d, %s", code, errs)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*.arrow"))
	if err != nil || len(left) != 2 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestRecordingCalledOtherwise: a recording with the ending of another format is refused before anything is waited for, as wrong usage.
func TestRecordingCalledOtherwise(t *testing.T) {
	dir := t.TempDir()
	file := write(t, dir, "s.yaml", fmt.Sprintf("session: s1\nbundle: %s\nsource: {use: nats, stream: nobody}\nrecord: {file: x.edf}\n", model(t)))
	name := filepath.Join(dir, "x.edf")
	for _, args := range [][]string{{"live", file}, {"record", name, "lsl://?name=nobody"}, {"record", name, "lsl://?name=nobody", "--xdf"}} {
		code, _, errs := run(t, args...)
		if want := "gyrus convert " + filepath.Join(dir, "x.arrow") + " " + name; code != exitUsage || !strings.Contains(errs, want) || strings.Contains(errs, "waiting") {
			t.Errorf("%v: exit code %d, %s", args, code, errs)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "x.*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestRecordSources: what is no live source is refused with what is allowed, and flags of the bus where no source is on it. Commands without a
// server of their own do not speak of one.
func TestRecordSources(t *testing.T) {
	name := filepath.Join(t.TempDir(), "r.arrow")
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"eegmmidb:S001:R04"}, `"eegmmidb:S001:R04" is no source, must be like nats:eeg or lsl://?name=EEG; a recording is written in another format by gyrus convert`},
		{[]string{"S001R04.edf"}, "must be like nats:eeg or lsl://?name=EEG"},
		{[]string{"lsl://?name=EEG", "--session", "s1"}, "--session does nothing here: it is for a stream on the bus (nats:eeg), and lsl://?name=EEG is none"},
		{[]string{"lsl://?name=EEG", "--url", "nats://127.0.0.1:1"}, "--url does nothing here"},
		{[]string{"lsl://?name=EEG", "--port", "4222"}, "--port"},
	} {
		if code, _, errs := run(t, append([]string{"record", name, "--wait", "0.2"}, tc.args...)...); code != exitUsage || !strings.Contains(errs, tc.want) {
			t.Errorf("%v: exit code %d, %q is not said: %s", tc.args, code, tc.want, errs)
		}
	}
	nobody := fmt.Sprintf("nats://127.0.0.1:%d", freePort(t))
	for _, args := range [][]string{{"record", name, "nats:eeg"}, {"control", "stop"}, {"ctl", "s1"}} {
		if _, out, _ := run(t, args[0], args[1], "--help"); strings.Contains(out, "inside this process") {
			t.Errorf("%v --help promises a server: %s", args, out)
		}
		code, _, errs := run(t, append(args, "--url", nobody)...)
		if code != exitFailed || !strings.Contains(errs, "start it, or check host and port") || strings.Contains(errs, "inside") {
			t.Errorf("%v: exit code %d, %s", args, code, errs)
		}
	}
	file := write(t, t.TempDir(), "s.yaml", fmt.Sprintf("session: s1\nbundle: %s\nsource: {use: synth}\nbus: {url: %q, connect_timeout_s: 0.3}\n", model(t), nobody))
	if code, _, errs := run(t, "live", file); code != exitFailed || !strings.Contains(errs, "or leave url out of the section bus, for a server inside the session") {
		t.Errorf("live: exit code %d, %s", code, errs)
	}
}
