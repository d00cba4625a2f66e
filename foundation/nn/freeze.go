package nn

import "errors"

// Freezer is a layer that can do part of its work once, as long as the weights stay: it folds, composes or packs them.
type Freezer interface {
	// Freeze makes what Forward without Pass.Train uses from then on, out of the weights as they are now.
	Freeze()
}

// Folder is a Freezer that also takes in a BatchNorm behind it.
type Folder interface {
	// Fold freezes the layer such that output channel o becomes scale[o]·y[o] + shift[o]. nil stands for 1 and 0.
	Fold(scale, shift []float32)
}

// Freeze prepares a network that is only used: constants are worked out once, each BatchNorm behind a convolution becomes
// part of its weights. Outputs stay the same but for rounding. Who changes the weights afterwards, other
// than by SetArrays, calls Freeze again. A network with Options.Train cannot be frozen.
func (n *Net) Freeze() error {
	if n.opt.Train {
		return errors.New("nn: a network made with Options.Train changes its weights and cannot be frozen")
	}
	freeze(n.Root())
	n.frozen = true
	return nil
}

func freeze(l Layer) {
	if f, ok := l.(Freezer); ok {
		f.Freeze()
	}
}

// folded is the frozen state of a layer with weights for each output and a bias.
type folded struct {
	frozen bool
	fw, fb []float32 // fb is nil where there is none
}

// fold makes fw and fb.
func (f *folded) fold(weight []float32, bias *Param, out int, scale, shift []float32) {
	f.frozen = true
	f.fw = append([]float32(nil), weight...)
	f.fb = nil
	if bias != nil || shift != nil {
		f.fb = make([]float32, out)
	}
	if bias != nil {
		copy(f.fb, bias.W)
	}
	for o := range scale {
		row := f.fw[o*len(f.fw)/out : (o+1)*len(f.fw)/out]
		for i := range row {
			row[i] *= scale[o]
		}
		if bias != nil {
			f.fb[o] *= scale[o]
		}
	}
	for o := range shift {
		f.fb[o] += shift[o]
	}
}

// Freeze freezes the layers, and folds each BatchNorm into the layer in front of it where that one can.
func (s *Sequential) Freeze() {
	for i, l := range s.Layers {
		f, ok := l.Layer.(Folder)
		if ok && i+1 < len(s.Layers) {
			if norm, is := s.Layers[i+1].Layer.(*BatchNorm); is {
				f.Fold(norm.affine())
				norm.absorbed = true
				continue
			}
		}
		if norm, is := l.Layer.(*BatchNorm); is && norm.absorbed {
			continue
		}
		freeze(l.Layer)
	}
}
