package cli

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
)

// A file of this format, which only tests read, asks for a simulated recording with something wrong in it.
func init() {
	ingest.Register(ingest.Format{
		Name: "test_broken", Ext: []string{".broken"}, Match: func(head []byte) bool { return strings.HasPrefix(string(head), "BROKEN ") },
		Open: func(f ingest.File, name string) (*signal.Recording, error) {
			text, err := io.ReadAll(f)
			if err = errors.Join(err, f.Close()); err != nil {
				return nil, err
			}
			var run uint64
			var what string
			if _, err := fmt.Sscanf(string(text), "BROKEN %d %s", &run, &what); err != nil {
				return nil, err
			}
			opt := synth.Defaults()
			opt.Subject, opt.Run, opt.Task = 5, run, synth.FistsFeet
			opt.Channels = []string{"Fp1", "FC3", "FC4", "C3", "C1", "Cz", "C2", "C4", "CP3", "CPz", "CP4", "O1"}
			rec, _, err := synth.MotorImagery(opt)
			if err != nil {
				return nil, err
			}
			rec.Name = name
			x := rec.Data.(signal.Memory)
			at := rec.Info.Index("Cz")
			switch what {
			case "nan": // within the window of the third cue
				cue := cues(rec)[2].Sample
				for t := cue + 200; t < cue+210; t++ {
					x[at][t] = math.NaN()
				}
			case "nothing":
				for t := range x[at] {
					x[at][t] = math.NaN()
				}
			case "twin":
				copy(x[rec.Info.Index("C2")], x[at])
			case "flat":
				clear(x[at])
			case "few": // three trials of each class, fewer than channels
				kept := map[string]int{}
				var events []signal.Event
				for _, e := range rec.Events {
					if kept[e.Label]++; kept[e.Label] <= 3 {
						events = append(events, e)
					}
				}
				rec.Events = events
			}
			return rec, nil
		},
	})
}

// cues are the events of rec that a pipeline cuts windows around.
func cues(rec *signal.Recording) (list []signal.Event) {
	for _, e := range rec.Events {
		if e.Label != "T0" {
			list = append(list, e)
		}
	}
	return list
}

// broken writes a file of the format above.
func broken(t *testing.T, run int, what string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), fmt.Sprintf("%s%d.broken", what, run))
	if err := os.WriteFile(path, fmt.Appendf(nil, "BROKEN %d %s\n", run, what), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var fists = []string{"--events", "T1=fists,T2=feet"}

// trainBroken trains the built-in csp-lda and returns the bundle's path.
func trainBroken(t *testing.T, files ...string) (path, errs string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "model.gyrus")
	code, _, errs := run(t, append(append([]string{"train", "csp-lda"}, files...), append(fists, "-o", path)...)...)
	if code != exitDone {
		t.Fatalf("train: exit code %d: %s", code, errs)
	}
	return path, errs
}

// TestSamplesNotFinite: train, eval, decode and live go on behind samples that are not finite, and say where they were,
// what that cost and what to do.
func TestSamplesNotFinite(t *testing.T) {
	says := func(what, errs string) {
		t.Helper()
		for _, text := range []string{"10 samples are NaN or infinite", "Cz: 10 samples from ", "use: pick, exclude: [Cz]", "bad_channels"} {
			if !strings.Contains(errs, text) {
				t.Errorf("%s: %q does not say %q", what, errs, text)
			}
		}
	}
	m, errs := trainBroken(t, broken(t, 0, "clean"), broken(t, 1, "nan"))
	says("train", errs)
	file := broken(t, 2, "nan")
	var v evalJSON
	code, _, errs := run(t, "eval", m, file)
	if code != exitDone || !strings.Contains(errs, "is not used") {
		t.Errorf("eval: exit code %d, the lost cue is not told: %s", code, errs)
	}
	says("eval", errs)
	mustJSON(t, &v, "eval", m, file, "--json")
	var whole evalJSON
	mustJSON(t, &whole, "eval", m, broken(t, 2, "clean"), "--json")
	if v.Trials != whole.Trials-1 || len(v.Missed) != 1 {
		t.Errorf("%d trials and %d missed, want all but one of %d", v.Trials, len(v.Missed), whole.Trials)
	}
	out := filepath.Join(t.TempDir(), "out.csv")
	code, _, errs = run(t, "decode", m, file, "-o", out)
	if st, err := os.Stat(out); code != exitDone || err != nil || st.Size() < 10000 {
		t.Errorf("decode: exit code %d, %v: %s", code, err, errs)
	}
	says("decode", errs)
	code, text, errs := run(t, "live", sessionFile(t, m, file))
	if code != exitIncomplete || !strings.Contains(text, "10 not finite") {
		t.Errorf("live: exit code %d, as with a gap it must be %d: %s %s", code, exitIncomplete, text, errs)
	}
	says("live", errs)
}

// sessionFile is that of a live session that plays a file.
func sessionFile(t *testing.T, model, file string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s.yaml")
	yaml := fmt.Sprintf("session: s1\nbundle: %s\nsource: {use: play, file: %s, speed: 100}\nbus: {port: %d}\n", model, file, freePort(t))
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestNothingFinite: where samples that are not finite leave no window, the data are refused.
func TestNothingFinite(t *testing.T) {
	m, _ := trainBroken(t, broken(t, 0, "clean"), broken(t, 1, "clean"))
	file := broken(t, 2, "nothing")
	out := filepath.Join(t.TempDir(), "out.csv")
	for what, args := range map[string][]string{
		"train": append([]string{"train", "csp-lda", file, broken(t, 3, "nothing")}, fists...), "eval": {"eval", m, file}, "decode": {"decode", m, file, "-o", out}, "live": {"live", sessionFile(t, m, file)},
	} {
		code, _, errs := run(t, args...)
		if code != exitRefused || !strings.Contains(errs, "no window is left") || !strings.Contains(errs, "exclude: [Cz]") {
			t.Errorf("%s: exit code %d: %s", what, code, errs)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("decode left a file without a prediction")
	}
}

// TestFlatChannel: train, eval, decode and live name a channel that never changes; nobody is accused where all do.
func TestFlatChannel(t *testing.T) {
	const says = "Cz: every sample is the same"
	m, errs := trainBroken(t, broken(t, 0, "clean"), broken(t, 1, "flat"))
	if strings.Count(errs, says) != 1 {
		t.Errorf("train: %q must say %q once", errs, says)
	}
	for what, want := range map[string]int{"flat": 1, "clean": 0} {
		file := broken(t, 2, what)
		for _, args := range [][]string{{"eval", m, file}, {"decode", m, file, "-o", filepath.Join(t.TempDir(), "out.csv")}, {"live", sessionFile(t, m, file)}} {
			if code, _, errs := run(t, args...); code != exitDone || strings.Count(errs, says) != want {
				t.Errorf("%s %s: exit code %d, %q must say %q %d times", args[0], what, code, errs, says, want)
			}
		}
	}
}
