package xdf

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// StreamHeader describes a stream that is to be written.
type StreamHeader struct {
	Name, Type string
	Format     string  // "float32", "double64", "string", "int8", "int16", "int32" or "int64"
	Rate       float64 // in Hz, 0 for an irregular stream
	SourceID   string
	Hostname   string
	Reference  string
	CanDrop    bool // samples may be missing: readers do not smooth the stamps
	// Channels are described one by one; a stream of text has as many as it has values in a sample.
	Channels []signal.Channel
	// Texts are those of the header of the source that the stream is from, as ingest.EncodeTexts makes them.
	Texts []string
}

// Writer writes a file chunk by chunk, so that whatever has been written can be read when the program is killed. A boundary
// chunk comes after every megabyte at the latest. One goroutine may use it.
type Writer struct {
	w       io.Writer
	streams []*written
	buf     bytes.Buffer
	since   int // bytes since the last boundary
	err     error
}

// written is what the footer says.
type written struct {
	StreamHeader
	format      format
	n           int64
	first, last float64
	offsets     [][2]float64
}

// dateTime is how the time of the begin is written: ISO 8601 in its extended form, as the date before it is.
const dateTime = "2006-01-02T15:04:05-07:00"

// boundaryEvery is how many bytes may lie between boundary chunks.
const boundaryEvery = 1 << 20

// NewWriter begins a file. The zero begin leaves out the time of day.
func NewWriter(w io.Writer, begin time.Time) (*Writer, error) {
	out := &Writer{w: w}
	if _, err := w.Write(magic); err != nil {
		return nil, err
	}
	return out, out.chunk(tagFileHeader, fileHeader(begin))
}

// fileHeader is the content of the header of a file.
func fileHeader(begin time.Time) []byte {
	head := "<?xml version=\"1.0\"?>\n<info>\n\t<version>1.0</version>\n"
	if !begin.IsZero() {
		head += "\t<datetime>" + begin.Format(dateTime) + "</datetime>\n" // ISO 8601
	}
	return []byte(head + "</info>\n")
}

// chunk writes one. After the first failure nothing more is written: a file with a hole would be worse than a short one.
func (w *Writer) chunk(tag uint16, content []byte) error {
	if w.err != nil {
		return w.err
	}
	head := chunkHead(tag, int64(len(content)))
	for _, b := range [][]byte{head, content} {
		if _, err := w.w.Write(b); err != nil {
			w.err = err
			return err
		}
	}
	if w.since += len(head) + len(content); w.since >= boundaryEvery && tag != tagBoundary {
		w.since = 0
		return w.chunk(tagBoundary, boundary)
	}
	return nil
}

// chunkHead is what stands before n bytes of content.
func chunkHead(tag uint16, n int64) []byte {
	return binary.LittleEndian.AppendUint16(putLength(nil, n+2), tag)
}

// Boundary writes a boundary chunk: from there a reader goes on where what comes before is damaged.
func (w *Writer) Boundary() error {
	w.since = 0
	return w.chunk(tagBoundary, boundary)
}

func putLength(b []byte, n int64) []byte {
	switch {
	case n <= math.MaxUint8:
		return append(b, 1, byte(n))
	case n <= math.MaxUint32:
		return binary.LittleEndian.AppendUint32(append(b, 4), uint32(n))
	}
	return binary.LittleEndian.AppendUint64(append(b, 8), uint64(n))
}

// AddStream makes a stream known and returns its number.
func (w *Writer) AddStream(h StreamHeader) (id uint32, err error) {
	f, known := formats[h.Format]
	switch {
	case !known:
		return 0, fmt.Errorf("xdf: format %q, must be int8, int16, int32, int64, float32, double64 or string", h.Format)
	case h.Name == "":
		return 0, errors.New("xdf: a stream has no name")
	case len(h.Channels) == 0:
		return 0, fmt.Errorf("xdf: the stream %q has no channels", h.Name)
	case !(h.Rate >= 0) || math.IsInf(h.Rate, 0):
		return 0, fmt.Errorf("xdf: the stream %q has a rate of %g Hz, must be at least 0 and finite", h.Name, h.Rate)
	}
	w.streams = append(w.streams, &written{StreamHeader: h, format: f})
	id = uint32(len(w.streams))
	text, err := xml.MarshalIndent(header(h), "", "\t")
	if err != nil {
		return 0, err
	}
	return id, w.chunk(tagStreamHeader, append(binary.LittleEndian.AppendUint32(nil, id), append([]byte(xml.Header), text...)...))
}

// The elements of a stream header.
type (
	xmlInfo struct {
		XMLName  xml.Name `xml:"info"`
		Name     string   `xml:"name"`
		Type     string   `xml:"type"`
		Count    int      `xml:"channel_count"`
		Rate     string   `xml:"nominal_srate"`
		Format   string   `xml:"channel_format"`
		SourceID string   `xml:"source_id"`
		Hostname string   `xml:"hostname"`
		Desc     xmlDesc  `xml:"desc"`
	}
	xmlDesc struct {
		Sync      *xmlSync      `xml:"synchronization"`
		Reference *xmlReference `xml:"reference"`
		Channels  []xmlChannel  `xml:"channels>channel"`
		Texts     []string      `xml:"header_texts>json"`
	}
	xmlSync struct {
		CanDrop string `xml:"can_drop_samples"`
	}
	xmlReference struct {
		Label string `xml:"label"`
	}
	xmlChannel struct {
		Label    string       `xml:"label"`
		Unit     string       `xml:"unit"`
		Type     string       `xml:"type"`
		Location *xmlLocation `xml:"location"`
	}
	xmlLocation struct{ X, Y, Z string }
)

// typeNames are the words of the meta-data conventions for kinds of channel.
var typeNames = map[signal.Kind]string{
	signal.EEG: "EEG", signal.EOG: "EOG", signal.ECG: "ECG", signal.EMG: "EMG", signal.SEEG: "SEEG", signal.ECoG: "ECoG", signal.Trigger: "Trigger", signal.Misc: "Misc",
}

// unprintable are what XML has no place for and JSON leaves as it is; JSON has an escape for each.
var unprintable = strings.NewReplacer("\uFFFE", `\ufffe`, "\uFFFF", `\uffff`)

func header(h StreamHeader) xmlInfo {
	v := xmlInfo{
		Name: h.Name, Type: h.Type, Count: len(h.Channels), Format: h.Format, SourceID: h.SourceID, Hostname: h.Hostname,
		Rate: strconv.FormatFloat(h.Rate, 'g', -1, 64),
	}
	if h.CanDrop {
		v.Desc.Sync = &xmlSync{"true"}
	}
	for _, t := range h.Texts {
		v.Desc.Texts = append(v.Desc.Texts, unprintable.Replace(t))
	}
	if h.Reference != "" {
		v.Desc.Reference = &xmlReference{h.Reference}
	}
	for _, c := range h.Channels {
		x := xmlChannel{Label: c.Original, Unit: string(c.Unit), Type: typeNames[c.Kind]}
		if x.Label == "" {
			x.Label = c.Name
		}
		if c.Unit == signal.Microvolt {
			x.Unit = "microvolts" // what the conventions call it
		}
		// A place that follows from the label alone is left to whoever reads the label: written, it would pass for a measured one.
		if name, _ := montage.Normalize(x.Label); c.Pos != nil && (c.Kind != signal.EEG || name != c.Name || montage.Measured(c.Name, c.Pos)) {
			mm := func(m float64) string { return strconv.FormatFloat(m*1000, 'g', -1, 64) }
			x.Location = &xmlLocation{mm(c.Pos[0]), mm(c.Pos[1]), mm(c.Pos[2])}
		}
		v.Desc.Channels = append(v.Desc.Channels, x)
	}
	return v
}

// begin is the head of a chunk of n samples.
func (w *Writer) begin(id uint32, n int) (*written, error) {
	if id < 1 || int(id) > len(w.streams) {
		return nil, fmt.Errorf("xdf: stream %d, there are %d", id, len(w.streams))
	}
	w.buf.Reset()
	b := binary.LittleEndian.AppendUint32(w.buf.AvailableBuffer(), id)
	w.buf.Write(putLength(b, int64(n)))
	return w.streams[id-1], nil
}

// stamp writes that of sample i. An empty list, or one of one stamp, leaves the others to the reader, which counts on at the
// nominal rate.
func (w *Writer) stamp(s *written, stamps []float64, i int) {
	switch {
	case i < len(stamps):
		b := append(w.buf.AvailableBuffer(), 8)
		w.buf.Write(binary.LittleEndian.AppendUint64(b, math.Float64bits(stamps[i])))
		s.last = stamps[i]
	default:
		w.buf.WriteByte(0)
		if s.Rate > 0 {
			s.last += 1 / s.Rate
		}
	}
	if s.n == 0 {
		s.first = s.last
	}
	s.n++
}

// checkStamps: the first sample of a chunk has a stamp, so that a reader can begin there.
func checkStamps(s *written, stamps []float64, n int) error {
	if len(stamps) != n && (len(stamps) != 1 || s.Rate == 0) || n == 0 {
		return fmt.Errorf("xdf: %d stamps for %d samples of %q, must be one for each, or one where the rate is known", len(stamps), n, s.Name)
	}
	for _, t := range stamps {
		if t-t != 0 {
			return fmt.Errorf("xdf: a stamp of %q is %g, must be finite", s.Name, t)
		}
	}
	return nil
}

// Samples writes a chunk of a numeric stream: x[ch][t], stamped in seconds on the clock of the sender, each sample or only
// the first. Values are rounded to the stream's format; those outside its range are an error.
func (w *Writer) Samples(id uint32, stamps []float64, x [][]float64) error {
	if len(x) == 0 || len(x[0]) == 0 {
		return nil
	}
	s, err := w.begin(id, len(x[0]))
	if err != nil {
		return err
	}
	if len(x) != len(s.Channels) || s.format.width == 0 {
		return fmt.Errorf("xdf: %d rows of numbers for %q, which has %d channels of %s", len(x), s.Name, len(s.Channels), s.Format)
	}
	if err := checkStamps(s, stamps, len(x[0])); err != nil {
		return err
	}
	for t := range x[0] {
		w.stamp(s, stamps, t)
		b := w.buf.AvailableBuffer()
		for ch := range x {
			v := x[ch][t]
			switch s.Format {
			case "float32":
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
				continue
			case "double64":
				b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
				continue
			}
			limit := math.Ldexp(1, 8*s.format.width-1)
			r := math.Round(v)
			if !(r >= -limit && r < limit) {
				return fmt.Errorf("xdf: sample %d of channel %q is %g, which %s cannot hold", t, s.Channels[ch].Name, v, s.Format)
			}
			for k := range s.format.width {
				b = append(b, byte(int64(r)>>(8*k)))
			}
		}
		w.buf.Write(b)
	}
	return w.chunk(tagSamples, w.buf.Bytes())
}

// Texts writes a chunk of a stream of text: values[t] has one for each channel.
func (w *Writer) Texts(id uint32, stamps []float64, values [][]string) error {
	if len(values) == 0 {
		return nil
	}
	s, err := w.begin(id, len(values))
	if err != nil {
		return err
	}
	if err := checkStamps(s, stamps, len(values)); err != nil {
		return err
	}
	for t, row := range values {
		if len(row) != len(s.Channels) || s.format.width != 0 {
			return fmt.Errorf("xdf: %d texts for %q, which has %d channels of %s", len(row), s.Name, len(s.Channels), s.Format)
		}
		w.stamp(s, stamps, t)
		for _, v := range row {
			w.buf.Write(putLength(w.buf.AvailableBuffer(), int64(len(v))))
			w.buf.WriteString(v)
		}
	}
	return w.chunk(tagSamples, w.buf.Bytes())
}

// ClockOffset writes that at the time at, on the clock of the sender, value seconds were to be added to reach the clock of
// the recorder.
func (w *Writer) ClockOffset(id uint32, at, value float64) error {
	if id < 1 || int(id) > len(w.streams) {
		return fmt.Errorf("xdf: stream %d, there are %d", id, len(w.streams))
	}
	s := w.streams[id-1]
	s.offsets = append(s.offsets, [2]float64{at, value})
	b := binary.LittleEndian.AppendUint32(nil, id)
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(at))
	return w.chunk(tagClockOffset, binary.LittleEndian.AppendUint64(b, math.Float64bits(value)))
}

// Close writes the footers. It does not close the file.
func (w *Writer) Close() error {
	for i, s := range w.streams {
		if err := w.chunk(tagStreamFooter, footer(uint32(i+1), s.first, s.last, s.n, slices.Values(s.offsets))); err != nil {
			return err
		}
	}
	return w.err
}

// footer is the content of a footer: stamps are on the clock of the sender, and offsets are when and what.
func footer(id uint32, first, last float64, n int64, offsets iter.Seq[[2]float64]) []byte {
	g := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	var b bytes.Buffer
	b.Write(binary.LittleEndian.AppendUint32(nil, id))
	fmt.Fprintf(&b, "%s<info>\n\t<first_timestamp>%s</first_timestamp>\n\t<last_timestamp>%s</last_timestamp>\n\t<sample_count>%d</sample_count>\n\t<clock_offsets>\n", xml.Header, g(first), g(last), n)
	for o := range offsets {
		fmt.Fprintf(&b, "\t\t<offset><time>%s</time><value>%s</value></offset>\n", g(o[0]), g(o[1]))
	}
	b.WriteString("\t</clock_offsets>\n</info>\n")
	return b.Bytes()
}
