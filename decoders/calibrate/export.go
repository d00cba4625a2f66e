package calibrate

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/foundation/onnx"
	"github.com/gyrus-bci/gyrus/foundation/weights"
)

// exporter is the fitted decoder inside, where it can be exported.
func (c *Calibrated) exporter() (decoders.Exporter, error) {
	if c.fit == nil {
		return nil, errors.New("calibrated: not fitted; train the pipeline or load a bundle first")
	}
	inner, ok := c.fit.decoder.(decoders.Exporter)
	if _, windowed := decoders.AsWindowed(c.fit.decoder); !ok || !windowed {
		return nil, fmt.Errorf("calibrated: the decoder inside, %s, is not a network and cannot be exported", c.Decoder.Use)
	}
	if c.fit.isotonic != nil {
		return nil, errors.New("calibrated: isotonic regression cannot be exported; train with method: temperature, or without calibrated")
	}
	return inner, nil
}

// Network is that of the decoder inside.
func (c *Calibrated) Network() (string, features.Format, error) {
	inner, err := c.exporter()
	if err != nil {
		return "", features.Format{}, err
	}
	return inner.Network()
}

// ONNX adds the decoder inside, then softmax(ln p / T). Probabilities below the smallest that Temperature tells apart
// from 0 count as that.
func (c *Calibrated) ONNX(g *onnx.Graph, in string) (string, error) {
	inner, err := c.exporter()
	if err != nil {
		return "", err
	}
	p, err := inner.ONNX(g, in)
	if err != nil {
		return "", fmt.Errorf("calibrated: %w", err)
	}
	floor, t := g.Free("least"), g.Free("temperature")
	g.Const(floor, []float32{least})
	g.Const(t, []float32{float32(c.fit.temperature)})
	node := func(op string, in ...string) string {
		out := g.Free(op)
		g.Node(op, in, []string{out})
		return out
	}
	return node("Softmax", node("Div", node("Log", node("Max", p, floor)), t)), nil
}

// Weights is those of the decoder inside, with the temperature as metadata.
func (c *Calibrated) Weights() (weights.File, error) {
	inner, err := c.exporter()
	if err != nil {
		return weights.File{}, err
	}
	f, err := inner.Weights()
	if err != nil {
		return weights.File{}, fmt.Errorf("calibrated: %w", err)
	}
	before := "1"
	if t, ok := f.Metadata["temperature"]; ok { // calibrated twice
		before = t
	}
	t, err := strconv.ParseFloat(before, 64)
	if err != nil {
		return weights.File{}, err
	}
	f.Metadata["temperature"] = strconv.FormatFloat(t*c.fit.temperature, 'g', -1, 64)
	return f, nil
}
