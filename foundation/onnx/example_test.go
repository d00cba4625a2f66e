package onnx_test

import (
	"fmt"

	"github.com/gyrus-bci/gyrus/foundation/onnx"
)

func ExampleGraph() {
	g := onnx.NewGraph("logistic_regression")
	g.Input("row", "batch", 3)
	g.Const("coef", []float32{0.5, -1, 2}, 3, 1)
	g.Node("MatMul", []string{"row", "coef"}, []string{"score"})
	g.Node("Sigmoid", []string{"score"}, []string{"probability"})
	g.Output("probability", "batch", 1)
	model, err := g.Marshal() // the content of a file
	fmt.Println(len(model) > 0, err)

	g.Node("Softmx", []string{"prob"}, []string{"y"})
	_, err = g.Marshal()
	fmt.Println(err)
	// Output:
	// true <nil>
	// onnx: graph "logistic_regression": Softmx: input "prob" is not computed before it
}
