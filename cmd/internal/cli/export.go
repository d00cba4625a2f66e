package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest/atomicfile"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// exportJSON is what gyrus models export --json prints.
type exportJSON struct {
	Output   string       `json:"output"`
	Network  string       `json:"network"`
	Bytes    int          `json:"bytes"`
	Channels []string     `json:"channels"`
	Samples  int          `json:"samples"`
	RateHz   float64      `json:"rate_hz"`
	Unit     string       `json:"unit"`
	Classes  []string     `json:"classes"`
	Before   []beforeJSON `json:"steps_before"` // what a recording goes through first, which is not in the file
}

type beforeJSON struct {
	Section string        `json:"section"`
	Step    pipeline.Step `json:"step"`
}

func newModelsExport() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "export MODEL.gyrus -o NET.onnx|NET.safetensors", Short: "the network of a bundle for other programs", Args: cobra.ExactArgs(1),
		Long: `Export writes the network of a bundle for other programs, by the ending of the output:

  .onnx         the whole network for ONNX Runtime and its like: input "window" [batch, channels, samples] as the steps
                before make it, output "probabilities" [batch, classes]. Standardisation and what makes probabilities of
                the network's output (softmax; of dqn's values the nearest probabilities) are part of it.
  .safetensors  the weights under the names and with the sizes of braindecode's class of the network, and input.mean and
                input.sd [channels], with which windows are standardised in front of it. Where braindecode limits the norm
                of weights, take that off before loading (torch.nn.utils.parametrize.remove_parametrizations). eegnet
                pads as the paper does: train with padding: symmetric where braindecode is to give the same output.

Channels, rate, unit, classes and the parameters of the network are in the metadata of both. The steps before the network (filters, cutting of windows)
are in neither: they are listed, and stand in the metadata as "steps_before".

dqn_sequential has no .onnx, because it looks at one piece of a window after the other; its weights can be written. edge_dnn,
edge_cnn and edge_lstm are written as C: gyrus models export-c.`,
		Example: "  gyrus models export model.gyrus -o net.onnx\n  gyrus models export model.gyrus -o net.safetensors --json | jq .steps_before",
		RunE: func(cmd *cobra.Command, args []string) error {
			ext := strings.ToLower(filepath.Ext(out))
			if ext != ".onnx" && ext != ".safetensors" {
				return usageError{fmt.Errorf("-o %q: the ending must be .onnx or .safetensors", out)}
			}
			if err := checkOutput(out, args); err != nil {
				return err
			}
			_, p, err := loadModel(args[0], pipeline.Cued)
			if err != nil {
				return err
			}
			n, err := p.Network()
			if err != nil {
				return refusal{fmt.Errorf("%s: %w", args[0], err)}
			}
			write := n.ONNX
			if ext == ".safetensors" {
				write = n.Safetensors
			}
			raw, err := write()
			if err != nil {
				return refusal{fmt.Errorf("%s: %w", args[0], err)}
			}
			if err := atomicfile.Write(out, func(w io.Writer) error {
				_, err := w.Write(raw)
				return err
			}); err != nil {
				return err
			}
			v := exportJSON{
				Output: out, Network: n.Name, Bytes: len(raw), Channels: n.In.Names, Samples: n.In.Len, RateHz: n.In.Rate, Unit: string(n.Unit),
				Classes: n.Classes, Before: []beforeJSON{},
			}
			for _, b := range n.Before {
				v.Before = append(v.Before, beforeJSON{b.Section, b.Step})
			}
			if wantsJSON(cmd) {
				return printJSON(cmd, v)
			}
			return printExport(cmd.OutOrStdout(), v)
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "the file to write, .onnx or .safetensors")
	return cmd
}

func printExport(w io.Writer, v exportJSON) error {
	fmt.Fprintf(w, "%s  %s, %d bytes: windows of %d channels × %d samples at %g Hz → probabilities of %s\n",
		v.Output, v.Network, v.Bytes, len(v.Channels), v.Samples, v.RateHz, strings.Join(v.Classes, ", "))
	fmt.Fprintln(w, "not in the file, to be done before:")
	for _, b := range v.Before {
		text, err := b.Step.MarshalJSON()
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "  %s  %s\n", b.Section, text)
	}
	return nil
}
