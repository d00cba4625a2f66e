package nn_test

import (
	"math"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/foundation/nn"
)

// Networks that no memory holds are errors that say so, before memory is taken.
func TestTooLarge(t *testing.T) {
	const big = 1_000_000_000
	for name, tc := range map[string]struct {
		layer nn.Layer
		in    nn.Shape
		opt   nn.Options
	}{
		"weights":         {&nn.Linear{Out: big}, nn.Shape{64}, nn.Options{}},
		"gradients":       {&nn.Linear{Out: 1 << 20}, nn.Shape{1 << 10}, nn.Options{Train: true}},
		"beyond int":      {&nn.Conv1d{Out: big, Kernel: big, Pad: [2]int{big, big}}, nn.Shape{big, 10}, nn.Options{}},
		"arrays":          {nn.Seq(&nn.Dropout{P: 0.5}, &nn.Linear{Out: 1 << 20}), nn.Shape{1 << 12, 1}, nn.Options{}},
		"batch":           {&nn.Linear{Out: 2}, nn.Shape{64}, nn.Options{Batch: math.MaxInt}},
		"hidden":          {&nn.LSTM{Hidden: big}, nn.Shape{10, 4}, nn.Options{}},
		"temporal":        {&nn.TemporalSpatial{Filters: big, Kernel: 10, Depth: big}, nn.Shape{4, 100}, nn.Options{Train: true}},
		"long filters":    {&nn.TemporalSpatial{Filters: 8, Kernel: big / 10, Pad: [2]int{big / 10, big / 10}, Depth: 2, Norm: &nn.BatchNorm{}}, nn.Shape{4, 100}, nn.Options{Train: true}},
		"workers":         {&nn.Linear{Out: 2}, nn.Shape{64}, nn.Options{Workers: big, Train: true}},
		"of all together": {&nn.Linear{Out: 1 << 21}, nn.Shape{2}, nn.Options{Workers: 1000, Train: true}},
	} {
		_, err := nn.New(func() nn.Layer { return tc.layer }, tc.in, tc.opt)
		if err == nil {
			t.Errorf("%s: is made", name)
			continue
		}
		t.Logf("%s: %v", name, err)
		if text := err.Error(); !strings.Contains(text, "at most") && !strings.Contains(text, "lower its sizes") {
			t.Errorf("%s: the error does not say what to do: %v", name, err)
		}
	}
}
