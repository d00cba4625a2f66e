package reading_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	_ "github.com/gyrus-bci/gyrus/ingest/brainvision"
	_ "github.com/gyrus-bci/gyrus/ingest/edf"
	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
	_ "github.com/gyrus-bci/gyrus/ingest/gdf"
	"github.com/gyrus-bci/gyrus/ingest/reading"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
	_ "github.com/gyrus-bci/gyrus/ingest/xdf"
)

// dimensions are texts that files have as units, and how many µV one of it is; 0 where nobody can know.
var dimensions = map[string]float64{
	"uV": 1, "\xb5V": 1, "\u00b5V": 1, "\u03bcV": 1, "mV": 1e3, "V": 1e6, "nV": 1e-3,
	"uv": 1, "mv": 1e3, "v": 1e6, "volts": 1e6, "microvolts": 1,
	".V": 0, "uVolt": 0, "arb": 0, "MV": 0, "UV": 0, "V/10": 0, "bits": 0, "-": 0,
	"": 0, // BrainVision says that it is µV
}

const (
	rate    = 100
	seconds = 10
)

// level is sample t of the one channel as a stored number, which is its value in the unit: a sine of 60.
func level(t int) int16 { return int16(math.Round(60 * math.Sin(float64(t)/5))) }

// writers make a file of one EEG channel in this unit, byte by byte as the specification has it. Each gives ok false where the
// text does not fit into the field.
var writers = map[string]func(dim string) (fs.FS, string, bool){
	"EDF": func(dim string) (fs.FS, string, bool) {
		f := edftest.File{N: seconds, Signals: []edftest.Signal{{
			Label: "EEG Cz", Dim: dim, PhysMin: "-1000", PhysMax: "1000", DigMin: "-1000", DigMax: "1000", Samples: rate,
			At: func(r, i int) int16 { return level(r*rate + i) },
		}}}
		if len(dim) > 8 {
			return nil, "", false
		}
		return fstest.MapFS{"x.edf": {Data: f.Bytes()}}, "x.edf", true
	},
	"BDF": func(dim string) (fs.FS, string, bool) {
		if len(dim) > 8 {
			return nil, "", false
		}
		var b strings.Builder
		b.WriteString("\xffBIOSEMI")
		for _, f := range []struct {
			width int
			text  string
		}{
			{80, "X"},
			{80, "X"},
			{8, "02.03.02"},
			{8, "10.11.12"},
			{8, "512"},
			{44, "24BIT"},
			{8, strconv.Itoa(seconds)},
			{8, "1"},
			{4, "1"},
			{16, "Cz"},
			{80, ""},
			{8, dim},
			{8, "-1000"},
			{8, "1000"},
			{8, "-1000"},
			{8, "1000"},
			{80, ""},
			{8, strconv.Itoa(rate)},
			{32, ""},
		} {
			b.WriteString(f.text + strings.Repeat(" ", f.width-len(f.text)))
		}
		for t := range rate * seconds {
			v := uint32(int32(level(t)))
			b.Write([]byte{byte(v), byte(v >> 8), byte(v >> 16)})
		}
		return fstest.MapFS{"x.bdf": {Data: []byte(b.String())}}, "x.bdf", true
	},
	"BrainVision": func(dim string) (fs.FS, string, bool) {
		header := "Brain Vision Data Exchange Header File Version 1.0\r\n[Common Infos]\r\nDataFile=x.eeg\r\nDataFormat=BINARY\r\nDataOrientation=MULTIPLEXED\r\n" +
			"NumberOfChannels=1\r\nSamplingInterval=10000\r\n[Binary Infos]\r\nBinaryFormat=INT_16\r\n[Channel Infos]\r\nCh1=Cz,,1," + dim + "\r\n"
		var eeg []byte
		for t := range rate * seconds {
			eeg = binary.LittleEndian.AppendUint16(eeg, uint16(level(t)))
		}
		return fstest.MapFS{"x.vhdr": {Data: []byte(header)}, "x.eeg": {Data: eeg}}, "x.vhdr", true
	},
	"GDF": func(dim string) (fs.FS, string, bool) { // version 1.25, which has units as text
		if len(dim) > 8 {
			return nil, "", false
		}
		b := make([]byte, 512)
		put := func(at int, v any) {
			raw, err := binary.Append(nil, binary.LittleEndian, v)
			if err != nil {
				panic(err)
			}
			copy(b[at:], raw)
		}
		copy(b, "GDF 1.25")
		copy(b[168:], "2002030210111200")
		put(184, int64(512))
		put(236, int64(seconds))
		put(244, [2]uint32{1, 1})
		put(252, uint32(1))
		c := 256
		copy(b[c:], "Cz")
		copy(b[c+96:], dim)
		put(c+104, [2]float64{-1000, 1000})
		put(c+120, [2]int64{-1000, 1000})
		put(c+216, uint32(rate))
		put(c+220, uint32(3))
		for t := range rate * seconds {
			b = binary.LittleEndian.AppendUint16(b, uint16(level(t)))
		}
		return fstest.MapFS{"x.gdf": {Data: b}}, "x.gdf", true
	},
	"XDF": func(dim string) (fs.FS, string, bool) {
		if strings.Contains(dim, "\xb5") && !strings.Contains(dim, "\u00b5") {
			return nil, "", false // XML is UTF-8
		}
		chunk := func(tag uint16, content []byte) []byte {
			b := binary.LittleEndian.AppendUint32([]byte{4}, uint32(len(content)+2))
			return append(binary.LittleEndian.AppendUint16(b, tag), content...)
		}
		b := append([]byte("XDF:"), chunk(1, []byte(`<?xml version="1.0"?><info><version>1.0</version></info>`))...)
		b = append(b, chunk(2, append([]byte{1, 0, 0, 0}, `<?xml version="1.0"?><info><name>a</name><type>EEG</type><channel_count>1</channel_count><nominal_srate>100</nominal_srate>`+
			`<channel_format>int16</channel_format><desc><channels><channel><label>Cz</label><unit>`+dim+`</unit></channel></channels></desc></info>`...))...)
		data := binary.LittleEndian.AppendUint32([]byte{1, 0, 0, 0, 4}, rate*seconds)
		for t := range rate * seconds {
			data = append(data, 8)
			data = binary.LittleEndian.AppendUint64(data, math.Float64bits(100+float64(t)/rate))
			data = binary.LittleEndian.AppendUint16(data, uint16(level(t)))
		}
		return fstest.MapFS{"x.xdf": {Data: append(b, chunk(3, data)...)}}, "x.xdf", true
	},
}

// TestNoSilentFactor: whatever a file says of its unit, and whatever the policy, samples that are handed out as µV are µV, or
// the recording is refused, or it lists that they may not be. The files have a sine of 60 in their unit.
func TestNoSilentFactor(t *testing.T) {
	for format, write := range writers {
		files := 0
		for dim, factor := range dimensions {
			fsys, name, fits := write(dim)
			if !fits {
				continue
			}
			files++
			if format == "BrainVision" && dim == "" {
				factor = 1
			}
			for _, policy := range []string{"warn", "error", "assume:uV", "assume:mV"} {
				check(t, format, dim, factor, policy, fsys, name)
			}
		}
		if files < 15 {
			t.Errorf("%s: only %d texts fit", format, files)
		}
	}
}

func check(t *testing.T, format, dim string, factor float64, policy string, fsys fs.FS, name string) {
	t.Helper()
	what := fmt.Sprintf("%s, %q, %s", format, dim, policy)
	p := reading.Parameters{Policy: policy}
	opt, err := p.Options(fsys)
	if err != nil {
		t.Fatal(err)
	}
	rec, _, err := opt.Open(fsys, name)
	plausible := factor != 0 && 42*factor >= 0.1 && 42*factor <= 1000 // the deviation of the sine
	var refused *units.Error
	if errors.As(err, &refused) {
		assumable := plausible || policy != "assume:uV" && policy != "assume:mV" // of which 60 is no EEG
		if plausible || policy == "warn" || assumable && policy != "error" {
			t.Errorf("%s: refused: %v", what, err)
		}
		if !strings.Contains(err.Error(), "--units-policy") {
			t.Errorf("%s: the error does not say what to do: %v", what, err)
		}
		return
	}
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	defer func() { _ = rec.Close() }()
	c := rec.Info.Channels[0]
	x := [][]float64{make([]float64, 50)}
	if err := rec.Data.ReadSamples(x, 7); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	gain := x[0][3] / float64(level(10))
	listed := lists(rec, "unit", "dimension", "amplitude")
	assumed := map[string]float64{"assume:uV": 1, "assume:mV": 1e3}[policy]
	switch {
	case plausible: // what the file says is taken, by every policy
		near(t, what, c, gain, factor, signal.Microvolt)
	case policy == "error":
		t.Errorf("%s: not refused: %v of %g", what, c, gain)
	case factor == 0 && assumed == 0:
		near(t, what, c, gain, 1, c.Unit)
		if c.Unit == signal.Microvolt || !listed {
			t.Errorf("%s: an unknown unit is %q, deviations %v", what, c.Unit, rec.Deviations)
		}
	case assumed == 0: // V and the like: as the file says, and listed as no EEG
		near(t, what, c, gain, factor, signal.Microvolt)
		if !lists(rec, "amplitude") {
			t.Errorf("%s: %g µV are not listed: %v", what, 60*factor, rec.Deviations)
		}
	default:
		near(t, what, c, gain, assumed, signal.Microvolt)
		if !lists(rec, "--units-policy") {
			t.Errorf("%s: the decision is not recorded: %v", what, rec.Deviations)
		}
	}
}

func near(t *testing.T, what string, c signal.Channel, gain, want float64, unit signal.Unit) {
	t.Helper()
	if c.Unit != unit || !(math.Abs(gain-want) <= 1e-12*want) {
		t.Errorf("%s: samples are %g times what is stored, in %q, want %g times, in %q", what, gain, c.Unit, want, unit)
	}
}

// lists says whether a deviation has one of the words.
func lists(rec *signal.Recording, words ...string) bool {
	for _, d := range rec.Deviations {
		for _, w := range words {
			if strings.Contains(reading.Line(d), w) {
				return true
			}
		}
	}
	return false
}
