package main

import (
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/stream/control"
)

// TestJudge: every bar of the row fails alone, and so does a command that never came.
func TestJudge(t *testing.T) {
	good := func() []result {
		return []result{{Latency: control.Summary{N: 10, P50: 0.2, P99: 0.5, P999: 1}}, {Latency: control.Summary{N: 10, P50: 1, P99: 2, P999: 3}}}
	}
	if err := judge(good()); err != nil {
		t.Errorf("all is well: %v", err)
	}
	for _, tc := range []struct {
		spoil func([]result)
		want  string
	}{
		{func(r []result) { r[0].Latency.P50 = 0.5 }, "p50 is"},
		{func(r []result) { r[0].Latency.P99 = 2 }, "p99 is"},
		{func(r []result) { r[0].Latency.P999 = 5 }, "p99.9 is"},
		{func(r []result) { r[1].Latency.P50 = 0.4 }, "p50 beside"},
		{func(r []result) { r[1].Latency.P99 = 1 }, "p99 beside"},
		{func(r []result) { r[1].Latency.P999 = 2 }, "p99.9 beside"},
		{func(r []result) { r[0].Missing = 1 }, "1 commands never came, of 11"},
		{func(r []result) { r[0].Lost = 3 }, "3 samples were lost"},
	} {
		rows := good()
		tc.spoil(rows)
		if err := judge(rows); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("want an error with %q, got %v", tc.want, err)
		}
	}
	if got := expected(30); got != 280 {
		t.Errorf("30 s must bring %d commands, want 280", got)
	}
}
