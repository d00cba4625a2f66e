package brainvision

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/flatfile"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func init() {
	ingest.Register(ingest.Format{
		Name: "brainvision", Ext: []string{".vhdr", ".ahdr", ".vmrk", ".eeg"}, Match: match, OpenIn: OpenIn,
		Hint: "the samples of a BrainVision recording (.eeg) are opened by its header: give the name of the .vhdr beside it",
	})
}

// match looks at the first line.
func match(head []byte) bool {
	line, _, _ := bytes.Cut(bytes.TrimPrefix(head, []byte(byteOrderMark)), []byte("\n"))
	return len(line) < 200 && (isHeader(string(line)) || isMarkers(string(line)))
}

func isHeader(line string) bool {
	line = strings.ReplaceAll(strings.ToLower(line), " ", "")
	return strings.HasPrefix(line, "brainvision") && strings.Contains(line, "headerfile")
}

func isMarkers(line string) bool {
	line = strings.ReplaceAll(strings.ToLower(line), " ", "")
	return strings.HasPrefix(line, "brainvision") && strings.Contains(line, "markerfile")
}

// OpenIn reads the header f and the files beside it that it names. It owns f from now on and closes it, also when it fails.
func OpenIn(fsys fs.FS, f ingest.File, name string) (*signal.Recording, error) {
	data, rec, err := open(fsys, f, name)
	if err := errors.Join(err, f.Close()); err != nil {
		if data != nil {
			err = errors.Join(err, data.Close())
		}
		return nil, err
	}
	rec.Closer = data
	return rec, nil
}

// open returns the file with the samples also where something behind it fails.
func open(fsys fs.FS, f ingest.File, name string) (ingest.File, *signal.Recording, error) {
	src, err := flatfile.NewSource(f, name, nil)
	if err != nil {
		return nil, nil, err
	}
	ini, err := readINI(src)
	if err != nil {
		return nil, nil, err
	}
	if isMarkers(ini.first) {
		return nil, nil, src.Errorf(0, "first line", "this is the file of the markers: open the header beside it, %s", path.Base(stem(name)+".vhdr"))
	}
	h, err := readHeader(src, ini)
	if err != nil {
		return nil, nil, err
	}
	rec := &signal.Recording{Name: name, Format: "BrainVision", Info: h.info}
	data, dataName, err := beside(fsys, src, h.data, ".eeg", ".dat", ".seg", ".avg")
	if err != nil {
		return nil, nil, err
	}
	if data == nil {
		return nil, nil, src.Errorf(h.data.at, "DataFile", "%q is not there, nor is a file of the header's own name that ends in .eeg or .dat: put it beside the header", h.data.value)
	}
	dataSrc, err := flatfile.NewSource(data, dataName, src.Log)
	if err != nil {
		return data, nil, err
	}
	rec.Parts = append(rec.Parts, dataName)
	ms := openMarkers(fsys, src, h, rec)
	samples, err := h.samples(dataSrc)
	if err != nil {
		return data, nil, err
	}
	line := newTimeline(ms, samples.count(), h.info.Rate)
	rec.Begin, rec.Events, rec.Notes = line.begin, line.events(ms, h.info.Rate), line.gapsNote()
	var stored signal.SampleReader
	pieces := line.Timeline
	filled := int64(0)
	if ms != nil && len(ms.skips) > 0 {
		if pieces, filled = pieces.Without(ms.skips); filled > 0 {
			rec.Notes = append(rec.Notes, signal.SkipNote("markers", len(ms.skips), float64(filled)/h.info.Rate))
		}
	}
	stored, rec.Spans, rec.Len = samples.reader(pieces)
	inUnits := signal.InUnits{SampleReader: stored, Units: h.units}
	rec.Data = inUnits
	if filled > 0 {
		rec.Data = signal.Filled{InUnits: inUnits, All: line.Runs()}
	}
	if h.references {
		rec.Notes = append(rec.Notes, signal.Deviation{
			Where: "Channel Infos", Rule: "channels may have references of their own", Found: "different ones", Assumed: "the reference is not known, and none is written again",
		})
	}
	rec.Texts = ini.texts
	rec.AddPersonal("User Infos", ini.user)
	rec.AddPersonal(commentField, ini.comment)
	if ms != nil {
		rec.AddPersonal("markers: User Infos", ms.user)
	}
	rec.Deviations = src.Deviations()
	return data, rec, nil
}

// openMarkers reads the markers, if there are any. Damage to their file does not keep the samples from being read: it is listed.
func openMarkers(fsys fs.FS, src *flatfile.Source, h *header, rec *signal.Recording) *markers {
	if h.markers.value == "" {
		return nil
	}
	const assumed = "the recording has no events, no time of its begin, and no interruptions"
	f, name, err := beside(fsys, src, h.markers, ".vmrk", ".amrk")
	if err == nil && f == nil {
		src.Add("MarkerFile", signal.Deviation{
			Where: fmt.Sprintf("byte %d: MarkerFile", h.markers.at), Rule: "the file is beside the header", Found: fmt.Sprintf("no %q", h.markers.value), Assumed: assumed, Missing: true,
		})
		return nil
	}
	var ms *markers
	if err == nil {
		ms, err = markersOf(f, name, src.Log, h.info.Channels)
	}
	if err != nil {
		src.Add("companion", signal.Deviation{Where: h.markers.value, Rule: "the file of markers beside the header can be read", Found: err.Error(), Assumed: assumed, Missing: true})
		return nil
	}
	rec.Parts = append(rec.Parts, name)
	return ms
}

// markersOf reads f, and closes it.
func markersOf(f ingest.File, name string, log *flatfile.Log, channels []signal.Channel) (*markers, error) {
	s, err := flatfile.NewSource(f, name, log)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	ms, err := readMarkers(s, channels)
	return ms, errors.Join(err, f.Close())
}

func stem(name string) string { return strings.TrimSuffix(name, path.Ext(name)) }

// beside opens the file that an entry of the header names, or else the one with the header's own name and one of the endings.
// It is nil where there is none.
func beside(fsys fs.FS, src *flatfile.Source, e entry, endings ...string) (ingest.File, string, error) {
	base := path.Base(src.Name)
	named := strings.ReplaceAll(e.value, "$b", stem(base))
	if i := strings.LastIndexAny(named, `/\`); i >= 0 {
		src.Deviate(e.at, e.key, "a file beside the header is named without its folder", fmt.Sprintf("%q", named), fmt.Sprintf("%q beside the header", named[i+1:]))
		named = named[i+1:]
	}
	tries := []string{named}
	for _, ending := range endings {
		tries = append(tries, stem(base)+ending)
	}
	for i, other := range tries {
		f, err := ingest.OpenBeside(fsys, src.Name, other)
		switch {
		case err == nil && i > 0:
			src.Deviate(e.at, e.key, "names the file beside the header", fmt.Sprintf("%q, which is not there", named), fmt.Sprintf("%q, which has the header's name: the files were renamed", other))
			fallthrough
		case err == nil:
			return f, ingest.Beside(src.Name, other), nil
		case i > 0 && !errors.Is(err, fs.ErrNotExist) || i == 0 && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrInvalid) && named != "":
			return nil, "", src.Errorf(e.at, e.key, "%w", err)
		}
	}
	return nil, "", nil
}
