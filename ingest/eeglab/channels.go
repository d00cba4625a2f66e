package eeglab

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/matfile"
	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// kinds are the types of channels that gyrus tells apart.
var kinds = map[string]signal.Kind{
	"eeg": signal.EEG, "eog": signal.EOG, "veog": signal.EOG, "heog": signal.EOG, "ecg": signal.ECG, "ekg": signal.ECG, "emg": signal.EMG,
	"seeg": signal.SEEG, "ecog": signal.ECoG, "ieeg": signal.ECoG, "stim": signal.Trigger, "trig": signal.Trigger, "trigger": signal.Trigger, "misc": signal.Misc,
}

// location is one of the field chanlocs.
type location struct {
	label, typ string
	at         int64
	xyz        [3]float64 // to the right ear, the nose and up, in the file's unit
	known      bool
}

// describe names, types and places the channels.
func (s *set) describe() (*signal.Info, error) {
	locs, err := s.locations()
	if err != nil {
		return nil, err
	}
	labels := make([]string, len(locs))
	for i, l := range locs {
		labels[i] = l.label
	}
	info := &signal.Info{Rate: s.rate, Channels: s.src.Channels(labels, func(i int) int64 { return locs[i].at })}
	place := s.place(locs)
	for i := range info.Channels {
		c, l := &info.Channels[i], locs[i]
		c.Unit = signal.Microvolt
		switch k, known := kinds[strings.ToLower(strings.TrimSpace(l.typ))]; {
		case known:
			c.Kind = k
		case l.known && c.Kind == signal.Misc:
			c.Kind = signal.EEG // an electrode by its place
		}
		if c.Kind == signal.Trigger {
			c.Unit = signal.NoUnit
		}
		c.Pos = nil
		if c.Kind == signal.EEG || c.Kind == signal.SEEG || c.Kind == signal.ECoG {
			c.Pos = montage.Place(c.Name)
			if l.known && place != nil {
				pos := place(l.xyz)
				c.Pos = &pos
			}
		}
	}
	s.note("data", "the unit of the samples is known", "a format without units", "µV, as is EEGLAB's convention")
	if ref, err := s.text("ref"); err != nil {
		return nil, err
	} else if low := strings.ToLower(ref); low == "averef" || low == "average" {
		info.Reference = "average"
	} else if low != "common" {
		info.Reference = ref
	}
	return info, nil
}

// locations reads chanlocs; there is one for each channel, numbered where the file has none.
func (s *set) locations() ([]location, error) {
	locs := make([]location, 0, min(s.channels, 1024)) // what is claimed may not be there
	v, found := s.fields["chanlocs"]
	n := v.Count()
	if !found || v.Class != matfile.Struct || n != s.channels {
		s.src.Deviate(v.At, "chanlocs", fmt.Sprintf("describes %d channels", s.channels), strconv.FormatInt(n, 10), "channels are numbered")
		for i := range s.channels {
			locs = append(locs, location{label: fmt.Sprintf("channel %d", i+1)})
		}
		return locs, nil
	}
	err := v.Each(func(_ int64, f map[string]matfile.Value) error {
		l := location{at: f["labels"].At}
		var err error
		if l.label, _, err = f["labels"].Text("labels"); err != nil {
			return err
		}
		if l.typ, _, err = f["type"].Text("type"); err != nil {
			return err
		}
		l.known = true
		for k, axis := range []string{"X", "Y", "Z"} {
			x, ok, err := f[axis].Float(axis)
			if err != nil {
				return err
			}
			l.known = l.known && ok && x-x == 0
			switch k { // x to the nose, y to the left
			case 0:
				l.xyz[1] = x
			case 1:
				l.xyz[0] = -x
			case 2:
				l.xyz[2] = x
			}
		}
		l.known = l.known && l.xyz != [3]float64{}
		locs = append(locs, l)
		return nil
	}, "labels", "type", "X", "Y", "Z")
	if err == nil && int64(len(locs)) != s.channels {
		return nil, s.src.Errorf(v.At, "chanlocs", "%d places, must be %d", len(locs), s.channels)
	}
	return locs, err
}

// place makes positions of coordinates. It is nil where their unit cannot be told.
func (s *set) place(locs []location) func(xyz [3]float64) signal.Position {
	var known [][3]float64
	for _, l := range locs {
		if l.known {
			known = append(known, l.xyz)
		}
	}
	if len(known) == 0 {
		return nil
	}
	mean, unit, place := montage.Metres(known)
	const rule = "the unit of the coordinates is known"
	found := fmt.Sprintf("none; a mean distance of %.3g from the middle", mean)
	switch unit {
	case "":
		s.src.Deviate(s.fields["chanlocs"].At, "chanlocs", rule, found, "nothing: electrodes have the place of their name")
	case montage.UnitSphere:
		s.note("chanlocs", rule, found, unit+", on which electrodes are placed as those of a name")
	default:
		s.note("chanlocs", rule, found, unit)
	}
	return place
}

// note says what is taken for granted of a field where the format leaves it open.
func (s *set) note(field, rule, found, assumed string) {
	s.notes = append(s.notes, signal.Deviation{Where: fmt.Sprintf("byte %d: %s", s.fields[field].At, field), Rule: rule, Found: found, Assumed: assumed})
}
