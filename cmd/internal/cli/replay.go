package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/bundle"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
	"github.com/gyrus-bci/gyrus/stream/record"
)

// replayJSON is what gyrus replay --json prints.
type replayJSON struct {
	Recording string `json:"recording"`
	Model     string `json:"model"` // that was laid beside the session, or the first one of the session
	SHA256    string `json:"model_sha256"`
	SameModel bool   `json:"same_model"` // all decisions that are compared are of the model that made them
	Recorded  int    `json:"recorded"`   // decisions that are compared
	Replayed  int    `json:"replayed"`
	// Models are those of the session, and OtherModels counts decisions that are not compared because theirs was not found.
	Models      []replayModel `json:"models"`
	OtherModels int           `json:"of_other_models"`
	// CutOff counts decisions at the end of a recording that was not closed, of which the samples, the decision or what the log says are missing.
	CutOff int                 `json:"cut_off"`
	beside bool                // one model over the whole session
	Fates  map[record.Fate]int `json:"fates,omitempty"` // of the recorded decisions
	record.Comparison
}

// replayModel is a model of a session.
type replayModel struct {
	SHA256    string `json:"sha256"`
	File      string `json:"file"` // "" where it was not found
	Decisions int    `json:"decisions"`
}

func newReplay() *cobra.Command {
	var models []string
	var all bool
	cmd := &cobra.Command{
		Use: "replay RECORDING.arrow", Short: "run a recorded session again, and show where another model decides differently", Args: cobra.ExactArgs(1),
		Long: `Replay runs the samples of a recorded session through its models again and holds the decisions against those of the session,
also those whose commands were held back or never left. It follows the log of the session: samples that were left out as too
old are left out again, the stream begins anew where it did, and after a swap or a rollback each model decides its own stretch.
Each decision must then be the same to the last bit: otherwise the command fails.

Models are known by their SHA-256. They are looked for where the session had them, and among those of --model, which may be
given several times. What a model decided that is not found is counted and not compared; behind it the others may differ for
the length of their filters, which is then no failure. One --model alone is laid beside the whole session, also where it is
one of several that decided in it; one of the session's that is not where the session had it decides its own stretch, as
--model then says where it is.

Where the log was cut off, as by a crash, all is compared up to the first decision behind its end that is another: from there on
what was swapped or left out is not known, and decisions are counted and not compared. Exit code 4: nothing could be compared.

A session that learned from feedback decides differently by right: that is then said. Recordings of versions that wrote no log
are run through one model, and compared where it decided. A session that was recorded as .xdf cannot be replayed.`,
		Example: "  gyrus replay run1.arrow\n  gyrus replay run1.arrow --model better.gyrus\n  gyrus replay run1.arrow --model moved/first.gyrus --model moved/second.gyrus",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			r, err := record.Open(args[0])
			if unfit := (*record.UnfitError)(nil); errors.As(err, &unfit) {
				return refusal{err}
			}
			if err != nil {
				return notThere(err)
			}
			defer func() { err = errors.Join(err, r.Close()) }()
			deviations(cmd, []*signal.Recording{{Name: r.Samples.Name, Deviations: append(r.Samples.Deviations, r.Deviations...)}})
			run := replayRun{r: r, name: args[0], files: map[string]string{}}
			if r.About != nil {
				if err := json.Unmarshal(r.About, &run.about); err != nil {
					return refusal{fmt.Errorf("%s: the description beside it: %w", args[0], err)}
				}
			}
			res, err := run.replay(cmd, models)
			if err != nil {
				return err
			}
			if res.SameModel && (res.Exact != res.Windows || len(res.Differences) > 0) {
				err = errors.New("the model is that of the session, and its decisions are not the same to the last bit")
				if adapt := string(run.about.Adapt); adapt != "" && adapt != "null" {
					err = nil
					note(cmd, "the session learned from feedback: decisions of the head that it learned are not replayed")
				}
				if r.Log == nil {
					note(cmd, "the recording has no log: samples that were left out, and models that were swapped, are not known")
				}
			}
			if res.CutOff > 0 && res.Recorded == 0 {
				err = incomplete{fmt.Errorf("%s: nothing could be compared: %d decisions are of what was cut off", args[0], res.CutOff)}
			}
			if wantsJSON(cmd) {
				return errors.Join(err, printJSON(cmd, res))
			}
			printReplay(cmd, res, r.Samples.Info.Rate, all)
			return err
		},
	}
	cmd.Flags().StringArrayVar(&models, "model", nil, "bundle to run, of the session or to be laid beside it; may be given several times")
	cmd.Flags().BoolVar(&all, "all", false, "list all differences, not only the first 20")
	return cmd
}

// replayRun is one call of replay.
type replayRun struct {
	r     *record.Recorded
	name  string
	about struct {
		Bundle string          `json:"bundle"`
		Adapt  json.RawMessage `json:"adapt"`
	}
	files   map[string]string // of bundles, by hash
	session []string          // hashes of the models of the session, in the order they decided
	part    bool              // the model that is laid beside the session is one of several that decided in it
}

func (s *replayRun) replay(cmd *cobra.Command, models []string) (res replayJSON, err error) {
	r := s.r
	count := map[string]int{}
	for _, e := range r.Log {
		if k := e.Kind; (k == record.KindModel || k == record.KindSwap || k == record.KindRollback) && !slices.Contains(s.session, e.To) {
			s.session = append(s.session, e.To)
		}
	}
	res = replayJSON{Recording: s.name, Models: []replayModel{}, Fates: map[record.Fate]int{}}
	for _, d := range r.Decisions {
		if count[d.Model]++; !slices.Contains(s.session, d.Model) {
			s.session = append(s.session, d.Model)
		}
		if d.Fate != "" {
			res.Fates[d.Fate]++
		}
	}
	beside, err := s.find(models)
	if err != nil {
		return res, err
	}
	if s.part {
		note(cmd, "%s decided a part of the session, and is laid beside the whole of it: without --model each model decides its own stretch", beside)
	}
	for _, sha := range s.session {
		res.Models = append(res.Models, replayModel{sha, s.files[sha], count[sha]})
	}
	recorded := r.Decisions
	var replayed []record.Decision
	switch first := s.first(); {
	case beside != "":
		res.Model = beside
	case len(s.session) == 0 && r.Log != nil:
		return res, usageError{fmt.Errorf("%s: no model decided in this session, as where a calibration came to none: lay one beside it with --model", s.name)}
	case first == "" && len(models) == 0 && s.about.Bundle == "":
		return res, usageError{fmt.Errorf("%s: the recording does not name its model: say which with --model", s.name)}
	case first == "":
		return res, usageError{fmt.Errorf("%s: no model of the session was found (%s): say where they are with --model", s.name, strings.Join(short(s.session), ", "))}
	default:
		res.Model, res.SHA256 = s.files[first], first
	}
	if beside != "" || r.Log == nil {
		b, p, err := causal(res.Model)
		if err != nil {
			return res, err
		}
		res.SHA256 = b.SHA256
		if replayed, err = record.Replay(cmd.Context(), r, p); err != nil {
			return res, err
		}
		record.Align(replayed, p.Outputs(), r.Outputs)
		res.SameModel = !slices.ContainsFunc(recorded, func(d record.Decision) bool { return d.Model != res.SHA256 })
	} else {
		var outputs []string
		replayed, err = record.ReplaySession(cmd.Context(), r, func(sha string) (*pipeline.Pipeline, error) {
			if s.files[sha] == "" {
				return nil, nil
			}
			_, p, err := causal(s.files[sha])
			if err == nil {
				outputs = p.Outputs() // those of all models of a session are the same
			}
			return p, err
		})
		if err != nil {
			return res, err
		}
		record.Align(replayed, outputs, r.Outputs)
		found := func(d record.Decision) bool { return s.files[d.Model] != "" }
		recorded = keep(recorded, found)
		res.SameModel = len(recorded) == len(r.Decisions)
		if res.OtherModels = len(r.Decisions) - len(recorded); res.OtherModels > 0 { // what they left in the filters is not known either
			for _, m := range res.Models {
				if m.File == "" {
					note(cmd, "model %.12s was not found: %d decisions of it are not compared; say where it is with --model", m.SHA256, m.Decisions)
				}
			}
		}
	}
	if res.beside = beside != ""; !r.Closed && (len(recorded) > 0 || !res.beside) {
		recorded, replayed = s.known(cmd, &res, recorded, replayed)
	}
	res.SameModel = res.SameModel && len(recorded) > 0
	res.Recorded, res.Replayed, res.Comparison = len(recorded), len(replayed), record.Compare(recorded, replayed)
	return res, nil
}

// known leaves out of a recording that was not closed what cannot be compared, counts it, and tells of it.
func (s *replayRun) known(cmd *cobra.Command, res *replayJSON, recorded, replayed []record.Decision) (was, again []record.Decision) {
	r, last := s.r, int64(0) // each file ends where it was cut off
	if n := len(recorded); n > 0 {
		last = recorded[n-1].End
	}
	was = keep(recorded, func(d record.Decision) bool { return d.End <= r.Samples.Len })
	again = keep(replayed, func(d record.Decision) bool { return d.End <= last })
	if n := max(len(recorded)-len(was), len(replayed)-len(again)); n > 0 {
		res.CutOff = n
		note(cmd, "the recording was cut off: %d decisions at its end are not compared", n)
	}
	if r.LogUntil >= r.Samples.Len {
		return was, again
	}
	rate := r.Samples.Info.Rate
	until := fmt.Sprintf("the log of the recording was cut off: it reaches up to %.3f s", float64(r.LogUntil)/rate)
	if res.beside { // another model decides differently by right
		note(cmd, "%s, and samples that were left out behind that are not known", until)
		return was, again
	}
	before := max(len(was), len(again))
	from := record.Unlike(was, again, r.LogUntil)
	ahead := func(d record.Decision) bool { return d.End < from }
	if was, again = keep(was, ahead), keep(again, ahead); from == math.MaxInt64 {
		note(cmd, "%s; the decisions behind that are as they are where nothing more was swapped or left out", until)
		return was, again
	}
	n := before - max(len(was), len(again))
	res.CutOff += n
	note(cmd, "%s; %d decisions from %.3f s on, where the first behind that is another, are not known: they are not compared, as what was swapped or left out there is not in it",
		until, n, float64(from)/rate)
	return was, again
}

// keep is a copy of those that ok holds for.
func keep(all []record.Decision, ok func(record.Decision) bool) []record.Decision {
	return slices.DeleteFunc(slices.Clone(all), func(d record.Decision) bool { return !ok(d) })
}

// causal reads a bundle for live use.
func causal(path string) (*bundle.Bundle, *pipeline.Pipeline, error) {
	b, p, err := loadModel(path, pipeline.All)
	if err != nil {
		return nil, nil, err
	}
	if err := p.Causal(); err != nil {
		return nil, nil, refusal{fmt.Errorf("%s: %w", path, err)}
	}
	return b, p, nil
}

// find looks for the bundles of the session: where the session had them, and in models, and says which of models is to be laid beside
// the session, "" for none.
func (s *replayRun) find(models []string) (beside string, err error) {
	at := []string{s.about.Bundle}
	for _, e := range s.r.Log {
		at = append(at, e.Bundle)
	}
	for _, path := range at {
		if path == "" {
			continue
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(s.name), path)
		}
		b, err := bundle.Read(path)
		if err != nil { // it was moved, or is another file now: its decisions are counted as of a model that was not found
			continue
		}
		if slices.Contains(s.session, b.SHA256) && s.files[b.SHA256] == "" {
			s.files[b.SHA256] = path
		}
	}
	for _, path := range models {
		b, err := bundle.Read(path)
		if err != nil {
			return "", notThere(err)
		}
		switch is := slices.Contains(s.session, b.SHA256); {
		case is && (len(models) > 1 || len(s.session) == 1 || s.files[b.SHA256] == ""): // it says where that is
			s.files[b.SHA256] = path
		case len(models) > 1:
			return "", usageError{fmt.Errorf("%s is none of the models of the session (%s): to lay it beside the session give it alone", path, strings.Join(short(s.session), ", "))}
		default:
			s.part = is
			return path, nil
		}
	}
	return "", nil
}

// first is the first model of the session that was found, "" for none.
func (s *replayRun) first() string {
	for _, sha := range s.session {
		if s.files[sha] != "" {
			return sha
		}
	}
	return ""
}

// short makes hashes readable.
func short(hashes []string) []string {
	var all []string
	for _, h := range hashes {
		all = append(all, fmt.Sprintf("%.12s", h))
	}
	return all
}

func printReplay(cmd *cobra.Command, res replayJSON, rate float64, all bool) {
	w := cmd.OutOrStdout()
	share := 0.0
	if res.Windows > 0 {
		share = 100 * float64(res.Same) / float64(res.Windows)
	}
	with := res.Model
	found := 0
	for _, m := range res.Models {
		if m.File != "" {
			found++
		}
	}
	if found > 1 && !res.beside {
		with = fmt.Sprintf("%d models", found)
	}
	say(w, "%d decisions recorded, %d replayed with %s\n%d windows in both: %d the same to the last bit, %d the same decision (%.1f %%), %d differ or are in one only\n",
		res.Recorded, res.Replayed, with, res.Windows, res.Exact, res.Same, share, len(res.Differences))
	if len(res.Models) > 1 {
		rows := [][]string{{"model of the session", "decisions", "file"}}
		for _, m := range res.Models {
			file := m.File
			if file == "" {
				file = "not found"
			}
			rows = append(rows, []string{fmt.Sprintf("%.12s", m.SHA256), strconv.Itoa(m.Decisions), file})
		}
		columns(w, rows)
	}
	if f := res.Fates; len(f) > 0 {
		say(w, "commands of the session: %d sent, %d in shadow, %d held back while paused, %d of samples that were too old, %d not sent, %d that no controller would take\n", f[record.Sent], f[record.Shadow], f[record.Held], f[record.Expired], f[record.NotSent], f[record.Refused])
	}
	if len(res.Differences) == 0 {
		return
	}
	rows := [][]string{{"window ends (s)", "recorded", "", "replayed", ""}}
	cell := func(d *record.Decision) (string, string) {
		switch {
		case d == nil:
			return "no window", ""
		case d.Rejected != "":
			return "rejected", d.Rejected
		case d.Kind == "continuous":
			return "value", fmt.Sprintf("%.4g", d.Values)
		case d.Label == "":
			return "no control", fmt.Sprintf("%.3f", d.Confidence)
		}
		return d.Label, fmt.Sprintf("%.3f", d.Confidence)
	}
	for i, d := range res.Differences {
		if i == 20 && !all {
			break
		}
		end := d.Replayed
		if end == nil {
			end = d.Recorded
		}
		a, ac := cell(d.Recorded)
		b, bc := cell(d.Replayed)
		rows = append(rows, []string{fmt.Sprintf("%.3f", float64(end.End)/rate), a, ac, b, bc})
	}
	fmt.Fprintln(w)
	columns(w, rows)
	if n := len(res.Differences) - 20; n > 0 && !all {
		say(w, "and %d more: --all lists them\n", n)
	}
}
