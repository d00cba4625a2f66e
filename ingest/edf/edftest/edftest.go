// Package edftest writes EDF and EDF+ files for tests, byte by byte as the specifications lay them down (Kemp et al.
// 1992, doi:10.1016/0013-4694(92)90009-7; Kemp & Olivan 2003, doi:10.1016/S1388-2457(03)00123-8). It shares no code with
// the reader. Header fields are texts, so that any of them can be wrong.
package edftest

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// File is a file. An empty field becomes the one in parentheses.
type File struct {
	Version     string // ("0")
	Patient     string // ("X X X X")
	Recording   string // ("Startdate 02-MAR-2002 X X X")
	Date        string // ("02.03.02")
	Time        string // ("10.11.12")
	HeaderBytes string // (256 times one more than the number of signals)
	Reserved    string // "EDF+C", "EDF+D", or empty for plain EDF
	Records     string // (the number of records)
	Duration    string // ("1")
	NumSignals  string // (the number of signals)
	Signals     []Signal
	N           int // number of records
}

// Signal is one signal. An empty field becomes the one in parentheses.
type Signal struct {
	Label, Transducer, Dim string
	PhysMin, PhysMax       string // ("-3276.8", "3276.7")
	DigMin, DigMax         string // ("-32768", "32767")
	Prefilter, Reserved    string
	NumSamples             string // (Samples)
	Samples                int    // in each record
	// At is sample i of record r; nil gives a number that tells samples, records and signals apart.
	At func(r, i int) int16
	// Text is what an annotation signal holds in record r, in place of At. It is padded with NUL.
	Text func(r int) string
}

// Annotations is a signal of annotations with room for 2·samples bytes in each record.
func Annotations(samples int, text func(r int) string) Signal {
	return Signal{Label: "EDF Annotations", PhysMin: "-1", PhysMax: "1", Samples: samples, Text: text}
}

// TAL is one time-stamped annotation list: TAL("+1.5", "0.3", "T1") lasts 0.3 s. duration may be empty. Without a text it
// is the list that keeps the time of a record.
func TAL(onset, duration string, texts ...string) string {
	if duration != "" {
		onset += "\x15" + duration
	}
	if len(texts) == 0 {
		texts = []string{""}
	}
	return onset + "\x14" + strings.Join(texts, "\x14") + "\x14\x00"
}

// Clock is the text of a signal that only keeps the time, of records that begin at onset(r).
func Clock(onset func(r int) string) func(r int) string {
	return func(r int) string { return TAL(onset(r), "") }
}

// Steady is the onset of record r in a continuous file with records of one second: "+3".
func Steady(r int) string { return "+" + strconv.Itoa(r) }

// Bytes is the file.
func (f File) Bytes() []byte {
	var b []byte
	put := func(width int, s, def string) {
		if s == "" {
			s = def
		}
		if len(s) > width {
			panic(fmt.Sprintf("edftest: %q does not fit into %d bytes", s, width))
		}
		b = append(b, s...)
		b = append(b, strings.Repeat(" ", width-len(s))...)
	}
	ns := len(f.Signals)
	put(8, f.Version, "0")
	put(80, f.Patient, "X X X X")
	put(80, f.Recording, "Startdate 02-MAR-2002 X X X")
	put(8, f.Date, "02.03.02")
	put(8, f.Time, "10.11.12")
	put(8, f.HeaderBytes, strconv.Itoa(256*(ns+1)))
	put(44, f.Reserved, "")
	put(8, f.Records, strconv.Itoa(f.N))
	put(8, f.Duration, "1")
	put(4, f.NumSignals, strconv.Itoa(ns))
	for _, field := range []struct {
		width int
		of    func(Signal) (s, def string)
	}{
		{16, func(s Signal) (string, string) { return s.Label, "" }},
		{80, func(s Signal) (string, string) { return s.Transducer, "" }},
		{8, func(s Signal) (string, string) { return s.Dim, "" }},
		{8, func(s Signal) (string, string) { return s.PhysMin, "-3276.8" }},
		{8, func(s Signal) (string, string) { return s.PhysMax, "3276.7" }},
		{8, func(s Signal) (string, string) { return s.DigMin, "-32768" }},
		{8, func(s Signal) (string, string) { return s.DigMax, "32767" }},
		{80, func(s Signal) (string, string) { return s.Prefilter, "" }},
		{8, func(s Signal) (string, string) { return s.NumSamples, strconv.Itoa(s.Samples) }},
		{32, func(s Signal) (string, string) { return s.Reserved, "" }},
	} {
		for _, s := range f.Signals {
			text, def := field.of(s)
			put(field.width, text, def)
		}
	}
	for r := range f.N {
		for k, s := range f.Signals {
			if s.Text != nil {
				text := s.Text(r)
				if len(text) > 2*s.Samples {
					panic(fmt.Sprintf("edftest: %q does not fit into %d bytes", text, 2*s.Samples))
				}
				b = append(b, text...)
				b = append(b, make([]byte, 2*s.Samples-len(text))...)
				continue
			}
			for i := range s.Samples {
				v := Number(k, r*s.Samples+i)
				if s.At != nil {
					v = s.At(r, i)
				}
				b = binary.LittleEndian.AppendUint16(b, uint16(v))
			}
		}
	}
	return b
}

// Number is the digital value of sample i of signal k where a Signal has no At.
func Number(k, i int) int16 { return int16(1000*k + i) }
