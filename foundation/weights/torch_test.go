package weights

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
)

// golden is testdata/golden.json: what PyTorch reads.
type golden struct {
	Float16, Bfloat16 string
	Files             map[string]struct {
		Tensors []struct {
			Name, DType, Raw, F32 string
			Shape                 []int
		}
		Values []struct{ Name, Value string }
	}
}

func readJSON(t testing.TB, name string, dst any) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, dst); err != nil {
		t.Fatal(err)
	}
}

func openBytes(raw []byte) (*Reader, error) { return Open(bytes.NewReader(raw), int64(len(raw))) }

func openFile(t testing.TB, path string) *Reader {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := openBytes(raw)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return f
}

func digest(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// digest32 is the hash of the values as float32.
func digest32(t testing.TB, x Tensor) string {
	t.Helper()
	f, err := x.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	return digest(Float32s(f).Data)
}

// python is a value as Python's str prints it.
func python(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return map[bool]string{true: "True", false: "False"}[v]
	case DType:
		return "torch." + string(v)
	case *big.Int:
		return v.String()
	default:
		return fmt.Sprint(v)
	}
}

// TestTorchReadsWhatPyTorchReads: names, types, shapes, values and their order, of checkpoints made by PyTorch.
func TestTorchReadsWhatPyTorchReads(t *testing.T) {
	var want golden
	readJSON(t, "golden.json", &want)
	if len(want.Files) < 11 {
		t.Fatalf("%d files, want 11", len(want.Files))
	}
	for name, file := range want.Files {
		f := openFile(t, filepath.Join("testdata", name))
		if len(f.Entries) != len(file.Tensors) || len(f.Values) != len(file.Values) || f.Format != TorchZip {
			t.Errorf("%s: %d tensors and %d values in %s, want %d and %d", name, len(f.Entries), len(f.Values), f.Format, len(file.Tensors), len(file.Values))
			continue
		}
		for i, w := range file.Tensors {
			e := f.Entries[i]
			x, err := f.Tensor(e.Name)
			if err != nil {
				t.Errorf("%s: %s: %v", name, e.Name, err)
				continue
			}
			if e.Name != w.Name || e.DType != w.DType || x.DType != w.DType || !cmp.Equal(e.Shape, w.Shape) || int64(len(x.Data)) != e.Bytes {
				t.Errorf("%s: got %+v, want %+v", name, e, w)
			}
			if digest(x.Data) != w.Raw {
				t.Errorf("%s: %s: other values than PyTorch's", name, e.Name)
			}
			switch _, err := x.Float32s(); {
			case w.F32 == "" && err == nil:
				t.Errorf("%s: %s: float32 does not hold the values, got no error", name, e.Name)
			case w.F32 != "" && (err != nil || digest32(t, x) != w.F32):
				t.Errorf("%s: %s: other float32 values than PyTorch's: %v", name, e.Name, err)
			}
		}
		for i, w := range file.Values {
			if v := f.Values[i]; v.Name != w.Name || python(v.Value) != w.Value {
				t.Errorf("%s: value %+v, want %+v", name, v, w)
			}
		}
	}
}

// TestTrainedCheckpoints: every tensor of published EEGNet checkpoints has PyTorch's values.
func TestTrainedCheckpoints(t *testing.T) {
	want := map[string][][3]any{}
	readJSON(t, "eegnet.json", &want)
	tensors := 0
	for name, list := range want {
		f := openFile(t, datasettest.Need(t, name))
		if len(f.Entries) != len(list) || len(list) == 0 {
			t.Errorf("%s: %d tensors, want %d", name, len(f.Entries), len(list))
			continue
		}
		for i, w := range list {
			e := f.Entries[i]
			x, err := f.Tensor(e.Name)
			if err != nil {
				t.Fatalf("%s: %s: %v", name, e.Name, err)
			}
			if e.Name != w[0] || fmt.Sprint(e.Shape) != fmt.Sprint(w[1]) || digest32(t, x) != w[2] {
				t.Errorf("%s: %s %v differs from PyTorch's %v %v", name, e.Name, e.Shape, w[0], w[1])
			}
			tensors++
		}
	}
	t.Logf("%d tensors of %d checkpoints", tensors, len(want))
	if len(want) != 18 {
		t.Errorf("%d checkpoints, the data folder has 18", len(want))
	}
}

// TestHalvesAreExact: all 65536 patterns of float16 (as NumPy reads them) and bfloat16 (as PyTorch does).
func TestHalvesAreExact(t *testing.T) {
	var want golden
	readJSON(t, "golden.json", &want)
	var raw []byte
	for u := range 1 << 16 {
		raw = append(raw, byte(u), byte(u>>8))
	}
	for dtype, sum := range map[string]string{"F16": want.Float16, "BF16": want.Bfloat16} {
		x, err := Tensor{DType: dtype, Shape: []int{1 << 16}, Data: raw}.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range x {
			if math.IsNaN(float64(v)) {
				x[i] = 0
			}
		}
		if digest(Float32s(x).Data) != sum {
			t.Errorf("%s differs", dtype)
		}
	}
}

// evil is an archive of testdata/evil.json.
type evil struct {
	File   []byte
	Op     string
	Offset int64
}

// TestRefusesEvil: what would run code, lie outside the file or ask for the machine's memory is refused, with its
// place as pickletools gives it, and with words that help.
func TestRefusesEvil(t *testing.T) {
	words := map[string]string{
		"os-system": `"posix.system"`, "os-system-named": `"os.system"`, "eval": `"__builtin__.eval"`, "builtins-eval": `"builtins.eval"`,
		"numpy-scalar": `"numpy.core.multiarray.scalar"`, "nested": `"subprocess.Popen"`, "attribute": `"torch.hub.system"`, "torch-load": `"torch.load"`,
		"build-tensor": "a tensor", "build-dict": "must be an OrderedDict", "build-state": "a tuple of 2", "reduce-string": `"print"`,
		"reduce-storage": "torch.FloatStorage", "reduce-list": "must have none", "newobj": "is not needed", "inst": "is not needed", "obj": "is not needed",
		"ext1": "is not needed", "ext4": "is not needed", "persid": "is not needed", "persistent-number": "is 1", "persistent-kind": "a tuple of 5",
		"persistent-class": "collections.OrderedDict", "persistent-key": "../version", "persistent-count": "2147483647 values of F32, the archive has 16 bytes",
		"persistent-type": "4 values of F64, the archive has 16 bytes", "beyond": "reaches value 4", "offset": "reaches value 4", "negative-offset": "the offset is -1",
		"negative-size": "size: number 0 is -1", "negative-stride": "stride: number 0 is -1", "overflow": "impossible", "overflow-stride": "impossible",
		"stride-count": "1 sizes and 0 strides", "huge-string": "4294967295 bytes", "huge-long": "2130706432 bytes", "huge-memo": "4294967295",
		"unknown-memo": "remembered as 7", "marks": "more than 1024", "underflow": "more values than there are", "text-protocol": "is not needed",
		"list-key": "a key is a list", "no-stop": "ends after 0", "two-values": "2 values", "trailing": "11 bytes follow",
		"itself": "holds itself", "laughs": "unfolds to more than", "expanded": "times the file", "class-as-value": "not a value", "same-name": "two tensors",
		"deflated": "compressed", "crc": "CRC-32", "cut": "cut short", "no-storage": `no "a/data/0"`, "no-pickle": "not one of torch.save",
		"torchscript": "TorchScript", "version": "1 to 10", "overlap": "two members share", "claims": "cut short or altered",
	}
	files := map[string]evil{}
	readJSON(t, "evil.json", &files)
	if len(files) != len(words) {
		t.Errorf("%d files, %d expectations", len(files), len(words))
	}
	for name, e := range files {
		f, err := openBytes(e.File)
		if err == nil && name == "crc" { // values are checked when they are read
			_, err = f.Tensor("w")
		}
		if err == nil || words[name] == "" || !strings.Contains(err.Error(), words[name]) {
			t.Errorf("%s: error %v, want one with %q", name, err, words[name])
			continue
		}
		var p *PickleError
		if e.Op != "" && (!errors.As(err, &p) || p.Op != e.Op || p.Offset != e.Offset) {
			t.Errorf("%s: %v, pickletools says %s at byte %d", name, err, e.Op, e.Offset)
		}
	}
}

func TestOtherFilesAreNamed(t *testing.T) {
	legacy, err := os.ReadFile("testdata/legacy.pt")
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		data []byte
		want string
	}{
		"legacy torch": {legacy, "before 1.6"},
		"bare pickle":  {[]byte("\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00}."), "bare pickle"},
		"empty":        {nil, "0 bytes"},
		"text":         {[]byte("Dear colleague, here are the weights"), "not a safetensors file, or cut short"},
		"other zip":    {[]byte("PK\x03\x04 and nothing more"), "cut short"},
		"no header":    {append([]byte{8, 0, 0, 0, 0, 0, 0, 0}, "[1,2,3] "...), `must begin with "{"`},
	} {
		if _, err := openBytes(tc.data); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, tc.want)
		}
	}
}

// TestCutAnywhere: no beginning of a checkpoint passes for one.
func TestCutAnywhere(t *testing.T) {
	raw, err := os.ReadFile("testdata/views.pt")
	if err != nil {
		t.Fatal(err)
	}
	for n := range raw {
		if _, err := openBytes(raw[:n]); err == nil {
			t.Errorf("the first %d of %d bytes pass", n, len(raw))
		}
	}
}

// TestPicklesAreBounded: a pickle that makes values without end is refused while they are few.
func TestPicklesAreBounded(t *testing.T) {
	many := "(" + strings.Repeat("}", 1000) + "e"
	for name, tc := range map[string]struct{ pickle, want string }{
		"stack":  {"\x80\x02" + strings.Repeat("N", maxStack+1), "values on the stack"},
		"values": {"\x80\x02]" + strings.Repeat(many, maxPushes/1000+1) + ".", fmt.Sprintf("more than %d values", maxPushes)},
		"length": {strings.Repeat("N", maxPickle+1), "must have at most"},
		"name":   {"\x80\x02c" + strings.Repeat("a", 1000) + "\nb\n.", "no end of a name"},
	} {
		if _, err := unpickle([]byte(tc.pickle), nil); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, tc.want)
		}
	}
}

// TestTorchIsLazy: opening a checkpoint reads its directory and its pickle, and none of a megabyte of values.
func TestTorchIsLazy(t *testing.T) {
	files := map[string]evil{}
	readJSON(t, "evil.json", &files)
	a, err := openArchive(bytes.NewReader(files["crc"].File), int64(len(files["crc"].File)))
	if err != nil {
		t.Fatal(err)
	}
	pickle, err := a.whole("data.pkl", maxPickle)
	if err != nil {
		t.Fatal(err)
	}
	const values = 1 << 18
	pickle = bytes.Replace(pickle, []byte("K\x04tQ"), []byte("J\x00\x00\x04\x00tQ"), 1)
	var file bytes.Buffer
	z := zip.NewWriter(&file)
	for _, m := range []struct {
		name string
		data []byte
	}{{"a/data/0", Float32s(make([]float32, values)).Data}, {"a/data.pkl", pickle}, {"a/version", []byte("3\n")}} {
		w, err := z.CreateHeader(&zip.FileHeader{Name: m.name, Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(m.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	r := &seen{ReaderAt: bytes.NewReader(file.Bytes())}
	f, err := Open(r, int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if r.bytes > 64<<10 {
		t.Errorf("opening read %d bytes of %d", r.bytes, file.Len())
	}
	if x, err := f.Tensor("w"); err != nil || len(x.Data) != 16 {
		t.Errorf("got %v: %v", x, err)
	}
}

// TestLong: integers of pickles in two's complement.
func TestLong(t *testing.T) {
	for want, b := range map[string][]byte{
		"0": {}, "-1": {0xff}, "255": {0xff, 0}, "-128": {0x80}, "-32768": {0, 0x80},
		"9223372036854775808": {0, 0, 0, 0, 0, 0, 0, 0x80, 0}, "-9223372036854775808": {0, 0, 0, 0, 0, 0, 0, 0x80},
	} {
		v := long(b)
		if got := fmt.Sprint(v); got != want {
			t.Errorf("%x is %s, want %s", b, got, want)
		}
		if _, isInt := v.(int64); isInt != (want != "9223372036854775808") {
			t.Errorf("%s is %T", want, v)
		}
	}
}
