package signal

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
)

func TestHealthJSON(t *testing.T) {
	h := Health{
		State: LinkRecovered, Since: time.Unix(1700000000, 0).UTC(), Detail: "amp", Samples: 7, Lost: 1, Suspected: 2, Dropped: 3, Jumps: 4, Recoveries: 5, Losses: 6,
		RateHz: 249.98, OffsetS: -1.5, OffsetErrS: math.NaN(), DriftPPM: math.NaN(), JitterS: math.Inf(1), AgeS: 0.004, DelayS: 0.06, StampsOffS: -30,
	}
	b, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"state":"recovered"`, `"rate_hz":249.98`, `"offset_err_s":null`, `"drift_ppm":null`, `"jitter_s":null`, `"delay_s":0.06`, `"samples":7`, `"losses":6`, `"stamps_off_s":-30`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s has no %s", b, want)
		}
	}
	var got Health
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if !math.IsNaN(got.OffsetErrS) || !math.IsNaN(got.DriftPPM) || !math.IsNaN(got.JitterS) {
		t.Errorf("null is read as %g, %g, %g, want NaN", got.OffsetErrS, got.DriftPPM, got.JitterS)
	}
	h.OffsetErrS, h.DriftPPM, h.JitterS = 0, 0, 0
	got.OffsetErrS, got.DriftPPM, got.JitterS = 0, 0, 0
	if got != h {
		t.Errorf("%+v comes back as %+v", h, got)
	}
	var keys map[string]any
	if err := json.Unmarshal(b, &keys); err != nil || len(keys) != 19 {
		t.Errorf("%d keys in %s (%v), want 19, each once", len(keys), b, err)
	}
}
