package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/foundation/onnx"
	"github.com/gyrus-bci/gyrus/foundation/weights"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Network is the part of a fitted pipeline that other programs can run: the network at its end.
type Network struct {
	Name    string          // "eegnet"
	In      features.Format // of its windows
	Unit    signal.Unit     // of their values; "" where the steps before made something else of the channels
	Classes []string        // in the order of the probabilities
	Decoder Step            // the decoder as it stands in a pipeline file, with all its parameters: the sizes of the network
	// Before is the steps that a recording goes through before the network, which are not part of it, as they stand in a
	// pipeline file: preprocess, segment, reject and features.
	Before []Before

	decoder decoders.Exporter
}

// Before is one step that is not part of a Network.
type Before struct {
	Section string
	Step    Step
}

// Network is the network of a fitted pipeline. It is an error where the decoder is none.
func (p *Pipeline) Network() (*Network, error) {
	name := p.head.names[len(p.head.steps)]
	if d, never := p.head.decoder.(decoders.Unexportable); never {
		return nil, fmt.Errorf("%s: %s %s", name, p.spec.Decoder.Use, d.WhyNotExported())
	}
	d, ok := p.head.decoder.(decoders.Exporter)
	if _, windowed := p.head.windowed(); !ok || !windowed {
		return nil, fmt.Errorf("%s: %s is not a network: only networks, which read windows, can be exported", name, p.spec.Decoder.Use)
	}
	if !p.head.fitted {
		return nil, errors.New("the pipeline has not learned anything yet: train it, or load a bundle")
	}
	net, in, err := d.Network()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	n := &Network{Name: net, In: in, Classes: slices.Clone(p.classes), Decoder: p.spec.Decoder, decoder: d}
	if len(in.Chans) > 0 {
		n.Unit = in.Chans[0].Unit
	}
	for _, c := range in.Chans {
		if c.Unit != n.Unit {
			n.Unit = ""
		}
	}
	for _, part := range []struct {
		section string
		steps   []Step
	}{{"offline", p.spec.Offline}, {"preprocess", p.spec.Preprocess}, {"segment", []Step{p.spec.Segment}}, {"reject", p.spec.Reject}, {"features", p.spec.Features}} {
		for _, st := range part.steps {
			n.Before = append(n.Before, Before{part.section, st})
		}
	}
	return n, nil
}

// Metadata is what both kinds of file say of the network. Lists are JSON.
func (n *Network) Metadata() (map[string]string, error) {
	m := map[string]string{
		"format": "gyrus network", "network": n.Name, "samples": strconv.Itoa(n.In.Len), "rate_hz": strconv.FormatFloat(n.In.Rate, 'g', -1, 64),
		"unit": string(n.Unit),
	}
	steps := map[string][]Step{}
	for _, b := range n.Before {
		steps[b.Section] = append(steps[b.Section], b.Step)
	}
	for key, list := range map[string]any{"channels": n.In.Names, "classes": n.Classes, "decoder": n.Decoder, "steps_before": steps} {
		text, err := json.Marshal(list)
		if err != nil {
			return nil, err
		}
		m[key] = string(text)
	}
	return m, nil
}

// ONNX is the network as the content of a file: input "window" [batch, channels, samples], output "probabilities" [batch,
// classes]. Standardisation, softmax and a calibration by temperature are part of it.
func (n *Network) ONNX() ([]byte, error) {
	meta, err := n.Metadata()
	if err != nil {
		return nil, err
	}
	g := onnx.NewGraph(n.Name)
	for _, key := range []string{"format", "network", "channels", "samples", "rate_hz", "unit", "classes", "decoder", "steps_before"} {
		g.Metadata(key, meta[key])
	}
	g.Input("window", "batch", len(n.In.Names), n.In.Len)
	out, err := n.decoder.ONNX(g, "window")
	if err != nil {
		return nil, err
	}
	g.Node("Identity", []string{out}, []string{"probabilities"})
	g.Output("probabilities", "batch", len(n.Classes))
	return g.Marshal()
}

// Safetensors is the network's weights as the content of a file, under the names of PyTorch programs.
func (n *Network) Safetensors() ([]byte, error) {
	f, err := n.decoder.Weights()
	if err != nil {
		return nil, err
	}
	meta, err := n.Metadata()
	if err != nil {
		return nil, err
	}
	maps.Copy(f.Metadata, meta)
	return weights.Marshal(f)
}
