package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
)

// run is one call of the command line.
func run(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = Run(context.Background(), args, strings.NewReader(""), &o, &e)
	return code, o.String(), e.String()
}

// mustJSON runs a command that succeeds and decodes what it prints.
func mustJSON(t *testing.T, dst any, args ...string) {
	t.Helper()
	code, out, errs := run(t, args...)
	if code != 0 {
		t.Fatalf("%v: exit code %d: %s", args, code, errs)
	}
	if err := json.Unmarshal([]byte(out), dst); err != nil {
		t.Fatalf("%v: %v in %s", args, err, out)
	}
}

// s001 is the path of a run of EEGMMIDB S001.
func s001(t *testing.T, run string) string {
	t.Helper()
	return datasettest.Need(t, "eegmmidb/S001/S001"+run+".edf")
}

// model trains on R06 and R10 and returns the bundle's path.
func model(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.gyrus")
	var res map[string]any
	mustJSON(t, &res, "train", "csp-lda", s001(t, "R06"), s001(t, "R10"), "--events", "T1=fists,T2=feet", "-o", path, "--json")
	return path
}

// keys lists the keys that a JSON object must have, and that scripts rely on.
func keys(t *testing.T, what string, v map[string]any, want ...string) {
	t.Helper()
	for _, k := range want {
		if _, ok := v[k]; !ok {
			t.Errorf("%s: key %q is missing", what, k)
		}
	}
}

func TestTrainFixedWords(t *testing.T) {
	var v map[string]any
	mustJSON(t, &v, "train", "csp-lda", s001(t, "R06"), s001(t, "R10"), s001(t, "R14"),
		"--events", "T1=fists,T2=feet", "--tmin", "0.5", "--tmax", "3.5", "--split", "leave-one-run-out", "--seed", "3", "--json")
	keys(t, "train", v, "trials", "classes", "balanced_accuracy", "ci_low", "ci_high", "chance", "folds")
	if v["trials"] != 45.0 || v["chance"] != 0.5 || v["balanced_accuracy"].(float64) < 0.9 || len(v["folds"].([]any)) != 3 {
		t.Errorf("got %v trials, chance %v, balanced accuracy %v, %d folds", v["trials"], v["chance"], v["balanced_accuracy"], len(v["folds"].([]any)))
	}
	if lo, hi, bal := v["ci_low"].(float64), v["ci_high"].(float64), v["balanced_accuracy"].(float64); !(lo < bal && bal < hi) {
		t.Errorf("interval [%g, %g] does not hold %g", lo, hi, bal)
	}
	var again, permuted map[string]any
	args := []string{"train", "csp-lda", s001(t, "R06"), s001(t, "R10"), "--events", "T1=fists,T2=feet", "--seed", "3", "--json"}
	mustJSON(t, &again, args...)
	mustJSON(t, &permuted, append(args, "--permute")...)
	if permuted["permuted"] != true || permuted["balanced_accuracy"].(float64) >= again["balanced_accuracy"].(float64) {
		t.Errorf("permuted labels score %v, the true ones %v", permuted["balanced_accuracy"], again["balanced_accuracy"])
	}
}

func TestInfoFixedWords(t *testing.T) {
	var v map[string]any
	mustJSON(t, &v, "info", s001(t, "R14"), "--json")
	keys(t, "info", v, "format", "rate_hz", "samples", "duration_s", "channels", "events", "gaps", "deviations")
	ch := v["channels"].([]any)[0].(map[string]any)
	keys(t, "channel", ch, "name", "original", "kind", "unit", "rate_hz")
	if ch["name"] != "FC5" || ch["original"] != "Fc5." || ch["unit"] != "µV" || v["rate_hz"] != 160.0 || len(v["channels"].([]any)) != 64 {
		t.Errorf("got %v at %v Hz, %d channels", ch, v["rate_hz"], len(v["channels"].([]any)))
	}
}

func TestEvalAndDecode(t *testing.T) {
	m := model(t)
	var ev map[string]any
	mustJSON(t, &ev, "eval", m, s001(t, "R14"), "--json")
	if ev["trials"] != 15.0 || ev["balanced_accuracy"].(float64) < 0.9 {
		t.Errorf("eval: %v trials, %v", ev["trials"], ev["balanced_accuracy"])
	}
	code, _, errs := run(t, "eval", m, s001(t, "R06"))
	if code != 0 || !strings.Contains(errs, "was trained on this file") {
		t.Errorf("scoring a training file: exit %d, %q: want a warning", code, errs)
	}

	code, out, errs := run(t, "decode", m, s001(t, "R14"))
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != 0 || len(lines) != 1+1221 { // ⌊(20000−480)/16⌋+1 sliding windows; those of the 15 cues are among them
		t.Fatalf("decode: exit %d, %d lines: %s", code, len(lines), errs)
	}
	if want := "recording,start,end,end_s,label,confidence,score_feet,score_fists,event,event_sample,truth,rejected,decision"; lines[0] != want {
		t.Errorf("header %q, want %q", lines[0], want)
	}
	cued := 0
	for _, l := range lines[1:] {
		if strings.Contains(l, ",fists,,") || strings.Contains(l, ",feet,,") {
			cued++
		}
	}
	if cued != 15 {
		t.Errorf("%d windows with a cue, want 15", cued)
	}
	arrow := filepath.Join(t.TempDir(), "r14.arrow")
	if code, out, errs := run(t, "decode", m, s001(t, "R14"), "-o", arrow); code != 0 || out != arrow+"  1221 windows of "+s001(t, "R14")+", 0 of them rejected\n" {
		t.Errorf("decode to Arrow: exit %d, %q: %s", code, out, errs)
	}
	var wrote decodedJSON
	mustJSON(t, &wrote, "decode", m, s001(t, "R14"), s001(t, "R14"), "-o", arrow+".csv", "--json")
	if r := (decodedRecording{s001(t, "R14"), 1221, 0}); wrote.Output != arrow+".csv" || !slices.Equal(wrote.Recordings, []decodedRecording{r, r}) {
		t.Errorf("decode to CSV prints %+v", wrote)
	}
	if n := arrowRows(t, arrow); n != 1221 {
		t.Errorf("%d rows in %s, want 1221", n, arrow)
	}
}

// TestBadInput: each mistake gets its exit code and one sentence that names the place and the remedy, and nothing is
// written.
func TestBadInput(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	r06, r10, r14 := s001(t, "R06"), s001(t, "R10"), s001(t, "R14")
	other, err := os.ReadFile(datasettest.Need(t, "eegmat/Subject00_1.edf"))
	if err != nil {
		t.Fatal(err)
	}
	montage := file("Subject00_1.edf", string(other)) // not in a folder that says what is recorded
	whole, err := os.ReadFile(r14)
	if err != nil {
		t.Fatal(err)
	}
	m := model(t)
	sound, err := os.ReadFile(m)
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(sound)
	flipped[len(flipped)/2] ^= 4
	noJSON := bytes.Clone(sound)
	noJSON[8] ^= 4 // the brace that opens the header
	gallery, err := os.ReadFile("../../../stream/pipeline/gallery/csp-lda.yaml")
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out.gyrus")
	train := func(pipe string, rest ...string) []string {
		return append([]string{"train", pipe, "-o", out, "--events", "T1=fists,T2=feet"}, rest...)
	}
	nets := 0
	net := func(decoder string) string { // a network on three channels, which learns in no time
		nets++
		return file(fmt.Sprintf("net%d.yaml", nets), `preprocess:
  - {use: pick, channels: [C3, Cz, C4]}
  - {use: bandpass, low_hz: 4, high_hz: 38, order: 4}
segment: {use: events, tmin_s: 0.5, tmax_s: 2.5, events: {T1: fists, T2: feet}}
decoder: {`+decoder+`}
`)
	}
	small := trainedOn(t, net("use: eegnet, epochs: 2"), r06, r10)
	network := mustRead(t, small)
	cases := []struct {
		name string
		code int
		args []string
		want []string // parts of the message
	}{
		{"truncated EDF", 3, train("csp-lda", r06, file("cut.edf", string(whole[:len(whole)/2]))), []string{"cut.edf", "byte"}},
		{"header only", 3, []string{"info", file("head.edf", string(whole[:300]))}, []string{"head.edf", "byte"}},
		{"line endings", 3, []string{"info", datasettest.Need(t, "formats/edf/crlf-corrupt/S001/S001R03.edf")}, []string{"S001R03.edf", "byte", "binary mode"}},
		{"text named .edf", 3, []string{"info", file("notes.edf", "Dear colleague, here are the recordings.\n")}, []string{"notes.edf", "byte 0", "binary mode"}},
		{"empty file", 3, []string{"info", file("empty.edf", "")}, []string{"empty.edf", "empty"}},
		{"no such file", 2, []string{"info", filepath.Join(dir, "none.edf")}, []string{"none.edf", "no such file"}},
		{"unknown key", 2, train(file("key.yaml", strings.Replace(string(gallery), "low_hz", "low", 1)), r06, r10), []string{"key.yaml", "line 5", "preprocess[0] bandpass", `"low"`, "low_hz"}},
		{"unknown step", 2, train(file("step.yaml", strings.Replace(string(gallery), "bandpass", "bandpas", 1)), r06, r10), []string{"step.yaml", "line 5", `did you mean "bandpass"`}},
		{"impossible band", 2, train(file("band.yaml", strings.Replace(string(gallery), "high_hz: 30", "high_hz: 90", 1)), r06, r10), []string{"band.yaml", "line 5", "preprocess[0]: bandpass: high_hz", "80"}},
		{"unknown pipeline", 2, train("csp-ldaa", r06, r10), []string{`did you mean "csp-lda"`}},
		{"event that does not occur", 3, []string{"train", "csp-lda", r06, r10, "--events", "T1=fists,T9=feet", "-o", out}, []string{`"T9"`, "does not occur", `"T0"`}},
		{"half an event", 2, []string{"train", "csp-lda", r06, r10, "--events", "T1", "-o", out}, []string{"T1"}},
		{"one class", 2, []string{"train", "csp-lda", r06, r10, "--events", "T1=fists,T2=fists", "-o", out}, []string{"class"}},
		{"a run twice", 3, train("csp-lda", r06, file("copy.edf", string(mustRead(t, r06)))), []string{"copy.edf", "same content"}},
		{"one run", 3, train("csp-lda", r06), []string{"leave-one-run-out"}},
		{"band turned round", 2, train(file("turned.yaml", strings.Replace(string(gallery), "low_hz: 8", "low_hz: 31", 1)), r06, r10), []string{"turned.yaml", "line 5", "low_hz"}},
		{"too many components", 2, train(file("many.yaml", strings.Replace(string(gallery), "components: 6", "components: 100", 1)), r06, r10), []string{"many.yaml", "line 9", "components", "64"}},
		{"live windows of another length", 2, train(file("two.yaml", strings.Replace(string(gallery), "length_s: 3", "length_s: 2", 1)), r06, r10), []string{"two.yaml", "line 7", "320 samples", "480"}},
		{"over an input", 2, []string{"train", "csp-lda", r06, r10, "-o", r06}, []string{"would overwrite", "another file"}},
		{"over the model", 2, []string{"decode", m, r14, "-o", m}, []string{"would overwrite"}},
		{"over a folder", 2, train("csp-lda", r06, r10, "-o", dir), []string{"is not a file"}},
		{"into no folder", 2, train("csp-lda", r06, r10, "-o", filepath.Join(dir, "none", "out.gyrus")), []string{"there is no folder"}},
		{"a folder", 2, []string{"info", dir}, []string{"is a folder", "name a recording"}},
		{"a folder as a session", 2, []string{"live", dir}, []string{"session file"}},
		{"annotations only", 3, []string{"play", "--nats", datasettest.Need(t, "formats/edf/SC4001EC-Hypnogram.edf")}, []string{"SC4001EC-Hypnogram.edf", "holds no samples"}},
		{"nothing to score", 3, []string{"eval", m, s001(t, "R01")}, []string{"S001R01.edf", `"T1", "T2"`, `"T0"`}},
		{"impossible port", 2, []string{"play", "--nats", r14, "--port", "99999"}, []string{"port is 99999"}},
		{"odd URL", 2, []string{"play", "--nats", r14, "--url", "foo"}, []string{"foo", "nats://"}},
		{"not a number", 2, append(train("csp-lda", r06, r10), "--tmin", "nan"), []string{"finite"}},
		{"speed", 2, []string{"play", "--nats", r14, "--speed", "-1"}, []string{"--speed"}},
		{"nowhere to play", 2, []string{"play", r14}, []string{"--nats"}},
		{"empty YAML", 2, train(file("nothing.yaml", ""), r06, r10), []string{"nothing.yaml", "is empty"}},
		{"window turned round", 2, append(train("csp-lda", r06, r10), "--tmin", "3.5", "--tmax", "0.5"), []string{"csp-lda", "segment", "tmax_s"}},
		{"unknown split", 2, append(train("csp-lda", r06, r10), "--split", "leave-one-rum-out"), []string{"did you mean", "leave-one-run-out"}},
		{"permuted model", 2, append(train("csp-lda", r06, r10), "--permute"), []string{"--permute", "-o"}},
		{"unknown flag", 2, []string{"info", r06, "--jsn"}, []string{"--jsn"}},
		{"unknown command", 2, []string{"trian"}, []string{`did you mean "train"`}},
		{"too few arguments", 2, []string{"train", "csp-lda"}, []string{"usage"}},
		{"another montage", 3, []string{"decode", m, montage, "-o", filepath.Join(dir, "out.csv")}, []string{"Subject00_1.edf", "500 Hz", "160 Hz", "resample"}},
		{"truncated bundle", 3, []string{"eval", file("cut.gyrus", string(sound[:len(sound)-9])), r14}, []string{"cut.gyrus", "cut short or altered", "train again"}},
		{"flipped bit", 3, []string{"eval", file("flip.gyrus", string(flipped)), r14}, []string{"flip.gyrus", "altered", "train again"}},
		{"not a bundle", 3, []string{"eval", r14, r14}, []string{"not a usable bundle"}},
		{"no such bundle", 2, []string{"eval", filepath.Join(dir, "none.gyrus"), r14}, []string{"none.gyrus"}},
		{"ending of the output", 2, []string{"decode", m, r14, "-o", filepath.Join(dir, "out.txt")}, []string{".csv or .arrow"}},
		{"session with a slip", 2, []string{"live", file("s.yaml", "sesion: a\nbundle: b\nsource: {use: synth}\n")}, []string{"s.yaml", "line 1", `did you mean "session"`}},
		{"session without a source", 2, []string{"live", file("s2.yaml", "bundle: b\n")}, []string{"s2.yaml", "source"}},
		{"checkpoint that runs a program", 3, []string{"models", "info", file("evil.pt", evil(t, "os-system"))}, []string{"evil.pt", "data.pkl: byte 2", "GLOBAL", `"posix.system"`, "state_dict"}},
		{"checkpoint before 1.6", 3, []string{"models", "convert", testWeights + "legacy.pt", filepath.Join(dir, "out.safetensors")}, []string{"legacy.pt", "before 1.6", "torch.save"}},
		{"cut checkpoint", 3, []string{"models", "convert", file("cut.pt", evil(t, "cut")), filepath.Join(dir, "out.safetensors")}, []string{"cut.pt", "cut short"}},
		{"altered checkpoint", 3, []string{"models", "convert", file("crc.pt", evil(t, "crc")), filepath.Join(dir, "out.safetensors")}, []string{`crc.pt: tensor "w": a/data/0`, "CRC-32"}},
		{"flipped bit in a model's header", 3, []string{"models", "info", file("flip2.gyrus", string(noJSON))}, []string{"flip2.gyrus", "byte 8: header"}},
		{"flipped bit in a model's values", 3, []string{"models", "info", file("flip3.gyrus", string(sound[:len(sound)-1])+"\x01")}, []string{"flip3.gyrus", "SHA-256", "altered"}},
		{"not weights", 3, []string{"models", "info", r14}, []string{"S001R14.edf", "byte 0", "nor a zip file of torch.save"}},
		{"no such checkpoint", 2, []string{"models", "info", filepath.Join(dir, "none.pt")}, []string{"none.pt", "no such file"}},
		{"a folder of weights", 2, []string{"models", "info", dir}, []string{"is not a file"}},
		{"checkpoint over itself", 2, []string{"models", "convert", file("same.safetensors", evil(t, "crc")), filepath.Join(dir, "same.safetensors")}, []string{"would overwrite"}},
		{"ending of the weights", 2, []string{"models", "convert", testWeights + "scalar.pt", filepath.Join(dir, "out.pt")}, []string{"must be .safetensors"}},
		{"converted already", 2, []string{"models", "convert", m, filepath.Join(dir, "out.safetensors")}, []string{"already"}},
		{"unknown models command", 2, []string{"models", "inof"}, []string{`did you mean "info"`}},
		{"a rate without rest", 2, append(train("csp-lda", r06, r10), "--false-activations", "2"), []string{"--rest FILE", "--rest-events"}},
		{"rest without a rate", 2, append(train("csp-lda", r06, r10), "--rest", s001(t, "R01")), []string{"--false-activations", "false_per_min"}},
		{"impossible rate", 2, append(train("csp-lda", r06, r10), "--rest", s001(t, "R01"), "--false-activations", "nan"), []string{"NaN", "above 0"}},
		{"too little rest", 3, append(train("csp-lda", r06, r10), "--rest", s001(t, "R01"), "--false-activations", "2"), []string{"18 of 581 windows at rest are unlike the rest of it", "61 s of rest are too little", "56.3 s of windows count", "record 116 s of rest in all"}},
		{"rest that was trained on", 3, append(train("csp-lda", r06, r10), "--rest", r06, "--false-activations", "2"), []string{"is the training recording", "--rest-events"}},
		{"rest that is not there", 2, append(train("csp-lda", r06, r10), "--rest", filepath.Join(dir, "none.edf"), "--false-activations", "2"), []string{"none.edf"}},
		{"rest events that are not there", 3, append(train("csp-lda", r06, r10), "--rest-events", "T9", "--false-activations", "2"), []string{`"T9"`, "--rest-events LABEL"}},
		{"rest of another montage", 3, append(train("csp-lda", r06, r10), "--rest", montage, "--false-activations", "2"), []string{"Subject00_1.edf", "500 Hz", "160 Hz"}},
		{"a rate for quantities", 2, []string{"train", "kalman-velocity", "synth:cursor:1:1", "synth:cursor:1:2", "--false-activations", "2", "-o", out}, []string{"section target"}},
		{"no cursor", 3, []string{"train", "kalman-velocity", r06, r10, "-o", out}, []string{"cursor_vx", "not among", "target"}},
		{"one cursor run", 3, []string{"train", "kalman-velocity", "synth:cursor:1:1", "-o", out}, []string{"leave-one-run-out", "blocked-kfold"}},
		{"split of trials", 2, []string{"train", "kalman-velocity", "synth:cursor:1:1", "synth:cursor:1:2", "--split", "kfold", "-o", out}, []string{"blocked-kfold", "leave-one-run-out"}},
		{"classes without a target", 2, train(file("cont.yaml", strings.Replace(string(gallery), "lda, shrinkage: auto", "kalman", 1)), r06, r10), []string{"cont.yaml", "line 11", "section target"}},
		{"a simulation that is none", 2, []string{"info", "synth:curser:1:1"}, []string{`did you mean "cursor"`}},
		{"a simulation without seeds", 2, []string{"info", "synth:cursor"}, []string{"synth:TASK:SUBJECT:RUN"}},
		{"two runs for conformal", 3, train(file("conf.yaml", string(gallery)+"decide: {use: conformal}\n"), r06, r10), []string{"decide", "kept for the calibration", "give more recordings"}},
		{"impossible alpha", 2, train(file("alpha.yaml", string(gallery)+"decide: {use: conformal, alpha: 2}\n"), r06, r10), []string{"alpha.yaml", "line 12", "alpha is 2"}},
		{"an offline alignment live", 3, []string{"live", file("ea-live.yaml", "bundle: "+offlineAligned(t)+"\nsource: {use: synth}\n")}, []string{"needs a whole run", "incremental or fixed"}},
		{"unknown mode", 2, train(file("mode.yaml", strings.Replace(string(gallery), "features:\n", "features:\n  - {use: euclidean_alignment, mode: offline}\n", 1)), r06, r10), []string{"mode.yaml", "line 9", `"incremental", "run" or "fixed"`}},
		{"learning rate that explodes", 3, train(net("use: eegnet, epochs: 3, learning_rate: 1.0e+30, clip_norm: 0"), r06, r10), []string{"decoder", "eegnet", "epoch ", ", step ", " is not)", "lower the learning rate"}},
		{"window too short for a network", 2, train(net("use: shallow, pool_samples: 400"), r06, r10), []string{"net3.yaml", "line 5", "decoder", "mean pool", "400"}},
		{"window too short for its stretches", 2, train(net("use: atcnet, pool_samples: 40"), r06, r10), []string{"line 5", "atcnet", "must have at least 1400", "longer windows"}},
		{"unknown augmentation", 2, train(net("use: eegnet, augment: [noize]"), r06, r10), []string{"line 5", `did you mean "noise"`}},
		{"batch of one", 2, train(net("use: eegnet, batch: 1"), r06, r10), []string{"line 5", "batch is 1, must be at least 2"}},
		{"a class missing in a fold", 3, []string{"train", net("use: eegnet, epochs: 2"), s001(t, "R01"), r06, "--events", "T0=rest,T1=fists", "-o", out}, []string{`class "fists"`, "in the test part", "record it in more than one run"}},
		{"a network behind rows", 2, train(file("rows.yaml", strings.Replace(string(gallery), "use: lda, shrinkage: auto", "use: eegnet", 1)), r06, r10), []string{"rows.yaml", "works on windows", "leave out"}},
		{"a network of other channels", 3, []string{"eval", small, montage}, []string{"Subject00_1.edf", "500 Hz", "160 Hz"}},
		{"a network's bundle with other sizes", 3, []string{"eval", file("sizes.gyrus", string(altered(t, network, "temporal_filters", "8", "9"))), r14}, []string{"sizes.gyrus"}},
		{"export of what is no network", 3, []string{"models", "export", m, "-o", filepath.Join(dir, "out.onnx")}, []string{"lda is not a network", "only networks"}},
		{"ending of an export", 2, []string{"models", "export", small, "-o", filepath.Join(dir, "out.pt")}, []string{"must be .onnx or .safetensors"}},
		{"export over the model", 2, []string{"models", "export", small}, []string{"must be .onnx or .safetensors"}},
		{"export of no bundle", 2, []string{"models", "export", filepath.Join(dir, "none.gyrus"), "-o", filepath.Join(dir, "out.onnx")}, []string{"none.gyrus"}},
		{"a key that does nothing", 2, []string{"live", file("s3.yaml", "bundle: b\nsource: {use: nats, speed: 2}\n")}, []string{"speed", "does nothing"}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			code, stdout, errs := run(t, tc.args...)
			t.Log(strings.TrimSpace(errs))
			if code != tc.code {
				t.Errorf("exit code %d, want %d: %s", code, tc.code, errs)
			}
			for _, want := range tc.want {
				if !strings.Contains(errs, want) {
					t.Errorf("message %q does not say %q", errs, want)
				}
			}
			if stdout != "" {
				t.Errorf("something on standard output: %q", stdout)
			}
			errs = strings.TrimPrefix(errs, "the sliding windows of the section live get the length of the windows that --tmin and --tmax ask for\n")
			if n := strings.Count(strings.TrimSpace(errs), "\n"); n != 0 {
				t.Errorf("%d lines, want one sentence: %q", n+1, errs)
			}
		})
	}
	left, err := filepath.Glob(filepath.Join(dir, "*out.*"))
	if err != nil || len(left) > 0 {
		t.Errorf("written all the same: %v %v", left, err)
	}
}

// offlineAligned trains with an alignment that needs whole runs.
func offlineAligned(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	gallery := string(mustRead(t, "../../../stream/pipeline/gallery/csp-lda.yaml"))
	pipe, path := filepath.Join(dir, "ea.yaml"), filepath.Join(dir, "ea.gyrus")
	if err := os.WriteFile(pipe, []byte(strings.Replace(gallery, "features:\n", "features:\n  - {use: euclidean_alignment, mode: run}\n", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := run(t, "train", pipe, "synth:imagery:1:1", "synth:imagery:1:2", "-o", path); code != 0 {
		t.Fatal(errs)
	}
	return path
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
