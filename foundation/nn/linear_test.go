package nn_test

import (
	"testing"

	"github.com/gyrus-bci/gyrus/foundation/nn"
	"github.com/gyrus-bci/gyrus/foundation/nn/nntest"
)

func TestLinear(t *testing.T) {
	nntest.Check(t, func() nn.Layer { return &nn.Linear{Out: 3} }, nn.Shape{4, 7}, nntest.Options{})
	nntest.Check(t, func() nn.Layer { return &nn.Linear{Out: 1, NoBias: true} }, nn.Shape{5}, nntest.Options{})
}
