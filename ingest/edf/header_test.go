package edf_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// small is a file of two EEG channels at 10 Hz, three records of one second, with one event in the second record.
func small() edftest.File {
	return edftest.File{
		Reserved: "EDF+C", N: 3,
		Signals: []edftest.Signal{
			{Label: "EEG Cz", Dim: "uV", Samples: 10},
			{Label: "EEG Pz", Dim: "uV", Samples: 10},
			edftest.Annotations(20, func(r int) string {
				text := edftest.TAL(edftest.Steady(r), "")
				if r == 1 {
					text += edftest.TAL("+1.25", "0.5", "T1")
				}
				return text
			}),
		},
	}
}

func open(t testing.TB, data []byte) (*signal.Recording, error) {
	t.Helper()
	return ingest.Open(fstest.MapFS{"x.edf": {Data: data}}, "x.edf")
}

func mustOpen(t testing.TB, f edftest.File) *signal.Recording {
	t.Helper()
	rec, err := open(t, f.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	closeAfter(t, rec)
	return rec
}

// closeAfter closes rec when the test is over.
func closeAfter(t testing.TB, rec *signal.Recording) {
	t.Helper()
	t.Cleanup(func() {
		if err := rec.Close(); err != nil {
			t.Error(err)
		}
	})
}

// whole is all samples of the span i.
func whole(t testing.TB, rec *signal.Recording, i int) [][]float64 {
	t.Helper()
	s := rec.Runs()[i]
	x := make([][]float64, len(rec.Info.Channels))
	for ch := range x {
		x[ch] = make([]float64, s.Len)
	}
	if err := rec.Data.ReadSamples(x, s.Start); err != nil {
		t.Fatal(err)
	}
	return x
}

func TestSmall(t *testing.T) {
	rec := mustOpen(t, small())
	want := &signal.Info{Rate: 10, Channels: []signal.Channel{
		{Name: "Cz", Original: "EEG Cz", Kind: signal.EEG, Unit: signal.Microvolt, Pos: montage.Place("Cz")},
		{Name: "Pz", Original: "EEG Pz", Kind: signal.EEG, Unit: signal.Microvolt, Pos: montage.Place("Pz")},
	}}
	if d := cmp.Diff(want, rec.Info); d != "" {
		t.Errorf("Info (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]signal.Event{{Sample: 13, Onset: 1.25, Duration: 0.5, Label: "T1"}}, rec.Events); d != "" {
		t.Errorf("events (-want +got):\n%s", d) // 12.5 rounds away from 0
	}
	if rec.Len != 30 || rec.Spans != nil || rec.Format != "EDF+C" || len(rec.Deviations) != 0 {
		t.Errorf("%d samples, spans %v, %s, deviations %+v, want 30, none, EDF+C, none", rec.Len, rec.Spans, rec.Format, rec.Deviations)
	}
	if begin := time.Date(2002, 3, 2, 10, 11, 12, 0, time.UTC); !rec.Begin.Equal(begin) {
		t.Errorf("begins at %v, want %v", rec.Begin, begin)
	}
	for ch, x := range whole(t, rec, 0) {
		for i, v := range x {
			// The range of 6553.5 µV lies on 65535 steps: 0.1 µV each. Both numbers are rounded to 2^-53 of 3276.8.
			if want := float64(edftest.Number(ch, i)) / 10; v-want > 1e-12 || want-v > 1e-12 {
				t.Fatalf("channel %d sample %d is %.17g, want %g", ch, i, v, want)
			}
		}
	}
}

func TestConformance(t *testing.T) {
	uneven := small()
	uneven.Signals = append(uneven.Signals, edftest.Signal{Label: "Temp", Dim: "degC", Samples: 3}, edftest.Signal{Label: "Resp", Samples: 3})
	plain := small()
	plain.Reserved, plain.Signals = "", plain.Signals[:2]
	textOnly := edftest.File{Reserved: "EDF+C", N: 1, Duration: "0", Signals: []edftest.Signal{
		edftest.Annotations(40, func(int) string { return edftest.TAL("+0", "") + edftest.TAL("+30", "60", "Sleep stage 2") }),
	}}
	for name, f := range map[string]edftest.File{
		"small": small(), "uneven rates": uneven, "plain": plain, "annotations only": textOnly, "gaps": gaps(), "large records": large(),
	} {
		t.Run(name, func(t *testing.T) {
			data := f.Bytes()
			ingesttest.Run(t, func() (*signal.Recording, error) { return open(t, data) })
		})
	}
}

// large has records above the size of the block that is read at once.
func large() edftest.File {
	at := func(_, i int) int16 { return uneven(i) }
	return edftest.File{N: 2, Signals: []edftest.Signal{
		{Label: "Fz", Dim: "uV", Samples: 600_000, At: at}, {Label: "Pz", Dim: "uV", Samples: 600_000, At: at}, {Label: "X", Samples: 7},
	}}
}

// uneven counts up, but not with a period that divides the size of a block.
func uneven(i int) int16 { return int16(i + i/1000) }

func TestCut(t *testing.T) {
	data := small().Bytes()
	ingesttest.Cut(t, "x.edf", data, 1)
	unknown := small() // as it is while a recording is made
	unknown.Records = "-1"
	ingesttest.Cut(t, "x.edf", unknown.Bytes(), 1)
}

// TestRefused has one file for each field that cannot be read. The message must name the file, the byte of the field,
// its name in the specification, and what is there or allowed.
func TestRefused(t *testing.T) {
	first := func(change func(*edftest.Signal)) func(*edftest.File) {
		return func(f *edftest.File) { change(&f.Signals[0]) }
	}
	for _, tc := range []struct {
		name   string
		change func(*edftest.File)
		at     int64
		want   []string
	}{
		{"number of signals", func(f *edftest.File) { f.NumSignals = "12,5" }, 252, []string{"number of signals", `"12,5" is not a whole number`}},
		{"no signals", func(f *edftest.File) { f.NumSignals = "0" }, 252, []string{"is 0, must be at least 1"}},
		{"more signals than header", func(f *edftest.File) { f.NumSignals = "9999" }, 252, []string{"need a header of 2560000 bytes", "fetch it again"}},
		{"number of records", func(f *edftest.File) { f.Records = "three" }, 236, []string{"number of data records", `"three" is not a whole number`}},
		{"truncated", func(f *edftest.File) { f.Records = "4" }, 1264, []string{"is 4, so the file must have 1344 bytes", "ends after 1264", "truncated", "write 3 into the field (byte 236)"}},
		{"absurd number of records", func(f *edftest.File) { f.Records = "9e15" }, 1264, []string{"truncated"}},
		{"duration", func(f *edftest.File) { f.Duration = "one" }, 244, []string{"duration of a data record", `"one" is not a number`}},
		{"no duration", func(f *edftest.File) { f.Duration = "0" }, 244, []string{"must be above 0 s", "EEG Cz"}},
		{"negative duration", func(f *edftest.File) { f.Duration = "-1" }, 244, []string{"is -1 s, must be from 0"}},
		{"tiny duration", func(f *edftest.File) { f.Duration = "1e-300" }, 244, []string{"samples per second"}},
		{"infinite duration", func(f *edftest.File) { f.Duration = "inf" }, 244, []string{`"inf" is not a number`}},
		{"bytes in header", func(f *edftest.File) { f.HeaderBytes, f.Records = "512", "2" }, 184, []string{"is 512, must be 1024 for 3 signals"}},
		{"physical minimum", first(func(s *edftest.Signal) { s.PhysMin = "low" }), 256 + 104*3, []string{"physical minimum of signal 1", `"low" is not a number`}},
		{"physical maximum NaN", first(func(s *edftest.Signal) { s.PhysMax = "NaN" }), 256 + 112*3, []string{"physical maximum of signal 1"}},
		{"digital minimum", first(func(s *edftest.Signal) { s.DigMin = "1.5" }), 256 + 120*3, []string{"digital minimum of signal 1", "not a whole number"}},
		{"overflowing range", first(func(s *edftest.Signal) { s.PhysMin, s.PhysMax = "-1e308", "1e308" }), 256 + 104*3, []string{"cannot be computed with"}},
		{"samples per record", first(func(s *edftest.Signal) { s.NumSamples = "-10" }), 256 + 216*3, []string{"number of samples in each data record of signal 1", "is -10"}},
		{"too many samples per record", first(func(s *edftest.Signal) { s.NumSamples = "9e12" }), 256 + 216*3, []string{"must be from 1 to 99999999"}},
		{"huge samples per record", first(func(s *edftest.Signal) { s.NumSamples = "99999999" }), 1264, []string{"truncated"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := small()
			tc.change(&f)
			_, err := open(t, f.Bytes())
			var format *ingest.FormatError
			if !errors.As(err, &format) {
				t.Fatalf("the error is %v, must be a *ingest.FormatError", err)
			}
			if format.File != "x.edf" || format.Offset != tc.at {
				t.Errorf("names %s, byte %d, want x.edf, byte %d", format.File, format.Offset, tc.at)
			}
			for _, w := range tc.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("the message must contain %q:\n%v", w, err)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the message has more than one line:\n%v", err)
			}
		})
	}
}

// TestLenient has one file for each departure from the specification that can be read all the same. It must be listed,
// with the byte of the field, and the samples must be what they are without it.
func TestLenient(t *testing.T) {
	first := func(change func(*edftest.Signal)) func(*edftest.File) {
		return func(f *edftest.File) { change(&f.Signals[0]) }
	}
	want := whole(t, mustOpen(t, small()), 0)
	for _, tc := range []struct {
		name           string
		change         func(*edftest.File)
		where, assumed string
	}{
		{"unknown number of records", func(f *edftest.File) { f.Records = "-1" }, "byte 236", "3, from the size"},
		{"too small a number of records", func(f *edftest.File) { f.Records = "1" }, "byte 236", "3, from the size"},
		{"number with a fraction", func(f *edftest.File) { f.Records = "3.0" }, "byte 236", "3"},
		{"number at the right", func(f *edftest.File) { f.Records = "       3" }, "byte 236", "padding"},
		{"NUL padding", func(f *edftest.File) { f.Records = "3\x00\x00\x00\x00\x00\x00\x00" }, "byte 236", "padding"},
		{"comma", first(func(s *edftest.Signal) { s.PhysMin = "-3276,8" }), fmt.Sprintf("byte %d", 256+104*3), "-3276.8"},
		{"digital range as fraction", first(func(s *edftest.Signal) { s.DigMax = "32767.0" }), fmt.Sprintf("byte %d", 256+128*3), "32767"},
		{"bytes in header", func(f *edftest.File) { f.HeaderBytes = "512" }, "byte 184", "1024: the size of the file fits"},
		{"no bytes in header", func(f *edftest.File) { f.HeaderBytes = "many" }, "byte 184", "what the rule gives"},
		{"date", func(f *edftest.File) { f.Date = "02/03/02" }, "byte 168", "02.03.02"},
		{"impossible date", func(f *edftest.File) { f.Date = "31.02.02" }, "byte 168", "not used"},
		{"time", func(f *edftest.File) { f.Time = "25.00.00" }, "byte 176", "not used"},
		{"recording", func(f *edftest.File) { f.Recording = "night 1" }, "byte 88", "startdate"},
		{"annotations in plain EDF", func(f *edftest.File) { f.Reserved = "" }, "byte 192", "EDF+C"},
		{"no annotations in EDF+", func(f *edftest.File) { f.Signals = f.Signals[:2] }, "byte 252", "no events"},
		{"unknown reserved", func(f *edftest.File) { f.Reserved, f.Signals = "mine", f.Signals[:2] }, "byte 192", "plain EDF"},
		{"Latin-1 text", func(f *edftest.File) { f.Patient = "X X X Bj\xf6rn" }, "byte 8", "Latin-1"},
		{"UTF-8 text", func(f *edftest.File) { f.Patient = "X X X Björn" }, "byte 8", "UTF-8"},
		{"small v", first(func(s *edftest.Signal) { s.Dim = "uv" }), fmt.Sprintf("byte %d", 256+96*3), "uV"},
		{
			"digital range reversed", first(func(s *edftest.Signal) {
				s.PhysMin, s.PhysMax, s.DigMin, s.DigMax = "3276.7", "-3276.8", "32767", "-32768"
			}),
			fmt.Sprintf("byte %d", 256+128*3), "through both points",
		},
		{"digital range too wide", first(func(s *edftest.Signal) { s.PhysMin, s.DigMin = "-4000", "-40000" }), fmt.Sprintf("byte %d", 256+120*3), "through both points"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := small()
			tc.change(&f)
			rec := mustOpen(t, f)
			found := false
			for _, d := range rec.Deviations {
				found = found || strings.HasPrefix(d.Where, tc.where+":") && strings.Contains(d.Assumed, tc.assumed)
			}
			if !found || len(rec.Deviations) != 1 {
				t.Errorf("the deviations are %+v, want one at %s that assumes %q", rec.Deviations, tc.where, tc.assumed)
			}
			got := whole(t, rec, 0)
			for ch := range want {
				for i, v := range got[ch] {
					if d := v - want[ch][i]; d > 1e-9 || d < -1e-9 { // other numbers for the same scale round differently
						t.Fatalf("channel %d sample %d is %g, want %g", ch, i, v, want[ch][i])
					}
				}
			}
		})
	}
}

func TestTrailingBytes(t *testing.T) {
	data := append(small().Bytes(), 1, 2, 3)
	rec, err := open(t, data)
	if err != nil {
		t.Fatal(err)
	}
	if rec.Len != 30 || len(rec.Deviations) != 1 || !strings.Contains(rec.Deviations[0].Found, "3 of 80 bytes") {
		t.Errorf("%d samples, deviations %+v, want 30 and one about 3 of 80 bytes", rec.Len, rec.Deviations)
	}
}

// TestLineEndings puts a carriage return in front of every line feed, like a transfer in text mode.
func TestLineEndings(t *testing.T) {
	f := small()
	f.Signals[0].At = func(_, i int) int16 { return int16(256*i + '\n') }
	good := f.Bytes()
	bad := []byte(strings.ReplaceAll(string(good), "\n", "\r\n"))
	if len(bad)-len(good) < 16 {
		t.Fatalf("the test file has %d line feeds, want at least 16", len(bad)-len(good))
	}
	for name, data := range map[string][]byte{"whole": bad, "and cut": bad[:len(bad)-100]} {
		_, err := open(t, data)
		if err == nil || !strings.Contains(err.Error(), "text-mode transfer") || !strings.Contains(err.Error(), "fetch it again in binary mode") {
			t.Errorf("%s: the error is %v, must speak of a text-mode transfer", name, err)
		}
	}
	// A line feed in the header shifts all fields behind it.
	f.Patient = "A\nB"
	if _, err := open(t, []byte(strings.ReplaceAll(string(f.Bytes()), "\n", "\r\n"))); err == nil || !strings.Contains(err.Error(), "text-mode transfer") {
		t.Errorf("with a line feed in the header the error is %v, must speak of a text-mode transfer", err)
	}
}

func TestNotEDF(t *testing.T) {
	for name, data := range map[string]string{
		"empty":             "",
		"text":              "0       is the first line\nand this the second\n",
		"version only":      "0   ",
		"comma-separated":   "Cz,Pz\n1,2\n",
		"text in the dates": "0       " + strings.Repeat("x", 300),
	} {
		_, err := open(t, []byte(data))
		var format *ingest.FormatError
		if !errors.As(err, &format) || !strings.Contains(err.Error(), "not EDF although the name ends in .edf") {
			t.Errorf("%s: the error is %v, must say that it is not EDF", name, err)
		}
	}
}

func TestStart(t *testing.T) {
	for _, tc := range []struct{ name, reserved, recording, date, want string }{
		{"plain, 20th century", "", "free text", "01.02.85", "1985-02-01 10:11:12"},
		{"plain, 21st century", "", "free text", "01.02.84", "2084-02-01 10:11:12"},
		{"EDF+ has the century", "EDF+C", "Startdate 01-FEB-1969 X X X", "01.02.69", "1969-02-01 10:11:12"},
		{"small letters", "EDF+C", "Startdate 01-feb-1969 X X X", "01.02.69", "1969-02-01 10:11:12"},
		{"EDF+ wins", "EDF+C", "Startdate 03-FEB-2001 X X X", "01.02.01", "2001-02-03 10:11:12"},
		{"after 2084", "EDF+C", "Startdate 01-FEB-2093 X X X", "01.02.yy", "2093-02-01 10:11:12"},
		{"date unknown", "EDF+C", "Startdate X X X X", "01.02.03", "2003-02-01 10:11:12"},
		{"anonymous", "EDF+C", "Startdate X X X X", "01.01.85", ""},
		{"unreadable", "", "", "then", ""},
	} {
		f := small()
		f.Reserved, f.Recording, f.Date = tc.reserved, tc.recording, tc.date
		if tc.reserved == "" {
			f.Signals = f.Signals[:2]
		}
		got := ""
		if begin := mustOpen(t, f).Begin; !begin.IsZero() {
			got = begin.Format(time.DateTime)
		}
		if got != tc.want {
			t.Errorf("%s: begins at %q, want %q", tc.name, got, tc.want)
		}
	}
}

// TestSubfields: section 2.1.3.3, points 3 and 4, of EDF+ (Kemp & Olivan 2003): the fields about the patient and the recording begin with
// subfields. What the patient's say is not repeated. A copy has them right, and keeps what has no place in them.
func TestSubfields(t *testing.T) {
	const patientAt, recordingAt = "byte 8: local patient identification", "byte 88: local recording identification"
	for _, tc := range []struct {
		name, patient, recording string
		where, rule              []string // in the order of the list
		copied                   [2]string
	}{
		{
			name: "of the specification", patient: "MCH-0234567 F 02-MAY-1951 Haagse_Harry", recording: "Startdate 02-MAR-2002 EMG561 BK/JOP Sony. MNC R Median Nerve.",
			copied: [2]string{"MCH-0234567 F 02-MAY-1951 Haagse_Harry", "Startdate 02-MAR-2002 EMG561 BK/JOP Sony. MNC R Median Nerve."},
		},
		{name: "a name alone", patient: "Haagse Harry", where: []string{patientAt}, rule: []string{"four subfields"}, copied: [2]string{"X X X Haagse_Harry", ""}},
		{name: "sex", patient: "X Q X X", where: []string{patientAt}, rule: []string{"is F, M or X"}, copied: [2]string{"X X X X Q", ""}},
		{name: "sex in a small letter", patient: "X f X X", where: []string{patientAt}, rule: []string{"is F, M or X"}, copied: [2]string{"X F X X", ""}},
		{name: "ISO date", patient: "X F 1951-05-02 X", where: []string{patientAt}, rule: []string{"02-MAY-1951"}, copied: [2]string{"X F 02-MAY-1951 X", ""}},
		{name: "no date", patient: "X F 31-FEB-1951 Harry", where: []string{patientAt}, rule: []string{"02-MAY-1951"}, copied: [2]string{"X F X Harry 31-FEB-1951", ""}},
		{name: "sex and date", patient: "7 man 02-may-1951 Harry", where: []string{patientAt, patientAt}, rule: []string{"is F, M or X", "02-MAY-1951"}, copied: [2]string{"7 X 02-MAY-1951 Harry man", ""}},
		{name: "a date alone", recording: "Startdate 02-MAR-2002", where: []string{recordingAt}, rule: []string{"five subfields"}, copied: [2]string{"", "Startdate 02-MAR-2002 X X X"}},
		{name: "small letters", recording: "Startdate 02-mar-2002 X X X", where: []string{recordingAt}, rule: []string{"in capitals"}, copied: [2]string{"", "Startdate 02-MAR-2002 X X X"}},
		{name: "no startdate", recording: "EMG561", where: []string{recordingAt}, rule: []string{`begins with "Startdate dd-MMM-yyyy"`}, copied: [2]string{"", "Startdate 02-MAR-2002 X X X EMG561"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := small()
			f.Patient, f.Recording = tc.patient, tc.recording
			rec := mustOpen(t, f)
			if len(rec.Deviations) != len(tc.where) {
				t.Fatalf("%d deviations %+v, want %d", len(rec.Deviations), rec.Deviations, len(tc.where))
			}
			for i, d := range rec.Deviations {
				if d.Where != tc.where[i] || !strings.Contains(d.Rule, tc.rule[i]) {
					t.Errorf("deviation %d is %+v, want at %q about %q", i, d, tc.where[i], tc.rule[i])
				}
				for _, word := range strings.Fields(tc.patient) {
					if len(word) > 1 && strings.Contains(d.Found, word) {
						t.Errorf("the deviation repeats %q of the patient", word)
					}
				}
			}
			raw := copied(t, rec)
			for i, field := range []string{string(raw[8:88]), string(raw[88:168])} {
				if want := tc.copied[i]; want != "" && strings.TrimRight(field, " ") != want {
					t.Errorf("written as %q, want %q", strings.TrimRight(field, " "), want)
				}
			}
			if again, err := open(t, raw); err != nil {
				t.Error(err)
			} else {
				closeAfter(t, again)
				if len(again.Deviations) != 0 {
					t.Errorf("the copy deviates: %+v", again.Deviations)
				}
			}
			f.Reserved, f.Signals = "", f.Signals[:2]
			if plain := mustOpen(t, f); len(plain.Deviations) != 0 {
				t.Errorf("plain EDF has no subfields, but %+v", plain.Deviations)
			}
		})
	}
}

// TestNoScale: a signal both ends of whose range are the same has no scale. Its integers are handed out, without a unit and listed, and the other
// signals are read as ever; the copy states the range of the integers.
func TestNoScale(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*edftest.Signal)
		field  int // byte of it in a header of three signals
		found  string
	}{
		{"physical", func(s *edftest.Signal) { s.PhysMin, s.PhysMax = "5", "5.0" }, 256 + 112*3, `both are 5 for "EEG Cz"; the physical dimension is "uV"`},
		{"digital", func(s *edftest.Signal) { s.DigMin, s.DigMax = "7", "7" }, 256 + 128*3, `both are 7 for "EEG Cz"`},
		{"all 0", func(s *edftest.Signal) { s.PhysMin, s.PhysMax, s.DigMin, s.DigMax = "0", "0", "0", "0" }, 256 + 112*3, `both are 0 for "EEG Cz"`},
	} {
		want := mustOpen(t, small())
		f := small()
		tc.change(&f.Signals[0])
		rec := mustOpen(t, f)
		c := rec.Info.Channels[0]
		if c.Unit != signal.NoUnit || c.Kind != want.Info.Channels[0].Kind || len(rec.Info.Channels) != len(want.Info.Channels) {
			t.Errorf("%s: channels %+v", tc.name, rec.Info.Channels)
		}
		x, y := whole(t, rec, 0), whole(t, want, 0)
		for i := range x[0] {
			if x[0][i] != float64(edftest.Number(0, i)) {
				t.Fatalf("%s: sample %d is %g, want the integer %d", tc.name, i, x[0][i], edftest.Number(0, i))
			}
		}
		if !slices.Equal(x[1], y[1]) {
			t.Errorf("%s: the other channel is %v, want %v", tc.name, x[1], y[1])
		}
		d := rec.Deviations[0]
		if at := fmt.Sprintf("byte %d:", tc.field); !strings.HasPrefix(d.Where, at) || !strings.HasPrefix(d.Found, tc.found) || !strings.HasPrefix(d.Assumed, "the integers that are stored, without a unit") {
			t.Errorf("%s: deviations %+v", tc.name, rec.Deviations)
		}
		if found, err := signal.CheckSamples(rec.Data); err != nil || len(found) > 0 {
			t.Errorf("%s: samples out of range: %+v, %v", tc.name, found, err)
		}
		again, err := open(t, copied(t, rec))
		if err != nil {
			t.Fatal(err)
		}
		closeAfter(t, again)
		if !slices.Equal(whole(t, again, 0)[0], x[0]) || again.Info.Channels[0].Unit != signal.NoUnit {
			t.Errorf("%s: the copy has %v", tc.name, whole(t, again, 0)[0])
		}
		if ds := again.Deviations; len(ds) != 1 || !strings.Contains(ds[0].Rule, "a voltage") {
			t.Errorf("%s: deviations of the copy %+v, want one about its unit", tc.name, ds)
		}
	}
}
