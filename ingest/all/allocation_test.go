package all_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

var le, be = binary.LittleEndian, binary.BigEndian

// costly are files in which what a reader has to keep is as dense as the format allows: the shortest events, a gap behind every sample,
// the shortest chunks, headers of many channels. They have some MB, so that buffers do not count.
var costly = map[string]func(t *testing.T) (files fstest.MapFS, name string){
	"arrow: batches with events":       func(t *testing.T) (fstest.MapFS, string) { return ingesttest.Written(t, "arrow", eventful(20_000)) },
	"arrow: events outside":            func(t *testing.T) (fstest.MapFS, string) { return ingesttest.Written(t, "arrow", outside(100_000)) },
	"arrow: a long text outside":       func(t *testing.T) (fstest.MapFS, string) { return ingesttest.Written(t, "arrow", quotes()) },
	"arrow: texts of the header":       func(t *testing.T) (fstest.MapFS, string) { return ingesttest.Written(t, "arrow", manyTexts()) },
	"parquet: texts of the header":     func(t *testing.T) (fstest.MapFS, string) { return ingesttest.Written(t, "parquet", manyTexts()) },
	"brainvision: texts that are none": vhdrTexts,
	"xdf: texts that are none":         xdfHeaderTexts,
	"bci2000: a state that changes":    bciStates,
	"bids: events":                     bidsEvents,
	"bids: wide events":                bidsWideEvents,
	"blackrock: digital events":        func(*testing.T) (fstest.MapFS, string) { return nev(packets, 0) },
	"blackrock: spikes":                func(*testing.T) (fstest.MapFS, string) { return nev(packets, 5) },
	"blackrock: comments":              func(*testing.T) (fstest.MapFS, string) { return nev(packets, 0xffff) },
	"blackrock: a gap at each sample":  nsxPauses,
	"brainvision: markers":             func(*testing.T) (fstest.MapFS, string) { return vmrk("Mk=,,1,1\n", 300_000) },
	"brainvision: markers of words":    func(*testing.T) (fstest.MapFS, string) { return vmrk("Mk=a,b,1,1\n", 300_000) },
	"brainvision: new segments":        vmrkSegments,
	"brainvision: text":                vhdrText,
	"brainvision: channels":            vhdrChannels,
	"cnt: events":                      cntEvents,
	"cnt: channels":                    cntChannels,
	"edf: annotations":                 edfAnnotations,
	"edf: a gap at each record":        func(*testing.T) (fstest.MapFS, string) { return edfGaps(5, "") },
	"edf: a mark in gaps":              func(*testing.T) (fstest.MapFS, string) { return edfGaps(15, "+0\x151\x14BAD filled\x14\x00") },
	"edf: marks":                       func(*testing.T) (fstest.MapFS, string) { return edfMarks(1, true) },
	"edf: events of all channels":      func(*testing.T) (fstest.MapFS, string) { return edfOfChannels(300, true) },
	"edf: events of one channel each":  func(*testing.T) (fstest.MapFS, string) { return edfOfChannels(300, false) },
	"edf: again and again of one":      func(*testing.T) (fstest.MapFS, string) { return edfOfChannels(1, true) },
	"edf: marks over each other":       func(*testing.T) (fstest.MapFS, string) { return edfMarks(1, false) },
	"edf: marks of channels":           func(*testing.T) (fstest.MapFS, string) { return edfMarks(100, true) },
	"edf: lists that are none":         edfFlaws,
	"bdf: status":                      bdfStatus,
	"edf: channels":                    edfChannels,
	"eeglab: events":                   eeglabEvents,
	"eeglab: variables":                eeglabVariables,
	"fif: buffers of one sample":       func(*testing.T) (fstest.MapFS, string) { return fifBuffers(false) },
	"fif: a gap at each sample":        func(*testing.T) (fstest.MapFS, string) { return fifBuffers(true) },
	"fif: events beside":               fifEvents,
	"fif: channels":                    fifChannels,
	"fif: annotations":                 func(*testing.T) (fstest.MapFS, string) { return fifAnnotations("") },
	"fif: annotations of channels":     func(*testing.T) (fstest.MapFS, string) { return fifAnnotations(`["c%d"],`) },
	"fif: annotations of all channels": func(*testing.T) (fstest.MapFS, string) { return fifAnnotations(`[],`) },
	"gdf: events":                      gdfEvents,
	"gdf: new segments":                gdfSegments,
	"gdf: channels":                    gdfChannels,
	"parquet: events":                  func(t *testing.T) (fstest.MapFS, string) { return ingesttest.Written(t, "parquet", eventful(20_000)) },
	"parquet: events outside":          func(t *testing.T) (fstest.MapFS, string) { return ingesttest.Written(t, "parquet", outside(100_000)) },
	"parquet: a long text outside":     func(t *testing.T) (fstest.MapFS, string) { return ingesttest.Written(t, "parquet", quotes()) },
	"text: short rows":                 func(*testing.T) (fstest.MapFS, string) { return table(1, 200_000) },
	"text: wide rows":                  func(*testing.T) (fstest.MapFS, string) { return table(10, 50_000) },
	"text: packed rows":                tablePacked,
	"xdf: samples without a stamp":     func(*testing.T) (fstest.MapFS, string) { return xdf(1000, 2000, false, 1) },
	"xdf: samples with a stamp":        func(*testing.T) (fstest.MapFS, string) { return xdf(1000, 500, true, 1) },
	"xdf: chunks of one sample":        func(*testing.T) (fstest.MapFS, string) { return xdf(1, 100_000, true, 1) },
	"xdf: chunks without a stamp":      func(*testing.T) (fstest.MapFS, string) { return xdf(1, 100_000, false, 1) },
	"xdf: a gap at each sample":        func(*testing.T) (fstest.MapFS, string) { return xdf(1000, 500, true, 1000) },
	"xdf: late stamps":                 xdfLate,
	"xdf: texts":                       xdfTexts,
	"xdf: texts of no channel":         xdfNoTexts,
	"xdf: clock offsets":               func(*testing.T) (fstest.MapFS, string) { return xdfOffsets(0) },
	"xdf: clocks set anew":             func(*testing.T) (fstest.MapFS, string) { return xdfOffsets(2) },
	"xdf: elements without text":       xdfElements,
	"xdf: channels":                    xdfChannels,
	"xdf: many streams":                xdfStreams,
	"xdf: damage":                      xdfDamage,
	"xdf: chunks of no kind":           xdfUnknown,
}

// packets is how many packets a file of Blackrock has. Each is an event.
const packets = 400_000

// held is how many bytes of the recording are in memory from the beginning, where a file cannot be read here and there: text, whose
// numbers are read once.
var held = map[string]int64{"text: short rows": 2 * 8 * 200_000, "text: wide rows": 11 * 8 * 50_000, "text: packed rows": 2 * 8 * 100_000}

// TestAllocation: whatever is in a file, opening it and reading all of it allocates at most twice the file and what is handed out: see
// ingesttest.Bounded. Every format has a case.
func TestAllocation(t *testing.T) {
	for _, f := range ingest.Formats() {
		found := false
		for name := range costly {
			found = found || strings.HasPrefix(name, f.Name+":")
		}
		if !found {
			t.Errorf("no case for %s", f.Name)
		}
	}
	for name, files := range costly {
		t.Run(name, func(t *testing.T) {
			f, file := files(t)
			rec := ingesttest.Allocation(t, f, file, held[name])
			t.Logf("%d channels, %d samples, %d events, %d spans, %d deviations", len(rec.Info.Channels), rec.Len, len(rec.Events), len(rec.Spans), len(rec.Deviations))
			if file == "x.nev" && len(rec.Events) != packets {
				t.Errorf("%d events, want %d", len(rec.Events), packets)
			}
		})
	}
}

func one(name string, data []byte) (fstest.MapFS, string) {
	return fstest.MapFS{name: {Data: data}}, name
}

// eventful is a recording with n events and twice as many samples.
func eventful(n int) *signal.Recording {
	rec := ownClock()
	x := make([]float64, 2*n)
	rec.Len, rec.Data, rec.Events = int64(len(x)), signal.Memory{x}, nil
	for i := range n {
		rec.Events = append(rec.Events, signal.Event{Sample: int64(2 * i), Onset: float64(2*i) / rec.Info.Rate, Label: strconv.Itoa(i % 10)})
	}
	return rec
}

// manyTexts is a recording with the most texts of a header, of a letter each.
func manyTexts() *signal.Recording {
	rec := outside(1)
	for range ingest.MostTexts {
		rec.Texts = append(rec.Texts, signal.Text{Field: "a", Text: "b"})
	}
	return rec
}

// outside is a recording of so many events alone, of a letter each.
func outside(n int) *signal.Recording {
	rec := &signal.Recording{Name: "events", Info: &signal.Info{}, Data: signal.Memory{}}
	for i := range n {
		rec.Events = append(rec.Events, signal.Event{Onset: float64(i), Label: "a"})
	}
	return rec
}

// quotes is a recording of one event alone, whose label is longer in JSON.
func quotes() *signal.Recording {
	rec := outside(1)
	rec.Events[0].Label = strings.Repeat(`"`, 5<<20)
	return rec
}

// bciStates has a state of one byte that changes with every sample of one channel, at ten samples a second.
func bciStates(*testing.T) (fstest.MapFS, string) {
	head := "HeaderLen=   300 SourceCh= 1 StatevectorLen= 1\n[ State Vector Definition ]\nA 8 0 0 0\n[ Parameter Definition ]\nSource int SamplingRate= 10 10 1 % // rate\n"
	data := append([]byte(head), make([]byte, 300-len(head))...)
	for i := range 600_000 {
		data = append(data, byte(i), byte(i>>8), byte(1+i%250))
	}
	return one("x.dat", data)
}

func bidsFiles(events string) (fstest.MapFS, string) {
	const name = "sub-01/eeg/sub-01_task-rest_eeg.edf"
	f := edftest.File{N: 10, Signals: []edftest.Signal{{Label: "Cz", Dim: "uV", Samples: 100}}}
	return fstest.MapFS{
		name: {Data: f.Bytes()}, "dataset_description.json": {Data: []byte(`{"Name": "x", "BIDSVersion": "1.8.0"}`)},
		"sub-01/eeg/sub-01_task-rest_events.tsv": {Data: []byte(events)},
	}, name
}

func bidsEvents(*testing.T) (fstest.MapFS, string) {
	return bidsFiles("onset\tduration\n" + strings.Repeat("1\t1\n", 300_000))
}

func bidsWideEvents(*testing.T) (fstest.MapFS, string) {
	columns := []string{"onset", "duration"}
	for i := range 50 {
		columns = append(columns, "c"+strconv.Itoa(i))
	}
	head := strings.Join(columns, "\t")
	return bidsFiles(head + "\n" + strings.Repeat("1\t1"+strings.Repeat("\t1", 50)+"\n", 10_000))
}

// nev is n packets of the shortest length.
func nev(n int, id uint16) (fstest.MapFS, string) {
	data := make([]byte, 336)
	copy(data, "NEURALEV\x02\x02")
	for at, v := range map[int]uint32{12: 336, 16: 12, 20: 30000, 24: 30000} {
		le.PutUint32(data[at:], v)
	}
	for i := range n {
		p := make([]byte, 12)
		le.PutUint32(p, uint32(i))
		le.PutUint16(p[4:], id)
		p[6] = byte(i) | 1
		if id == 0xffff {
			p[6] = byte(i % 2) // narrow and wide
		}
		le.PutUint16(p[8:], uint16(i%1000))
		data = append(data, p...)
	}
	return one("x.nev", data)
}

// nsxPauses has one sample of one channel in each run.
func nsxPauses(t *testing.T) (fstest.MapFS, string) {
	seed := read(t, "../blackrock/testdata/v23pause.ns3")
	head := le.Uint32(seed[10:])
	channels := int(le.Uint32(seed[310:]))
	data := bytes.Clone(seed[:head])
	for i := range 200_000 {
		data = append(data, 1)
		data = le.AppendUint32(data, uint32(i*1000))
		data = le.AppendUint32(data, 1)
		data = append(data, make([]byte, 2*channels)...)
	}
	return one("x.ns3", data)
}

const vhdr = "Brain Vision Data Exchange Header File Version 1.0\n[Common Infos]\nCodepage=UTF-8\nDataFile=x.eeg\nMarkerFile=x.vmrk\nDataFormat=BINARY\n" +
	"DataOrientation=MULTIPLEXED\nNumberOfChannels=1\nSamplingInterval=10000\n[Binary Infos]\nBinaryFormat=INT_16\n[Channel Infos]\nCh1=Fz,,0.5,µV\n"

const vmrkHead = "Brain Vision Data Exchange Marker File, Version 1.0\n[Marker Infos]\n"

func vmrk(line string, n int) (fstest.MapFS, string) {
	return fstest.MapFS{
		"x.vhdr": {Data: []byte(vhdr)}, "x.vmrk": {Data: []byte(vmrkHead + strings.Repeat(line, n))}, "x.eeg": {Data: make([]byte, 100)},
	}, "x.vhdr"
}

func vmrkSegments(*testing.T) (fstest.MapFS, string) {
	var b strings.Builder
	const n = 100_000
	for i := range n {
		fmt.Fprintf(&b, "M=New Segment,,%d,1\n", i+1)
	}
	return fstest.MapFS{"x.vhdr": {Data: []byte(vhdr)}, "x.vmrk": {Data: []byte(vmrkHead + b.String())}, "x.eeg": {Data: make([]byte, 2*n)}}, "x.vhdr"
}

func vhdrText(*testing.T) (fstest.MapFS, string) {
	head := strings.Replace(vhdr, "BINARY", "ASCII", 1)
	return fstest.MapFS{"x.vhdr": {Data: []byte(head)}, "x.vmrk": {Data: []byte(vmrkHead)}, "x.eeg": {Data: []byte(strings.Repeat("1\n", 1_000_000))}}, "x.vhdr"
}

// vhdrTexts has many lines that begin as texts of a header do, and are none.
func vhdrTexts(*testing.T) (fstest.MapFS, string) {
	head := vhdr + "[User Infos]\n" + strings.Repeat("GyrusText1=x\n", 200_000)
	return fstest.MapFS{"x.vhdr": {Data: []byte(head)}, "x.vmrk": {Data: []byte(vmrkHead)}, "x.eeg": {Data: make([]byte, 20)}}, "x.vhdr"
}

func vhdrChannels(*testing.T) (fstest.MapFS, string) {
	var b strings.Builder
	const n = 16_000
	for i := range n {
		fmt.Fprintf(&b, "Ch%d=%d\n", i+1, i)
	}
	head := strings.Replace(strings.Replace(vhdr, "Channels=1", "Channels="+strconv.Itoa(n), 1), "Ch1=Fz,,0.5,µV\n", b.String(), 1)
	return fstest.MapFS{"x.vhdr": {Data: []byte(head)}, "x.vmrk": {Data: []byte(vmrkHead)}, "x.eeg": {Data: make([]byte, 2*n*10)}}, "x.vhdr"
}

func cnt(channels, samples, events int) (fstest.MapFS, string) {
	data := make([]byte, 900+75*channels+2*channels*samples)
	copy(data, "Version 3.0")
	le.PutUint16(data[370:], uint16(channels))
	le.PutUint16(data[376:], 100)
	le.PutUint32(data[864:], uint32(samples))
	le.PutUint32(data[886:], uint32(len(data)))
	for ch := range channels {
		c := data[900+75*ch:]
		copy(c, "c"+strconv.Itoa(ch))
		le.PutUint32(c[59:], math.Float32bits(1))
		le.PutUint32(c[71:], math.Float32bits(1))
	}
	data = append(data, 1)
	data = le.AppendUint32(data, uint32(8*events))
	data = append(data, 0, 0, 0, 0)
	for i := range events {
		data = le.AppendUint16(data, uint16(1000+i%1000))
		data = le.AppendUint16(data, 0)
		data = le.AppendUint32(data, uint32(975+2*(i%samples)))
	}
	return one("x.cnt", data)
}

func cntEvents(*testing.T) (fstest.MapFS, string)   { return cnt(1, 100, 300_000) }
func cntChannels(*testing.T) (fstest.MapFS, string) { return cnt(16_000, 2, 0) }

func edfAnnotations(*testing.T) (fstest.MapFS, string) {
	text := strings.Repeat("+0\x14a\x14\x00", 300)
	f := edftest.File{Reserved: "EDF+C", N: 1000, Signals: []edftest.Signal{
		{Label: "Cz", Dim: "uV", Samples: 1},
		edftest.Annotations(1000, func(r int) string { return edftest.TAL(edftest.Steady(r), "") + text }),
	}}
	return one("x.edf", f.Bytes())
}

// edfGaps has a gap behind each record; the first has more lists.
func edfGaps(room int, more string) (fstest.MapFS, string) {
	f := edftest.File{Reserved: "EDF+D", N: 100_000, Signals: []edftest.Signal{
		{Label: "Cz", Dim: "uV", Samples: 1},
		edftest.Annotations(room, func(r int) string {
			if r > 0 {
				more = ""
			}
			return edftest.TAL("+"+strconv.Itoa(2*r), "") + more
		}),
	}}
	return one("x.edf", f.Bytes())
}

// edfMarks has marks of samples that fill records, of each channel in turn: of every other sample, or over each other.
func edfMarks(channels int, apart bool) (fstest.MapFS, string) {
	const samples, records = 1000, 20
	var f edftest.File
	for ch := range channels {
		f.Signals = append(f.Signals, edftest.Signal{Label: "c" + strconv.Itoa(ch), Dim: "uV", Samples: samples})
	}
	f.Reserved, f.N = "EDF+C", records
	f.Signals = append(f.Signals, edftest.Annotations(16*samples, func(r int) string {
		var b strings.Builder
		b.WriteString(edftest.TAL(edftest.Steady(r), ""))
		for i := 0; i < samples; i += 2 {
			at := 0
			if apart {
				at = i
			}
			text := "BAD filled"
			if channels > 1 {
				text += "@@c" + strconv.Itoa(i%channels)
			}
			b.WriteString(edftest.TAL(fmt.Sprintf("+%d.%03d", r, at), "0.001", text))
		}
		return b.String()
	}))
	return one("x.edf", f.Bytes())
}

// edfOfChannels has annotations of single channels, as many as there are: of events of all of them, or of events that differ by their duration. Most have
// one label, at one time.
func edfOfChannels(channels int, joined bool) (fstest.MapFS, string) {
	const samples, records = 4000, 10
	f := edftest.File{Reserved: "EDF+C", N: records}
	for ch := range channels {
		f.Signals = append(f.Signals, edftest.Signal{Label: "c" + strconv.Itoa(ch), Dim: "uV", Samples: 1})
	}
	f.Signals = append(f.Signals, edftest.Annotations(samples, func(r int) string {
		var b strings.Builder
		b.WriteString(edftest.TAL(edftest.Steady(r), ""))
		for i := 0; b.Len() < 2*samples-30; i++ {
			duration := ""
			if !joined {
				duration = strconv.Itoa(1 + r*1000 + i)
			}
			b.WriteString(edftest.TAL("+0", duration, "x@@c"+strconv.Itoa(i%channels)))
		}
		return b.String()
	}))
	return one("x.edf", f.Bytes())
}

func edfFlaws(*testing.T) (fstest.MapFS, string) {
	f := edftest.File{Reserved: "EDF+C", N: 1000, Signals: []edftest.Signal{
		{Label: "Cz", Dim: "uV", Samples: 1}, edftest.Annotations(1000, func(int) string { return strings.Repeat("x\x00", 1000) }),
	}}
	return one("x.edf", f.Bytes())
}

// bdfStatus has another code in every sample, and CMS goes out of range and comes back.
func bdfStatus(*testing.T) (fstest.MapFS, string) {
	f := edftest.File{Version: "\xffBIOSEMI", Reserved: "24BIT", N: 0, Records: "1000", Signals: []edftest.Signal{{Label: "Status", Dim: "Boolean", Samples: 500, PhysMin: "-8388608", PhysMax: "8388607", DigMin: "-8388608", DigMax: "8388607"}}}
	data := f.Bytes()
	for i := range 500_000 {
		data = append(data, byte(1+i%200), 0, byte(i%2<<4))
	}
	return one("x.bdf", data)
}

func edfChannels(*testing.T) (fstest.MapFS, string) {
	f := edftest.File{N: 2}
	for i := range 9000 {
		f.Signals = append(f.Signals, edftest.Signal{Label: "c" + strconv.Itoa(i), Dim: "?", Samples: 1})
	}
	return one("x.edf", f.Bytes())
}

// element is one of the MAT-file, padded.
func element(typ uint32, data []byte) []byte {
	b := le.AppendUint32(nil, typ)
	b = le.AppendUint32(b, uint32(len(data)))
	b = append(b, data...)
	return append(b, make([]byte, (8-len(data)%8)%8)...)
}

// array is the body of one: its class, dimensions, name and what follows.
func array(class byte, name string, dims []int32, parts ...[]byte) []byte {
	b := element(6, append([]byte{class, 0, 0, 0}, 0, 0, 0, 0))
	var d []byte
	for _, n := range dims {
		d = le.AppendUint32(d, uint32(n))
	}
	b = append(b, element(5, d)...)
	b = append(b, element(1, []byte(name))...)
	for _, p := range parts {
		b = append(b, p...)
	}
	return element(14, b)
}

func matNumber(name string, v float64) []byte {
	return array(6, name, []int32{1, 1}, element(9, le.AppendUint64(nil, math.Float64bits(v))))
}

// small is a number in the short form of an element.
func matSmall(name string, v byte) []byte {
	return array(6, name, []int32{1, 1}, []byte{2, 0, 1, 0, v, 0, 0, 0})
}

func matHead() []byte {
	b := make([]byte, 128)
	copy(b, "MATLAB 5.0 MAT-file")
	le.PutUint16(b[124:], 0x0100)
	copy(b[126:], "IM")
	return b
}

func matSet(more ...[]byte) (fstest.MapFS, string) {
	data := matHead()
	for _, v := range [][]byte{matNumber("nbchan", 1), matNumber("pnts", 1000), matNumber("trials", 1), matNumber("srate", 100)} {
		data = append(data, v...)
	}
	data = append(data, array(6, "data", []int32{1, 1000}, element(9, make([]byte, 8000)))...)
	for _, m := range more {
		data = append(data, m...)
	}
	return one("x.set", data)
}

func eeglabEvents(*testing.T) (fstest.MapFS, string) {
	const n = 50_000
	var events []byte
	for i := range n {
		events = append(events, matSmall("", byte(1+i%200))...)
		events = append(events, matSmall("", byte(i%200))...)
	}
	names := make([]byte, 64)
	copy(names, "latency")
	copy(names[32:], "type")
	return matSet(array(2, "event", []int32{1, n}, []byte{5, 0, 4, 0, 32, 0, 0, 0}, element(1, names), events))
}

func eeglabVariables(*testing.T) (fstest.MapFS, string) {
	var more []byte
	for i := range 60_000 {
		more = append(more, array(6, "v"+strconv.Itoa(i), []int32{0, 0})...)
	}
	return matSet(more)
}

func fifTag(b []byte, kind, typ int, data []byte) []byte {
	for _, v := range []int{kind, typ, len(data), 0} {
		b = be.AppendUint32(b, uint32(v))
	}
	return append(b, data...)
}

func fifInts(b []byte, kind int, v ...int32) []byte {
	var data []byte
	for _, n := range v {
		data = be.AppendUint32(data, uint32(n))
	}
	return fifTag(b, kind, 3, data)
}

func fifHead() []byte {
	b := fifInts(fifTag(nil, 100, 31, make([]byte, 20)), 101, -1)
	b = fifInts(fifInts(fifInts(b, 104, 100), 104, 101), 200, 1)
	b = fifTag(b, 201, 4, be.AppendUint32(nil, math.Float32bits(100)))
	c := make([]byte, 96)
	be.PutUint32(c[8:], 2)
	be.PutUint32(c[12:], math.Float32bits(1))
	be.PutUint32(c[16:], math.Float32bits(1e-6))
	be.PutUint32(c[72:], 107)
	copy(c[80:], "Cz")
	return fifInts(fifTag(b, 203, 30, c), 105, 101)
}

func fifEnd(b []byte) []byte {
	b = fifTag(fifInts(b, 105, 100), 108, 0, nil)
	copy(b[len(b)-4:], "\xff\xff\xff\xff")
	return b
}

func fifBuffers(gaps bool) (fstest.MapFS, string) {
	b := fifInts(fifHead(), 104, 102)
	for i := range 100_000 {
		if gaps {
			b = fifInts(b, 301, 1)
		}
		b = fifTag(b, 300, 2, []byte{byte(i >> 8), byte(i)})
	}
	return one("x_raw.fif", fifEnd(fifInts(b, 105, 102)))
}

func fifChannels(*testing.T) (fstest.MapFS, string) {
	const n = 10_000
	b := fifInts(fifTag(nil, 100, 31, make([]byte, 20)), 101, -1)
	b = fifInts(fifInts(fifInts(b, 104, 100), 104, 101), 200, n)
	b = fifTag(b, 201, 4, be.AppendUint32(nil, math.Float32bits(100)))
	for i := range n {
		c := make([]byte, 96)
		be.PutUint32(c[8:], 2)
		be.PutUint32(c[12:], math.Float32bits(1))
		be.PutUint32(c[16:], math.Float32bits(1e-6))
		be.PutUint32(c[72:], 107)
		copy(c[80:], "c"+strconv.Itoa(i))
		b = fifTag(b, 203, 30, c)
	}
	b = fifInts(fifInts(b, 105, 101), 104, 102)
	return one("x_raw.fif", fifEnd(fifInts(fifTag(b, 300, 2, make([]byte, 4*n)), 105, 102)))
}

// fifAnnotations is a file with many annotations, of channels as the lists say, where there are some.
func fifAnnotations(of string) (fstest.MapFS, string) {
	const n = 200_000
	b := fifInts(fifTag(fifInts(fifHead(), 104, 102), 300, 2, make([]byte, 2000)), 105, 102)
	b = fifInts(b, 104, 3810)
	b = fifTag(fifTag(b, 3568, 4, make([]byte, 4*n)), 3569, 4, make([]byte, 4*n))
	b = fifTag(b, 206, 10, []byte(strings.Repeat("a:", n-1)+"a"))
	if of != "" {
		lists := make([]byte, 0, 16*n)
		for i := range n {
			lists = append(lists, strings.Replace(of, "%d", strconv.Itoa(i%300), 1)...)
		}
		lists[len(lists)-1] = ']'
		b = fifTag(b, 3801, 10, append([]byte("["), lists...))
	}
	return one("x_raw.fif", fifEnd(fifInts(b, 105, 3810)))
}

func fifEvents(*testing.T) (fstest.MapFS, string) {
	b := fifInts(fifTag(nil, 100, 31, make([]byte, 20)), 101, -1)
	v := make([]int32, 3*200_000)
	for i := range v {
		v[i] = int32(i / 3 % 1000)
	}
	b = fifTag(fifInts(fifInts(fifInts(b, 104, 361), 3561, v...), 105, 361), 108, 0, nil)
	copy(b[len(b)-4:], "\xff\xff\xff\xff")
	raw := fifEnd(fifInts(fifTag(fifInts(fifHead(), 104, 102), 300, 2, make([]byte, 2000)), 105, 102))
	return fstest.MapFS{"x_raw.fif": {Data: raw}, "x-eve.fif": {Data: b}}, "x_raw.fif"
}

// gdf is a file of version 1.25 with records of one sample and a table of short events.
func gdf(channels, records int, events ...[2]int) (fstest.MapFS, string) {
	b := make([]byte, 256*(channels+1))
	copy(b, "GDF 1.25")
	copy(b[168:], "2002030210111200")
	le.PutUint64(b[184:], uint64(len(b)))
	le.PutUint64(b[236:], uint64(records))
	le.PutUint32(b[244:], 1)
	le.PutUint32(b[248:], 100)
	le.PutUint32(b[252:], uint32(channels))
	c := b[256:]
	for ch := range channels {
		copy(c[16*ch:], "c"+strconv.Itoa(ch))
		copy(c[96*channels+8*ch:], "uV")
		le.PutUint64(c[104*channels+8*ch:], math.Float64bits(-1000))
		le.PutUint64(c[112*channels+8*ch:], math.Float64bits(1000))
		le.PutUint64(c[120*channels+8*ch:], ^uint64(999))
		le.PutUint64(c[128*channels+8*ch:], 1000)
		le.PutUint32(c[216*channels+4*ch:], 1)
		le.PutUint32(c[220*channels+4*ch:], 3)
	}
	b = append(b, make([]byte, 2*channels*records)...)
	b = append(b, 1, 100, 0, 0)
	b = le.AppendUint32(b, uint32(len(events)))
	for _, e := range events {
		b = le.AppendUint32(b, uint32(e[0]))
	}
	for _, e := range events {
		b = le.AppendUint16(b, uint16(e[1]))
	}
	return one("x.gdf", b)
}

func gdfEvents(*testing.T) (fstest.MapFS, string) {
	events := make([][2]int, 300_000)
	for i := range events {
		events[i] = [2]int{1 + i%100, 1000 + i%100}
	}
	return gdf(1, 100, events...)
}

func gdfSegments(*testing.T) (fstest.MapFS, string) {
	events := make([][2]int, 200_000)
	for i := range events {
		events[i] = [2]int{1 + i, 0x7ffe}
	}
	return gdf(1, len(events), events...)
}

func gdfChannels(*testing.T) (fstest.MapFS, string) { return gdf(8000, 2) }

// rows is a table of stamps and electrodes.
func rows(electrodes, n int) string {
	names := []string{"Fp1", "Fp2", "F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2"}[:electrodes]
	b := []byte("time_ms," + strings.Join(names, ",") + "\n")
	for i := range n {
		b = strconv.AppendInt(b, int64(4*i), 10)
		b = append(b, strings.Repeat(",1", electrodes)...)
		b = append(b, '\n')
	}
	return string(b)
}

func table(electrodes, n int) (fstest.MapFS, string) {
	return one("x.csv", []byte(rows(electrodes, n)))
}

// xdfChunk is a chunk with the shortest length.
func xdfChunk(b []byte, tag uint16, content []byte) []byte {
	if n := len(content) + 2; n < 256 {
		b = append(b, 1, byte(n))
	} else {
		b = le.AppendUint32(append(b, 4), uint32(n))
	}
	return append(le.AppendUint16(b, tag), content...)
}

func xdfHead(format, rate string) []byte {
	b := xdfChunk([]byte("XDF:"), 1, []byte(`<?xml version="1.0"?><info><version>1.0</version></info>`))
	return xdfChunk(b, 2, []byte("\x01\x00\x00\x00"+`<?xml version="1.0"?><info><name>E</name><type>EEG</type><channel_count>1</channel_count><nominal_srate>`+rate+
		`</nominal_srate><channel_format>`+format+`</channel_format></info>`))
}

// xdf is chunks of samples of one byte, with a stamp for each sample or for the first, and some samples' time from one to the next.
func xdf(per, chunks int, stamps bool, step int) (fstest.MapFS, string) {
	b := xdfHead("int8", "100")
	at := 0
	for c := range chunks {
		content := []byte{1, 0, 0, 0}
		if per < 256 {
			content = append(content, 1, byte(per))
		} else {
			content = le.AppendUint32(append(content, 4), uint32(per))
		}
		for i := range per {
			if stamps || c+i == 0 {
				content = le.AppendUint64(append(content, 8), math.Float64bits(float64(at*step)/100))
			} else {
				content = append(content, 0)
			}
			content = append(content, byte(at))
			at++
		}
		b = xdfChunk(b, 3, content)
	}
	return one("x.xdf", b)
}

// xdfNoTexts has samples of one byte in a stream of text that has no channels.
func xdfNoTexts(*testing.T) (fstest.MapFS, string) {
	files, name := xdf(100, 100, true, 1)
	b := xdfChunk(files[name].Data, 2, []byte("\x02\x00\x00\x00<info><channel_count>0</channel_count><nominal_srate>0</nominal_srate><channel_format>string</channel_format></info>"))
	content := le.AppendUint32([]byte{2, 0, 0, 0, 4}, 1_000_001)
	content = le.AppendUint64(append(content, 8), math.Float64bits(1))
	return one(name, xdfChunk(b, 3, append(content, make([]byte, 1_000_000)...)))
}

// xdfLate has stamps that scatter by many samples.
func xdfLate(*testing.T) (fstest.MapFS, string) {
	b := xdfHead("int8", "100")
	const per = 1000
	for c := range 500 {
		content := le.AppendUint32([]byte{1, 0, 0, 0, 4}, per)
		for i := range per {
			at := c*per + i
			content = append(le.AppendUint64(append(content, 8), math.Float64bits(float64(at)/100+float64(at*7919%1009)/2000)), byte(at))
		}
		b = xdfChunk(b, 3, content)
	}
	return one("x.xdf", b)
}

// xdfOffsets has a clock offset for each sample, of which each of so many is far from the one before; 0 for none.
func xdfOffsets(anew int) (fstest.MapFS, string) {
	files, name := xdf(100, 1000, true, 1)
	b := files[name].Data
	for i := range 100_000 {
		at := float64(i) / 100
		if anew > 0 && i%anew == anew-1 {
			at -= 0.2
		}
		b = xdfChunk(b, 4, le.AppendUint64(le.AppendUint64([]byte{1, 0, 0, 0}, math.Float64bits(at)), math.Float64bits(float64(i%7)*1e-6)))
	}
	return one(name, b)
}

// xdfHeaderTexts has many texts of a header that are no JSON.
func xdfHeaderTexts(*testing.T) (fstest.MapFS, string) {
	b := xdfStream([]byte("XDF:"), 1, 1, "<header_texts>"+strings.Repeat("<json>x</json>", 200_000)+"</header_texts>")
	return one("x.xdf", xdfChunk(b, 3, append(le.AppendUint64([]byte{1, 0, 0, 0, 1, 1, 8}, math.Float64bits(1)), 0)))
}

// xdfElements has a description of nothing.
func xdfElements(*testing.T) (fstest.MapFS, string) {
	files, name := xdf(100, 100, true, 1)
	empty := "<info>" + strings.Repeat("<a/>", 500_000) + "</info>"
	return one(name, xdfChunk(files[name].Data, 6, append([]byte{1, 0, 0, 0}, empty...)))
}

// xdfStream is the header of a stream of int8.
func xdfStream(b []byte, id uint32, channels int, desc string) []byte {
	return xdfChunk(b, 2, append(le.AppendUint32(nil, id), "<info><channel_count>"+strconv.Itoa(channels)+
		"</channel_count><nominal_srate>100</nominal_srate><channel_format>int8</channel_format><desc>"+desc+"</desc></info>"...))
}

// xdfChannels are described with nothing.
func xdfChannels(*testing.T) (fstest.MapFS, string) {
	const n = 5000
	b := xdfStream([]byte("XDF:"), 1, n, "<channels>"+strings.Repeat("<channel/>", n)+"</channels>")
	content := le.AppendUint64([]byte{1, 0, 0, 0, 1, 1, 8}, math.Float64bits(1))
	return one("x.xdf", xdfChunk(b, 3, append(content, make([]byte, n)...)))
}

// xdfStreams has two samples in each of many streams.
func xdfStreams(*testing.T) (fstest.MapFS, string) {
	b := []byte("XDF:")
	for id := range uint32(500) {
		b = xdfStream(b, id, 1, "")
		content := append(le.AppendUint32(nil, id), 1, 2, 8)
		b = xdfChunk(b, 3, append(le.AppendUint64(content, math.Float64bits(1)), 1, 0, 2))
	}
	return one("x.xdf", b)
}

// xdfDamage has what is no chunk in front of every boundary.
func xdfDamage(*testing.T) (fstest.MapFS, string) {
	files, name := xdf(100, 100, true, 1)
	boundary := "\x02\x43\xa5\x46\xdc\xcb\xf5\x41\x0f\xb3\x0e\xd5\x46\x73\x83\xcb\xe4"
	return one(name, append(files[name].Data, strings.Repeat(boundary, 100_000)...))
}

// xdfUnknown has the shortest chunks, whose tag says nothing.
func xdfUnknown(*testing.T) (fstest.MapFS, string) {
	files, name := xdf(100, 100, true, 1)
	return one(name, append(files[name].Data, strings.Repeat("\x01\x02\x63\x00", 500_000)...))
}

func xdfTexts(*testing.T) (fstest.MapFS, string) {
	b := xdfHead("string", "0")
	for i := range 200_000 {
		content := append([]byte{1, 0, 0, 0, 1, 10}, le.AppendUint64([]byte{8}, math.Float64bits(float64(i)))...)
		content = append(content, 1, 1, 'a')
		for range 9 {
			content = append(content, 0, 1, 1, 'a')
		}
		b = xdfChunk(b, 3, content)
	}
	return one("x.xdf", b)
}

func packed(t *testing.T, data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tablePacked(t *testing.T) (fstest.MapFS, string) {
	return one("x.csv.gz", packed(t, []byte(rows(1, 100_000))))
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
