package all_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

const secret = "SECRETNAME"

// namesNobody are the formats whose headers have no place for people, and why that is so.
var namesNobody = map[string]string{
	"arrow":   "its metadata are the rate, the reference and the channels (docs/formats/arrow.md)",
	"parquet": "as arrow",
	"text":    "tables have columns of numbers, and above them the rate and the board",
}

// people are files of every other format, by their names, of which the headers name somebody; want is what else must be found.
func people(t *testing.T) map[string][]file {
	patched := func(name string, at int, text string) []byte {
		raw := fileAt(t, name)
		copy(raw[at:], text)
		return raw
	}
	replaced := func(name, old, by string) []byte {
		raw := fileAt(t, name)
		if len(old) != len(by) || !bytes.Contains(raw, []byte(old)) {
			t.Fatalf("%s has no %q, for which %q stands as well", name, old, by)
		}
		return bytes.ReplaceAll(raw, []byte(old), []byte(by))
	}
	edf := edftest.File{N: 2, Patient: "X F 02-JAN-1970 " + secret, Reserved: "EDF+C", Signals: []edftest.Signal{{Label: "EEG Cz", Dim: "uV", Samples: 100}, edftest.Annotations(40, func(r int) string { return edftest.TAL(edftest.Steady(r), "") })}}
	bdf := edf
	bdf.Version, bdf.Reserved = "\xffBIOSEMI", "24BIT"
	bdf.Signals = []edftest.Signal{{Label: "EEG Cz", Dim: "uV", NumSamples: "100", Samples: 150}} // of three bytes, not of two
	cnt := patched("../cnt/testdata/int16.cnt", 121, secret+"\x00")
	copy(cnt[41:], "DrWho\x00")
	cnt[141], cnt[143] = 51, 'F'
	gdf2 := patched("../gdf/testdata/v220_int16.gdf", 8, "HOSP99 "+secret+"\x00")
	gdf2[85], gdf2[87] = 71, 2
	bci := fileAt(t, "../bci2000/testdata/int32.dat")
	const storage, name = "Storage string StorageTime=", "Storage string SubjectName= SECRETNAME%20Zed Name % % // who\r\n"
	bci = bytes.Replace(bci, []byte(storage), []byte(name+storage), 1)
	bci = bytes.Replace(bci, []byte("HeaderLen=   557"), []byte("HeaderLen=   619"), 1)
	if len(name) != 619-557 {
		t.Fatalf("the line has %d bytes", len(name))
	}
	return map[string][]file{
		"edf":         {{name: "x.edf", data: edf.Bytes()}},
		"bdf":         {{name: "x.bdf", data: bdf.Bytes()}},
		"bci2000":     {{name: "x.dat", data: bci, want: []string{secret + " Zed"}}},
		"blackrock":   {{name: "x.ns5", data: replaced("../blackrock/testdata/v22.ns5", "made by golden.py", "SECRETNAME was it")}},
		"cnt":         {{name: "x.cnt", data: cnt, want: []string{"DrWho", "51", "F"}}},
		"fif":         {{name: "x_raw.fif", data: fileAt(t, "testdata/people_raw.fif"), want: []string{"Recording of " + secret, "DrWho", "X99", "Zed", "1970-01-02", "2", "71.5"}}},
		"eeglab":      {{name: "x.set", data: fileAt(t, "testdata/people.set"), want: []string{"third visit", "Patient Zed \nborn in 1970", "/home/drwho/"}}},
		"gdf":         {{name: "x.gdf", data: patched("../gdf/testdata/v125_int16.gdf", 8, secret)}, {name: "y.gdf", data: gdf2, want: []string{"HOSP99 " + secret, "71 kg", "female"}}},
		"xdf":         {{name: "x.xdf", data: xdfOf(secret+"-PC", "<subject><id>S7</id><sex>f</sex></subject>"), want: []string{secret + "-PC", "S7 f"}}},
		"brainvision": {{name: "x.vhdr", data: []byte(strings.ReplaceAll(namingHeader, "WHO", secret)), want: []string{"Subject=" + secret, "operated by Zed"}}},
	}
}

type file struct {
	name string
	data []byte
	want []string
}

const namingHeader = "Brain Vision Data Exchange Header File Version 1.0\n[Common Infos]\nCodepage=UTF-8\nDataFile=x.eeg\nDataFormat=BINARY\nDataOrientation=MULTIPLEXED\nNumberOfChannels=1\nSamplingInterval=10000\n" +
	"[Binary Infos]\nBinaryFormat=INT_16\n[Channel Infos]\nCh1=Cz,,0.1,µV\n[User Infos]\nSubject=WHO\n[Comment]\noperated by Zed\n"

func fileAt(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.FromSlash(name))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// xdfOf is a file of one stream (XDF 1.0, "Chunks"): a tag with the length of what follows in front, which has one byte or four.
func xdfOf(host, desc string) []byte {
	var b bytes.Buffer
	b.WriteString("XDF:")
	chunk := func(tag uint16, stream, content string) {
		b.WriteByte(4)
		_ = binary.Write(&b, binary.LittleEndian, uint32(2+len(stream)+len(content))) // to memory
		_ = binary.Write(&b, binary.LittleEndian, tag)
		b.WriteString(stream + content)
	}
	const id = "\x01\x00\x00\x00"
	chunk(1, "", `<?xml version="1.0"?><info><version>1.0</version></info>`)
	chunk(2, id, "<info><name>amp</name><type>EEG</type><channel_count>1</channel_count><nominal_srate>100</nominal_srate><channel_format>int8</channel_format><hostname>"+host+"</hostname><desc>"+desc+"</desc></info>")
	chunk(3, id, "\x01\x02\x08\x00\x00\x00\x00\x00\x00\xf0\x3f\x05\x00\x06") // two samples, of which the first has a stamp
	chunk(6, id, "<info><sample_count>2</sample_count></info>")
	return b.Bytes()
}

// TestPersonalOfEveryFormat: who is named in a header is found, in every format that can name somebody, and gone when it is anonymised.
func TestPersonalOfEveryFormat(t *testing.T) {
	all := people(t)
	for _, format := range ingest.Formats() {
		files, can := all[format.Name], namesNobody[format.Name] == ""
		if (len(files) > 0) != can {
			t.Errorf("%s: has %d files that name somebody, and the reason why there are none is %q: it must have one of both", format.Name, len(files), namesNobody[format.Name])
		}
		for _, f := range files {
			t.Run(format.Name+" "+f.name, func(t *testing.T) {
				rec, err := ingest.Open(fstest.MapFS{f.name: {Data: f.data}, "x.eeg": {Data: make([]byte, 200)}}, f.name)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = rec.Close() }()
				if !strings.HasPrefix(strings.ToLower(rec.Format), format.Name) {
					t.Errorf("was read as %s", rec.Format)
				}
				found := ingest.FindPersonal(rec)
				for _, want := range append([]string{secret}, f.want...) {
					if !slices.ContainsFunc(found, func(p ingest.Personal) bool {
						return p.Found == want || want == secret && strings.Contains(p.Found, want)
					}) {
						t.Errorf("%q is not found: %+v", want, found)
					}
				}
				clean, _, err := ingest.Anonymise(rec, ingest.Hiding{})
				if err != nil {
					t.Fatal(err)
				}
				if slices.ContainsFunc(clean.Texts, func(x signal.Text) bool { return strings.Contains(x.Text, secret) }) || !clean.Begin.IsZero() {
					t.Errorf("anonymised it has %+v, begins at %v", clean.Texts, clean.Begin)
				}
			})
		}
	}
}
