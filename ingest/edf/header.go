package edf

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// header is the header with every field checked against the specification.
type header struct {
	v        *variant
	plus     string // "" for plain EDF, "C" for EDF+C, "D" for EDF+D
	start    time.Time
	bytes    int64   // of the header: where the first record begins
	records  int64   // number of data records
	duration float64 // of one in seconds
	signals  []signalHeader
	record   int64 // bytes in one
	// headerBytes is what the field about it says, which may be wrong.
	headerBytes int64

	patient, recording string // the fields about persons and places

	looked bool // at all samples
	beyond []signal.Deviation
}

// signalHeader is the part of the header about one signal.
type signalHeader struct {
	label, dimension string
	physMin, physMax float64
	digMin, digMax   int64
	samples          int64 // in each record
	offset           int64 // of its first byte from the start of a record
	index            int32
	isText           bool
	unscaled         bool // the header does not say what the integers stand for

	transducer, prefilter string

	widened *signal.Stored // a range that holds samples beyond that of the header, see CheckSamples; nil without such
}

// The fields about one signal, in the order of the file.
const (
	fLabel = iota
	fTransducer
	fDimension
	fPhysMin
	fPhysMax
	fDigMin
	fDigMax
	fPrefilter
	fSamples
	fReserved
)

var signalFields = [...]struct {
	name  string
	width int64
}{
	{"label", 16},
	{"transducer type", 80},
	{"physical dimension", 8},
	{"physical minimum", 8},
	{"physical maximum", 8},
	{"digital minimum", 8},
	{"digital maximum", 8},
	{"prefiltering", 80},
	{"number of samples in each data record", 8},
	{"reserved", 32},
}

const (
	fixedBytes  = 256      // the part about the file; the part about each signal is as long
	recordsAt   = 236      // byte of the field number of data records
	maxDuration = 1e7      // s, four months: a wrong number and no duration
	maxCount    = 99999999 // what eight digits hold
	maxRate     = 1e8      // Hz: as above, and small enough to count maxSeconds in samples
)

// readHeader reads and checks all fields. It does not look at the size of the data, see fitSize.
func readHeader(src *source, v *variant) (*header, error) {
	if src.size < fixedBytes {
		return nil, src.errorf(src.size, "header", "the file ends after %d bytes, the header alone has at least %d: it is truncated; fetch it again in binary mode", src.size, 2*fixedBytes)
	}
	raw := make([]byte, fixedBytes)
	if err := src.read(raw, 0, "header"); err != nil {
		return nil, err
	}
	at := func(from, to int64, name string) field { return field{src, from, name, 0, raw[from:to]} }

	h := &header{v: v}
	if string(raw[:8]) != string(v.version) {
		at(0, 8, "version").deviate(fmt.Sprintf("%q", v.version), fmt.Sprintf("%q", raw[:8]), v.name)
	}
	who := at(8, 88, patientField)
	h.patient = who.text()
	h.readReserved(at(192, 236, "reserved"))
	if h.plus != "" {
		checkPatient(who, h.patient)
	}
	about := at(88, 168, recordingField)
	h.start = start(at(168, 176, "startdate"), at(176, 184, "starttime"), about, h.plus != "")
	h.recording, _ = ingest.Text(src.file, bytes.TrimRight(about.raw, " \x00"))
	if h.plus == "" { // start has looked at it otherwise
		about.text()
	}

	ns := at(252, 256, "number of signals")
	n, err := ns.integer()
	if err != nil {
		return nil, err
	}
	if n < 1 {
		return nil, ns.errorf("is %d, must be at least 1", n)
	}
	if need := fixedBytes * (n + 1); need > src.size {
		return nil, ns.errorf("%d signals need a header of %d bytes, the file has %d: it is truncated or the number is wrong; fetch it again in binary mode", n, need, src.size)
	}
	if h.records, err = at(recordsAt, 244, "number of data records").integer(); err != nil {
		return nil, err
	}
	dur := at(244, 252, "duration of a data record")
	if h.duration, err = dur.number(); err != nil {
		return nil, err
	}
	if h.duration < 0 || h.duration > maxDuration {
		return nil, dur.errorf("is %g s, must be from 0 to %g", h.duration, maxDuration)
	}
	if h.headerBytes, err = at(184, 192, "number of bytes in header record").integer(); err != nil {
		src.dev.add(184, "number of bytes in header record", "256 times one more than the number of signals", fmt.Sprintf("%q", clean(raw[184:192])), "what the rule gives")
		h.headerBytes = fixedBytes * (n + 1)
	}
	h.bytes = fixedBytes * (n + 1)
	if err := h.readSignals(src, n); err != nil {
		return nil, err
	}
	if h.duration == 0 && h.firstSignal() >= 0 {
		return nil, dur.errorf("is 0, must be above 0 s where there are signals (%q): the sampling rate is unknown; write the true duration into the field", h.signals[h.firstSignal()].label)
	}
	if most := h.mostSamples(); h.duration > 0 && float64(most)/h.duration > maxRate {
		return nil, dur.errorf("is %g s for %d samples, must be at least %g s: no recording has more than %g samples per second", h.duration, most, float64(most)/maxRate, float64(maxRate))
	}
	return h, nil
}

// readReserved learns from the field whether the file is EDF+.
func (h *header) readReserved(f field) {
	s := f.text()
	plus, found := strings.CutPrefix(s, h.v.name+"+")
	switch {
	case found && (strings.HasPrefix(plus, "C") || strings.HasPrefix(plus, "D")):
		h.plus = plus[:1]
	case s != h.v.plain && (s != "" || h.v.plain != ""):
		blank := "blank"
		if h.v.plain != "" {
			blank = strconv.Quote(h.v.plain)
		}
		f.deviate(fmt.Sprintf(`%s, or begins with "%s+C" or "%[2]s+D"`, blank, h.v.name), fmt.Sprintf("%q", s), "plain "+h.v.name)
	}
}

// readSignals reads the part about the signals. The caller has checked that the file is long enough for it.
func (h *header) readSignals(src *source, n int64) error {
	raw := make([]byte, n*fixedBytes)
	if err := src.read(raw, fixedBytes, "header"); err != nil {
		return err
	}
	h.signals = make([]signalHeader, n)
	for i := range h.signals {
		s := &h.signals[i]
		s.index = int32(i)
		f := func(k int) field {
			at := h.at(k, s)
			return field{src, at, signalFields[k].name, i + 1, raw[at-fixedBytes:][:signalFields[k].width]}
		}
		if err := s.read(f, h.v); err != nil {
			return err
		}
		s.offset = h.record
		h.record += s.samples * int64(h.v.bytes) // the header of n signals fits into the file: no overflow
		if s.isText && h.plus == "" {
			src.dev.add(192, "reserved", fmt.Sprintf("%s+C or %[1]s+D where a signal is called %q", h.v.name, h.v.annotations), "neither", h.v.name+"+C")
			h.plus = "C"
		}
	}
	if h.record == 0 {
		return src.errorf(h.at(fSamples, &h.signals[0]), signalFields[fSamples].name, "is 0 for every signal, must be above 0 for at least one")
	}
	return nil
}

// at is the byte of field k of a signal: the fields lie one kind behind the other, each for all signals.
func (h *header) at(k int, s *signalHeader) int64 {
	before := int64(fixedBytes)
	for _, f := range signalFields[:k] {
		before += f.width * int64(len(h.signals))
	}
	return before + int64(s.index)*signalFields[k].width
}

// read reads the fields of one signal.
func (s *signalHeader) read(f func(int) field, v *variant) (err error) {
	s.label = strings.TrimSpace(f(fLabel).text())
	s.isText = s.label == v.annotations
	s.transducer, s.prefilter = f(fTransducer).text(), f(fPrefilter).text()
	f(fReserved).text() // only checked
	s.dimension = strings.TrimSpace(f(fDimension).text())

	n := f(fSamples)
	if s.samples, err = n.integer(); err != nil {
		return err
	}
	if s.samples < 0 || s.samples > maxCount {
		return n.errorf("is %d, must be from 1 to %d", s.samples, maxCount)
	}
	if s.samples == 0 {
		n.deviate("above 0", "0", "the signal is left out")
	}
	if s.isText {
		return nil // the scale of a text means nothing
	}
	pmin, pmax, dmin, dmax := f(fPhysMin), f(fPhysMax), f(fDigMin), f(fDigMax)
	if s.physMin, err = pmin.number(); err != nil {
		return err
	}
	if s.physMax, err = pmax.number(); err != nil {
		return err
	}
	if s.digMin, err = dmin.integer(); err != nil {
		return err
	}
	if s.digMax, err = dmax.integer(); err != nil {
		return err
	}
	if s.physMin == s.physMax || s.digMin == s.digMax {
		s.noScale(pmax, dmax, v)
		return nil
	}
	if s.digMin > s.digMax {
		dmax.deviate("above the digital minimum", fmt.Sprintf("%d, the digital minimum is %d", s.digMax, s.digMin), "the scale through both points")
	}
	for _, d := range []struct {
		field
		value int64
	}{{dmin, s.digMin}, {dmax, s.digMax}} {
		if d.value < v.min || d.value > v.max {
			d.deviate(fmt.Sprintf("from %d to %d", v.min, v.max), strconv.FormatInt(d.value, 10), "the scale through both points")
		}
	}
	return nil
}

// noScale has the signal hand out the integers that are stored, without a unit: both ends of a range are the same, so that nothing says what they
// stand for. Mostly it is a channel to which nothing was connected, and the others are as good as ever.
func (s *signalHeader) noScale(pmax, dmax field, v *variant) {
	const assumed = "the integers that are stored, without a unit; write the true range into both fields to have their values"
	found := fmt.Sprintf("; the physical dimension is %q", s.dimension)
	if s.physMin == s.physMax {
		pmax.deviate("differs from the physical minimum", fmt.Sprintf("both are %g for %q%s", s.physMax, s.label, found), assumed)
	}
	if s.digMin == s.digMax {
		dmax.deviate("differs from the digital minimum", fmt.Sprintf("both are %d for %q%s", s.digMax, s.label, found), assumed)
	}
	s.digMin, s.digMax, s.physMin, s.physMax, s.dimension = v.min, v.max, float64(v.min), float64(v.max), ""
	s.unscaled = true
}

// firstSignal is the index of the first signal with samples that are no text, -1 where there is none.
func (h *header) firstSignal() int {
	for i, s := range h.signals {
		if !s.isText && s.samples > 0 {
			return i
		}
	}
	return -1
}

// mostSamples is the number of samples in a record of the signal that has the most, 0 where there is only text.
func (h *header) mostSamples() (most int64) {
	for _, s := range h.signals {
		if !s.isText {
			most = max(most, s.samples)
		}
	}
	return most
}
