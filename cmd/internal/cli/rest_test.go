package cli

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/stream/bundle"
)

// TestTrainRest: the threshold comes from rest data, is stored in the bundle with the held-out rate, and holds on the rest
// that it was set with: at most what is allowed, here none.
func TestTrainRest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rest.gyrus")
	var res trainJSON
	mustJSON(t, &res, "train", "csp-lda", s001(t, "R06"), s001(t, "R10"), s001(t, "R14"), "--events", "T1=fists,T2=feet",
		"--rest", s001(t, "R01")+","+s001(t, "R02"), "--false-activations", "2", "-o", path, "--json")
	r := res.Rest
	if r == nil || r.Asked != 2 || r.Minutes < 1.9 || r.PerMinute > 2 || !(r.Low <= r.PerMinute && r.PerMinute < r.High) || r.Trials != 45 || len(r.Recordings) != 2 {
		t.Fatalf("%+v", r)
	}
	b, err := bundle.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if b.Manifest.Rest == nil || b.Manifest.Rest.Count != r.Count || b.State["decide.enter"].Data[0] != r.Threshold {
		t.Errorf("the bundle has %+v and the threshold %v", b.Manifest.Rest, b.State["decide.enter"])
	}
	for _, file := range []string{s001(t, "R01"), s001(t, "R02")} {
		_, out, _ := run(t, "decode", path, file)
		for _, line := range strings.Split(strings.TrimSpace(out), "\n")[1:] {
			if !strings.HasSuffix(line, ",") {
				t.Errorf("%s: a decision on the rest that the threshold was set with: %s", file, line)
			}
		}
	}
}

// TestTrainConformal: the coverage on held-out trials is shown and stored.
func TestTrainConformal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "conformal.gyrus")
	var res trainJSON
	mustJSON(t, &res, "train", "../../../stream/pipeline/gallery/csp-lda-conformal.yaml", "synth:imagery:1:1", "synth:imagery:1:2", "synth:imagery:1:3", "-o", path, "--json")
	c := res.Coverage
	if c == nil || c.Asked != 0.9 || c.Trials != 48 || c.Covered < 36 || !(c.Low < 0.9) || c.Right > c.Decided {
		t.Fatalf("%+v", c)
	}
	b, err := bundle.Read(path)
	if err != nil || b.Manifest.Coverage == nil || *b.Manifest.Coverage != *c {
		t.Errorf("the bundle has %+v, %v", b.Manifest.Coverage, err)
	}
}
