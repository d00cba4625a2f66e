package weights_test

import (
	"bytes"
	"fmt"
	"os"

	"github.com/gyrus-bci/gyrus/foundation/weights"
)

func ExampleOpen() {
	raw, err := os.ReadFile("testdata/views.pt") // an *os.File and its size do as well
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err := weights.Open(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(f.Format, len(f.Entries), "tensors")
	t, err := f.Tensor("offset") // rows 1 and 2, column 2 of 0, 1, 2, … in shape 3×4×5
	if err != nil {
		fmt.Println(err)
		return
	}
	x, err := t.Float32s()
	fmt.Println(t.DType, t.Shape, x, err)
	// Output:
	// torch zip 10 tensors
	// F32 [2 5] [30 31 32 33 34 50 51 52 53 54] <nil>
}
