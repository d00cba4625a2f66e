package deep_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders/deep"
	"github.com/gyrus-bci/gyrus/foundation/nn"
	"github.com/gyrus-bci/gyrus/foundation/weights"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
)

// tensors reads all of a file of weights.
func tensors(t *testing.T, path string) map[string]weights.Tensor {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := weights.Open(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]weights.Tensor{}
	for _, e := range f.Entries {
		if out[e.Name], err = f.Tensor(e.Name); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func floats(t *testing.T, x weights.Tensor) []float32 {
	t.Helper()
	v, err := x.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// goldenNets is the folder of networks with random weights, an input and braindecode's output for it.
func goldenNets(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("GYRUS_GOLDEN")
	if dir == "" && os.Getenv("CI") == "true" {
		t.Fatal("CI needs the golden values: GYRUS_GOLDEN is not set")
	}
	if dir == "" {
		t.Skip("skipped: GYRUS_GOLDEN is not set, the folder that has nets/EEGNet.safetensors with braindecode's outputs")
	}
	return filepath.Join(dir, "nets")
}

// The outputs are those of braindecode for the same weights and input.
func TestBraindecode(t *testing.T) {
	nets := goldenNets(t)
	for _, tc := range []struct {
		name    string
		columns []string
		define  func() (func() nn.Layer, error)
	}{
		{"EEGNet", nil, func() (func() nn.Layer, error) {
			opt := deep.EEGNet82()
			opt.Kernel, opt.Padding = 64, "symmetric"
			return deep.EEGNet(opt, 4)
		}},
		{"ShallowFBCSPNet", nil, func() (func() nn.Layer, error) { return deep.ShallowConvNet(deep.Shallow(), 4) }},
		{"Deep4Net", nil, func() (func() nn.Layer, error) { return deep.Deep4Net(deep.Deep4(), 4) }},
		{"EEGTCNet", []string{"final_layer"}, func() (func() nn.Layer, error) {
			opt := deep.EEGTC()
			opt.Kernel, opt.Activate = 64, true
			return deep.EEGTCNet(opt, 4)
		}},
		{"FBCNet", nil, func() (func() nn.Layer, error) { return deep.FBCNet(deep.FBC(), 250, 1000, 4) }},
		{"SignalJEPA", nil, func() (func() nn.Layer, error) { return deep.SignalJEPA(deep.SJEPA(), 4) }},
		{"EEGConformer", nil, func() (func() nn.Layer, error) { return deep.ConformerNet(deep.Conformer2023(), 1000, 4) }},
		{"ATCNet", []string{"final_layer.0", "final_layer.1", "final_layer.2", "final_layer.3", "final_layer.4"}, func() (func() nn.Layer, error) {
			return deep.ATCNet(deep.ATCNet2023(), 1000, 4)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := tensors(t, filepath.Join(nets, tc.name+".safetensors"))
			in, out := file["__in"], floats(t, file["__out"])
			x := floats(t, in)
			delete(file, "__in")
			delete(file, "__out")
			define, err := tc.define()
			if err != nil {
				t.Fatal(err)
			}
			net, err := nn.New(define, in.Shape[1:], nn.Options{Batch: in.Shape[0]})
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; tc.name == "FBCNet" && i < 9; i++ {
				name := fmt.Sprintf("spectral_filtering.fir_list.%d", i)
				paritytest.Within(t, fmt.Sprintf("FBCNet, filter of band %d", i+1), "MNE by braindecode", "golden/nets", wide(net.Param(name).W), wide(floats(t, file[name])), 1e-6)
			}
			if err := deep.Load(net, file, tc.columns...); err != nil {
				t.Fatal(err)
			}
			for _, when := range []string{"as it is", "frozen"} {
				y, err := net.Forward(x)
				if err != nil {
					t.Fatal(err)
				}
				paritytest.Within(t, tc.name+", "+when+": outputs", "braindecode", "golden/nets", wide(y), wide(out), 1e-5)
				if err := net.Freeze(); err != nil {
					t.Fatal(err)
				}
			}
			for name := range file {
				if strings.HasSuffix(name, "num_batches_tracked") || strings.Contains(name, "fir_a") {
					continue
				}
				keep := file[name]
				delete(file, name)
				if err := deep.Load(net, file); err == nil {
					t.Errorf("loads without %s", name)
				}
				file[name] = weights.Float32s(make([]float32, 3), 3)
				if err := deep.Load(net, file); err == nil {
					t.Errorf("loads with 3 values as %s", name)
				}
				file[name] = keep
				file["extra.weight"] = keep
				if err := deep.Load(net, file); err == nil || !strings.Contains(err.Error(), "extra.weight") {
					t.Errorf("with a tensor extra.weight the error is %v", err)
				}
				break
			}
		})
	}
}
