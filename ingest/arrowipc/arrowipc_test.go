package arrowipc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestHostileHeaders builds flatbuffers by hand that Arrow's own reader would allocate gigabytes for, or follow for ever.
func TestHostileHeaders(t *testing.T) {
	// message frames a flatbuffer.
	message := func(fb []byte) []byte {
		out := binary.LittleEndian.AppendUint32([]byte{0xFF, 0xFF, 0xFF, 0xFF}, uint32(len(fb)))
		return append(out, fb...)
	}
	le := binary.LittleEndian
	info := &signal.Info{Rate: 100, Channels: []signal.Channel{{Name: "C3", Kind: signal.EEG, Unit: signal.Microvolt}, {Name: "C4", Kind: signal.EEG, Unit: signal.Microvolt}}}
	_, schema, err := NewEncoder(signal.Schema(info))
	if err != nil {
		t.Fatal(err)
	}

	t.Run("a vector of four billion fields", func(t *testing.T) {
		data := bytes.Clone(schema)
		found := 0
		for k := 8; k+4 <= len(data); k += 4 {
			if le.Uint32(data[k:]) == 5 { // five columns: the length of the vector
				le.PutUint32(data[k:], math.MaxUint32)
				found++
			}
		}
		if found == 0 {
			t.Fatal("the vector was not found")
		}
		m, err := Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Schema(); !errors.Is(err, ErrDamaged) {
			t.Errorf("error %v, want %v", err, ErrDamaged)
		}
	})
	t.Run("many fields that share one long name", func(t *testing.T) {
		const fields, name = 20_000, 100_000
		fb := make([]byte, 400)
		le.PutUint32(fb[0:], 32) // root
		// table of slots at 8: version, kind, header, body length
		le.PutUint16(fb[8:], 12)
		le.PutUint16(fb[10:], 20)
		le.PutUint16(fb[12:], 4)
		le.PutUint16(fb[14:], 6)
		le.PutUint16(fb[16:], 8)
		le.PutUint32(fb[32:], 32-8)
		le.PutUint16(fb[36:], 4) // V5
		fb[38] = 1               // schema
		le.PutUint32(fb[40:], 80-40)
		// Schema at 80, slots at 60: endianness absent, fields
		le.PutUint16(fb[60:], 8)
		le.PutUint16(fb[62:], 8)
		le.PutUint16(fb[66:], 4)
		le.PutUint32(fb[80:], 80-60)
		le.PutUint32(fb[84:], uint32(len(fb)-84))
		fb = le.AppendUint32(fb, fields)
		field := len(fb) + 4*fields + 8 // behind the vector and its slots
		for range fields {              // all lead to the same field
			fb = le.AppendUint32(fb, uint32(field-len(fb)))
		}
		for _, v := range []uint16{6, 8, 4, 0} { // slots: name
			fb = le.AppendUint16(fb, v)
		}
		fb = le.AppendUint32(fb, 8) // Field
		fb = le.AppendUint32(fb, 4) // its name follows
		fb = le.AppendUint32(fb, name)
		fb = append(fb, make([]byte, name)...)
		m, err := Parse(message(fb))
		if err != nil {
			t.Fatal(err)
		}
		if _, err = m.Schema(); !errors.Is(err, ErrBudget) {
			t.Errorf("error %v, want %v", err, ErrBudget)
		}
	})
}
