package weights

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSeal(t *testing.T) {
	f := File{Metadata: map[string]string{"a": `"sha256":"not this one"`}, Tensors: map[string]Tensor{"w": Float32s([]float32{1, -2}, 2)}}
	raw, err := Seal(f)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Unseal(raw)
	if err != nil || !cmp.Equal(got, f) {
		t.Errorf("got %v %v, want %v", got, err, f)
	}
	if again, err := Seal(f); err != nil || !bytes.Equal(again, raw) {
		t.Errorf("the same content gives other bytes (%v)", err)
	}
	if _, err := Unmarshal(raw); err != nil {
		t.Errorf("who knows nothing of the seal cannot read it: %v", err)
	}
	for at := range raw {
		bad := bytes.Clone(raw)
		bad[at] ^= 1
		if _, err := Unseal(bad); err == nil {
			t.Errorf("byte %d was altered, and it is no error", at)
		}
		if _, err := Unseal(raw[:at]); err == nil {
			t.Errorf("only %d of %d bytes are there, and it is no error", at, len(raw))
		}
	}
	if _, err := Seal(File{Metadata: map[string]string{"sha256": ""}}); err == nil {
		t.Error("the hash can be given from outside")
	}
}
