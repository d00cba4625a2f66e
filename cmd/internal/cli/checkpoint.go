package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/foundation/nn"
	"github.com/gyrus-bci/gyrus/foundation/nn/kernel"
	"github.com/gyrus-bci/gyrus/ingest/atomicfile"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// maxCheckpoint bounds what is read into memory.
const maxCheckpoint = 4 << 30

// checkpointFlags say where the training of networks is kept while it runs.
type checkpointFlags struct {
	file, resume string
	every        int
}

func (c *checkpointFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.file, "checkpoint", "", "FILE: write how far the training of a network has come to this file, again and again")
	cmd.Flags().StringVar(&c.resume, "resume", "", "FILE: go on from this checkpoint, of the same command, and write further ones to it (or to --checkpoint); the result has the bits of a training that was never cut off")
	cmd.Flags().IntVar(&c.every, "checkpoint-every", 10, "epochs from one checkpoint to the next")
}

// check reports flags that cannot be, before anything is read. files are the recordings, out is the bundle.
func (c *checkpointFlags) check(cmd *cobra.Command, spec *pipeline.Spec, files []string, out string) error {
	if c.file == "" && c.resume == "" {
		if cmd.Flags().Changed("checkpoint-every") {
			return usageError{errors.New("--checkpoint-every does nothing without --checkpoint FILE or --resume FILE")}
		}
		return nil
	}
	if spec.Target != nil {
		return usageError{errors.New("--checkpoint and --resume are for networks; a decoder that follows quantities learns in one go")}
	}
	if c.every < 1 {
		return usageError{fmt.Errorf("--checkpoint-every is %d, must be at least 1", c.every)}
	}
	if c.file == "" {
		c.file = c.resume
	}
	if err := checkOutput(c.file, files); err != nil {
		return err
	}
	if sameFile(c.file, out) || sameFile(c.resume, out) {
		return usageError{fmt.Errorf("%s is the checkpoint and, by -o, the result: name two files", out)}
	}
	if _, err := os.Stat(c.file); err == nil && !sameFile(c.file, c.resume) {
		return usageError{fmt.Errorf("--checkpoint %s is there already: --resume %s goes on from it; or remove it", c.file, c.file)}
	}
	return nil
}

// sameFile says whether two paths are one file, or would be.
func sameFile(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	if a == b {
		return true
	}
	sa, errA := os.Stat(a)
	sb, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(sa, sb)
}

// begin hands the journal to all that is trained from here on. program is what the order of the trainings depends on.
func (c *checkpointFlags) begin(cmd *cobra.Command, program map[string]string) error {
	if c.file == "" {
		return nil
	}
	j := &nn.Journal{Program: program}
	if c.resume != "" {
		raw, err := readAtMost(c.resume, maxCheckpoint)
		if err != nil {
			return notThere(err)
		}
		if j, err = nn.ReadJournal(raw, program); err != nil {
			return refusal{fmt.Errorf("--resume %s: %w", c.resume, err)}
		}
		over, epochs := j.Epochs()
		note(cmd, "going on from %s: %d trainings are over, the next one has made %d epochs", c.resume, over, epochs)
	}
	j.Every = c.every
	j.Save = func(file []byte) error {
		return atomicfile.Write(c.file, func(w io.Writer) error {
			_, err := w.Write(file)
			return err
		})
	}
	cmd.SetContext(nn.WithJournal(cmd.Context(), j))
	return nil
}

// readAtMost reads a file that has at most limit bytes.
func readAtMost(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, &fs.PathError{Op: "read", Path: path, Err: err}
	}
	if int64(len(raw)) > limit {
		return nil, refusal{fmt.Errorf("%s: is larger than %d bytes", path, limit)}
	}
	return raw, nil
}

// program is what a training of spec on recordings depends on, beside the windows, which each training checks itself.
func program(spec *pipeline.Spec, files, hashes []string, rest *restFlags, scheme string, seed uint64, permute bool) (map[string]string, error) {
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	data := slices.Clone(hashes)
	for i, h := range data {
		if h == "" { // simulated
			data[i] = files[i]
		}
	}
	return map[string]string{
		"pipeline": string(text), "recordings (SHA-256)": strings.Join(data, " "), "split": scheme, "seed": strconv.FormatUint(seed, 10),
		"permuted labels": strconv.FormatBool(permute), "rest": fmt.Sprint(rest.files, rest.events, rest.perMinute),
		"version of gyrus": Version, "kind of kernels": kernel.Name(), "built with": runtime.Version() + " for " + runtime.GOOS + "/" + runtime.GOARCH,
	}, nil
}
