package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/decoders/seizure"
	"github.com/gyrus-bci/gyrus/ingest/atomicfile"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// exportCJSON is what gyrus models export-c --json prints.
type exportCJSON struct {
	Files []string       `json:"files"`
	Cost  seizure.Report `json:"cost"`
}

func newModelsExportC() *cobra.Command {
	var dir, name string
	cmd := &cobra.Command{
		Use: "export-c MODEL", Short: "a network for an implant as C, and what it costs", Args: cobra.ExactArgs(1),
		Long: `Export-c writes the integer network of a model whose decoder is edge_dnn, edge_cnn or edge_lstm as C99: NAME.h, NAME.c and
NAME_main.c, a program around them that reads samples from standard input. The code has no heap and no floating point; it
takes int16 samples second by second and gives logits of 16 bits, those of gyrus to the last bit; weights and activations have 8. What the pipeline does before
the decoder (filters) is not in it, and is listed in NAME.h.

Bytes and operations are counted. Time and energy are estimates for a named microcontroller, from figures of its data sheet
and assumed cycles for a multiplication: gyrus does not measure microcontrollers.`,
		Example: "  gyrus models export-c model.gyrus -o firmware --name detector\n  cc -std=c99 -O2 firmware/detector.c firmware/detector_main.c",
		RunE: func(cmd *cobra.Command, args []string) error {
			if dir == "" {
				return usageError{errors.New("-o is missing: the folder to write to")}
			}
			c, report, err := exportC(args[0], name)
			if err != nil {
				return err
			}
			if err := os.MkdirAll(dir, 0o777); err != nil { //nolint:gosec // the umask says who may read it
				return usageError{err}
			}
			v := exportCJSON{Cost: report}
			for _, f := range []struct {
				name string
				text []byte
			}{{name + ".h", c.Header}, {name + ".c", c.Source}, {name + "_main.c", c.Harness}} {
				path := filepath.Join(dir, f.name)
				if err := checkOutput(path, args); err != nil {
					return err
				}
				if err := atomicfile.Write(path, func(w io.Writer) error {
					_, err := io.Copy(w, bytes.NewReader(f.text))
					return err
				}); err != nil {
					return err
				}
				v.Files = append(v.Files, path)
			}
			if wantsJSON(cmd) {
				return printJSON(cmd, v)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s\n\n", strings.Join(v.Files, "\n"))
			printCost(cmd.OutOrStdout(), v.Cost)
			return nil
		},
	}
	cmd.Flags().StringVarP(&dir, "output", "o", "", "folder to write to; it is made where it is not there")
	cmd.Flags().StringVar(&name, "name", "model", "name of the files and prefix of the functions")
	return cmd
}

// exportC reads a bundle and writes its network.
func exportC(path, name string) (*seizure.C, seizure.Report, error) {
	_, p, err := loadModel(path, pipeline.Cued)
	if err != nil {
		return nil, seizure.Report{}, err
	}
	spec := p.Spec()
	e, ok := p.Decoder().(seizure.Exporter)
	if !ok {
		return nil, seizure.Report{}, refusal{fmt.Errorf("%s: the decoder is %s, must be edge_dnn, edge_cnn or edge_lstm: only they can be written as C", path, spec.Decoder.Use)}
	}
	m, err := e.Model()
	if err != nil {
		return nil, seizure.Report{}, refusal{fmt.Errorf("%s: %w", path, err)}
	}
	notes := []string{"", "Channels, in order: " + strings.Join(p.Input().Names(), ", ")}
	for _, s := range append(append(append([]pipeline.Step{}, spec.Offline...), spec.Preprocess...), spec.Features...) {
		notes = append(notes, fmt.Sprintf("In front of it, not in this code: %s %s", s.Use, s.Params))
	}
	c, err := m.C(name, notes)
	if err != nil {
		return nil, seizure.Report{}, usageError{fmt.Errorf("%s: %w", path, err)}
	}
	return c, m.Report(), nil
}

func printCost(w io.Writer, r seizure.Report) {
	fit := "fits into"
	if !r.RAM.Within {
		fit = "does not fit into"
	}
	rows := [][]string{
		{"parameters", fmt.Sprintf("%d, of the weights %d are 0", r.Parameters, r.Zero)},
		{"flash", fmt.Sprintf("%d bytes of constants; %s", r.Flash, seizure.CodeSource)},
		{"ram", fmt.Sprintf("%d bytes, %s %d: %d kept, %d buffers, %d the caller's second of samples, %d for the stack",
			r.RAM.Total, fit, r.RAM.Limit, r.RAM.State, r.RAM.Buffers, r.RAM.Block, r.RAM.Stack)},
		{"stack", r.RAM.StackSource},
		{"multiplications", fmt.Sprintf("%d in the network (%d are done), %d in the transforms in front of it; once a second", r.MACs, r.UsedMACs, r.FrontMACs)},
	}
	for _, e := range r.Estimates {
		rows = append(rows, []string{"estimate", fmt.Sprintf("%.2f ms, %.0f µJ for an answer on %s at %g MHz, %g µA/MHz, %g V; %s", e.Milliseconds, e.Microjoules,
			e.Microcontroller.Name, e.Microcontroller.MHz, e.Microcontroller.UAPerMHz, e.Microcontroller.Volt, e.Kernels)})
	}
	columns(w, rows)
	fmt.Fprintln(w, "\nTime and energy are estimates (current: data sheet; cycles: assumed). They were not measured.")
}
