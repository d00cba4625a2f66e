package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestPlotAlpha: with closed eyes the power at 8 to 13 Hz is highest at the back of the head, and the picture is written.
func TestPlotAlpha(t *testing.T) {
	out := filepath.Join(t.TempDir(), "alpha.svg")
	var v plotJSON
	mustJSON(t, &v, "plot", s001(t, "R02"), "-o", out, "--kind", "topo", "--band", "8-13", "--json")
	if len(v.Maps) != 1 || len(v.Maps[0].Values) != 64 || len(v.Left) != 0 {
		t.Fatalf("%d maps, left %v", len(v.Maps), v.Left)
	}
	at := func(name string) float64 { return v.Maps[0].Values[slices.Index(v.Channels, name)] }
	if !(at("Oz") > at("Fz")+3) {
		t.Errorf("Oz has %g dB, Fz %g", at("Oz"), at("Fz"))
	}
	data, err := os.ReadFile(out)
	if err != nil || !bytes.Contains(data, []byte("8 to 13 Hz")) {
		t.Errorf("the picture: %v, %d bytes", err, len(data))
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
