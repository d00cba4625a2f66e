package cli

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/record"
)

// journalled is a session of 4 s as gyrus writes it in XDF: two events, the clock once a second, decisions, and a stop.
func journalled(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run1.xdf")
	info := &signal.Info{Rate: 100, Channels: []signal.Channel{{Name: "Cz", Original: "Cz", Kind: signal.EEG, Unit: signal.Microvolt}}}
	r, err := record.Create(record.Options{Path: path, Info: info, Outputs: []string{"left", "right"}})
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now().UnixNano()
	for s := range int64(4) {
		c := signal.NewChunk(info, 100*s, 100)
		c.Time = begin + s*1e9
		for i := range c.X[0] {
			c.X[0][i] = float64(i%25) - 12
		}
		if s%2 == 1 {
			c.Events = []signal.Event{{Sample: 100 * s, Onset: float64(s), Label: "left"}}
		}
		r.Chunk(c)
		health := signal.Health{State: signal.LinkConnected, Detail: strings.Repeat("a stream of the lab ", 20)}
		r.Clock(record.Clock{Time: begin + s*1e9 + 5e8, Stream: "lsl://?name=eeg", Health: health})
		r.Decision(record.Decision{Start: 100 * s, End: 100*s + 100, TDecided: begin + s*1e9 + 6e8, Kind: "class", Label: "left", Values: []float64{0.9, 0.1}})
	}
	r.Log(record.Entry{Time: begin + 3e9, Sample: 300, Kind: record.KindStop, Detail: record.Detail{Why: "Ada was tired"}})
	if _, err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestJournals: what a session wrote about itself is counted by info, is in another XDF as it was, and is an event, or left out, where
// that is asked for or said.
func TestJournals(t *testing.T) {
	in := journalled(t)
	dir := t.TempDir()
	code, text, errs := run(t, "info", in)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	for _, want := range []string{"\nleft       2 ", "run1-clock          Clock      4 ", "run1-log              Log      2 ", "run1-decisions  Decisions      5 "} {
		if !strings.Contains(text, want) {
			t.Errorf("info does not say %q:\n%s", want, text)
		}
	}
	for _, line := range strings.Split(text, "\n") {
		if strings.Contains(line, "{") || strings.Contains(line, "Ada") { // JSON, or what was typed
			t.Errorf("info has the line %q", line)
		}
	}
	describe := func(args ...string) (v infoJSON) {
		mustJSON(t, &v, append([]string{"info", "--json"}, args...)...)
		return v
	}
	was := describe(in)
	if len(was.Events) != 2 || len(was.Journals) != 3 || len(was.Outside) != 0 {
		t.Errorf("%d events, %d of them outside, journals %+v", len(was.Events), len(was.Outside), was.Journals)
	}
	for _, p := range was.Personal {
		if strings.Contains(p.Where, "event") {
			t.Errorf("a line is taken for an event that may say who was recorded: %+v", p)
		}
	}

	// As events, on request.
	asked := describe(in, "--journals")
	if len(asked.Events) != 13 || len(asked.Journals) != 0 {
		t.Errorf("with --journals: %d events, journals %+v", len(asked.Events), asked.Journals)
	}
	code, text, _ = run(t, "info", in, "--journals")
	for _, line := range strings.Split(text, "\n") {
		if strings.Contains(line, "lsl://") && !strings.Contains(line, "event") && len([]rune(line)) > 120 {
			t.Errorf("exit code %d, a row of the table is %q", code, line)
		}
	}
	for flag, want := range map[string]bool{"--json": false, "--journals": true} { // a figure has the labels of events
		svg := filepath.Join(dir, "traces"+flag+".svg")
		if code, _, errs := run(t, "plot", in, "-o", svg, flag); code != 0 {
			t.Fatalf("plot: exit code %d: %s", code, errs)
		}
		if has := strings.Contains(string(mustRead(t, svg)), ">{"); has != want {
			t.Errorf("plot %s draws lines of journals: %v", flag, has)
		}
	}

	// XDF to XDF loses nothing, also of the texts and times of the lines.
	again := filepath.Join(dir, "again.xdf")
	var made convertJSON
	mustJSON(t, &made, "convert", in, again, "--json")
	if len(made.Losses) != 0 {
		t.Errorf("losses %+v", made.Losses)
	}
	if d := cmp.Diff(was.Journals, describe(again).Journals); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(asked.Events, describe(again, "--journals").Events); d != "" {
		t.Error(d)
	}

	// Other formats have no place for them, and say so; events are kept.
	for _, name := range []string{"x.arrow", "x.parquet", "x.edf", "x.vhdr"} {
		out := filepath.Join(dir, name)
		mustJSON(t, &made, "convert", in, out, "--json")
		lost := slices.DeleteFunc(made.Losses, func(l signal.Deviation) bool { return l.Where != "journals" })
		if len(lost) != 1 || !strings.Contains(lost[0].Found, `"run1-decisions" (Decisions, 5 lines)`) {
			t.Errorf("%s: losses of journals %+v", name, lost)
		}
		if v := describe(out); len(v.Events) != 2 {
			t.Errorf("%s has the events %+v", name, v.Events)
		}
		mustJSON(t, &made, "convert", in, out, "--journals", "--json")
		if v := describe(out); len(v.Events) != 13 || strings.Contains(fmt.Sprint(made.Losses), "journals") {
			t.Errorf("%s has %d events with --journals; losses %+v", name, len(v.Events), made.Losses)
		}
	}
	code, text, errs = run(t, "convert", "--bids", "--subject", "1", "--task", "rest", in, filepath.Join(dir, "tree"))
	if code != 0 || strings.Count(text, "loss: journals") != 1 {
		t.Errorf("exit code %d, %s%s", code, text, errs)
	}

	// A stop has a reason that somebody typed: nothing of it is left.
	hidden := filepath.Join(dir, "hidden.xdf")
	mustJSON(t, &made, "convert", in, hidden, "--anonymise", "--json")
	told := slices.DeleteFunc(made.Personal, func(p ingest.Personal) bool {
		return !strings.HasPrefix(p.Where, "journal ") || !strings.HasPrefix(p.Done, "left out")
	})
	if len(told) != 3 || strings.Contains(string(mustRead(t, hidden)), "Ada") || len(describe(hidden).Journals) != 0 {
		t.Errorf("journals that are said to be left out: %+v", told)
	}
	mustJSON(t, &made, "convert", in, hidden, "--anonymise", "--drop-texts", "--journals", "--json")
	if strings.Contains(string(mustRead(t, hidden)), "Ada") || len(describe(hidden).Events) != 13 {
		t.Error("with --journals --drop-texts: the reason is there, or events are not")
	}
}
