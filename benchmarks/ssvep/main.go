// Command ssvep decodes the SSVEP exoskeleton set (Kalunga et al. 2016, doi:10.1016/j.neucom.2016.01.007), subjects 01 to 06,
// two records each, with the built-in pipelines, and prints a table in Markdown beside what the program in MNE, SciPy,
// scikit-learn and meegkit scores on the same trials (benchmarks/oracle/ssvep_exo.py).
//
//	GYRUS_DATA=DATA go run ./benchmarks/ssvep
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	_ "github.com/gyrus-bci/gyrus/decoders/all"
	"github.com/gyrus-bci/gyrus/decoders/metrics"
	"github.com/gyrus-bci/gyrus/decoders/split"
	_ "github.com/gyrus-bci/gyrus/features/all"
	"github.com/gyrus-bci/gyrus/ingest"
	_ "github.com/gyrus-bci/gyrus/ingest/all"
	"github.com/gyrus-bci/gyrus/ingest/dataset"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	_ "github.com/gyrus-bci/gyrus/preprocess/all"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

func main() {
	oracle := flag.String("oracle", "benchmarks/oracle/golden/ssvep_exo.json", "what benchmarks/oracle/ssvep_exo.py wrote")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *oracle); err != nil {
		fmt.Fprintln(os.Stderr, "ssvep:", err)
		os.Exit(1)
	}
}

// A method is a pipeline by its name in the golden values of the oracle.
type method struct{ name, title, load string }

var methods = []method{
	{"cca", "CCA", "ssvep-cca"},
	{"fbcca", "filter-bank CCA", "ssvep-fbcca"},
	{"trca", "ensemble TRCA, one band", ""},
	{"fbtrca", "ensemble TRCA, filter bank", "ssvep-trca"},
}

// oneBand is ssvep-trca without its filter bank.
const oneBand = `
preprocess:
  - {use: bandpass, low_hz: 10, high_hz: 80, order: 4}
segment: {use: events, tmin_s: 0, tmax_s: 3, events: {"2": 13 Hz, "4": 17 Hz, "3": 21 Hz}}
features:
  - {use: trca, ensemble: true, bands: 1}
decoder: {use: argmax}
`

// spec is the pipeline for windows of so many seconds from the onset.
func (m method) spec(seconds float64) (*pipeline.Spec, error) {
	var spec *pipeline.Spec
	var err error
	if m.load == "" {
		spec, err = pipeline.Parse(m.name, []byte(oneBand))
	} else {
		spec, err = pipeline.Load(m.load)
	}
	if err != nil {
		return nil, err
	}
	if err := spec.Segment.Set(map[string]any{"tmax_s": seconds}); err != nil {
		return nil, err
	}
	if spec.Live == nil {
		return spec, nil
	}
	return spec, spec.FitLive()
}

// golden is what the oracle wrote.
type golden struct {
	Versions map[string]string `json:"versions"`
	Classes  string            `json:"classes"` // of each trial, as a digit
	Rows     []goldenRow       `json:"rows"`
}

type goldenRow struct {
	Filter    string  `json:"filter"`
	Method    string  `json:"method"`
	Length    float64 `json:"length_s"`
	Correct   int     `json:"correct"`
	Decisions string  `json:"decisions"`
}

// subjects are the recordings of each subject, in the order of their names.
func subjects(root string) ([][]string, error) {
	folders, err := filepath.Glob(filepath.Join(root, "subject*"))
	if err != nil {
		return nil, err
	}
	var all [][]string
	for _, f := range folders {
		files, err := os.ReadDir(f)
		if err != nil {
			return nil, err
		}
		var records []string
		for _, e := range files { // sorted by name
			if strings.HasSuffix(e.Name(), "_raw.fif") {
				records = append(records, filepath.Join(f, e.Name()))
			}
		}
		all = append(all, records)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no folder subject01, subject02, … in %s", root)
	}
	return all, nil
}

// decide returns the class of every trial and what the pipeline decides, each as one digit, in the order of the files. Every
// record is decided by a pipeline that was fitted to the subject's other records; CCA learns nothing of the flickers there.
func decide(ctx context.Context, spec *pipeline.Spec, subjects [][]string) (truth, decided []int, classes []string, err error) {
	for _, records := range subjects {
		t, d, c, err := decideSubject(ctx, spec, records)
		if err != nil {
			return nil, nil, nil, err
		}
		truth, decided, classes = append(truth, t...), append(decided, d...), c
	}
	return truth, decided, classes, nil
}

func decideSubject(ctx context.Context, spec *pipeline.Spec, records []string) (truth, decided []int, classes []string, err error) {
	var recs []*signal.Recording
	defer func() {
		for _, r := range recs {
			err = errors.Join(err, r.Close())
		}
	}()
	for _, path := range records {
		rec, err := ingest.OpenFile(path)
		if err != nil {
			return nil, nil, nil, err
		}
		recs = append(recs, rec)
	}
	pipe, err := pipeline.Build(spec, pipeline.Cued)
	if err != nil {
		return nil, nil, nil, err
	}
	set, err := stream.Collect(ctx, recs, pipe, stream.Watch{})
	if err != nil {
		return nil, nil, nil, err
	}
	y, err := set.Labels()
	if err != nil {
		return nil, nil, nil, err
	}
	folds, err := split.LeaveOneRunOut{}.Split(y, set.Group)
	if err != nil {
		return nil, nil, nil, err
	}
	tested, err := stream.CrossValidate(ctx, spec, recs, set, y, folds, nil)
	if err != nil {
		return nil, nil, nil, err
	}
	for i := range set.Windows {
		r, ok := tested[i]
		if !ok {
			return nil, nil, nil, fmt.Errorf("window %d of %s was not decided", i, set.Group[i])
		}
		truth, decided = append(truth, r.Truth), append(decided, r.Label)
	}
	return truth, decided, set.Classes, nil
}

func run(ctx context.Context, w io.Writer, oracle string) error {
	path, err := dataset.Find("ssvep-exo")
	if err != nil {
		return err
	}
	people, err := subjects(path)
	if err != nil {
		return err
	}
	g, err := load(oracle)
	if err != nil {
		return err
	}
	fmt.Fprintln(w, "| method | window | correct | accuracy | 95 % interval | chance | oracle | decided otherwise |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|")
	for _, m := range methods {
		for seconds := 1.0; seconds <= 5; seconds++ {
			c, want, others, err := compare(ctx, g, m, seconds, people)
			if err != nil {
				return err
			}
			low, high := c.AccuracyInterval(0.95)
			fmt.Fprintf(w, "| %s | %g s | %d of %d | %.3f | [%.3f, %.3f] | %.3f | %d | %d |\n", m.title, seconds, c.Correct(), c.Trials(), c.Accuracy(), low, high, c.Chance(), want, others)
		}
	}
	return nil
}

// compare decides all trials by one method. want is how many the oracle has right, others how many it decides otherwise.
func compare(ctx context.Context, g *golden, m method, seconds float64, people [][]string) (c *metrics.Confusion, want, others int, err error) {
	row, err := g.row("causal", m.name, seconds)
	if err != nil {
		return nil, 0, 0, err
	}
	spec, err := m.spec(seconds)
	if err != nil {
		return nil, 0, 0, err
	}
	truth, decided, classes, err := decide(ctx, spec, people)
	if err != nil {
		return nil, 0, 0, err
	}
	if !slices.Equal(truth, digits(g.Classes)) {
		return nil, 0, 0, errors.New("the trials are not those of the golden values: the data set must hold subjects 01 to 06, two records each")
	}
	for i, d := range digits(row.Decisions) {
		if d != decided[i] {
			others++
		}
	}
	c, err = metrics.NewConfusion(classes, truth, decided)
	return c, row.Correct, others, err
}

// load reads what the oracle wrote.
func load(name string) (*golden, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	g := new(golden)
	if err := json.Unmarshal(raw, g); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for _, r := range g.Rows {
		if len(r.Decisions) != len(g.Classes) {
			return nil, fmt.Errorf("%s: %s, %s, %g s: %d decisions for %d trials", name, r.Filter, r.Method, r.Length, len(r.Decisions), len(g.Classes))
		}
	}
	return g, nil
}

// row is the one for a filter, a method and a length.
func (g *golden) row(filter, method string, seconds float64) (goldenRow, error) {
	i := slices.IndexFunc(g.Rows, func(r goldenRow) bool { return r.Filter == filter && r.Method == method && r.Length == seconds })
	if i < 0 {
		return goldenRow{}, fmt.Errorf("the golden values have no row for %s, %s, %g s", filter, method, seconds)
	}
	return g.Rows[i], nil
}

// digits are the decisions of a row.
func digits(s string) []int {
	d := make([]int, len(s))
	for i := range s {
		d[i] = int(s[i] - '0')
	}
	return d
}
