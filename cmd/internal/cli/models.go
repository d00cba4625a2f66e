package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/foundation/weights"
	"github.com/gyrus-bci/gyrus/ingest/atomicfile"
	"github.com/gyrus-bci/gyrus/stream/bundle"
)

// torchValues is the key, in the metadata of a converted file, of what a checkpoint holds beside tensors.
const torchValues = "torch_values"

func newModels() *cobra.Command {
	models := &cobra.Command{
		Use: "models", Short: "files of weights: what is in them, and conversion", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	models.AddCommand(newModelsInfo(), newModelsConvert(), newModelsExport(), newModelsExportC())
	return models
}

// modelJSON is what gyrus models info --json prints.
type modelJSON struct {
	Format     string            `json:"format"`
	FileBytes  int64             `json:"file_bytes"`
	Parameters int64             `json:"parameters"` // numbers in all tensors together
	Tensors    []weights.Entry   `json:"tensors"`
	Metadata   map[string]string `json:"metadata"`
	Values     []weights.Value   `json:"values"`            // of a checkpoint, beside tensors
	Adapted    *bundle.Adapted   `json:"adapted,omitempty"` // of a bundle that learned from feedback
}

func newModelsInfo() *cobra.Command {
	return &cobra.Command{
		Use: "info FILE", Short: "the tensors and metadata of a file of weights", Args: cobra.ExactArgs(1),
		Long: `Info lists what is in a file of weights, by its content: safetensors, a bundle of gyrus (whose SHA-256 it checks), or a
checkpoint that torch.save wrote as a zip file. No code in a checkpoint is run: one that would run some is refused.`,
		Example: "  gyrus models info model.gyrus\n  gyrus models info checkpoint.pt --json | jq '.tensors[].name'",
		RunE: func(cmd *cobra.Command, args []string) error {
			f, size, done, err := openWeights(args[0])
			if err != nil {
				return err
			}
			defer done()
			v := modelJSON{
				Format: f.Format, FileBytes: size, Tensors: append([]weights.Entry{}, f.Entries...), Metadata: map[string]string{},
				Values: []weights.Value{},
			}
			maps.Copy(v.Metadata, f.Metadata)
			for _, x := range f.Values {
				v.Values = append(v.Values, weights.Value{Name: x.Name, Value: plain(x.Value)})
			}
			for i, e := range f.Entries {
				n := int64(1)
				for _, d := range e.Shape {
					n *= int64(d)
				}
				v.Parameters += n
				if e.Shape == nil {
					v.Tensors[i].Shape = []int{}
				}
			}
			if _, ok := f.Metadata["gyrus"]; ok {
				v.Format = "gyrus bundle"
				b, err := bundle.Read(args[0])
				if err != nil {
					return err
				}
				v.Adapted = b.Manifest.Adapted
			}
			if wantsJSON(cmd) {
				return printJSON(cmd, v)
			}
			printModel(cmd.OutOrStdout(), args[0], v)
			return nil
		},
	}
}

func printModel(w io.Writer, name string, v modelJSON) {
	fmt.Fprintf(w, "%s  %s, %d bytes, %d tensors with %d numbers\n\n", name, v.Format, v.FileBytes, len(v.Tensors), v.Parameters)
	rows := [][]string{{"tensor", "type", "shape", "bytes"}}
	for _, e := range v.Tensors {
		rows = append(rows, []string{printable(e.Name), e.DType, strings.ReplaceAll(strings.Trim(fmt.Sprint(e.Shape), "[]"), " ", "×"), strconv.FormatInt(e.Bytes, 10)})
	}
	columns(w, rows)
	if a := v.Adapted; a != nil {
		who := "which decides"
		if !a.Decides {
			who = "which has not proven better and does not decide"
		}
		fmt.Fprintf(w, "\nadapted from %s (SHA-256 %.12s…) in session %s: %d updates from feedback, %s\n", printable(a.File), a.From, printable(a.Session), a.Updates, who)
	}
	list := func(title, name, value string) {
		const most = 100
		if r := []rune(value); len(r) > most {
			value = fmt.Sprintf("%s… (%d characters, --json prints all)", string(r[:most]), len(r))
		}
		fmt.Fprintf(w, "%s  %s  %s\n", title, printable(name), value)
	}
	if len(v.Metadata)+len(v.Values) > 0 {
		fmt.Fprintln(w)
	}
	for _, k := range slices.Sorted(maps.Keys(v.Metadata)) {
		list("metadata", k, printable(v.Metadata[k]))
	}
	for _, x := range v.Values {
		list("value", x.Name, printable(fmt.Sprint(x.Value)))
	}
}

// plain is a value of a checkpoint as JSON can hold it.
func plain(v any) any {
	if f, ok := v.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return v
}

func newModelsConvert() *cobra.Command {
	return &cobra.Command{
		Use: "convert CHECKPOINT OUT.safetensors", Short: "a checkpoint of torch as safetensors, bit for bit", Args: cobra.ExactArgs(2),
		Long: `Convert writes the tensors of a checkpoint, a zip file of torch.save, as safetensors: the same names, with the keys of
nested dictionaries joined by dots, the same types and the same bits. What a checkpoint holds beside tensors goes into
the metadata, as JSON under "` + torchValues + `". No code in a checkpoint is run: one that would run some is refused.`,
		Example: "  gyrus models convert checkpoint.pt model.safetensors",
		RunE: func(cmd *cobra.Command, args []string) error {
			in, out := args[0], args[1]
			if !strings.EqualFold(filepath.Ext(out), ".safetensors") {
				return usageError{fmt.Errorf("%s: the ending must be .safetensors", out)}
			}
			if err := checkOutput(out, []string{in}); err != nil {
				return err
			}
			f, _, done, err := openWeights(in)
			if err != nil {
				return err
			}
			defer done()
			if f.Format != weights.TorchZip {
				return usageError{fmt.Errorf("%s: is in the layout of safetensors already, convert reads checkpoints of torch", in)}
			}
			if len(f.Entries) == 0 {
				return refusal{fmt.Errorf("%s: holds no tensors, only %d other values", in, len(f.Values))}
			}
			return convert(cmd, f, in, out)
		},
	}
}

func convert(cmd *cobra.Command, f *weights.Reader, in, out string) error {
	metadata := map[string]string{}
	if len(f.Values) > 0 {
		values := make(map[string]any, len(f.Values))
		for _, v := range f.Values {
			values[v.Name] = plain(v.Value)
		}
		text, err := json.Marshal(values)
		if err != nil {
			return err
		}
		metadata[torchValues] = string(text)
	}
	unread := false
	err := atomicfile.Write(out, func(w io.Writer) error {
		return weights.Write(w, metadata, f.Entries, func(name string) (weights.Tensor, error) {
			if err := cmd.Context().Err(); err != nil {
				return weights.Tensor{}, err
			}
			t, err := f.Tensor(name)
			unread = err != nil
			return t, err
		})
	})
	if unread {
		return refused(in, err)
	}
	if err != nil {
		return err
	}
	var bytes int64
	for _, e := range f.Entries {
		bytes += e.Bytes
	}
	if wantsJSON(cmd) {
		return printJSON(cmd, struct {
			Output  string `json:"output"`
			Tensors int    `json:"tensors"`
			Bytes   int64  `json:"bytes"`
			Values  int    `json:"values"`
		}{out, len(f.Entries), bytes, len(f.Values)})
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s  %d tensors of %d bytes, %d other values in the metadata\n", out, len(f.Entries), bytes, len(f.Values))
	return nil
}

// openWeights opens a file of weights; done closes it.
func openWeights(path string) (f *weights.Reader, size int64, done func(), err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, nil, notThere(err)
	}
	st, err := file.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = usageError{fmt.Errorf("%s is not a file: name a file of weights", path)}
	}
	if err == nil {
		if f, err = weights.Open(file, st.Size()); err != nil {
			err = refused(path, err)
		}
	}
	if err != nil {
		return nil, 0, nil, errors.Join(err, file.Close())
	}
	return f, st.Size(), func() { _ = file.Close() }, nil // read only: nothing can be lost
}

// refused is an error of reading weights: what the disk did is a failure, all else lies in the file.
func refused(path string, err error) error {
	var disk *fs.PathError
	if errors.As(err, &disk) {
		return err
	}
	return refusal{fmt.Errorf("%s: %w", path, err)}
}
