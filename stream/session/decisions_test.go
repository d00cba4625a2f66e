package session

import (
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders/metrics"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// deciding is a model with a section decide that was trained on a simulated person, as a file.
func deciding(t *testing.T, decide string) string {
	t.Helper()
	spec, err := pipeline.Load(imagery(t, decide))
	if err != nil {
		t.Fatal(err)
	}
	return written(t, spec, person(t))
}

// fields is v as JSON has it.
func fields(t *testing.T, v any) map[string]any {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// at is one window of a session.
type at struct {
	start    int64
	decision string
	refused  bool
}

// counted is what was decided in windows, by the definition: decisions are the longest runs of windows a step apart with the same one. Each
// counts once, and once more for each further second that it reaches into; only its first window is free.
func counted(windows []at, hop int64, step float64) (begun, again, free, decided int) {
	var runs []int
	for i, w := range windows {
		switch {
		case w.refused:
		case w.decision == "":
			free++
		case i > 0 && windows[i-1].decision == w.decision && windows[i-1].start+hop == w.start:
			runs[len(runs)-1]++
		default:
			runs = append(runs, 1)
			free++
		}
	}
	for _, n := range runs {
		begun, decided = begun+1, decided+n
		for s := 1.0; s < float64(n)*step-1e-9; s++ {
			again++
		}
	}
	return begun, again, free, decided
}

// TestDecisionsCounted: what a session says of decisions is what its windows hold by the definition, a decision that is held counts again
// for each further second, and anew behind a gap and behind windows that a check refused; the rate is of both, in the time in which one could begin.
func TestDecisionsCounted(t *testing.T) {
	m := load(t, deciding(t, "{use: evidence, hold: true, leave_nats: -1, enter_nats: 1, refractory_s: 0.5}"))
	metricsOf := serving(t)
	var windows []at
	r := start(t, person(t), func(o *Options, s *stepped) {
		with(m)(o, nil)
		o.Metrics = metricsOf
		o.OnDecision = func(d Decided) {
			windows = append(windows, at{d.Start, d.Decision, d.Rejected != ""})
		}
		s.edit = func(c *signal.Chunk) {
			c.Events = nil                                                 // they would lie elsewhere
			for _, behind := range []int64{16 * 120, 16 * 250, 16 * 400} { // 0.05 s are gone, thrice
				if c.Start >= behind {
					c.Start += 8
				}
			}
		}
	})
	for range 20 {
		r.chunks(30)
	}
	hop, rate := m.Pipeline.LiveHop(), m.Pipeline.OutRate()
	step := float64(hop) / rate
	r.until("a look at the whole of it", func() bool { return len(r.looks) > 0 && r.looks[len(r.looks)-1].Samples == 600*16 })
	look := r.looks[len(r.looks)-1]
	body := scraped(t, metricsOf)
	close(r.src.gate)
	rep, err := r.over()
	if err != nil {
		t.Fatal(err)
	}
	begun, again, free, decided := counted(windows, hop, step)
	bridged := 0
	for i, w := range windows[1:] {
		if before := windows[i]; w.decision != "" && w.decision == before.decision && w.start != before.start+hop {
			bridged++
		}
	}
	if begun < 4 || again < 4 || bridged == 0 {
		t.Fatalf("the test shows nothing: %d decisions begin, %d again, %d behind a gap", begun, again, bridged)
	}
	want, err := metrics.FalseActivations(begun+again, float64(free)*step, 0.95)
	if err != nil {
		t.Fatal(err)
	}
	got, ok := fields(t, rep)["activations"].(map[string]any)
	if !ok {
		t.Fatal("the report has no activations")
	}
	for key, v := range map[string]float64{
		"count": float64(begun), "held_again": float64(again), "minutes": float64(free) * step / 60, "in_decision_s": float64(decided) * step,
		"per_min": want.PerMinute, "per_min_low": want.Low, "per_min_high": want.High,
	} {
		if x, ok := got[key].(float64); !ok || math.Abs(x-v) > 1e-9*max(1, v) {
			t.Errorf("report: %s is %v, by the definition %g", key, got[key], v)
		}
	}
	said, ok := fields(t, look)["decisions"].(map[string]any)
	if !ok {
		t.Fatal("the telemetry has no decisions")
	}
	for key, v := range map[string]float64{"begun": float64(begun), "held_again": float64(again), "free_s": float64(free) * step, "in_decision_s": float64(decided) * step} {
		if x, ok := said[key].(float64); !ok || math.Abs(x-v) > 1e-9*max(1, v) {
			t.Errorf("telemetry: %s is %v, by the definition %g", key, said[key], v)
		}
	}
	for _, name := range []string{"gyrus_activations_total", "gyrus_activations_held_again_total", "gyrus_decision_seconds_total", "gyrus_decision_free_seconds_total", "gyrus_decoded_seconds_total"} {
		if !strings.Contains(body, "\n"+name+" ") {
			t.Errorf("/metrics lacks %s", name)
		}
	}
}

// TestNoDecide: without a section decide every window is a decision, whatever the signal is: there is no rate of false ones, in the report, in the
// telemetry and in the figures for Prometheus.
func TestNoDecide(t *testing.T) {
	path, _ := saved(t, 8, "lda")
	metricsOf := serving(t)
	r := start(t, person(t), func(o *Options, _ *stepped) {
		with(load(t, path))(o, nil)
		o.Metrics = metricsOf
	})
	r.chunks(60)
	r.until("a look at decoding", func() bool { return len(r.looks) > 0 && r.looks[len(r.looks)-1].Sent > 0 })
	look := fields(t, r.looks[len(r.looks)-1])
	body := scraped(t, metricsOf)
	close(r.src.gate)
	rep, err := r.over()
	if err != nil || rep.Sent == 0 {
		t.Fatalf("%v, %d commands", err, rep.Sent)
	}
	if a, there := fields(t, rep)["activations"]; there {
		t.Errorf("the report says activations %v", a)
	}
	for _, key := range []string{"decisions", "activations", "in_decision_s"} {
		if v, there := look[key]; there {
			t.Errorf("the telemetry says %s %v", key, v)
		}
	}
	if s, _ := look["decoded_s"].(float64); s <= 0 {
		t.Errorf("decoded_s is %v", look["decoded_s"])
	}
	if strings.Contains(body, "gyrus_activations") || strings.Contains(body, "gyrus_decision_") || !strings.Contains(body, "\ngyrus_decoded_seconds_total ") {
		t.Errorf("/metrics speaks of decisions, or not of what was decoded:\n%s", strings.Join(slices.DeleteFunc(strings.Split(body, "\n"), func(l string) bool {
			return !strings.HasPrefix(l, "gyrus_activations") && !strings.HasPrefix(l, "gyrus_dec")
		}), "\n"))
	}
}

// scraped is what Prometheus sees.
func scraped(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1/metrics", nil)
	if m.srv.Handler.ServeHTTP(w, req); w.Code != http.StatusOK {
		t.Fatalf("/metrics: %d %s", w.Code, w.Body)
	}
	return w.Body.String()
}
