package bids

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest"
)

// Anonymous says what is left out of what a tree says of a recording. Fields and columns that BIDS does not define always are, and those that
// are free text: anything may be in them. Of what describes columns (channels.json, events.json) that is all prose. Texts that are kept are listed.
type Anonymous struct {
	// Names says whether a text may name who was recorded. It is asked once Open has returned.
	Names func(text string) bool
	// Texts leaves out every text that is not known to be a code, and the table of events: those of the recording are written.
	Texts bool
}

// defined is what BIDS defines in a kind of file: names of fields or columns, of which those that are free text are true.
type defined map[string]bool

func define(names, free string) defined {
	d := defined{}
	for _, n := range strings.Fields(names) {
		d[n] = false
	}
	for _, n := range strings.Fields(free) {
		d[n] = true
	}
	return d
}

// What BIDS 1.10 defines (the sections of the same names), but for what may say where and on whom was measured: names and addresses of
// institutions, serial numbers, artefacts of the subject.
var (
	aboutKeys = define(`
		TaskName CogAtlasID CogPOID Manufacturer ManufacturersModelName CapManufacturer CapManufacturersModelName SamplingFrequency PowerLineFrequency SoftwareFilters HardwareFilters
		SoftwareVersions EEGReference EEGGround EEGPlacementScheme EEGChannelCount ECGChannelCount EMGChannelCount EOGChannelCount MISCChannelCount MiscChannelCount TriggerChannelCount
		RecordingDuration RecordingType EpochLength HeadCircumference ElectricalStimulation iEEGReference iEEGGround iEEGPlacementScheme iEEGElectrodeGroups SEEGChannelCount
		ECOGChannelCount ElectrodeManufacturer ElectrodeManufacturersModelName MEGChannelCount MEGREFChannelCount DewarPosition DigitizedLandmarks DigitizedHeadPoints
		ContinuousHeadLocalization HeadCoilFrequency MaxMovement AssociatedEmptyRoom`,
		"TaskDescription Instructions ElectricalStimulationParameters")
	channelColumns = define("name type units sampling_frequency reference low_cutoff high_cutoff notch status software_filters group HED component",
		"description status_description")
	eventColumnNames = define("onset duration trial_type value sample response_time HED stim_id channel begsample stim_type", "stim_file")
	electrodeColumns = define("name x y z size type material impedance group hemisphere manufacturer dimension", "")
	coordinateKeys   = define(`
		EEGCoordinateSystem EEGCoordinateUnits FiducialsCoordinates FiducialsCoordinateSystem FiducialsCoordinateUnits AnatomicalLandmarkCoordinates AnatomicalLandmarkCoordinateSystem
		AnatomicalLandmarkCoordinateUnits iEEGCoordinateSystem iEEGCoordinateUnits`,
		`EEGCoordinateSystemDescription FiducialsDescription FiducialsCoordinateSystemDescription AnatomicalLandmarkCoordinateSystemDescription iEEGCoordinateSystemDescription`)
)

// impersonal says whether a field or column is defined, and no free text.
func impersonal(d defined, name string) bool {
	free, is := d[name]
	return is && !free
}

// discreet is it with nothing that Anonymous leaves out, with a list of that, and with a Said that is there.
func (it Item) discreet() (Item, []ingest.Personal) {
	said := Sidecars{}
	if it.Said != nil {
		said = *it.Said
	}
	whole := said
	it.Said, it.whole = &said, &whole
	if it.Anonymous == nil {
		return it, nil
	}
	h, recording := hider{Anonymous: it.Anonymous}, hider{Anonymous: it.Anonymous, listed: true}
	it.Scan, it.Participant, it.ParticipantsAbout = nil, nil, Sidecar{}
	if h.Texts {
		said.Events, said.EventsAbout = nil, Sidecar{}
	}
	recording.task = it.Name.Get("task")
	said.About = recording.fields("the sidecar of the recording", said.About, aboutKeys)
	said.Coordsystem = h.fields("coordsystem.json", said.Coordsystem, coordinateKeys)
	said.Channels = recording.table("channels.tsv", said.Channels, channelColumns)
	said.ChannelsAbout = h.columns("channels.json", said.ChannelsAbout, channelColumns)
	said.Events = h.table("events.tsv", said.Events, eventColumnNames)
	said.EventsAbout = h.columns("events.json", said.EventsAbout, eventColumnNames)
	said.Electrodes = h.table("electrodes.tsv", said.Electrodes, electrodeColumns)
	said.ElectrodesAbout = h.columns("electrodes.json", said.ElectrodesAbout, electrodeColumns)
	said.Elsewhere = slices.Clone(said.Elsewhere)
	for i, s := range said.Elsewhere {
		name := path.Base(s.File)
		said.Elsewhere[i].Electrodes = h.table(name, s.Electrodes, electrodeColumns)
		said.Elsewhere[i].Coordsystem = h.fields("coordsystem.json of "+name, s.Coordsystem, coordinateKeys)
		said.Elsewhere[i].About = h.columns("electrodes.json of "+name, s.About, electrodeColumns)
	}
	return it, append(recording.found, h.found...)
}

// hider leaves out, and lists what.
type hider struct {
	*Anonymous
	listed bool   // what is not defined, or free text, is among the texts of the recording, with which it is listed
	task   string // of the name, of which TaskName has the letters
	found  []ingest.Personal
}

// Why something is left out.
const (
	notDefined = "left out: BIDS does not define it, and anything may be in it"
	freeText   = "left out: it is free text"
)

func (h *hider) add(where, found, done string) {
	h.found = append(h.found, ingest.Personal{Where: where, Found: found, Done: done})
}

// names is Names, which may be nil.
func (h *hider) names(text string) bool { return h.Names != nil && h.Names(text) }

// fields is what is kept of a sidecar.
func (h *hider) fields(file string, s Sidecar, of defined) Sidecar {
	var without []string
	for _, key := range s.Keys() {
		where, text := file+": "+key, fmt.Sprintf("%.1000s", s.Raw(key))
		switch {
		case h.leaves(where, text, key, of, h.listed):
		case key == "TaskName" && h.isTask(s), h.value(where, s.Raw(key), strings.HasSuffix(key, "CoordinateSystem") || strings.HasSuffix(key, "CoordinateUnits")):
			continue
		}
		without = append(without, key)
	}
	return s.without(without)
}

// leaves says whether key, with this text, is left out whatever its value is, and lists it; listed says that what nobody defines and free
// text are listed already.
func (h *hider) leaves(where, text, key string, of defined, listed bool) bool {
	free, is := of[key]
	switch {
	case is && !free && !h.names(text):
		return false
	case is && !free:
		h.add(where, text, "left out: it has a word of the texts about people")
	case listed:
	case free:
		h.add(where, text, freeText)
	default:
		h.add(where, text, notDefined)
	}
	return true
}

// isTask says whether TaskName is the task of the name of the file, in words.
func (h *hider) isTask(s Sidecar) bool {
	var task string
	_, err := s.Get("TaskName", &task)
	return err == nil && labelOf(task) == labelOf(h.task)
}

// columns is what is kept of a sidecar that describes columns.
func (h *hider) columns(file string, s Sidecar, of defined) Sidecar {
	var out Sidecar
	for _, key := range s.Keys() {
		where, text := file+": "+key, fmt.Sprintf("%.1000s", s.Raw(key))
		if h.leaves(where, text, key, of, false) {
			continue
		}
		if kept, ok := h.described(where, s.Raw(key)); ok {
			out.put(key, kept)
		}
	}
	return out
}

// table is what is kept of a table. Cells that name somebody become n/a.
func (h *hider) table(file string, t *Table, of defined) *Table {
	if t == nil {
		return nil
	}
	out := &Table{}
	var kept []int
	for k, column := range t.Columns {
		where := file + ": column " + column
		free, is := of[column]
		var texts []string // those that are different
		seen := map[string]bool{}
		for row := range t.Len() {
			if v := t.At(row, k); v != Missing && !seen[v] && (!is || free) {
				seen[v] = true
				texts = append(texts, fmt.Sprintf("%q", v))
			}
		}
		text := fmt.Sprintf("%.1000s", strings.Join(texts, ", "))
		switch {
		case is && !free:
			kept = append(kept, k)
		case h.listed:
		case !is:
			h.add(where, text, notDefined)
		default:
			h.add(where, text, freeText)
		}
	}
	cells := make([]map[string]string, len(t.Columns)) // what is written for those that are something else
	same := len(kept) == len(t.Columns)
	for _, k := range kept {
		cells[k] = h.cells(file, t, k)
		same = same && len(cells[k]) == 0
	}
	if same {
		return t // as it is written
	}
	for _, k := range kept {
		out.Columns = append(out.Columns, t.Columns[k])
	}
	for row := range t.Len() {
		var texts [][2]string
		for _, k := range kept {
			v := t.At(row, k)
			if other, is := cells[k][v]; is {
				v = other
			}
			texts = append(texts, [2]string{t.Columns[k], v})
		}
		out.Add(texts...)
	}
	return out
}

// cells are those of a column that are written as something else, by what they are: n/a for those that name somebody, HED strings without
// their texts. Texts that are kept are listed, once for the column.
func (h *hider) cells(file string, t *Table, k int) map[string]string {
	column := t.Columns[k]
	if impersonalName(file, column) {
		return nil
	}
	other, seen := map[string]string{}, map[string]bool{}
	var found []string
	for row := range t.Len() {
		v := t.At(row, k)
		if seen[v] || v == Missing {
			continue
		}
		seen[v] = true
		where := fmt.Sprintf("%s: line %d, column %s", file, t.Line(row), column)
		switch {
		case h.names(v):
			h.add(where, v, "written as n/a: it has a word of the texts about people")
			other[v] = Missing
		case column == "HED":
			if text := h.tags(where, v); text != v {
				other[v] = cmp.Or(text, Missing)
			}
		case file == "events.tsv" && (column == "trial_type" || column == "stim_type"), coded(v): // labels are listed as those of the recording
		case column == "type" && isType(v), column == "units" && len(v) <= longestUnit:
		default:
			found = append(found, fmt.Sprintf("%q", v))
			if h.Texts {
				other[v] = Missing
			}
		}
	}
	if len(found) > 0 {
		h.add(file+": column "+column, fmt.Sprintf("%.1000s", strings.Join(found, ", ")), map[bool]string{false: keptText, true: "written as n/a: it is a text that is no code of BIDS"}[h.Texts])
	}
	return other
}

// longestUnit is how many bytes a unit has that is taken for one.
const longestUnit = 6

func isType(text string) bool {
	_, _, known := KindOf(text)
	return known
}

// impersonalName says whether a column holds the names of channels, by which tables are joined: these are looked at with the recording.
func impersonalName(file, column string) bool { return file != "events.tsv" && column == "name" }
