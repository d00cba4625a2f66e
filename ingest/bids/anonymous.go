package bids

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest"
)

// Anonymous says what is left out of what a tree says of a recording. Fields and columns that BIDS does not define always are, and those that
// are free text: anything may be in them.
type Anonymous struct {
	// Names says whether a text may name who was recorded. It is asked once Open has returned.
	Names func(text string) bool
	// Events leaves out the table of events: those of the recording are written.
	Events bool
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
	eventColumnNames = define("onset duration trial_type value sample response_time HED stim_file stim_id channel begsample stim_type", "")
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
	it.Said = &said
	if it.Anonymous == nil {
		return it, nil
	}
	h, recording := hider{Anonymous: it.Anonymous}, hider{Anonymous: it.Anonymous, listed: true}
	it.Scan, it.Participant, it.ParticipantsAbout = nil, nil, Sidecar{}
	if h.Events {
		said.Events, said.EventsAbout = nil, Sidecar{}
	}
	said.About = recording.fields("the sidecar of the recording", said.About, aboutKeys)
	said.Coordsystem = h.fields("coordsystem.json", said.Coordsystem, coordinateKeys)
	said.Channels = recording.table("channels.tsv", said.Channels, channelColumns)
	said.ChannelsAbout = h.fields("channels.json", said.ChannelsAbout, channelColumns)
	said.Events = h.table("events.tsv", said.Events, eventColumnNames)
	said.EventsAbout = h.fields("events.json", said.EventsAbout, eventColumnNames)
	said.Electrodes = h.table("electrodes.tsv", said.Electrodes, electrodeColumns)
	said.ElectrodesAbout = h.fields("electrodes.json", said.ElectrodesAbout, electrodeColumns)
	return it, append(recording.found, h.found...)
}

// hider leaves out, and lists what.
type hider struct {
	*Anonymous
	listed bool // what is not defined, or free text, is among the texts of the recording, with which it is listed
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
		free, is := of[key]
		switch {
		case (!is || free) && h.listed:
		case !is:
			h.add(where, text, notDefined)
		case free:
			h.add(where, text, freeText)
		case h.names(text):
			h.add(where, text, "left out: it has a word of the texts about people")
		default:
			continue
		}
		without = append(without, key)
	}
	return s.without(without)
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
	if len(kept) == len(t.Columns) && !h.anywhere(t) {
		return t // as it is written
	}
	for _, k := range kept {
		out.Columns = append(out.Columns, t.Columns[k])
	}
	said := map[string]bool{}
	for row := range t.Len() {
		var cells [][2]string
		for _, k := range kept {
			v := t.At(row, k)
			if !impersonalName(file, t.Columns[k]) && h.names(v) {
				if !said[v] {
					h.add(fmt.Sprintf("%s: line %d, column %s", file, t.Line(row), t.Columns[k]), v, "written as n/a: it has a word of the texts about people")
					said[v] = true
				}
				v = Missing
			}
			cells = append(cells, [2]string{t.Columns[k], v})
		}
		out.Add(cells...)
	}
	return out
}

// anywhere says whether a cell of t names somebody.
func (h *hider) anywhere(t *Table) bool {
	return slices.ContainsFunc(t.Rows(), func(row []string) bool { return slices.ContainsFunc(row, h.names) })
}

// impersonalName says whether a column holds the names of channels, by which tables are joined: these are looked at with the recording.
func impersonalName(file, column string) bool { return file != "events.tsv" && column == "name" }
