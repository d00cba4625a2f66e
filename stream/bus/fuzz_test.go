package bus

import (
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/arrowipc"
)

func FuzzParseCommand(f *testing.F) {
	f.Add([]byte(`{"v":1,"session":"s","decoder":"d","run":1,"seq":1,"t_sample_ns":1,"t_publish_ns":2,"age_ms":0.1,"valid_for_ms":100,"state":"actuate","kind":"class","label":"a","scores":[{"label":"a","p":1}],"confidence":1}`))
	f.Add([]byte(`{"v":1,"session":"s","decoder":"d","run":1,"seq":1,"valid_for_ms":1e999,"state":"shadow","kind":"continuous","value":[0,-1]}`))
	f.Add([]byte(`{"v":1,"session":"s","decoder":"d","run":1,"seq":1,"state":"ended"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, err := ParseCommand(data); err == nil {
			again, err := encode(&c)
			if err != nil { // text that JSON makes longer may not fit any more
				if len(data) < MaxMessageBytes/8 {
					t.Fatalf("%q was accepted and cannot be sent: %v", data, err)
				}
				return
			}
			if d, err := ParseCommand(again); err != nil || d.Seq != c.Seq || d.Label != c.Label || len(d.Scores) != len(c.Scores) {
				t.Fatalf("%q came back as %+v, %v", data, d, err)
			}
		}
		if s, err := ParseStatus(data); err == nil {
			if _, err := encode(&s); err != nil {
				t.Fatalf("%q was accepted and cannot be sent: %v", data, err)
			}
		}
	})
}

func FuzzRawMessage(f *testing.F) {
	schema, batch := wire(f, ramp(twoChannels(), 5, 9))
	_, one := wire(f, ramp(twoChannels(), 0, 1))
	for _, seed := range [][]byte{schema, batch, one, arrowipc.EndOfStream, {}} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) { tryMessage(t, data, schema) })
}
