package cli

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/lsl"
)

// TestUnreadMarks: streams of marks that are on the network and that nobody reads are told of by record, live and doctor, with what to
// write, which is right; those that are read, and those of another session, are not.
func TestUnreadMarks(t *testing.T) {
	lab(t)
	dir := t.TempDir()
	m := model(t)
	amplifier := start(t, "play", s001(t, "R14"), "--lsl", "--stream", "cap", "--json")
	says(t, "cap", &amplifier.errs)

	const stream = "the stream of marks cap-markers is on the network, and is not read here: to have the marks as events, name it in the source: "
	const asURL = "lsl://?name=cap&markers=name='cap-markers'"
	_, _, errs := run(t, "record", filepath.Join(dir, "without.arrow"), "lsl://?name=cap", "--duration", "2")
	if want := stream + `"` + asURL + `"`; strings.Count(errs, want) != 1 {
		t.Errorf("record does not say %q once: %s", want, errs)
	}
	_, _, errs = run(t, "record", filepath.Join(dir, "none.arrow"), "lsl://?name=cap", "lsl://?name=cap-markers", "--duration", "2")
	_, out, more := run(t, "record", filepath.Join(dir, "with.arrow"), asURL, "--duration", "6", "--json")
	if text := errs + more; strings.Contains(text, "is not read here") {
		t.Errorf("record of the marks says that they are not read: %s", text)
	}
	var res recordedJSON
	if err := json.Unmarshal([]byte(out), &res); err != nil || len(res.Streams) != 1 {
		t.Fatalf("%v in %q: %s", err, out, more)
	}
	rec, err := ingest.OpenFile(res.Streams[0].Files[0])
	if err != nil {
		t.Fatal(err)
	}
	if len(rec.Events) == 0 {
		t.Error("the source that record tells of gives no events")
	}
	if err := rec.Close(); err != nil {
		t.Error(err)
	}

	for source, want := range map[string]string{
		"{use: lsl, name: cap, timeout_s: 20}":                                stream + `{use: lsl, …, markers: "name='cap-markers'"}`,
		`{use: live, url: "lsl://?name=cap", timeout_s: 20}`:                  stream + `{use: live, url: "` + asURL + `"}`,
		`{use: lsl, name: cap, markers: "name='cap-markers'", timeout_s: 20}`: "",
		fmt.Sprintf(`{use: live, url: "%s", timeout_s: 20}`, asURL):           "",
	} {
		file := write(t, dir, "s.yaml", fmt.Sprintf("session: s1\nbundle: %s\nsource: %s\nage: {policy: all, max_ms: 600000}\n", m, source))
		_, out, _ := run(t, "doctor", "--session", file)
		decoder := start(t, "live", file)
		if want != "" {
			says(t, want, &decoder.errs)
		} else {
			says(t, "decoding ", &decoder.errs)
		}
		decoder.stop()
		decoder.wait(t)
		for what, text := range map[string]string{"doctor": out, "live": decoder.errs.String()} {
			if n := strings.Count(text, "not read here"); want == "" && n > 0 || want != "" && (n != 1 || !strings.Contains(text, want)) {
				t.Errorf("%s with %s: %s", what, source, text)
			}
		}
	}
	amplifier.stop()
	amplifier.wait(t)
}

// TestUnreadMarksOddly: a name that has to be written out in a URL, several streams, and a source that has marks already.
func TestUnreadMarksOddly(t *testing.T) {
	lab(t)
	dir := t.TempDir()
	eeg := outlet(t, lsl.StreamInfo{Name: "EEG", Type: "EEG", Channels: 1, Rate: 50, Format: lsl.Float32, SourceID: "eeg"})
	outlet(t, lsl.StreamInfo{Name: "a & b", Type: "Markers", Channels: 1, Format: lsl.Int32, SourceID: "a"})
	outlet(t, lsl.StreamInfo{Name: "keys", Type: "Keyboard", Channels: 1, Format: lsl.String, SourceID: "keys"})
	outlet(t, lsl.StreamInfo{Name: "gaze", Type: "Gaze", Channels: 2, Format: lsl.Float32, SourceID: "gaze"})
	often(t, func() error { return lsl.Push(eeg, make([]float32, 1), lsl.LocalClock()) })
	const with = "lsl://?name=EEG&markers=name='a+%26+b'"
	for k, tc := range []struct{ source, want string }{
		{"lsl://?name=EEG", "the streams of marks a & b, keys are on the network, and are not read here: to have the marks as events, name it in the source: \"" + with + "\"\n"},
		{with, "the stream of marks keys is on the network, and is not read here: to record it beside, name it as a source: \"lsl://?name=keys\"\n"},
	} {
		if _, _, errs := run(t, "record", filepath.Join(dir, fmt.Sprintf("r%d.arrow", k)), tc.source, "--duration", "1.5"); !strings.Contains(errs, tc.want) {
			t.Errorf("%s: %q is not said: %s", tc.source, tc.want, errs)
		}
	}
}
