package cli

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest/atomicfile"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

func newDecode() *cobra.Command {
	var out string
	var cued bool
	cmd := &cobra.Command{
		Use: "decode MODEL FILE…", Short: "every prediction of a model on recordings, as a live session would have made them", Args: cobra.MinimumNArgs(2),
		Long: `Decode prints one line per window: the recording, its samples [start, end), the time of its end in seconds from the
start of the recording, the class with the highest score, that score, the score of each class, the event and true class
where the window was cut around an event, why it was not decoded, and what a controller would be told: nothing where a
section decide holds that nothing is meant. The windows are those of a live session: cued ones and sliding ones. A model
with a section target gives the value of each quantity in place of class, scores, event and decision.

Without -o it prints CSV (with --json one JSON object a line). With -o it writes a file, .csv or .arrow, and prints how many
windows of which recording are in it (with --json too).`,
		Example: "  gyrus decode model.gyrus S001R14.edf > r14.csv\n  gyrus decode model.gyrus S001R14.edf -o r14.arrow",
		RunE: func(cmd *cobra.Command, args []string) error {
			which := pipeline.All
			if cued {
				which = pipeline.Cued
			}
			return decode(cmd, args[0], args[1:], out, which)
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "write this file: .csv or .arrow")
	addReading(cmd)
	cmd.Flags().BoolVar(&cued, "cued", false, "only the windows cut around events")
	return cmd
}

// decodedJSON is what gyrus decode -o FILE --json prints.
type decodedJSON struct {
	Output     string             `json:"output"`
	Recordings []decodedRecording `json:"recordings"`
}

// decodedRecording is how much of a recording was written.
type decodedRecording struct {
	Recording string `json:"recording"`
	Windows   int64  `json:"windows"`  // those that were rejected included
	Rejected  int64  `json:"rejected"` // which were not decoded
}

// writer takes predictions; end finishes what it writes.
type writer interface {
	put(recording string, rate float64, p *pipeline.Prediction) error
	end() error
}

func decode(cmd *cobra.Command, model string, files []string, out string, which pipeline.Which) error {
	if err := checkOutput(out, append([]string{model}, files...)); err != nil {
		return err
	}
	if ext := strings.ToLower(filepath.Ext(out)); out != "" && ext != ".csv" && ext != ".arrow" {
		return usageError{fmt.Errorf("%s: the ending must be .csv or .arrow", out)}
	}
	_, p, err := loadModel(model, which)
	if err != nil {
		return err
	}
	recs, _, closeAll, err := openAll(cmd, files)
	if err != nil {
		return err
	}
	defer closeAll()
	deviations(cmd, recs)
	for _, rec := range recs { // before anything is written
		if err := p.Accepts(rec.Info); err != nil {
			return fmt.Errorf("%s: %w", rec.Name, err)
		}
	}
	if out == "" {
		w := newLines(cmd.OutOrStdout(), p)
		if wantsJSON(cmd) {
			w = jsonLines{json.NewEncoder(cmd.OutOrStdout()), p.Outputs(), p.Target() != nil}
		}
		_, err := decodeAll(cmd, recs, p, w)
		return errors.Join(err, w.end())
	}
	wrote := decodedJSON{Output: out}
	if err := atomicfile.Write(out, func(f io.Writer) error {
		w := newLines(f, p)
		if strings.EqualFold(filepath.Ext(out), ".arrow") {
			if w = newArrow(f, p.Classes()); p.Target() != nil {
				w = newValueArrow(f, p.Outputs())
			}
		}
		all, err := decodeAll(cmd, recs, p, w)
		wrote.Recordings = all
		return errors.Join(err, w.end())
	}); err != nil {
		return err
	}
	if wantsJSON(cmd) {
		return printJSON(cmd, wrote)
	}
	for _, r := range wrote.Recordings {
		say(cmd.OutOrStdout(), "%s  %d windows of %s, %d of them rejected\n", out, r.Windows, r.Recording, r.Rejected)
	}
	return nil
}

func decodeAll(cmd *cobra.Command, recs []*signal.Recording, p *pipeline.Pipeline, w writer) (all []decodedRecording, err error) {
	bar := newProgress(cmd, "decoding", samples(recs))
	defer bar.end()
	for _, rec := range recs {
		d := decodedRecording{Recording: rec.Name}
		stats, err := decodeRecording(cmd.Context(), rec, p, bar, func(pr *pipeline.Prediction) error {
			d.Windows++
			if pr.Rejected != "" {
				d.Rejected++
			}
			return w.put(rec.Name, rec.Info.Rate, pr)
		})
		if err != nil {
			return nil, err
		}
		all = append(all, d)
		noteSpoilt(cmd, rec.Name, stats.Stats)
		for _, m := range stats.Misses {
			note(cmd, "%s: event %q at %.3f s has no window: %s", rec.Name, m.Event.Label, m.Event.Onset, m.Why)
		}
	}
	return all, nil
}

// csvLines writes comma-separated values (RFC 4180).
type csvLines struct {
	w       *csv.Writer
	classes int
	line    []string
}

func newCSV(w io.Writer, classes []string) writer {
	c := &csvLines{w: csv.NewWriter(w), classes: len(classes)}
	c.line = append(c.line, "recording", "start", "end", "end_s", "label", "confidence")
	for _, k := range classes {
		c.line = append(c.line, "score_"+k)
	}
	c.line = append(c.line, "event", "event_sample", "truth", "rejected", "decision")
	_ = c.w.Write(c.line) // a failure stays with the csv.Writer and comes out of end
	return c
}

func (c *csvLines) put(rec string, rate float64, p *pipeline.Prediction) error {
	exact := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	c.line = append(c.line[:0], rec, strconv.FormatInt(p.Start, 10), strconv.FormatInt(p.End, 10), exact(float64(p.End)/rate))
	if p.Rejected == "" {
		c.line = append(c.line, p.Label, exact(p.Confidence))
		for _, s := range p.Scores {
			c.line = append(c.line, exact(s))
		}
	} else {
		c.line = append(c.line, make([]string, 2+c.classes)...)
	}
	if p.Event != nil {
		c.line = append(c.line, p.Event.Label, strconv.FormatInt(p.Event.Sample, 10), p.Truth)
	} else {
		c.line = append(c.line, "", "", "")
	}
	return c.w.Write(append(c.line, p.Rejected, p.Decision))
}

func (c *csvLines) end() error {
	c.w.Flush()
	return c.w.Error()
}

// jsonLines writes one JSON object a line.
type jsonLines struct {
	enc     *json.Encoder
	outputs []string // classes, or quantities
	values  bool     // quantities
}

func (j jsonLines) put(rec string, rate float64, p *pipeline.Prediction) error {
	if j.values {
		return j.putValue(rec, rate, p)
	}
	scores := map[string]float64{}
	for k, s := range p.Scores {
		scores[j.outputs[k]] = s
	}
	return j.enc.Encode(struct {
		Recording  string             `json:"recording"`
		Start      int64              `json:"start"`
		End        int64              `json:"end"`
		EndS       float64            `json:"end_s"`
		Label      string             `json:"label"`
		Confidence float64            `json:"confidence"`
		Scores     map[string]float64 `json:"scores"`
		Event      *signal.Event      `json:"event,omitempty"`
		Truth      string             `json:"truth,omitempty"`
		Rejected   string             `json:"rejected,omitempty"`
		Decision   string             `json:"decision,omitempty"`
	}{rec, p.Start, p.End, float64(p.End) / rate, p.Label, p.Confidence, scores, p.Event, p.Truth, p.Rejected, p.Decision})
}

func (jsonLines) end() error { return nil }

// arrowFile writes an Arrow IPC stream, in batches of batchRows.
type arrowFile struct {
	w *ipc.Writer
	b *array.RecordBuilder
	n int
}

const batchRows = 4096

func newArrow(w io.Writer, classes []string) writer {
	fields := []arrow.Field{
		{Name: "recording", Type: arrow.BinaryTypes.String},
		{Name: "start", Type: arrow.PrimitiveTypes.Int64},
		{Name: "end", Type: arrow.PrimitiveTypes.Int64},
		{Name: "end_s", Type: arrow.PrimitiveTypes.Float64},
		{Name: "label", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "confidence", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		{Name: "event", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "event_sample", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "truth", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "rejected", Type: arrow.BinaryTypes.String, Nullable: true}, // why the window was not decoded
		{Name: "decision", Type: arrow.BinaryTypes.String, Nullable: true}, // what a controller would be told
	}
	for _, k := range classes {
		fields = append(fields, arrow.Field{Name: "score_" + k, Type: arrow.PrimitiveTypes.Float64, Nullable: true})
	}
	schema := arrow.NewSchema(fields, nil)
	return &arrowFile{w: ipc.NewWriter(w, ipc.WithSchema(schema)), b: array.NewRecordBuilder(memory.DefaultAllocator, schema)}
}

func (a *arrowFile) put(rec string, rate float64, p *pipeline.Prediction) error {
	text := func(i int, s string) { a.b.Field(i).(*array.StringBuilder).Append(s) }
	whole := func(i int, v int64) { a.b.Field(i).(*array.Int64Builder).Append(v) }
	number := func(i int, v float64) { a.b.Field(i).(*array.Float64Builder).Append(v) }
	text(0, rec)
	whole(1, p.Start)
	whole(2, p.End)
	number(3, float64(p.End)/rate)
	if p.Event != nil {
		text(6, p.Event.Label)
		whole(7, p.Event.Sample)
		text(8, p.Truth)
	} else {
		for i := 6; i <= 8; i++ {
			a.b.Field(i).AppendNull()
		}
	}
	if p.Decision != "" {
		text(10, p.Decision)
	} else {
		a.b.Field(10).AppendNull()
	}
	if p.Rejected == "" {
		text(4, p.Label)
		number(5, p.Confidence)
		a.b.Field(9).AppendNull()
		for k, s := range p.Scores {
			number(11+k, s)
		}
	} else {
		text(9, p.Rejected)
		for i := range a.b.Fields() {
			if i == 4 || i == 5 || i >= 11 {
				a.b.Field(i).AppendNull()
			}
		}
	}
	if a.n++; a.n < batchRows {
		return nil
	}
	return a.batch()
}

func (a *arrowFile) batch() error {
	a.n = 0
	rec := a.b.NewRecordBatch()
	defer rec.Release()
	return a.w.Write(rec)
}

func (a *arrowFile) end() error {
	defer a.b.Release()
	return errors.Join(a.batch(), a.w.Close())
}
