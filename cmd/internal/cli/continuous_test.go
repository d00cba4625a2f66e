package cli

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// cursorModel trains the built-in pipeline on two simulated runs.
func cursorModel(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cursor.gyrus")
	var res followJSON
	mustJSON(t, &res, "train", "kalman-velocity", "synth:cursor:1:1", "synth:cursor:1:2", "-o", path, "--json")
	if len(res.Outputs) != 2 || res.Outputs[0].Output != "vel_x" || len(res.Folds) != 2 || res.Bundle != path {
		t.Fatalf("%+v", res)
	}
	for _, o := range res.Outputs {
		if !(o.RLow < o.R && o.R < o.RHigh && o.R2Low < o.R2 && o.R2 < o.R2High) || o.R < 0.7 {
			t.Errorf("%+v", o)
		}
	}
	return path
}

func TestTrainContinuous(t *testing.T) {
	m := cursorModel(t)
	var permuted followJSON
	mustJSON(t, &permuted, "train", "kalman-velocity", "synth:cursor:1:1", "synth:cursor:1:2", "--permute", "--json")
	for _, o := range permuted.Outputs {
		if o.RLow > 0 || o.RHigh < 0 {
			t.Errorf("quantities shifted in time are followed: %+v", o)
		}
	}
	var ev evalFollowJSON
	mustJSON(t, &ev, "eval", m, "synth:cursor:1:9", "--json")
	if len(ev.Outputs) != 2 || ev.Outputs[1].R < 0.7 || ev.Recordings[0].InTraining {
		t.Errorf("%+v", ev)
	}
	if code, _, errs := run(t, "eval", m, "synth:cursor:1:2"); code != 0 || !strings.Contains(errs, "was trained on this file") {
		t.Errorf("scoring a training run: exit %d, %q", code, errs)
	}
	code, out, errs := run(t, "decode", m, "synth:cursor:1:9")
	if code != 0 {
		t.Fatalf("decode: exit %d: %s", code, errs)
	}
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil || strings.Join(rows[0], ",") != "recording,start,end,end_s,value_vel_x,value_vel_y,rejected" || len(rows) != 1+ev.Recordings[0].Rows {
		t.Errorf("%d rows, header %q, %v; eval has %d", len(rows), rows[0], err, ev.Recordings[0].Rows)
	}
	arrow := filepath.Join(t.TempDir(), "cursor.arrow")
	if code, _, errs := run(t, "decode", m, "synth:cursor:1:9", "-o", arrow); code != 0 || arrowRows(t, arrow) != int64(len(rows)-1) {
		t.Errorf("decode to Arrow: exit %d: %s", code, errs)
	}
	code, out, _ = run(t, "decode", m, "synth:cursor:1:9", "--json")
	var line struct {
		Value map[string]float64 `json:"value"`
	}
	if err := json.Unmarshal([]byte(strings.SplitN(out, "\n", 2)[0]), &line); code != 0 || err != nil || len(line.Value) != 2 {
		t.Errorf("JSON line %v, %v", line, err)
	}
}

// TestLiveContinuous: a live session sends what decode says, bit for bit, as commands of kind continuous.
func TestLiveContinuous(t *testing.T) {
	dir, m, port := t.TempDir(), cursorModel(t), freePort(t)
	cfg := filepath.Join(dir, "s.yaml")
	text := fmt.Sprintf("session: c1\nbundle: %s\nsource: {use: synth, task: cursor, seed: 7, speed: 30}\nbus: {port: %d}\nvalid_for_ms: 500\n", m, port)
	if err := os.WriteFile(cfg, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := bus.Open(t.Context(), bus.Options{Port: port})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	text = strings.Replace(text, fmt.Sprintf("port: %d", port), fmt.Sprintf("url: %q", b.URL()), 1)
	if err := os.WriteFile(cfg, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got := make(chan bus.Command, 10_000)
	sub, err := b.SubscribeCommands("c1", "decoder", func(c bus.Command, _ time.Time) { got <- c })
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := sub.Close(); err != nil {
			t.Error(err)
		}
	}()
	live := start(t, "live", cfg, "--json")
	if code := live.wait(t); code != 0 {
		t.Fatalf("live: exit %d: %s", code, live.errs.String())
	}
	_, out, _ := run(t, "decode", m, "synth:cursor:7:7", "--json")
	want := strings.Split(strings.TrimSpace(out), "\n")
	seen := 0
	for wait := time.After(20 * time.Second); len(got) > 0 || seen == 0; {
		select {
		case c := <-got:
			var line struct {
				Value map[string]float64 `json:"value"`
			}
			if c.Seq > uint64(len(want)) {
				t.Fatalf("command %d, decode has %d windows", c.Seq, len(want))
			}
			if err := json.Unmarshal([]byte(want[c.Seq-1]), &line); err != nil {
				t.Fatal(err)
			}
			if c.Kind != bus.KindContinuous || len(c.Value) != 2 || c.Value[0] != line.Value["vel_x"] || c.Value[1] != line.Value["vel_y"] || c.Label != "" {
				t.Fatalf("command %d: %+v, decode says %v", c.Seq, c, line.Value)
			}
			seen++
		case <-wait:
			t.Fatal("no command came")
		}
	}
	if seen < len(want)/2 { // at this speed a busy machine may lose some
		t.Errorf("%d commands of %d", seen, len(want))
	}
}
