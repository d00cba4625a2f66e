package deep

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/gyrus-bci/gyrus/foundation/weights"
)

// TestWeightsInBraindecode: braindecode's own classes load the exported weights, all of them and nothing else, and give the
// same logits.
func TestWeightsInBraindecode(t *testing.T) {
	python := os.Getenv("GYRUS_BRAINDECODE_PYTHON")
	if python == "" {
		t.Skip("skipped: GYRUS_BRAINDECODE_PYTHON names no Python with braindecode: make interop-braindecode")
	}
	dir := t.TempDir()
	nets := map[string]struct {
		d         *decoder
		class     string
		arguments map[string]any
	}{
		"eegnet":         {random(t, "eegnet", `{"kernel_samples": 64, "padding": "symmetric"}`, testFormat(), "a", "b", "c"), "EEGNet", map[string]any{"kernel_length": 64}},
		"eegnet trained": {trainedEEGNet(t), "EEGNet", map[string]any{"kernel_length": 64}},
		"shallow":        {random(t, "shallow", `{}`, testFormat(), "a", "b", "c"), "ShallowFBCSPNet", map[string]any{"final_conv_length": "auto"}},
		"deep4":          {random(t, "deep4", `{}`, testFormat(), "a", "b", "c"), "Deep4Net", map[string]any{"final_conv_length": "auto"}},
		"eeg_conformer":  {random(t, "eeg_conformer", `{}`, testFormat(), "a", "b", "c"), "EEGConformer", map[string]any{}},
		"atcnet":         {random(t, "atcnet", `{}`, testFormat(), "a", "b", "c"), "ATCNet", map[string]any{}},
		"eegtcnet":       {random(t, "eegtcnet", `{"kernel_samples": 64, "activate_temporal": true}`, testFormat(), "a", "b", "c"), "EEGTCNet", map[string]any{}},
		"fbcnet":         {random(t, "fbcnet", `{}`, testFormat(), "a", "b", "c"), "FBCNet", map[string]any{}},
	}
	for name, tc := range nets {
		const batch = 2
		d := tc.d
		f, err := d.Weights()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := weights.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(8, 9))
		var x []float32
		var logits []float32
		for range batch {
			w := make([]float64, d.shape().Size())
			for j := range w {
				ch := j / d.format.Len
				w[j] = float64(float32(d.mean[ch] + d.sd[ch]*rng.NormFloat64()))
				x = append(x, float32(w[j]))
			}
			if err := d.Predict(make([]float64, len(d.classes)), w); err != nil {
				t.Fatal(err)
			}
			y, err := d.net.Forward(d.x)
			if err != nil {
				t.Fatal(err)
			}
			logits = append(logits, y...)
		}
		tc.arguments["n_chans"], tc.arguments["n_times"], tc.arguments["n_outputs"] = len(d.format.Names), d.format.Len, len(d.classes)
		tc.arguments["sfreq"] = d.format.Rate
		text, err := json.Marshal(map[string]any{
			"class": tc.class, "arguments": tc.arguments,
			"x":    array{[]int{batch, len(d.format.Names), d.format.Len}, x},
			"want": array{[]int{batch, len(d.classes)}, logits},
		})
		if err != nil {
			t.Fatal(err)
		}
		for ending, data := range map[string][]byte{".safetensors": raw, ".json": text} {
			if err := os.WriteFile(filepath.Join(dir, name+ending), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	cmd := exec.Command(python, "testdata/load_exported.py", dir)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	compared(t, stdout, len(nets), "braindecode")
}

// compared checks what a script says: of each network the largest difference and the largest value.
func compared(t *testing.T, stdout []byte, n int, peer string) {
	t.Helper()
	var result map[string]struct {
		Difference, Largest *float64
		Error               string
	}
	if err := json.Unmarshal(stdout, &result); err != nil {
		t.Fatalf("%v in %s", err, stdout)
	}
	if len(result) != n {
		t.Fatalf("%d results, want %d", len(result), n)
	}
	for name, r := range result {
		const tol = 1e-5 // both compute in float32
		switch {
		case r.Error != "" || r.Difference == nil || r.Largest == nil:
			t.Errorf("%s: %q", name, r.Error)
		case !(*r.Difference <= tol**r.Largest):
			t.Errorf("%s: %s differs by %.2g of the largest, %g, want at most %g", name, peer, *r.Difference / *r.Largest, *r.Largest, tol)
		default:
			t.Logf("%-42s %.1e of the largest, %.3g", name, *r.Difference / *r.Largest, *r.Largest)
		}
	}
}
