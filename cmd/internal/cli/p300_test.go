package cli

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
)

// museFiles are recordings of muse-p300: of each session the first runs.
func museFiles(t *testing.T, runs int) []string {
	t.Helper()
	root := datasettest.Need(t, "muse-p300")
	var files []string
	for _, session := range []string{"session1", "session2", "session3"} {
		found, err := filepath.Glob(filepath.Join(root, session, "*.csv.gz"))
		if err != nil || len(found) < runs {
			t.Fatalf("%s: %d recordings, %v", session, len(found), err)
		}
		files = append(files, found[:runs]...)
	}
	return files
}

// TestTrainP300 holds the bar from the command line: xdawn-ts-lr, each session from the two others, has the area under the
// ROC curve of benchmarks/oracle/muse_p300.py.
func TestTrainP300(t *testing.T) {
	root := datasettest.Need(t, "muse-p300")
	raw, err := os.ReadFile("../../../benchmarks/oracle/golden/muse_p300.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		MeanAUC  float64 `json:"mean_auc"`
		Sessions []struct{ AUC float64 }
	}
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, "session*", "*.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{"train", "xdawn-ts-lr", "--events", "1=nontarget,2=target", "--split", "cross-session"}, files...)
	var v trainJSON
	mustJSON(t, &v, append(args, "--json")...)
	const rounding = 1e-12 // of sums of pairs
	if v.AUC == nil || v.AUC.AUC < want.MeanAUC-rounding || v.AUC.AUC < 0.766 || !(v.AUC.CILow < v.AUC.AUC && v.AUC.AUC < v.AUC.CIHigh) {
		t.Errorf("the mean AUC is %+v, want at least %g", v.AUC, want.MeanAUC)
	}
	if len(v.Folds) != 3 || v.Trials != 3078 || v.Rejected != 11 {
		t.Fatalf("%d folds, %d trials, %d rejected, want 3, 3078 and 11", len(v.Folds), v.Trials, v.Rejected)
	}
	for i, f := range v.Folds {
		if f.AUC == nil || f.AUC.AUC < want.Sessions[i].AUC-rounding || f.Name != "test on ses-"+string(rune('1'+i)) {
			t.Errorf("%s: AUC %+v, want at least %g", f.Name, f.AUC, want.Sessions[i].AUC)
		}
	}
}

// TestTrainP300Text: what people read has the area under the curve, and says what was assumed of all files once.
func TestTrainP300Text(t *testing.T) {
	model := filepath.Join(t.TempDir(), "p300.gyrus")
	files := museFiles(t, 1)
	code, out, errs := run(t, append([]string{"train", "xdawn-ts-lr", "--split", "cross-session", "-o", model}, files[:2]...)...)
	if code != 0 || !strings.Contains(out, "test on ses-2") || !strings.Contains(out, "mean ROC AUC of 2 folds 0.") {
		t.Errorf("exit %d, %s%s", code, out, errs)
	}
	if n := strings.Count(errs, "samples are in µV"); n != 1 || !strings.Contains(errs, filepath.Base(files[0])+" and 1 more: line 1") {
		t.Errorf("the unit is said %d times, want once for both files: %s", n, errs)
	}
	code, out, errs = run(t, "eval", model, files[2])
	if code != 0 || !strings.Contains(out, "\nROC AUC 0.") {
		t.Errorf("eval: exit %d, %s%s", code, out, errs)
	}
	// What permuted labels score must hold 0.5.
	var v trainJSON
	mustJSON(t, &v, append([]string{"train", "xdawn-ts-lr", "--split", "cross-session", "--permute", "--json"}, museFiles(t, 3)...)...)
	if v.AUC == nil || v.AUC.CILow > 0.5 || v.AUC.CIHigh < 0.5 {
		t.Errorf("permuted labels have the AUC %+v, chance is 0.5", v.AUC)
	}
}

// TestMuseInput: each mistake gets its exit code and a sentence that names the place.
func TestMuseInput(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	first := museFiles(t, 2)
	sound := mustRead(t, first[0])
	z, err := gzip.NewReader(bytes.NewReader(sound))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	text := string(plain)
	lines := strings.SplitAfter(text, "\n")
	for _, tc := range []struct {
		name string
		code int
		args []string
		want []string
	}{
		{"plain", 0, []string{"info", file("plain.csv", text)}, []string{"Muse CSV, 256 Hz, 30732 samples"}},
		{"cut gzip", 0, []string{"info", file("cut.csv.gz", string(sound[:len(sound)/2]))}, []string{"the packed data stops before its end", "left out"}},
		{"cut text", 0, []string{"info", file("cut.csv", text[:len(text)/2])}, []string{"the last line has no end", "left out"}},
		{"ragged row", 3, []string{"info", file("ragged.csv", strings.Replace(text, lines[9], "1486223115.514,1,2\n", 1))}, []string{"ragged.csv: byte", "line 10", "3 cells, the header 7"}},
		{"word", 3, []string{"info", file("word.csv", strings.Replace(text, ",-44.922,", ",off,", 1))}, []string{"word.csv: byte 60: line 2, column TP9", `"off"`}},
		{"another table", 3, []string{"info", file("table.csv", "name,age\nA,3\n")}, []string{"table.csv: byte 0", "no known recording", "timestamps,TP9"}},
		{"packed text", 3, []string{"info", file("notes.csv.gz", packedText(t, "Dear colleague"))}, []string{"notes.csv.gz: byte 0", "no known recording"}},
		{"no such event", 3, []string{"train", "xdawn-ts-lr", first[0], first[1], "--events", "1=nontarget,3=target"}, []string{`"3"`, `"1", "2"`}},
		{"one session", 3, []string{"train", "xdawn-ts-lr", first[0], first[1], "--split", "cross-session"}, []string{"of one session", `"session1"`}},
		{"no session", 3, []string{"train", "xdawn-ts-lr", file("a.csv", text), first[1], "--split", "cross-session"}, []string{`"a.csv" does not say which subject`, `"session2"`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code, out, errs := run(t, tc.args...)
			t.Log(strings.TrimSpace(errs))
			if code != tc.code {
				t.Errorf("exit code %d, want %d: %s", code, tc.code, errs)
			}
			for _, want := range tc.want {
				if !strings.Contains(out+errs, want) {
					t.Errorf("%q does not say %q", out+errs, want)
				}
			}
		})
	}
}

// packedText is text in gzip.
func packedText(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
