package cli

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestPlotAlpha: with closed eyes the power at 8 to 13 Hz is highest at the back of the head, and the picture is written.
func TestPlotAlpha(t *testing.T) {
	out := filepath.Join(t.TempDir(), "alpha.svg")
	var v plotJSON
	mustJSON(t, &v, "plot", s001(t, "R02"), "-o", out, "--kind", "topo", "--band", "8-13", "--json")
	if len(v.Recordings) != 1 || len(v.Recordings[0].Maps) != 1 || len(v.Recordings[0].Maps[0].Values) != 64 || len(v.Recordings[0].Left) != 0 {
		t.Fatalf("%+v", v)
	}
	at := func(name string) float64 {
		return v.Recordings[0].Maps[0].Values[slices.Index(v.Recordings[0].Channels, name)]
	}
	if !(at("Oz") > at("Fz")+3) {
		t.Errorf("Oz has %g dB, Fz %g", at("Oz"), at("Fz"))
	}
	data, err := os.ReadFile(out)
	if err != nil || !bytes.Contains(data, []byte("8 to 13 Hz")) {
		t.Errorf("the picture: %v, %d bytes", err, len(data))
	}
}

// TestPlotSeveral: each file has its picture, one below the other, in the order that they are given in; where one cannot be
// drawn, nothing is written.
func TestPlotSeveral(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "both.svg")
	var v plotJSON
	mustJSON(t, &v, "plot", "synth:imagery:1:2", "synth:imagery:1:1", "-o", out, "--channels", "C3,C4", "--to", "2", "--json")
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	first, second := bytes.Index(data, []byte("synth:imagery:1:2: rows")), bytes.Index(data, []byte("synth:imagery:1:1: rows"))
	if first < 0 || second < first || len(v.Recordings) != 2 || v.Recordings[1].Input != "synth:imagery:1:1" || v.Recordings[1].ToS != 2 {
		t.Errorf("titles at %d and %d, %+v", first, second, v)
	}
	if code, _, errs := run(t, "plot", "synth:imagery:1:1", filepath.Join(dir, "none.edf"), "-o", filepath.Join(dir, "x.svg")); code == 0 || !strings.Contains(errs, "none.edf") {
		t.Errorf("exit code %d, %q", code, errs)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestPlotMoments: what is drawn of moments is said, in the picture and beside it; the part of the recording is that of the means.
func TestPlotMoments(t *testing.T) {
	out := filepath.Join(t.TempDir(), "at.svg")
	code, said, errs := run(t, "plot", "synth:imagery:1:1", "-o", out, "--kind", "topo", "--at", "5,10.5", "--to", "20")
	if code != 0 || !strings.HasSuffix(said, "topo of synth:imagery:1:1, at 5, 10.5 s, 64 channels\n") {
		t.Errorf("exit code %d, %q: %s", code, said, errs)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{">5.000 s<", ">10.500 s<", "potential less its mean over 0 to 20 s, 64 channels"} {
		if !bytes.Contains(data, []byte(want)) {
			t.Errorf("the picture does not say %q", want)
		}
	}
}

func TestPlotRefuses(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "x.png")
	file := "synth:imagery:1:1"
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{file}, exitUsage, "-o is missing"},
		{[]string{file, "-o", filepath.Join(dir, "x.pdf")}, exitUsage, ".svg, .png"},
		{[]string{file, "-o", out, "--kind", "tpo"}, exitUsage, `did you mean "topo"`},
		{[]string{file, "-o", out, "--band", "8-13"}, exitUsage, "no effect on traces"},
		{[]string{file, "-o", out, "--kind", "topo", "--band", "8"}, exitUsage, "such as 8-13"},
		{[]string{file, "-o", out, "--kind", "topo", "--at", "3", "--band", "8-9"}, exitUsage, "one of them"},
		{[]string{file, "-o", out, "--channels", "C33"}, exitUsage, `"C3"`},
		{[]string{file, "-o", out, "--channels", "C3,C3"}, exitUsage, "twice"},
		{[]string{file, "-o", out, "--from", "nan"}, exitUsage, "must rise"},
		{[]string{file, "-o", out, "--kind", "spectrum", "--max-hz", "1e6"}, exitRefused, "half the sampling rate"},
	} {
		code, _, errs := run(t, append([]string{"plot"}, c.args...)...)
		if code != c.code || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit code %d, %q; want %d, %q", c.args, code, errs, c.code, c.want)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestPlotOtherRates: channels of another rate are drawn too, in a part of their own, over the same seconds and with the events.
func TestPlotOtherRates(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "x.svg")
	file := datasettest.Need(t, "formats/edf/short_psg.edf") // 100 Hz and 1 Hz
	var v plotJSON
	mustJSON(t, &v, "plot", file, "-o", out, "--channels", "Temp rectal,Fpz-Cz,Event marker", "--from", "5", "--to", "15", "--json")
	if len(v.Recordings) != 2 || v.Recordings[0].RateHz != 1 || v.Recordings[1].RateHz != 100 || v.Recordings[0].FromS != 5 || v.Recordings[0].ToS != 15 ||
		!slices.Equal(v.Recordings[0].Channels, []string{"Temp rectal", "Event marker"}) || !slices.Equal(v.Recordings[1].Channels, []string{"Fpz-Cz"}) {
		t.Errorf("%+v", v.Recordings)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, name := range []string{"Temp rectal", "Event marker", "Fpz-Cz"} {
		i := bytes.Index(data, []byte(">"+name+"<"))
		if i < at {
			t.Errorf("%q stands at %d of the picture, behind %d", name, i, at)
		}
		at = i
	}
	if code, _, errs := run(t, "plot", file, "-o", out, "--channels", "Temp rectal"); code != 0 || strings.Contains(errs, "not used") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	if code, _, errs := run(t, "plot", file, "-o", out, "--channels", "Temp rectum"); code != exitUsage || !strings.Contains(errs, `did you mean "Temp rectal"?`) {
		t.Errorf("exit code %d: %s", code, errs)
	}
	mustJSON(t, &v, "plot", file, "-o", out, "--json") // as before: the EEG of the main rate
	if len(v.Recordings) != 1 || v.Recordings[0].RateHz != 100 {
		t.Errorf("%+v", v.Recordings)
	}
}

// TestPlotTopoOtherRates: a listed channel without a position is left out of a scalp map and named, whatever its rate; what is an error is
// that too few with a position are left, of one rate or of all.
func TestPlotTopoOtherRates(t *testing.T) {
	dir := t.TempDir()
	file, out := filepath.Join(dir, "rates.edf"), filepath.Join(dir, "x.svg")
	group := func(rate float64, names ...string) *signal.Recording {
		g := &signal.Recording{Name: "rates", Info: &signal.Info{Rate: rate}, Len: int64(10 * rate)}
		x := make(signal.Memory, len(names))
		for ch, name := range names {
			g.Info.Channels = append(g.Info.Channels, signal.Channel{Name: name, Original: name, Kind: signal.EEG, Unit: signal.Microvolt})
			for i := range g.Len {
				x[ch] = append(x[ch], 10*math.Sin(float64((ch+2)*int(i*i))))
			}
		}
		g.Data = x
		return g
	}
	rec := group(100, "Fz", "C3", "Cz", "C4", "Pz", "EEG one")
	rec.Others = []*signal.Recording{group(50, "EEG two", "Oz", "O1"), group(10, "EEG three", "EEG four")}
	w, err := ingest.WriterFor("", file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ingest.WriteFile(file, w, rec, false); err != nil {
		t.Fatal(err)
	}
	for _, moment := range []bool{false, true} {
		args := []string{"plot", file, "-o", out, "--kind", "topo", "--channels", "EEG three,Fz,EEG two,C3,Cz,EEG one,C4,Pz,EEG four"}
		if moment {
			args = append(args, "--at", "3.2")
		}
		var v plotJSON
		mustJSON(t, &v, append(args, "--json")...)
		if len(v.Recordings) != 1 || v.Recordings[0].RateHz != 100 || !slices.Equal(v.Recordings[0].Channels, []string{"Fz", "C3", "Cz", "C4", "Pz"}) || !slices.Equal(v.Recordings[0].Left, []string{"EEG three", "EEG four", "EEG one", "EEG two"}) {
			t.Errorf("moment %v: %+v", moment, v.Recordings)
		}
		if code, _, errs := run(t, args...); code != 0 || strings.Count(errs, `no position is known for "EEG three", "EEG four", "EEG one", "EEG two": left out`) != 1 {
			t.Errorf("moment %v: exit code %d: %s", moment, code, errs)
		}
		if err := os.Remove(out); err != nil {
			t.Fatal(err)
		}
	}
	for channels, want := range map[string]string{
		"EEG three,EEG one,EEG two":        `no position is known for "EEG three", "EEG one", "EEG two", so there is no map`,
		"Fz,C3,Cz,C4,EEG two,Oz,EEG three": `a map needs at least 4 channels with a position and one rate, with 50 Hz there is only "Oz"; no position is known for "EEG two", "EEG three", --electrodes FILE says where they are: choose with --channels`,
		"Fz,C3,Cz,C4,Oz,O1":                `with 50 Hz there are only "Oz", "O1": choose with --channels`,
		"Fz,C3,Cz,EEG one":                 `with 100 Hz there are only "Fz", "C3", "Cz"; no position`,
	} {
		if code, _, errs := run(t, "plot", file, "-o", out, "--kind", "topo", "--channels", channels); code != exitRefused || !strings.Contains(errs, want) {
			t.Errorf("%s: exit code %d, %q; want %d, %q", channels, code, errs, exitRefused, want)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// fileOf writes a recording in Arrow, which keeps places and what is marked as bad.
func fileOf(t *testing.T, rec *signal.Recording) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "r.arrow")
	w, err := ingest.WriterFor("", file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ingest.WriteFile(file, w, rec, false); err != nil {
		t.Fatal(err)
	}
	return file
}

// noisy is 10 s of EEG at 100 Hz, each channel another signal.
func noisy(names ...string) *signal.Recording {
	rec := &signal.Recording{Name: "r", Info: &signal.Info{Rate: 100}, Len: 1000}
	x := make(signal.Memory, len(names))
	for ch, name := range names {
		rec.Info.Channels = append(rec.Info.Channels, signal.Channel{Name: name, Original: name, Kind: signal.EEG, Unit: signal.Microvolt, Pos: montage.Place(name)})
		for i := range rec.Len {
			x[ch] = append(x[ch], 10*math.Sin(float64((ch+2)*int(i*i))))
		}
	}
	rec.Data = x
	return rec
}

// TestPlotLeavesBadOut: a channel that is marked as bad goes into no map and no spectrum, also where it is flat, unless it is named; what
// is left out is said.
func TestPlotLeavesBadOut(t *testing.T) {
	rec := noisy("Fz", "C3", "Cz", "C4", "Pz", "O1")
	good := fileOf(t, rec)
	rec.Info.Channels[2].Bad, rec.Info.Channels[5].Bad = true, true
	x := rec.Data.(signal.Memory)
	for i := range x[2] {
		x[2][i] *= 1000
	}
	clear(x[5])
	bad, out := fileOf(t, rec), filepath.Join(t.TempDir(), "x.svg")
	for _, kind := range []string{"topo", "spectrum"} {
		var v, of plotJSON
		mustJSON(t, &v, "plot", bad, "-o", out, "--kind", kind, "--json")
		if r := v.Recordings[0]; !slices.Equal(r.Channels, []string{"Fz", "C3", "C4", "Pz"}) || !slices.Equal(r.Bad, []string{"Cz", "O1"}) {
			t.Errorf("%s: channels %v, bad %v", kind, r.Channels, r.Bad)
		}
		mustJSON(t, &of, "plot", good, "-o", out, "--kind", kind, "--channels", "Fz,C3,C4,Pz", "--json")
		for i, m := range v.Recordings[0].Maps {
			if !slices.Equal(m.Values, of.Recordings[0].Maps[i].Values) {
				t.Errorf("%s: values %v, without the bad channels %v", kind, m.Values, of.Recordings[0].Maps[i].Values)
			}
		}
		if code, _, errs := run(t, "plot", bad, "-o", out, "--kind", kind); code != 0 || !strings.Contains(errs, `marked as bad and left out (2): "Cz", "O1"; --channels uses those that it names`) {
			t.Errorf("%s: exit code %d: %s", kind, code, errs)
		}
		data, err := os.ReadFile(out)
		if err != nil || !bytes.Contains(data, []byte("2 marked as bad")) {
			t.Errorf("%s: the title does not say what is left out: %v", kind, err)
		}
		mustJSON(t, &v, "plot", bad, "-o", out, "--kind", kind, "--channels", "Fz,C3,Cz,C4", "--json")
		if r := v.Recordings[0]; len(r.Channels) != 4 || len(r.Bad) != 0 {
			t.Errorf("%s: named, the channels are %v and %v are left out", kind, r.Channels, r.Bad)
		}
	}
	var v plotJSON
	mustJSON(t, &v, "plot", bad, "-o", out, "--json")
	if r := v.Recordings[0]; len(r.Channels) != 6 || len(r.Bad) != 0 {
		t.Errorf("traces: channels %v, bad %v", r.Channels, r.Bad)
	}
	rec.Info.Channels[0].Bad = true
	if code, _, errs := run(t, "plot", fileOf(t, rec), "-o", out, "--kind", "topo"); code != exitRefused || !strings.Contains(errs, `only "C3", "C4", "Pz"; marked as bad and left out: "Fz", "Cz", "O1"`) {
		t.Errorf("exit code %d: %s", code, errs)
	}
	for i := range rec.Info.Channels {
		rec.Info.Channels[i].Bad = true
	}
	if code, _, errs := run(t, "plot", fileOf(t, rec), "-o", out, "--kind", "spectrum"); code != exitRefused || !strings.Contains(errs, "all 6 channels are marked as bad") {
		t.Errorf("exit code %d: %s", code, errs)
	}
}

// TestPlotSaysWhosePlaces: a scalp map goes by an electrodes file also where all names are known, and says by whose places it goes.
func TestPlotSaysWhosePlaces(t *testing.T) {
	dir := t.TempDir()
	names := []string{"Fz", "C3", "C4", "Pz", "Cz", "O1"}
	file, sfp := fileOf(t, noisy(names...)), filepath.Join(dir, "e.sfp")
	var lines strings.Builder
	for _, n := range names[:5] { // turned by 20° about the ears, on a unit sphere
		u, _ := montage.Direction(n)
		sin, cos := math.Sincos(20 * math.Pi / 180)
		fmt.Fprintf(&lines, "%s %.6f %.6f %.6f\n", n, u[0], cos*u[1]-sin*u[2], sin*u[1]+cos*u[2])
	}
	if err := os.WriteFile(sfp, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	picture := func(want string, args ...string) []byte {
		t.Helper()
		out := filepath.Join(dir, "x.svg")
		code, _, errs := run(t, append([]string{"plot", file, "-o", out, "--kind", "topo"}, args...)...)
		if code != 0 || !strings.Contains(errs, want) {
			t.Errorf("%v: exit code %d, %q; want %q", args, code, errs, want)
		}
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	if bytes.Equal(picture("6 channels are drawn where their 10-05 names put them"),
		picture(`5 channels are drawn where the recording or `+sfp+` has them, and where their 10-05 names put them "O1"`, "--electrodes", sfp)) {
		t.Error("the picture is the same with and without the file")
	}
	var v plotJSON
	mustJSON(t, &v, "plot", file, "-o", filepath.Join(dir, "x.svg"), "--kind", "topo", "--electrodes", sfp, "--json")
	if !slices.Equal(v.Recordings[0].ByName, []string{"O1"}) {
		t.Errorf("placed by name: %v", v.Recordings[0].ByName)
	}
}

// TestPlotSaysWhichNamesAreLeftOut: of very many rows not all names have room, which is said.
func TestPlotSaysWhichNamesAreLeftOut(t *testing.T) {
	names := make([]string, 600)
	for i := range names {
		names[i] = fmt.Sprint("E", i+1)
	}
	rec := noisy(names...)
	file, out := fileOf(t, rec), filepath.Join(t.TempDir(), "x.svg")
	if code, _, errs := run(t, "plot", file, "-o", out, "--to", "0.2"); code != 0 || !strings.Contains(errs, "the names of 300 of 600 rows have no room and are left out: choose fewer with --channels") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	if code, _, errs := run(t, "plot", file, "-o", out, "--to", "0.2", "--channels", "E1,E2"); code != 0 || strings.Contains(errs, "names of") {
		t.Errorf("exit code %d: %s", code, errs)
	}
}

// TestPlotEventsOfSlowChannels: in the part of channels of another rate an event stands below itself.
func TestPlotEventsOfSlowChannels(t *testing.T) {
	dir := t.TempDir()
	file, out := filepath.Join(dir, "rates.edf"), filepath.Join(dir, "x.svg")
	rec := noisy("Fz")
	slow := &signal.Recording{Info: &signal.Info{Rate: 1, Channels: []signal.Channel{{Name: "Temp", Original: "Temp", Kind: signal.Misc, Unit: "degC"}}}, Len: 10}
	slow.Data = signal.Memory{{20, 21, 22, 23, 24, 25, 26, 27, 28, 29}}
	rec.Others = []*signal.Recording{slow}
	rec.Events = []signal.Event{{Sample: 240, Onset: 2.4, Label: "go"}, {Sample: 980, Onset: 9.8, Label: "go"}}
	w, err := ingest.WriterFor("", file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ingest.WriteFile(file, w, rec, false); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := run(t, "plot", file, "-o", out, "--channels", "Fz,Temp"); code != 0 {
		t.Fatal(errs)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var at []string
	for _, m := range regexp.MustCompile(`<path d="M([0-9.]+),[^"]*" style="fill:none;stroke:#0072B2`).FindAllSubmatch(data, -1) {
		at = append(at, string(m[1]))
	}
	if len(at) != 4 || at[0] != at[2] || at[1] != at[3] {
		t.Errorf("the events stand at %v points, want the same two of both parts", at)
	}
}

// TestPlotSaysWhatIsNotFinite: spectra that are made of fewer segments, and channels without one, are told.
func TestPlotSaysWhatIsNotFinite(t *testing.T) {
	rec := noisy("Fz", "C3", "Cz")
	x := rec.Data.(signal.Memory)
	x[1][0] = math.NaN()
	for i := range x[2] {
		x[2][i] = math.NaN()
	}
	file, out := fileOf(t, rec), filepath.Join(t.TempDir(), "x.svg")
	code, _, errs := run(t, "plot", file, "-o", out, "--kind", "spectrum")
	for _, want := range []string{`segments with samples that are not finite are left out of the spectra: "C3" 1 of 4, "Cz" 4 of 4`, `flat or not finite, and neither drawn nor in a mean: "Cz"`} {
		if code != 0 || !strings.Contains(errs, want) {
			t.Errorf("exit code %d, %q; want %q", code, errs, want)
		}
	}
	var v plotJSON
	mustJSON(t, &v, "plot", file, "-o", out, "--kind", "spectrum", "--json")
	if r := v.Recordings[0]; len(r.Spoilt) != 2 || r.Spoilt[0].Used != 3 || !slices.Equal(r.Without, []string{"Cz"}) {
		t.Errorf("%+v", r)
	}
}
