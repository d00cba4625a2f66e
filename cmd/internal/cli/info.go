package cli

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest"
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
	Channels   []channelJSON      `json:"channels"`
	Events     []signal.Event     `json:"events"`
	Gaps       []gapJSON          `json:"gaps"`
	Deviations []signal.Deviation `json:"deviations"`
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
		Format: rec.Format, Parts: append([]string{}, rec.Parts...), RateHz: rate, Samples: rec.Len, DurationS: seconds(rec.Len), Channels: []channelJSON{},
		Events: append([]signal.Event{}, rec.Events...), Gaps: []gapJSON{}, Deviations: append([]signal.Deviation{}, rec.Deviations...),
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
	for _, g := range rec.Gaps() {
		v.Gaps = append(v.Gaps, gapJSON{g.Start, g.Len, seconds(g.Start), seconds(g.Len)})
	}
	return v
}

func newInfo() *cobra.Command {
	cmd := &cobra.Command{
		Use: "info FILE|TREE", Short: "what is in a recording: channels, units, events, gaps, deviations from the format; or in a BIDS tree", Args: cobra.ExactArgs(1),
		Example: "  gyrus info S001R06.edf\n  gyrus info ds002336\n  gyrus info S001R06.edf --json | jq '.events[0]'",
		RunE: func(cmd *cobra.Command, args []string) error {
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
			rec, err := how.open(args[0])
			if err != nil {
				return err
			}
			v := describe(rec)
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
			fmt.Fprintln(w)
			columns(w, eventRows(v.Events))
			fmt.Fprintf(w, "\n%d gaps, %d deviations from the format\n", len(v.Gaps), len(v.Deviations))
			for _, g := range v.Gaps {
				fmt.Fprintf(w, "  gap at %.3f s (sample %d): %.3f s\n", g.StartS, g.Start, g.Seconds)
			}
			for _, d := range v.Deviations {
				fmt.Fprintf(w, "  %s\n", deviationLine(d))
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
	return cmd
}

// eventRows counts events by label.
func eventRows(events []signal.Event) [][]string {
	type tally struct {
		n           int
		first, last float64
	}
	by := map[string]*tally{}
	var labels []string
	for _, e := range events {
		t := by[e.Label]
		if t == nil {
			t = &tally{first: e.Onset}
			by[e.Label] = t
			labels = append(labels, e.Label)
		}
		t.n++
		t.last = e.Onset
	}
	slices.Sort(labels)
	rows := [][]string{{"event", "count", "first (s)", "last (s)"}}
	for _, l := range labels {
		t := by[l]
		rows = append(rows, []string{l, strconv.Itoa(t.n), fmt.Sprintf("%.3f", t.first), fmt.Sprintf("%.3f", t.last)})
	}
	if len(labels) == 0 {
		rows = append(rows, []string{"none", "0", "", ""})
	}
	return rows
}
