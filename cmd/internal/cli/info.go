package cli

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/electrodes"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// infoJSON is what gyrus info --json prints.
type infoJSON struct {
	Format     string             `json:"format"`
	Parts      []string           `json:"parts"` // other files that were read, such as one with the events
	RateHz     float64            `json:"rate_hz"`
	Samples    int64              `json:"samples"` // per channel, gaps counted
	DurationS  float64            `json:"duration_s"`
	Begin      *time.Time         `json:"begin,omitempty"`
	Reference  string             `json:"reference"` // "" where it is not known
	Channels   []channelJSON      `json:"channels"`
	Mapping    []mappingJSON      `json:"mapping"` // channels that are not called as in the source
	Electrodes *electrodes.Joined `json:"electrodes,omitempty"`
	Events     []signal.Event     `json:"events"`
	Journals   []journalJSON      `json:"journals"`       // what a recorder wrote about itself, which is no event
	Outside    []signal.Event     `json:"events_outside"` // those of them in gaps, before the first sample and behind the last
	Gaps       []gapJSON          `json:"gaps"`
	Deviations []signal.Deviation `json:"deviations"`
	Notes      []signal.Deviation `json:"notes"`    // what is assumed where the format leaves it open, or has more than is read: no breach
	Texts      []signal.Text      `json:"texts"`    // what the header says in words
	Personal   []ingest.Personal  `json:"personal"` // what may say who was recorded
}

type channelJSON struct {
	Name     string      `json:"name"`
	Original string      `json:"original"`
	Kind     signal.Kind `json:"kind"`
	Unit     signal.Unit `json:"unit"`
	RateHz   float64     `json:"rate_hz"`
	Bad      bool        `json:"bad"` // the source says that it is not to be used
}

// journalJSON counts the lines of a journal. The lines themselves are events with --journals.
type journalJSON struct {
	Name   string   `json:"name"`
	Kind   string   `json:"kind"` // Clock, Log or Decisions
	Lines  int      `json:"lines"`
	FirstS *float64 `json:"first_s,omitempty"` // none where there is no line
	LastS  *float64 `json:"last_s,omitempty"`
}

type gapJSON struct {
	Start   int64   `json:"start"` // sample number
	Samples int64   `json:"samples"`
	StartS  float64 `json:"start_s"`
	Seconds float64 `json:"duration_s"`
}

func describe(rec *signal.Recording) infoJSON {
	rate := rec.Info.Rate
	seconds := func(samples int64) float64 {
		if rate == 0 { // a file of annotations only
			return 0
		}
		return float64(samples) / rate
	}
	v := infoJSON{
		Format: rec.Format, Parts: append([]string{}, rec.Parts...), RateHz: rate, Reference: rec.Info.Reference, Samples: rec.Len, DurationS: seconds(rec.Len), Channels: []channelJSON{}, Mapping: mapping(rec),
		Events: append([]signal.Event{}, rec.Events...), Journals: []journalJSON{}, Outside: append([]signal.Event{}, rec.Outside()...), Gaps: []gapJSON{}, Deviations: append([]signal.Deviation{}, rec.Deviations...),
		Notes: append([]signal.Deviation{}, rec.Notes...),
		Texts: append([]signal.Text{}, rec.Texts...), Personal: append([]ingest.Personal{}, ingest.FindPersonal(rec)...),
	}
	if !rec.Begin.IsZero() {
		v.Begin = &rec.Begin
	}
	for _, r := range append([]*signal.Recording{rec}, rec.Others...) {
		for _, c := range r.Info.Channels {
			v.Channels = append(v.Channels, channelJSON{c.Name, c.Original, c.Kind, c.Unit, r.Info.Rate, c.Bad})
		}
	}
	for _, j := range rec.Journals {
		of := journalJSON{Name: j.Name, Kind: j.Kind, Lines: len(j.Lines)}
		if n := len(j.Lines); n > 0 {
			of.FirstS, of.LastS = &j.Lines[0].Onset, &j.Lines[n-1].Onset
		}
		v.Journals = append(v.Journals, of)
	}
	for _, g := range rec.Gaps() {
		v.Gaps = append(v.Gaps, gapJSON{g.Start, g.Len, seconds(g.Start), seconds(g.Len)})
	}
	return v
}

func newInfo() *cobra.Command {
	var template bool
	cmd := &cobra.Command{
		Use: "info FILE|TREE", Short: "what is in a recording: channels, units, events, gaps, deviations from the format; or in a BIDS tree", Args: cobra.ExactArgs(1),
		Long: `Info prints what is in a recording of any format that gyrus knows, or in a BIDS tree.

A table of text (CSV) that no program known to gyrus wrote is read by a mapping, which says what its columns are: the file
FILE.gyrus.yaml beside it, or --mapping. With --mapping-template info prints one to begin with, made of the header of FILE.`,
		Example: "  gyrus info S001R06.edf\n  gyrus info ds002336\n  gyrus info S001R06.edf --json | jq '.events[0]'\n  gyrus info run1.csv --mapping-template > run1.csv.gyrus.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			if template {
				return mappingTemplate(cmd, args[0])
			}
			how, err := readingOf(cmd)
			if err != nil {
				return err
			}
			if tree, is, err := openTree(args[0]); is || err != nil {
				if err != nil {
					return err
				}
				return infoTree(cmd, how, args[0], tree)
			}
			var joined *electrodes.Joined
			say := how.joined
			how.joined = func(j *electrodes.Joined) { joined = j; say(j) }
			rec, err := how.open(args[0])
			if err != nil {
				return err
			}
			v := describe(rec)
			condition(rec, args[0])
			v.Deviations = append([]signal.Deviation{}, rec.Deviations...)
			v.Events = append([]signal.Event{}, rec.Events...)
			v.Electrodes = joined
			if err := rec.Close(); err != nil {
				return err
			}
			if wantsJSON(cmd) {
				return printJSON(cmd, v)
			}
			w := cmd.OutOrStdout()
			fmt.Fprintf(w, "%s  %s, %g Hz, %d samples, %s\n", args[0], v.Format, v.RateHz, v.Samples,
				time.Duration(v.DurationS*float64(time.Second)).Round(time.Millisecond))
			for _, p := range v.Parts {
				fmt.Fprintf(w, "with      %s\n", p)
			}
			if v.Begin != nil {
				fmt.Fprintf(w, "begins    %s\n", v.Begin.Format("2006-01-02 15:04:05.999"))
			}
			if v.Reference != "" {
				fmt.Fprintf(w, "reference %s\n", v.Reference)
			}
			rows := [][]string{{"channel", "original", "kind", "unit", "rate (Hz)"}}
			for _, c := range v.Channels {
				row := []string{c.Name, c.Original, string(c.Kind), string(c.Unit), fmt.Sprintf("%g", c.RateHz)}
				if c.Bad {
					row = append(row, "bad")
				}
				rows = append(rows, row)
			}
			fmt.Fprintln(w)
			columns(w, rows)
			printMapping(w, v.Mapping, len(v.Channels))
			fmt.Fprintln(w)
			columns(w, eventRows(v.Events))
			if n := len(v.Outside); n > 0 {
				fmt.Fprintf(w, "%d of %d events lie where there are no samples, the first at %.3f s (%s): they are kept, and no window is cut there\n", n, len(v.Events), v.Outside[0].Onset, briefly(v.Outside[0].Label))
			}
			if len(v.Journals) > 0 {
				fmt.Fprintln(w)
				columns(w, journalRows(v.Journals))
				fmt.Fprintln(w, "journals are what the recorder wrote about itself: they are no events, unless --journals says so")
			}
			fmt.Fprintf(w, "\n%d gaps, %d deviations from the format\n", len(v.Gaps), len(v.Deviations))
			for _, g := range v.Gaps {
				fmt.Fprintf(w, "  gap at %.3f s (sample %d): %.3f s\n", g.StartS, g.Start, g.Seconds)
			}
			for _, d := range v.Deviations {
				fmt.Fprintf(w, "  %s\n", deviationLine(d))
			}
			for _, d := range v.Notes {
				fmt.Fprintf(w, "  no breach, but to know: %s\n", deviationLine(d))
			}
			if len(v.Personal) > 0 {
				fmt.Fprintf(w, "\n%d places may say who was recorded; gyrus convert --anonymise leaves them out\n", len(v.Personal))
				for _, p := range v.Personal {
					fmt.Fprintf(w, "  %s: %q\n", p.Where, p.Found)
				}
			}
			return nil
		},
	}
	addReading(cmd)
	cmd.Flags().BoolVar(&template, "mapping-template", false, "of a table (CSV): print a mapping to begin with, and nothing else")
	return cmd
}

// mappingTemplate prints what a mapping of the table at path may begin with.
func mappingTemplate(cmd *cobra.Command, path string) error {
	for _, f := range []string{strictFlag, policyFlag, mappingFlag} {
		if cmd.Flags().Changed(f) {
			return usageError{fmt.Errorf("--%s has no effect with --mapping-template: leave one of them out", f)}
		}
	}
	if wantsJSON(cmd) {
		return usageError{errors.New("--json has no effect with --mapping-template, which prints YAML: leave one of them out")}
	}
	name := filepath.ToSlash(path)
	if _, err := ingest.Sidecar(name); err != nil {
		return usageError{err}
	}
	encoding, err := ingest.ParseEncoding(cmd.Flags().Lookup(encodingFlag).Value.String())
	if err != nil {
		return usageError{fmt.Errorf("--%s: %w", encodingFlag, err)}
	}
	text, err := ingest.Template(&ingest.Encoded{FS: ingest.Paths{}, Encoding: encoding}, name)
	if err != nil {
		return notThere(err)
	}
	_, err = cmd.OutOrStdout().Write(text)
	return err
}

// journalRows counts the lines of journals.
func journalRows(all []journalJSON) [][]string {
	at := func(s *float64) string {
		if s == nil {
			return ""
		}
		return fmt.Sprintf("%.3f", *s)
	}
	rows := [][]string{{"journal", "kind", "lines", "first (s)", "last (s)"}}
	for _, j := range all {
		rows = append(rows, []string{j.Name, j.Kind, strconv.Itoa(j.Lines), at(j.FirstS), at(j.LastS)})
	}
	return rows
}

// labelColumns is how many letters of the label of an event are shown.
const labelColumns = 60

// briefly is a label for people: the whole text is in --json.
func briefly(label string) string {
	if r := []rune(label); len(r) > labelColumns {
		return string(r[:labelColumns-1]) + "…"
	}
	return label
}

// eventRows counts events by label.
func eventRows(events []signal.Event) [][]string {
	type tally struct {
		n           int
		first, last float64
		channels    map[string]bool // that some of them are of alone
	}
	by := map[string]*tally{}
	var labels []string
	single := false // any is of some channels
	for _, e := range events {
		t := by[e.Label]
		if t == nil {
			t = &tally{first: e.Onset}
			by[e.Label] = t
			labels = append(labels, e.Label)
		}
		t.n++
		t.last = e.Onset
		for _, name := range e.Channels.Names() {
			if t.channels == nil {
				t.channels = map[string]bool{}
			}
			t.channels[name] = true
		}
		single = single || !e.Channels.IsZero()
	}
	slices.Sort(labels)
	rows := [][]string{{"event", "count", "first (s)", "last (s)"}}
	if single {
		rows[0] = append(rows[0], "of channels")
	}
	for _, l := range labels {
		t := by[l]
		row := []string{briefly(l), strconv.Itoa(t.n), fmt.Sprintf("%.3f", t.first), fmt.Sprintf("%.3f", t.last)}
		if len(t.channels) > 0 {
			row = append(row, briefly(strings.Join(slices.Sorted(maps.Keys(t.channels)), ", ")))
		}
		rows = append(rows, row)
	}
	if len(labels) == 0 {
		rows = append(rows, []string{"none", "0", "", ""})
	}
	return rows
}
