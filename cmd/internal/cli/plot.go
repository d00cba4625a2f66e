package cli

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/cmd/internal/figure"
	"github.com/gyrus-bci/gyrus/ingest/atomicfile"
	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// plotJSON is what gyrus plot --json prints.
type plotJSON struct {
	Output     string        `json:"output"`
	Kind       string        `json:"kind"`
	Recordings []plottedJSON `json:"recordings"`
}

// plottedJSON is a recording in a picture.
type plottedJSON struct {
	Input    string          `json:"input"`
	RateHz   float64         `json:"rate_hz"`
	FromS    float64         `json:"from_s"`
	ToS      float64         `json:"to_s"`
	Channels []string        `json:"channels"`
	Left     []string        `json:"channels_without_position"` // not drawn in a scalp map
	Bad      []string        `json:"channels_bad"`              // marked as bad, and left out of spectra, or marked in a scalp map
	Spoilt   []figure.Spoilt `json:"channels_spoilt"`           // of which segments of the spectrum have samples that are not finite
	Without  []string        `json:"channels_without_spectrum"` // flat or not finite
	Unnamed  int             `json:"channels_without_name"`     // rows of traces that have no room for theirs
	ByName   []string        `json:"channels_placed_by_name"`   // in a scalp map where their 10-05 names put them; the others where the recording or --electrodes does

	places string       // what is said of that
	Maps   []figure.Map `json:"maps"` // the values at the channels, of a scalp map
}

// placed says whose places a scalp map draws.
func placed(r plottedJSON, electrodes string, unfit error) string {
	of := "the recording"
	if electrodes != "" {
		of += " or " + electrodes
	}
	switch given := len(r.Channels) - len(r.ByName); {
	case unfit != nil:
		return fmt.Sprintf("%d channels are drawn where their 10-05 names put them, not where %s has them: %v", len(r.Channels), of, unfit)
	case given == 0:
		return fmt.Sprintf("%d channels are drawn where their 10-05 names put them", len(r.Channels))
	case len(r.ByName) == 0:
		return fmt.Sprintf("%d channels are drawn where %s has them", given, of)
	default:
		return fmt.Sprintf("%d channels are drawn where %s has them, and where their 10-05 names put them %s", given, of, quoted(r.ByName))
	}
}

// plotting is what the flags say.
type plotting struct {
	out, kind string
	from, to  float64
	channels  []string
	bands     []string
	at        []float64
	highest   float64

	parsed []figure.Band // of bands
}

// tracesSeconds is how much of a recording traces show unless they are told.
const tracesSeconds = 10

var plotKinds = []string{"traces", "spectrum", "topo"}

func newPlot() *cobra.Command {
	var p plotting
	cmd := &cobra.Command{
		Use: "plot FILE...", Short: "a picture of recordings: traces, spectra or scalp maps, as SVG or PNG", Args: cobra.MinimumNArgs(1),
		Long: `Plot draws recordings of any format that gyrus knows, one below the other. It needs no display. The ending of the file
to write, .svg or .png, says in which format.

  traces    each channel a row, with the events: the first 10 s, or --from to --to
  spectrum  the power spectral density by Welch's method: of the whole recording, or --from to --to
  topo      scalp maps by spherical splines: of the power in --band, or of the potential --at a moment. Only channels with a
            position are drawn, and only places near one of them have a colour

Channels that the recording marks as bad are grey in traces and have no say in their scale. They are left out of spectra, and of the splines
and scales of maps, which have a cross where they are, unless --channels names them.`,
		Example: `  gyrus plot S001R06.edf -o traces.svg --from 60 --to 75 --channels C3,Cz,C4
  gyrus plot S001R01.edf S001R02.edf -o spectra.png --kind spectrum --max-hz 60
  gyrus plot S001R02.edf -o alpha.svg --kind topo --band 8-13`,
		RunE: p.run,
	}
	f := cmd.Flags()
	f.StringVarP(&p.out, "output", "o", "", "the picture to write: "+strings.Join(figure.Endings, " or "))
	f.StringVar(&p.kind, "kind", plotKinds[0], strings.Join(plotKinds, ", "))
	f.Float64Var(&p.from, "from", 0, "begin here, in seconds from the start")
	f.Float64Var(&p.to, "to", 0, "end here, in seconds from the start")
	f.StringSliceVar(&p.channels, "channels", nil, "these channels, in this order, those of other rates in a part of their own (default: all with EEG, or all where there is none)")
	f.StringSliceVar(&p.bands, "band", []string{"4-8", "8-13", "13-30"}, "topo: the power from one frequency to another, in Hz")
	f.Float64SliceVar(&p.at, "at", nil, "topo: the potential at these seconds, in place of bands")
	f.Float64Var(&p.highest, "max-hz", 0, "spectrum: up to this frequency (default: half the sampling rate)")
	addReading(cmd)
	return cmd
}

// check refuses flags that make no sense, before anything is read.
func (p *plotting) check(cmd *cobra.Command, paths []string) error {
	switch {
	case p.out == "":
		return usageError{errors.New("-o is missing: name the picture to write, such as -o plot.svg")}
	case !slices.ContainsFunc(figure.Endings, func(e string) bool { return strings.HasSuffix(strings.ToLower(p.out), e) }):
		return usageError{fmt.Errorf("%s: the ending must be one of %s", p.out, strings.Join(figure.Endings, ", "))}
	case !slices.Contains(plotKinds, p.kind):
		return usageError{&registry.UnknownError{What: "kind of picture", Name: p.kind, Known: plotKinds}}
	}
	for flag, kind := range map[string]string{"band": "topo", "at": "topo", "max-hz": "spectrum"} {
		if cmd.Flags().Changed(flag) && p.kind != kind {
			return usageError{fmt.Errorf("--%s has no effect on %s: add --kind %s, or leave it out", flag, p.kind, kind)}
		}
	}
	if cmd.Flags().Changed("band") && cmd.Flags().Changed("at") {
		return usageError{errors.New("--band and --at are two kinds of scalp map: give one of them")}
	}
	for _, s := range p.bands {
		b, err := parseBand(s)
		if err != nil {
			return usageError{err}
		}
		p.parsed = append(p.parsed, b)
	}
	return checkOutput(p.out, paths)
}

func (p *plotting) run(cmd *cobra.Command, paths []string) (err error) {
	if err := p.check(cmd, paths); err != nil {
		return err
	}
	how, err := readingOf(cmd)
	if err != nil {
		return err
	}
	v := plotJSON{Output: p.out, Kind: p.kind}
	var figures []*figure.Figure
	for _, path := range paths {
		figs, rs, err := p.plotted(cmd, how, path)
		if err != nil {
			return err
		}
		figures, v.Recordings = append(figures, figs...), append(v.Recordings, rs...)
	}
	all := figure.Stack(figures...)
	if err := atomicfile.Write(p.out, func(f io.Writer) error { return all.Write(f, p.out) }); err != nil {
		return err
	}
	if wantsJSON(cmd) {
		return printJSON(cmd, v)
	}
	for _, r := range v.Recordings {
		if len(r.Left) > 0 {
			note(cmd, "no position is known for %s: left out", quoted(r.Left))
		}
		if r.places != "" {
			note(cmd, "%s: %s", r.Input, r.places)
		}
		if len(r.Spoilt) > 0 {
			var parts []string
			for _, s := range r.Spoilt {
				parts = append(parts, fmt.Sprintf("%q %d of %d", s.Channel, s.Segments-s.Used, s.Segments))
			}
			note(cmd, "%s: segments with samples that are not finite are left out of the spectra: %s", r.Input, strings.Join(parts, ", "))
		}
		if len(r.Without) > 0 {
			note(cmd, "%s: flat or not finite, and neither drawn nor in a mean: %s", r.Input, quoted(r.Without))
		}
		if r.Unnamed > 0 {
			note(cmd, "%s: the names of %d of %d rows have no room and are left out: choose fewer with --channels", r.Input, r.Unnamed, len(r.Channels))
		}
		if len(r.Bad) > 0 {
			note(cmd, "%s: marked as bad and left out (%d): %s; --channels uses those that it names", r.Input, len(r.Bad), quoted(r.Bad))
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s  %s of %s, %s, %d channels\n", v.Output, v.Kind, r.Input, p.when(r), len(r.Channels))
	}
	return nil
}

// when says of what time r is drawn.
func (p *plotting) when(r plottedJSON) string {
	if len(p.at) == 0 {
		return fmt.Sprintf("%g to %g s", r.FromS, r.ToS)
	}
	var at []string
	for _, s := range p.at {
		at = append(at, strconv.FormatFloat(s, 'g', -1, 64))
	}
	return "at " + strings.Join(at, ", ") + " s"
}

// plotted reads a recording and makes its parts of the picture, one for each rate of the channels in it.
func (p *plotting) plotted(cmd *cobra.Command, how opener, path string) (figs []*figure.Figure, all []plottedJSON, err error) {
	rec, err := how.openSignals(path)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, rec.Close()) }()
	windows, err := p.windows(cmd, rec)
	if err != nil {
		return nil, nil, err
	}
	left := []string{}
	if p.kind == "topo" {
		if windows, left, err = positioned(windows); err != nil {
			return nil, nil, refusal{fmt.Errorf("%s: %w", path, err)}
		}
	}
	told := *rec // of other rates only those that are not drawn
	told.Others = slices.DeleteFunc(slices.Clone(rec.Others), func(g *signal.Recording) bool {
		return slices.ContainsFunc(windows, func(w *shown) bool { return w.Rec.Info == g.Info })
	})
	deviations(cmd, []*signal.Recording{&told})
	for _, w := range windows {
		v := plottedJSON{Input: path, Channels: w.names(w.Idx), Left: left, Bad: w.names(w.Bad), ByName: []string{}, Spoilt: []figure.Spoilt{}, Without: []string{}, Maps: []figure.Map{}}
		left = []string{} // they are told once
		fig, maps, err := p.figure(w.Window)
		if err != nil {
			return nil, nil, refusal{fmt.Errorf("%s: %w", path, err)}
		}
		v.Maps, v.Spoilt, v.Without, v.Unnamed = append(v.Maps, maps...), append(v.Spoilt, fig.Spoilt...), append(v.Without, fig.Without...), fig.Unnamed
		if p.kind == "topo" {
			at, err := w.Places()
			if err != nil {
				return nil, nil, refusal{fmt.Errorf("%s: %w", path, err)}
			}
			electrodes, _ := cmd.Flags().GetString(electrodesFlag)
			v.ByName = at.ByName
			v.places = placed(v, electrodes, at.Unfit)
		}
		rate := w.Rec.Info.Rate
		v.FromS, v.ToS, v.RateHz = float64(w.From)/rate, float64(w.To)/rate, rate
		figs, all = append(figs, fig), append(all, v)
	}
	return figs, all, nil
}

// figure makes the picture.
func (p *plotting) figure(w figure.Window) (fig *figure.Figure, maps []figure.Map, err error) {
	switch {
	case p.kind == "traces":
		fig, err = figure.Traces(w)
		return fig, nil, err
	case p.kind == "spectrum":
		fig, err = figure.Spectrum(w, p.highest)
		return fig, nil, err
	case len(p.at) > 0:
		for _, s := range p.at {
			if !(math.Abs(s) < 1e9) { // also catches NaN
				return nil, nil, fmt.Errorf("--at is %g s, must be a time in the recording", s)
			}
			m, err := w.Moment(w.Rec.Info.Samples(s))
			if err != nil {
				return nil, nil, err
			}
			maps = append(maps, m)
		}
	default:
		if maps, err = w.Power(p.parsed); err != nil {
			return nil, nil, err
		}
	}
	fig, err = figure.Scalp(w, maps)
	return fig, maps, err
}

// parseBand reads "8-13".
func parseBand(s string) (figure.Band, error) {
	low, high, ok := strings.Cut(s, "-")
	a, errA := strconv.ParseFloat(low, 64)
	b, errB := strconv.ParseFloat(high, 64)
	if !ok || errA != nil || errB != nil {
		return figure.Band{}, fmt.Errorf("--band is %q, must be two frequencies in Hz, such as 8-13", s)
	}
	return figure.Band{Low: a, High: b}, nil
}

// shown is a window of which channels can be taken off.
type shown struct{ figure.Window }

// names are those of the channels idx.
func (w *shown) names(idx []int) []string {
	names := []string{}
	for _, ch := range idx {
		names = append(names, w.Rec.Info.Channels[ch].Name)
	}
	return names
}

// setAside leaves out the channels that are marked as bad.
func (w *shown) setAside() error {
	w.Idx = slices.DeleteFunc(w.Idx, func(ch int) bool {
		bad := w.Rec.Info.Channels[ch].Bad
		if bad {
			w.Bad = append(w.Bad, ch)
		}
		return bad
	})
	if len(w.Idx) == 0 {
		return refusal{fmt.Errorf("%s: all %d channels are marked as bad: name those to draw all the same with --channels", w.Rec.Name, len(w.Bad))}
	}
	return nil
}

// positioned takes the channels without a position off windows, and the windows off that have none with one, and names these
// channels. It is an error where a window is left with too few for a map, or none is left.
func positioned(windows []*shown) (kept []*shown, left []string, err error) {
	left = []string{}
	for _, w := range windows {
		w.Idx = slices.DeleteFunc(w.Idx, func(ch int) bool {
			c := w.Rec.Info.Channels[ch]
			if c.Pos == nil {
				left = append(left, c.Name)
			}
			return c.Pos == nil
		})
		if len(w.Idx) > 0 {
			kept = append(kept, w)
		}
	}
	if len(kept) == 0 {
		return nil, left, fmt.Errorf("no position is known for %s, so there is no map: say where they are with --%s FILE, or choose channels that are named by the 10-05 system with --channels", quoted(left), electrodesFlag)
	}
	for _, w := range kept {
		if len(w.Idx) >= figure.LeastChannels {
			continue
		}
		names, without := w.names(w.Idx), ""
		if len(w.Bad) > 0 {
			without = "; marked as bad and left out: " + quoted(w.names(w.Bad))
		}
		if len(left) > 0 {
			without += fmt.Sprintf("; no position is known for %s, --%s FILE says where they are", quoted(left), electrodesFlag)
		}
		return nil, left, fmt.Errorf("a map needs at least %d channels with a position and one rate, with %g Hz there %s %s%s: choose with --channels",
			figure.LeastChannels, w.Rec.Info.Rate, map[bool]string{true: "is only", false: "are only"}[len(names) == 1], quoted(names), without)
	}
	return kept, left, nil
}

// windows are the parts of rec that are asked for: one for each rate that the wanted channels have, in the order in which they are
// wanted. Without a list of channels it is that of the main ones.
func (p *plotting) windows(cmd *cobra.Command, rec *signal.Recording) (all []*shown, err error) {
	groups := append([]*signal.Recording{rec}, rec.Others...)
	var known []string
	for _, g := range groups {
		known = append(known, g.Info.Names()...)
	}
	wanted := p.channels
	if len(wanted) == 0 {
		for _, c := range rec.Info.Channels {
			if c.Kind == signal.EEG {
				wanted = append(wanted, c.Name)
			}
		}
	}
	if len(wanted) == 0 {
		wanted = rec.Info.Names()
	}
	of := map[*signal.Recording]*shown{}
	for _, n := range wanted {
		i := slices.IndexFunc(groups, func(g *signal.Recording) bool { return g.Info.Index(n) >= 0 })
		if i < 0 {
			return nil, usageError{&registry.UnknownError{What: "channel", Name: n, Known: known}}
		}
		g := groups[i]
		w := of[g]
		if w == nil {
			if w, err = p.window(cmd, rec, g); err != nil {
				return nil, err
			}
			of[g], all = w, append(all, w)
		}
		ch := g.Info.Index(n)
		if slices.Contains(w.Idx, ch) {
			return nil, usageError{fmt.Errorf("--channels has %s twice", n)}
		}
		w.Idx = append(w.Idx, ch)
	}
	if len(p.channels) == 0 && p.kind != "traces" {
		for _, w := range all {
			if err := w.setAside(); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// window is the part of time that is asked for, of the channels g of rec, which have one rate. Events are those of rec.
func (p *plotting) window(cmd *cobra.Command, rec, g *signal.Recording) (*shown, error) {
	if g != rec {
		other := *g
		other.Name = rec.Name
		g = &other
	}
	w := &shown{figure.Window{Rec: g, EventsOf: rec}}
	end := float64(g.Len) / g.Info.Rate
	from, to := p.from, p.to
	if !cmd.Flags().Changed("to") {
		to = end
		if p.kind == "traces" {
			to = min(end, from+tracesSeconds)
		}
	}
	if !(0 <= from && from < to && to <= end+1e-9) { // also catches NaN
		return nil, usageError{fmt.Errorf("from %g to %g s: must rise, within 0 to %g s, the length of %s", from, to, end, g.Name)}
	}
	w.From, w.To = g.Info.Samples(from), min(g.Len, g.Info.Samples(to))
	if w.From >= w.To {
		return nil, usageError{fmt.Errorf("from %g to %g s: there is no sample between, they are %g s apart", from, to, 1/g.Info.Rate)}
	}
	return w, nil
}
