package xdf

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// writeSamples is how many samples go into one chunk.
const writeSamples = 256

// Write writes rec and its Others as streams of double64, so that every sample is read back with the same bits, its events as a
// stream of text, and each of its journals as one of its type. The clock is that of rec: sample 0 is at second 0, and the file begins with the
// first sample that is there, as readers have it. Every chunk has a stamp, a gap
// is a step of the stamps, and the offsets of the clock are 0. Where a gap is so short that readers would smooth it over (1 s or 500 samples, see the package comment),
// the stream says that it can drop samples.
func Write(w io.Writer, rec *signal.Recording) error {
	out, err := NewWriter(w, beginOf(rec))
	if err != nil {
		return err
	}
	var texts []string // of the header, that no stream has yet
	for k, r := range append([]*signal.Recording{rec}, rec.Others...) {
		lines, _ := ingest.EncodeTexts(r) // writeFile lists what is lost
		texts = append(texts, lines...)
		if len(r.Info.Channels) == 0 {
			continue
		}
		name := streamName(r)
		if k > 0 {
			name = fmt.Sprintf("%s-%d", name, k)
		}
		if err := writeNumbers(out, name, r, texts); err != nil {
			return err
		}
		texts = nil
	}
	if len(rec.Events) > 0 {
		name := streamName(rec) + "-events"
		h := StreamHeader{Name: name, Type: "Markers", Format: "string", SourceID: name, Channels: make([]signal.Channel, 1), Texts: texts}
		texts = nil
		if err := writeTexts(out, h, rec.Events); err != nil {
			return err
		}
	}
	for _, j := range rec.Journals {
		name := j.Name
		if name == "" {
			name = streamName(rec) + "-" + strings.ToLower(j.Kind)
		}
		h := JournalHeader(name, j.Kind, "")
		h.Texts, texts = texts, nil
		if err := writeTexts(out, h, j.Lines); err != nil {
			return err
		}
	}
	return out.Close()
}

// beginOf is when the first sample was measured, to which a file counts; the zero time where unknown.
func beginOf(rec *signal.Recording) time.Time {
	if rec.Begin.IsZero() {
		return rec.Begin
	}
	return rec.Begin.Add(time.Duration(math.Round(max(-maxLead, min(lead(rec), maxLead)) * 1e9)))
}

// maxLead is more seconds than a recording lasts, and less than a time.Duration holds.
const maxLead = 9e9

// lead is when the first sample of any channel was measured, in seconds from sample 0; of a recording without samples when the first event
// was, or else the first line of a journal: from there on a reader counts.
func lead(rec *signal.Recording) float64 {
	at, ok := rec.Lead((*signal.Recording).Runs)
	if !ok {
		list := slices.Clip(rec.Events)
		if len(list) == 0 {
			for _, j := range rec.Journals {
				list = append(list, j.Lines...)
			}
		}
		for _, e := range list {
			at = min(at, e.Onset)
		}
	}
	if math.IsInf(at, 0) || math.IsNaN(at) {
		return 0
	}
	return at
}

// streamName is the name of r without its folders, which are nobody's business, and without the ending.
func streamName(r *signal.Recording) string {
	name := r.Name[strings.LastIndexByte(r.Name, '/')+1:]
	return strings.TrimSuffix(name, ".xdf")
}

// writeTexts writes the labels of list, which may be empty, as a stream.
func writeTexts(out *Writer, h StreamHeader, list []signal.Event) error {
	id, err := out.AddStream(h)
	if err != nil {
		return err
	}
	first := 0.0
	if len(list) > 0 {
		first = list[0].Onset
	}
	if err := out.ClockOffset(id, first, 0); err != nil {
		return err
	}
	for _, e := range list {
		if err := out.Texts(id, []float64{e.Onset}, [][]string{{e.Label}}); err != nil {
			return err
		}
	}
	return nil
}

// eegType is the type of a stream of EEG, whatever else is in it.
const eegType = "EEG"

func hasEEG(r *signal.Recording) bool {
	return slices.ContainsFunc(r.Info.Channels, func(c signal.Channel) bool { return c.Kind == signal.EEG })
}

// standingOf is that of the stream that r becomes: one with EEG calls itself so.
func standingOf(r *signal.Recording) standing {
	return standing{eeg: hasEEG(r), channels: len(r.Info.Channels)}
}

// mainOf is the group of channels that will be read as the main one.
func mainOf(rec *signal.Recording) *signal.Recording {
	main := rec
	for _, r := range rec.Others {
		if len(r.Info.Channels) > 0 && standingOf(r).compare(standingOf(main)) < 0 {
			main = r
		}
	}
	return main
}

func writeNumbers(out *Writer, name string, r *signal.Recording, texts []string) error {
	kind := eegType
	if !hasEEG(r) {
		kind = strings.ToUpper(string(r.Info.Channels[0].Kind))
	}
	short := false // readers smooth over a gap that is no longer than 1 s or 500 samples, unless they are told
	for _, g := range r.Gaps() {
		short = short || g.Start > 0 && (float64(g.Len+1)/r.Info.Rate <= 1 || g.Len+1 <= 500)
	}
	id, err := out.AddStream(StreamHeader{Name: name, Type: kind, Format: "double64", Rate: r.Info.Rate, SourceID: name, Reference: r.Info.Reference, Channels: r.Info.Channels, CanDrop: short, Texts: texts})
	if err != nil {
		return err
	}
	var buf signal.Buffer
	first, last := true, 0.0
	for _, run := range r.Runs() {
		for at := run.Start; at < run.End(); at += writeSamples {
			c := buf.Chunk(r.Info, at, int(min(writeSamples, run.End()-at)))
			if err := r.Data.ReadSamples(c.X, at); err != nil {
				return err
			}
			stamps := make([]float64, c.Len())
			for t := range stamps {
				stamps[t] = float64(at+int64(t)) / r.Info.Rate
			}
			if first { // on the clock of the file
				if err := out.ClockOffset(id, stamps[0], 0); err != nil {
					return err
				}
			}
			if err := out.Samples(id, stamps, c.X); err != nil {
				return err
			}
			first, last = false, stamps[len(stamps)-1]
		}
	}
	if first {
		return nil
	}
	return out.ClockOffset(id, last, 0)
}

// writeFile writes a file with Write, and lists what the format has no place for.
func writeFile(create ingest.Create, name string, rec *signal.Recording) (losses []signal.Deviation, err error) {
	rec, losses = ingest.AtOnsets(rec) // samples are written with equidistant stamps
	journals := slices.Clone(rec.Journals)
	for k := range journals {
		lines, apart := ingest.OnsetsOf(rec, fmt.Sprintf("journal %q", journals[k].Name), journals[k].Lines)
		journals[k].Lines, losses = lines, append(losses, apart...)
	}
	rec.Journals = journals // of the copy
	lasting, ofChannels, signals := 0, 0, 0
	for _, e := range rec.Events {
		if e.Duration != 0 {
			lasting++
		}
		if !e.Channels.IsZero() {
			ofChannels++
		}
	}
	if lasting > 0 {
		losses = append(losses, signal.Deviation{
			Where: "events", Rule: "a marker is a text at a time, without a duration",
			Found: fmt.Sprintf("%d of %d events last", lasting, len(rec.Events)), Assumed: "written as instants",
		})
	}
	if ofChannels > 0 {
		losses = append(losses, signal.Deviation{
			Where: "events", Rule: "a marker is a text at a time, of all channels",
			Found: fmt.Sprintf("%d of %d events are of some channels only", ofChannels, len(rec.Events)), Assumed: "written without their channels",
		})
	}
	losses = append(losses, ingest.MainLoss(rec, mainOf(rec), "the EEG with the most channels is the main one, then any with the most")...)
	losses = append(losses, ingest.BadChannels(rec)...)
	begin := beginOf(rec)
	if at := lead(rec); at != 0 {
		losses = append(losses, signal.Deviation{
			Where: "begin", Rule: "a file begins with its first sample, or event where it has none", Found: fmt.Sprintf("%.9g s without any in front of it", at),
			Assumed: "without these: samples and events are counted from the first, and the begin is later by it",
		})
	}
	if !begin.IsZero() && begin.Nanosecond() != 0 {
		losses = append(losses, signal.Deviation{
			Where: "begin", Rule: "the date and time of the file are to the second",
			Found: begin.Format("2006-01-02T15:04:05.999999999"), Assumed: "written without the fraction; the samples among each other are not touched",
		})
	}
	for _, r := range append([]*signal.Recording{rec}, rec.Others...) {
		signals += len(r.Info.Channels)
		_, lost := ingest.EncodeTexts(r)
		losses = append(losses, lost...)
	}
	if signals == 0 && len(rec.Events) == 0 && len(rec.Journals) == 0 {
		return nil, fmt.Errorf("xdf: %s has neither channels nor events nor journals: there is nothing to write", rec.Name)
	}
	w, err := create(name)
	if err != nil {
		return losses, err
	}
	return losses, errors.Join(Write(w, rec), w.Close())
}
