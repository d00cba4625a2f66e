package cli

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/lsl"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestRecordMarksAlone: marks, and numbers that come when they come, are recorded without a signal as XDF, at their times, and marks as Arrow;
// such numbers as Arrow, and both by a session, are refused, with what to do.
func TestRecordMarksAlone(t *testing.T) {
	lab(t)
	dir := t.TempDir()
	texts := outlet(t, lsl.StreamInfo{Name: "cues", Type: "Markers", Channels: 1, Format: lsl.String, SourceID: "cues"})
	whole := outlet(t, lsl.StreamInfo{Name: "whole", Type: "Codes", Channels: 1, Format: lsl.Int64, SourceID: "whole"})
	half := outlet(t, lsl.StreamInfo{Name: "half", Type: "Pupil", Channels: 1, Format: lsl.Float32, SourceID: "half"})
	inArrow := start(t, "record", filepath.Join(dir, "a.arrow"), "lsl://?name=cues", "--json")
	c := start(t, "record", filepath.Join(dir, "r.xdf"), "lsl://?name=cues", "lsl://?name=whole", "lsl://?name=half", "--json")
	for _, name := range []string{"cues", "whole", "half"} {
		says(t, "lsl://?name="+name+": connected: ", &c.errs)
	}
	says(t, "lsl://?name=cues: connected: ", &inArrow.errs)
	for k, o := range []*lsl.Outlet{whole, half, texts} {
		if err := o.WaitReaders(t.Context(), 1+k/2); err != nil {
			t.Fatal(err)
		}
	}
	at := lsl.LocalClock()
	for k := range 3 {
		stamp := at + 0.25*float64(k)
		for _, err := range []error{lsl.Push(texts, []string{"mark " + strings.Repeat("i", k+1)}, stamp), lsl.Push(whole, []int64{1<<60 + int64(k)}, stamp), lsl.Push(half, []float32{float32(k) + 0.5}, stamp)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, o := range []*lsl.Outlet{texts, whole, half} {
		if err := o.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(500 * time.Millisecond) // until they have come
	c.stop()
	c.wait(t)
	var res recordedJSON
	if err := json.Unmarshal([]byte(c.out.String()), &res); err != nil || len(res.Streams) != 3 {
		t.Fatalf("%v in %q: %s", err, c.out.String(), c.errs.String())
	}
	inArrow.stop()
	inArrow.wait(t)
	var more recordedJSON
	if err := json.Unmarshal([]byte(inArrow.out.String()), &more); err != nil || len(more.Streams) != 1 {
		t.Fatalf("%v in %q: %s", err, inArrow.out.String(), inArrow.errs.String())
	}
	all := slices.Concat(res.Streams, more.Streams)
	marks := []string{"mark i", "mark ii", "mark iii"}
	for k, want := range [][]string{marks, {"1152921504606846976", "1152921504606846977", "1152921504606846978"}, {"0.5", "1.5", "2.5"}, marks} {
		s := all[k]
		if s.State != "connected" || s.Events != 3 || s.Marks.Came != 3 || s.Bytes == 0 || len(s.Files) != 1+k/3 {
			t.Fatalf("%+v", s)
		}
		rec, err := ingest.OpenFile(s.Files[0])
		if err != nil {
			t.Fatal(err)
		}
		var labels []string
		for i, e := range rec.Events {
			labels = append(labels, e.Label)
			if off := e.Onset - 0.25*float64(i); off > 1e-5 || off < -1e-5 {
				t.Errorf("%s: %q lies at %g s", s.Source, e.Label, e.Onset)
			}
		}
		if !slices.Equal(labels, want) || len(rec.Journals) != 1-k/3 || len(rec.Deviations) > 0 {
			t.Errorf("%s: %q, %d journals, %v", s.Source, labels, len(rec.Journals), rec.Deviations)
		}
		if err := rec.Close(); err != nil {
			t.Error(err)
		}
	}

	file := write(t, dir, "s.yaml", "session: s1\nsource: {use: lsl, name: cues}\ncalibrate: {pipeline: csp-lda, classes: {T1: l, T2: r}, save: m.gyrus}\n")
	for _, args := range [][]string{{"record", filepath.Join(dir, "r.arrow"), "lsl://?name=half"}, {"live", file}} {
		if code, _, errs := run(t, args...); code != exitRefused || !strings.Contains(errs, ".xdf") || !strings.Contains(errs, "markers") {
			t.Errorf("%v: exit code %d, %s", args, code, errs)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "r.*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestRecordTextsThatAreNotUTF8: marks that are not UTF-8 end no recording, of marks alone or of a signal with them. They are recorded as
// read in Latin-1, and that is told once.
func TestRecordTextsThatAreNotUTF8(t *testing.T) {
	lab(t)
	dir := t.TempDir()
	cues := outlet(t, lsl.StreamInfo{Name: "cues", Type: "Markers", Channels: 1, Format: lsl.String, SourceID: "cues"})
	eeg := outlet(t, lsl.StreamInfo{Name: "EEG", Type: "EEG", Channels: 1, Rate: 50, Format: lsl.Float32, SourceID: "eeg"})
	alone := start(t, "record", filepath.Join(dir, "a.arrow"), "lsl://?name=cues", "--json")
	both := start(t, "record", filepath.Join(dir, "b.arrow"), "lsl://?name=EEG&markers=name='cues'", "--json")
	for o, readers := range map[*lsl.Outlet]int{cues: 2, eeg: 1} {
		if err := o.WaitReaders(t.Context(), readers); err != nil {
			t.Fatal(err)
		}
	}
	often(t, func() error { return lsl.Push(eeg, make([]float32, 1), lsl.LocalClock()) })
	labels := []string{"a", "\xff\xfe", "\xf6ffnen", "b"}
	for k := range labels {
		if err := lsl.Push(cues, labels[k:k+1], lsl.LocalClock()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(400 * time.Millisecond) // some are written before others come
	}
	time.Sleep(time.Second)
	for name, c := range map[string]*command{"alone": alone, "with a signal": both} {
		c.stop()
		c.wait(t)
		var res recordedJSON
		if err := json.Unmarshal([]byte(c.out.String()), &res); err != nil || len(res.Streams) != 1 {
			t.Fatalf("%s: %v in %q: %s", name, err, c.out.String(), c.errs.String())
		}
		s := res.Streams[0]
		if s.Error != "" || s.Events != 4 || s.Dropped != 0 || s.Marks.NotUTF8 != 2 || strings.Count(c.errs.String(), "are not UTF-8, and read as Latin-1") != 1 {
			t.Errorf("%s: %+v, %s", name, s, c.errs.String())
		}
		rec, err := ingest.OpenFile(s.Files[0])
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range rec.Events {
			got = append(got, e.Label)
		}
		if want := []string{"a", "ÿþ", "öffnen", "b"}; !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		if err := rec.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestMarksThatEndBefore: marks with a source_id whose program ends before the recording are no fault, and it is said at the
// end since when their stream is gone and how many came. Where they are there to the end nothing is said.
func TestMarksThatEndBefore(t *testing.T) {
	lab(t)
	dir := t.TempDir()
	info := &signal.Info{Rate: 50}
	for _, name := range []string{"C3", "C4"} {
		info.Channels = append(info.Channels, signal.Channel{Name: name, Kind: signal.EEG, Unit: signal.Microvolt})
	}
	eeg := outlet(t, lsl.StreamInfo{Name: "EEG", Type: "EEG", Channels: 2, Rate: 50, Format: lsl.Float32, SourceID: "eeg", Desc: lsl.Describe(info)})
	often(t, func() error { return lsl.Push(eeg, make([]float32, 2), lsl.LocalClock()) })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for name, ends := range map[string]bool{"there": false, "ended": true} {
		cues := outlet(t, lsl.StreamInfo{Name: name, Type: "Markers", Channels: 1, Format: lsl.String, SourceID: name})
		source := "lsl://?name=EEG&markers=name='" + name + "'"
		commands := map[string]*command{
			"record": start(t, "record", filepath.Join(dir, name+".arrow"), source),
			"json":   start(t, "record", filepath.Join(dir, name+"2.arrow"), source, "--json"),
		}
		if err := errors.Join(cues.WaitReaders(ctx, 2), eeg.WaitReaders(ctx, 2)); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := lsl.Push(cues, []string{"x"}, lsl.LocalClock()); err != nil {
				t.Fatal(err)
			}
		}
		if err := cues.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(500 * time.Millisecond) // until they have come, and their samples
		before := time.Now().Truncate(time.Second)
		if ends {
			if err := cues.Close(); err != nil {
				t.Fatal(err)
			}
		}
		for what, c := range commands {
			if ends {
				says(t, " marks: lost: ", &c.errs)
			}
			c.stop()
			code := c.wait(t)
			if code != exitDone {
				t.Errorf("%s, %s: exit code %d: %s", name, what, code, c.errs.String())
			}
			switch out := c.out.String(); what {
			case "json":
				var res recordedJSON
				if err := json.Unmarshal([]byte(out), &res); err != nil || len(res.Streams) != 1 {
					t.Fatalf("%v in %q", err, out)
				}
				if m := res.Streams[0].Marks; m.Came != 3 || m.Over != "" || (m.Gone != nil) != ends || ends && (m.Gone.Before(before) || time.Since(*m.Gone) > time.Minute) {
					t.Errorf("%s: %+v", name, m)
				}
			default:
				line := regexp.MustCompile(`(?m)^marks: their stream ended at \d\d:\d\d:\d\d, and was not back at the end: 3 came$`)
				if line.MatchString(out) != ends {
					t.Errorf("%s, %s: %q", name, what, out)
				}
			}
		}
	}
}
