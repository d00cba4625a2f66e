package pipeline

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/foundation/weights"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// quick is the network pipeline of the tests, with room for the decoder.
const quick = `preprocess:
  - {use: bandpass, low_hz: 4, high_hz: 38, order: 4}
segment: {use: events, tmin_s: 0.5, tmax_s: 2.5, events: {T1: left, T2: right}}
live: {use: sliding, length_s: 2, step_s: 0.1}
decoder: `

// quickEEGNet is an EEGNet with short training.
const quickEEGNet = `use: eegnet, epochs: 30, learning_rate: 0.003, workers: 1, kernel_samples: 32`

// network is a pipeline with the given decoder, fitted to one run.
func network(t *testing.T, decoder string) (*Pipeline, *Set) {
	t.Helper()
	spec, err := Parse("quick.yaml", []byte(quick+"{"+decoder+"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Build(spec, Cued)
	if err != nil {
		t.Fatal(err)
	}
	set := windows(t, p, recorded(t, 0))
	y, err := set.Labels()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Fit(set, y); err != nil {
		t.Fatal(err)
	}
	return p, set
}

func windows(t *testing.T, p *Pipeline, c signal.Chunk) *Set {
	t.Helper()
	if err := p.Start(c.Info); err != nil {
		t.Fatal(err)
	}
	ws, err := p.Windows(c)
	if err != nil {
		t.Fatal(err)
	}
	set := &Set{Classes: p.Classes()}
	for _, w := range ws {
		set.Info, set.Windows, set.Group = w.Info, append(set.Windows, w.Clone()), append(set.Group, "a")
	}
	return set
}

// TestNetwork: the file says what the network wants and what comes before it; what is no network is refused.
func TestNetwork(t *testing.T) {
	p, _ := network(t, quickEEGNet)
	n, err := p.Network()
	if err != nil {
		t.Fatal(err)
	}
	if n.Name != "eegnet" || n.In.Len != 2*int(n.In.Rate) || len(n.In.Names) != 8 || n.Unit != signal.Microvolt || !slices.Equal(n.Classes, []string{"left", "right"}) {
		t.Errorf("%+v", n)
	}
	if len(n.Before) != 2 || n.Before[0].Section != "preprocess" || n.Before[0].Step.Use != "bandpass" || n.Before[1].Step.Use != "events" {
		t.Errorf("before: %+v", n.Before)
	}
	raw, err := n.Safetensors()
	if err != nil {
		t.Fatal(err)
	}
	f, err := weights.Unmarshal(raw)
	if err != nil {
		t.Fatal(err)
	}
	if w := f.Tensors["conv_temporal.weight"]; !slices.Equal(w.Shape, []int{8, 1, 1, 32}) || w.DType != "F32" {
		t.Errorf("conv_temporal.weight is %s %v", w.DType, w.Shape)
	}
	for key, want := range map[string]string{
		"network": "eegnet", "classes": `["left","right"]`, "unit": "µV", "channels": `["FC3","FC4","C3","Cz","C4","CP3","CPz","CP4"]`,
	} {
		if f.Metadata[key] != want {
			t.Errorf("%s is %q, want %q", key, f.Metadata[key], want)
		}
	}
	if s := f.Metadata["steps_before"]; !strings.Contains(s, `"low_hz":4`) || !strings.Contains(s, `"segment"`) {
		t.Errorf("steps before: %s", s)
	}
	if s := f.Metadata["decoder"]; !strings.Contains(s, `"kernel_samples":32`) || !strings.Contains(s, `"temporal_filters":8`) {
		t.Errorf("decoder: %s", s)
	}
	lda, _ := fitted(t, Cued)
	if _, err := lda.Network(); err == nil || !strings.Contains(err.Error(), "lda is not a network") {
		t.Errorf("LDA: %v", err)
	}
	for use, want := range map[string][]string{
		"edge_dnn, epochs: 1":                          {"edge_dnn", "export-c"},
		"adapted, decoder: {use: edge_dnn, epochs: 1}": {"learned from feedback", "from_file"},
	} {
		p, _ := network(t, "use: "+use)
		_, err := p.Network()
		for _, w := range want {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%s: got %v, want a word of %q", use, err, w)
			}
		}
	}
	sequential, _ := network(t, "use: dqn_sequential, decisions: 1040")
	if n, err = sequential.Network(); err != nil {
		t.Fatal(err)
	}
	if _, err := n.ONNX(); err == nil || !strings.Contains(err.Error(), "piece of a window after the other") || !strings.Contains(err.Error(), ".safetensors") {
		t.Errorf("dqn_sequential: %v", err)
	}
	if raw, err = n.Safetensors(); err != nil {
		t.Fatal(err)
	}
	if f, err = weights.Unmarshal(raw); err != nil || !strings.Contains(f.Metadata["output"], "one piece") {
		t.Errorf("dqn_sequential: %v, %q", err, f.Metadata["output"])
	}
	byReward, _ := network(t, "use: dqn, decisions: 1040")
	if n, err = byReward.Network(); err != nil || n.Name != "dqn" {
		t.Fatalf("dqn: %v", err)
	}
	if raw, err = n.ONNX(); err != nil || !strings.Contains(string(raw), "TopK") {
		t.Errorf("dqn: %v", err)
	}
	isotonic, _ := network(t, `use: calibrated, method: isotonic, folds: 2, decoder: {`+quickEEGNet+`}`)
	n, err = isotonic.Network()
	if err == nil || !strings.Contains(err.Error(), "isotonic regression cannot be exported") {
		t.Errorf("isotonic: %v, %v", n, err)
	}
}

// TestNetworkInONNXRuntime: onnxruntime gives the scores of the pipeline for the same windows, with calibration and without.
func TestNetworkInONNXRuntime(t *testing.T) {
	python := os.Getenv("GYRUS_ONNX_PYTHON")
	if python == "" {
		t.Skip("skipped: GYRUS_ONNX_PYTHON names no Python with onnx and onnxruntime: make interop-onnx")
	}
	dir := t.TempDir()
	models := map[string]string{
		"plain": quickEEGNet, "calibrated": `use: calibrated, folds: 2, decoder: {` + quickEEGNet + `}`,
		"by reward": `use: dqn, decisions: 1200`, "by reward, may wait": `use: dqn, decisions: 1200, wait: true, reward_wrong: -1.1`,
	}
	for name, decoder := range models {
		p, set := network(t, decoder)
		n, err := p.Network()
		if err != nil {
			t.Fatal(err)
		}
		model, err := n.ONNX()
		if err != nil {
			t.Fatal(err)
		}
		var x, want []float64
		for _, w := range set.Windows {
			_, s, err := p.head.predict(w)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, s...)
			for _, c := range w.X {
				x = append(x, c...)
			}
		}
		text, err := json.Marshal(map[string]any{
			"input": map[string]any{"window": []any{[]int{len(set.Windows), len(n.In.Names), n.In.Len}, x}},
			"want":  map[string]any{"probabilities": []any{[]int{len(set.Windows), 2}, want}},
		})
		if err != nil {
			t.Fatal(err)
		}
		for ending, data := range map[string][]byte{".onnx": model, ".json": text} {
			if err := os.WriteFile(filepath.Join(dir, name+ending), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	cmd := exec.Command(python, "../../foundation/onnx/testdata/interop.py", dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var result map[string]struct {
		Difference *float64
		Error      string
	}
	if err := json.Unmarshal(out, &result); err != nil || len(result) != len(models) {
		t.Fatalf("%v in %s", err, out)
	}
	for name, r := range result {
		const tol = 1e-5 // float32 there, and windows that are rounded to it
		if r.Error != "" || r.Difference == nil || !(*r.Difference <= tol) {
			t.Errorf("%s: %q %v", name, r.Error, r.Difference)
			continue
		}
		t.Logf("%s: probabilities differ by %.1e at most", name, *r.Difference)
	}
}
