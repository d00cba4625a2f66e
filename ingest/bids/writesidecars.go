package bids

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

// sidecars writes what describes one recording.
func (w *treeWriter) sidecars(it Item, rec *signal.Recording, d *data) error {
	eeg, err := w.eeg(it, rec, d)
	if err != nil {
		return err
	}
	if err := w.put(&w.set, w.in(it.Name.File("eeg", ".json")), eeg.Write); err != nil {
		return err
	}
	if err := w.put(&w.set, w.in(it.Name.File("channels", ".tsv")), d.channelTable(rec, it.Said.Channels).Write); err != nil {
		return err
	}
	if len(it.Said.ChannelsAbout.Keys()) > 0 {
		if err := w.put(&w.set, w.in(it.Name.File("channels", ".json")), it.Said.ChannelsAbout.Write); err != nil {
			return err
		}
	}
	if err := w.events(it, rec, d); err != nil {
		return err
	}
	return w.electrodes(it, d)
}

// eeg is _eeg.json: what was measured of the recording, then what a tree said of it, then what is required and nobody knows.
func (w *treeWriter) eeg(it Item, rec *signal.Recording, d *data) (Sidecar, error) {
	count := func(kind signal.Kind) (n int) {
		for _, c := range d.channels {
			if c.Kind == kind {
				n++
			}
		}
		return n
	}
	named := it.Name.Get("task")
	if labelOf(it.Task) == labelOf(named) {
		named = it.Task
	}
	seconds := d.seconds
	if d.endToEnd() {
		seconds = float64(d.lay.n) / d.rate // as the events count it
	}
	known, unknown := []jsonField{
		{"TaskName", named},
		{"SamplingFrequency", d.rate},
		{"RecordingDuration", seconds},
		{"RecordingType", recordingType(d.whole)},
		{"EEGChannelCount", count(signal.EEG)},
		{"EOGChannelCount", count(signal.EOG)},
		{"ECGChannelCount", count(signal.ECG)},
		{"EMGChannelCount", count(signal.EMG)},
		{"MISCChannelCount", count(signal.Misc)},
		{"TriggerChannelCount", count(signal.Trigger)},
	}, []jsonField{{"EEGReference", Missing}, {"PowerLineFrequency", Missing}, {"SoftwareFilters", Missing}}
	if ref := rec.Info.Reference; ref != "" {
		unknown[0].value = ref
	}
	if w.opt.LineFreq > 0 {
		known = append(known, jsonField{"PowerLineFrequency", w.opt.LineFreq})
	}
	if d.tenFive() {
		unknown = append(unknown, jsonField{"EEGPlacementScheme", placement})
	}
	ours, err := sidecarOf(known)
	if err != nil {
		return Sidecar{}, err
	}
	rest, err := sidecarOf(unknown)
	if err != nil {
		return Sidecar{}, err
	}
	var task string
	if ok, err := it.Said.About.Get("TaskName", &task); ok && err == nil && labelOf(task) == labelOf(it.Name.Get("task")) {
		ours = it.Said.About.only("TaskName").Over(ours) // in words, of which the name of the file has the letters
	}
	return ours.Over(it.Said.About.without(oldCounts)).Over(rest), nil
}

// oldCounts are spellings of before of what is written by its name of now.
var oldCounts = []string{"MiscChannelCount"}

// placement is what the names of electrodes tell of where they are.
const placement = "10-05 system, by the names of the channels"

// labelOf is the letters and digits of a text, as names of files have them.
func labelOf(text string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if CheckLabel("task", string(r)) != nil {
			return -1
		}
		return r
	}, text))
}

// only is one field of s.
func (s Sidecar) only(key string) Sidecar {
	return Sidecar{slices.DeleteFunc(slices.Clone(s.fields), func(f field) bool { return f.key != key })}
}

// without is s without some fields.
func (s Sidecar) without(keys []string) Sidecar {
	return Sidecar{slices.DeleteFunc(slices.Clone(s.fields), func(f field) bool { return slices.Contains(keys, f.key) })}
}

// jsonField is a field that is to be written.
type jsonField struct {
	key   string
	value any
}

func sidecarOf(fields []jsonField) (s Sidecar, err error) {
	for _, f := range fields {
		if err := s.Set(f.key, f.value); err != nil {
			return s, err
		}
	}
	return s, nil
}

func recordingType(whole bool) string {
	if whole {
		return "continuous"
	}
	return "discontinuous"
}

// tenFive says that all channels of EEG have names of the 10-05 system.
func (d *data) tenFive() bool {
	n := 0
	for _, c := range d.channels {
		if c.Kind == signal.EEG {
			if montage.Place(c.Name) == nil {
				return false
			}
			n++
		}
	}
	return n > 0
}

// channelTable is _channels.tsv. Rows of said, which a tree said of the channels, are joined by name; their type stays where
// it means the same.
func (d *data) channelTable(rec *signal.Recording, said *Table) *Table {
	t := &Table{Columns: []string{"name", "type", "units", "sampling_frequency"}}
	bad := slices.ContainsFunc(d.channels, func(c dataChannel) bool { return c.Bad })
	for _, c := range d.channels {
		unit, _ := line(spellUnit(c.unit))
		cells := [][2]string{{"name", c.label}, {"type", TypeOf(c.Kind)}, {"units", unit}, {"sampling_frequency", decimal(c.rate)}}
		if bad {
			cells = append(cells, [2]string{"status", map[bool]string{false: "good", true: "bad"}[c.Bad]})
		}
		if d.references {
			ref, _ := line(c.ref)
			cells = append(cells, [2]string{"reference", ref})
		}
		cells = append(cells, filtersOf(rec, c.Name)...)
		for i, name := range said.names() {
			if name != c.Original && name != c.label && name != c.Name {
				continue
			}
			for k, column := range said.Columns {
				value := said.At(i, k)
				switch kind, _, known := KindOf(value); {
				case column == "type" && known && kind == c.Kind:
					cells[1][1] = strings.ToUpper(value)
				case slices.Contains(t.Columns[:4], column) || column == "":
				default:
					cells = append(cells, [2]string{column, value})
				}
			}
			break
		}
		t.Add(cells...)
	}
	return t
}

// filters are the columns for what EDF says of the filters of a channel: "HP:0.1Hz LP:75Hz N:50Hz" (the example of
// the specification, Kemp et al. 1992, and the standard texts of EDF+).
var filters = []struct {
	column string
	text   *regexp.Regexp
}{
	{"low_cutoff", regexp.MustCompile(`(?i)\bHP: *([0-9.]+) *Hz`)},
	{"high_cutoff", regexp.MustCompile(`(?i)\bLP: *([0-9.]+) *Hz`)},
	{"notch", regexp.MustCompile(`(?i)\bN: *([0-9.]+) *Hz`)},
}

// filtersOf are the cells of a channel for those columns; 0 Hz is how programs say that they do not know.
func filtersOf(rec *signal.Recording, channel string) (cells [][2]string) {
	for _, t := range rec.Texts {
		if t.Field != "prefiltering" || t.Channel != channel {
			continue
		}
		for _, f := range filters {
			m := f.text.FindStringSubmatch(t.Text)
			if m == nil {
				continue
			}
			if hz, err := strconv.ParseFloat(m[1], 64); err == nil && hz > 0 {
				cells = append(cells, [2]string{f.column, decimal(hz)})
			}
		}
	}
	return cells
}

// names is the column name of a table, which may be nil or have none.
func (t *Table) names() []string {
	if t == nil || t.Column("name") < 0 {
		return nil
	}
	out := make([]string, t.Len())
	for i, row := range t.Rows() {
		out[i] = row[t.Column("name")]
	}
	return out
}

// spellUnit writes a voltage as BIDS does: µV, mV, V, nV.
func spellUnit(unit string) string {
	s := units.Parse(unit)
	if s.Voltage {
		if s.Standard != "" {
			unit = s.Standard
		}
		unit = strings.TrimSpace(unit)
		if strings.HasPrefix(unit, "u") || strings.HasPrefix(unit, "μ") {
			return "µV"
		}
	}
	return unit
}

// decimal is a number as exact as it is, without an exponent.
func decimal(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// stimulus is a marker of BrainVision that stands for a number on the trigger inputs: "Stimulus/S 12".
var stimulus = regexp.MustCompile(`^(?:Stimulus/S|Response/R) *([0-9]+)$`)

// value is the number on the trigger inputs that a label tells, "" for one that does not.
func value(label string) string {
	if m := stimulus.FindStringSubmatch(label); m != nil {
		label = m[1]
	}
	if n, err := strconv.ParseInt(label, 10, 64); err == nil {
		return strconv.FormatInt(n, 10)
	}
	return ""
}

// eventColumns is what _events.json says of the columns. levels are what labels stand for.
func eventColumns(levels map[string]string) []jsonField {
	return []jsonField{
		{"onset", column{Description: "When the event began, from the first sample of the file on.", Units: "s"}},
		{"duration", column{Description: "How long the event lasted; 0 for an instant or where it is not known.", Units: "s"}},
		{"trial_type", column{Description: "What the recording calls the event.", Levels: levels}},
		{"value", column{Description: "The number on the trigger inputs, where the recording tells one."}},
		{"sample", column{Description: "The sample at which the event began, as its index in the file, from 0 at the rate of the EEG."}},
		{channelColumn, column{Description: "The channels that the event is of, by their names in channels.tsv; n/a for all of them."}},
	}
}

// levels are the labels in a table of events that it is known of what they stand for.
func (it Item) levels(t *Table) map[string]string {
	if it.Meaning == nil {
		return nil
	}
	all := map[string]string{}
	for row := range t.Len() {
		if label, ok := t.Cell(row, "trial_type"); ok {
			if m := it.Meaning(label); m != "" {
				all[label] = m
			}
		}
	}
	return all
}

// events writes _events.tsv and _events.json. A recording without events has none.
func (w *treeWriter) events(it Item, rec *signal.Recording, d *data) error {
	t, doc := it.Said.Events, it.Said.EventsAbout
	if t == nil {
		if len(rec.Events) == 0 {
			return nil
		}
		var delimiter string
		t, delimiter = d.eventTable(rec)
		var err error
		if doc, err = eventsAbout(t, it.levels(t), delimiter); err != nil {
			return err
		}
	} else {
		t = d.relabelled(d.timed(t, rec), doc, rec)
	}
	if err := w.put(&w.set, w.in(it.Name.File("events", ".tsv")), t.Write); err != nil {
		return err
	}
	if len(doc.Keys()) == 0 {
		return nil
	}
	return w.put(&w.set, w.in(it.Name.File("events", ".json")), doc.Write)
}

const leftOut = "left out"

// eventTable is _events.tsv of the events of rec, sorted by onset, and what parts the names of channels in it.
func (d *data) eventTable(rec *signal.Recording) (*Table, string) {
	t := &Table{Columns: []string{"onset", "duration", "trial_type", "value", "sample"}}
	changed, endless, unnamed := 0, 0, 0
	names, delimiter := d.cells(rec)
	events, apart := ingest.Onsets(rec)
	d.losses = append(d.losses, apart...)
	events = slices.DeleteFunc(slices.Clone(events), func(e signal.Event) bool { return e.Onset-e.Onset != 0 }) // NaN or infinite
	slices.SortStableFunc(events, func(a, b signal.Event) int {
		return cmp.Or(cmp.Compare(a.Sample, b.Sample), cmp.Compare(a.Onset, b.Onset))
	})
	d.losses = append(d.losses, d.gapLosses(events)...)
	for _, e := range events {
		duration := Missing
		if e.Duration >= 0 && !math.IsInf(e.Duration, 0) {
			duration = decimal(e.Duration)
		} else {
			endless++
		}
		label, same := line(e.Label)
		if !same && e.Label != "" {
			changed++
		}
		cells := [][2]string{
			{"onset", decimal(d.onset(e))}, {"duration", duration}, {"trial_type", label}, {"value", value(e.Label)}, {"sample", strconv.FormatInt(d.lay.index(e.Sample), 10)},
		}
		if !e.Channels.IsZero() {
			cell, same := line(names(e.Channels))
			if !same {
				unnamed++
			}
			cells = append(cells, [2]string{channelColumn, cell})
		}
		t.Add(cells...)
	}
	lose := func(n int, rule, assumed string) {
		if n > 0 {
			d.losses = append(d.losses, signal.Deviation{
				Where: "events", Rule: rule, Found: fmt.Sprintf("%d of %d events break that", n, len(rec.Events)), Assumed: assumed, Missing: assumed == leftOut,
			})
		}
	}
	lose(len(rec.Events)-len(events), "an onset is a number", leftOut)
	lose(endless, "a duration is a number that is not below 0", Missing)
	lose(changed, "a label has no tab, no end of a line and no spaces around it, and is not "+Missing, "written without them")
	lose(unnamed, "a name of a channel has no tab, no end of a line and no spaces around it, and is not "+Missing, "written without them")
	return t, delimiter
}

const captrak = "CapTrak"

// captrakText describes the system of coordinates in the words of its axes (BIDS 1.10, appendix "Coordinate systems").
const captrakText = "Origin between the ears. The x axis goes through the preauricular points to the right, the y axis at a right angle to it through the nasion, the z axis upwards."

// electrodesSaid writes a table of a tree as it is, in whatever system of coordinates, for the session or for one recording, as it
// was there.
func (w *treeWriter) electrodesSaid(it Item, said Space) error {
	n := sessionOf(it.Name)
	if from, err := ParseName(path.Base(said.File)); err == nil {
		if from.Get("task")+from.Get("acq")+from.Get("run") != "" {
			n = it.Name.With("desc", "").With("split", "")
		}
		n = n.With("space", from.Get("space"))
	}
	return w.place(n, said.Electrodes, said.Coordsystem, said.About)
}

// electrodes writes _electrodes.tsv and _coordsystem.json where positions were measured. Those that follow from the names of
// the channels were not, and are left to whoever reads the names.
func (w *treeWriter) electrodes(it Item, d *data) error {
	for _, s := range it.Said.Elsewhere {
		if err := w.electrodesSaid(it, s); err != nil {
			return err
		}
	}
	if said := it.Said; said.Electrodes != nil {
		return w.electrodesSaid(it, Space{said.Electrodes, said.Coordsystem, said.ElectrodesAbout, said.ElectrodesFile})
	}
	measured := false
	t := &Table{Columns: []string{"name", "x", "y", "z"}}
	for _, c := range d.channels {
		if c.Kind != signal.EEG {
			continue
		}
		at := [3]string{Missing, Missing, Missing}
		if c.Pos != nil && c.Pos.Finite() {
			for i, x := range c.Pos {
				at[i] = decimal(x)
			}
			measured = measured || montage.Measured(c.Name, c.Pos)
		}
		t.Add([2]string{"name", c.label}, [2]string{"x", at[0]}, [2]string{"y", at[1]}, [2]string{"z", at[2]})
	}
	if !measured {
		return nil
	}
	system, err := sidecarOf([]jsonField{{"EEGCoordinateSystem", captrak}, {"EEGCoordinateUnits", "m"}, {"EEGCoordinateSystemDescription", captrakText}})
	if err != nil {
		return err
	}
	return w.place(sessionOf(it.Name).With("space", captrak), t, system, Sidecar{})
}

// sessionOf is what the names of all files of a session have.
func sessionOf(n Name) Name { return Name{}.With("sub", n.Get("sub")).With("ses", n.Get("ses")) }

// place writes a table of electrodes, its system of coordinates and what its columns are, unless they are there already. Where
// others are there that is an error: electrodes have one place in a session (BIDS 1.10, "Electrodes description").
func (w *treeWriter) place(n Name, t *Table, system, about Sidecar) error {
	table := w.in(n.File("electrodes", ".tsv"))
	coordinates := w.in(n.With("run", "").File("coordsystem", ".json")) // whose name has no run
	if w.places == nil {
		w.places = map[string]*places{}
	}
	have := w.places[table]
	if have == nil {
		var err error
		if have, err = readPlaces(table, coordinates); err != nil {
			return err
		}
	}
	if have != nil {
		if !have.same(&places{t, system}) {
			return misnamed("the electrodes are at other places than %s says, and BIDS has one table for a session: give it another --session", table)
		}
		w.places[table] = have
		return nil
	}
	w.places[table] = &places{t, system}
	if err := w.put(&w.set, table, t.Write); err != nil {
		return err
	}
	if len(about.Keys()) > 0 {
		if err := w.put(&w.set, w.in(n.File("electrodes", ".json")), about.Write); err != nil {
			return err
		}
	}
	if w.coordinates[coordinates] {
		return nil // of another run
	}
	if w.coordinates == nil {
		w.coordinates = map[string]bool{}
	}
	w.coordinates[coordinates] = true
	return w.put(&w.set, coordinates, system.Write)
}

// places are where electrodes are.
type places struct {
	table  *Table
	system Sidecar
}

// readPlaces reads what a tree has, nil where it has none.
func readPlaces(table, coordinates string) (*places, error) {
	text, err := readIfThere(table)
	if err != nil || text == nil {
		return nil, err
	}
	t, _, err := ReadTable(text, table)
	if err != nil {
		return nil, err
	}
	p := &places{table: t}
	if text, err = readIfThere(coordinates); err != nil || text == nil {
		return p, err
	}
	p.system, err = ReadSidecar(text, coordinates)
	return p, err
}

// samePlace is how far two positions of one electrode may lie apart, in the unit of the table, relative to them: as numbers that
// are written with six digits.
const samePlace = 1e-6

// same says whether all electrodes of q are at the same places in p, which may have more of them.
func (p *places) same(q *places) bool {
	for _, field := range []string{"EEGCoordinateSystem", "EEGCoordinateUnits"} {
		if !bytes.Equal(p.system.Raw(field), q.system.Raw(field)) {
			return false
		}
	}
	names := p.table.names()
	for row, name := range q.table.names() {
		k := slices.Index(names, name)
		if k < 0 {
			return false
		}
		for _, axis := range []string{"x", "y", "z"} {
			a, aThere, aErr := p.table.Number(k, axis)
			b, bThere, bErr := q.table.Number(row, axis)
			if aThere != bThere || aErr != nil || bErr != nil || math.Abs(a-b) > samePlace*max(1, math.Abs(a)) {
				return false
			}
		}
	}
	return true
}
