package tablefile_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/arrowfile"
	"github.com/gyrus-bci/gyrus/ingest/arrowipc"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// ofChannels is a recording with events of channels: in rows, several at a sample, outside the data, and of a name that no channel has.
func ofChannels() *signal.Recording {
	rec := ingesttest.Rates()
	for i := range rec.Events {
		switch i % 3 {
		case 0:
			rec.Events[i].Channels = signal.ChannelsOf("Cz")
		case 1:
			rec.Events[i].Channels = signal.ChannelsOf("light", "Cz", "no such \"name\" é")
		}
	}
	at := 2 // several at one sample, of which the first is of all channels
	e := rec.Events[at]
	e.Channels = signal.ChannelsOf("light")
	rec.Events = append(rec.Events[:at+1:at+1], append([]signal.Event{e, e}, rec.Events[at+1:]...)...)
	rec.Events[at+2].Channels = signal.ChannelsOf("Cz")
	return rec
}

// TestEventChannels: the channels of events are read back, of those in rows and of those that have none.
func TestEventChannels(t *testing.T) {
	each(t, func(t *testing.T, w ingest.Writer) {
		rec := ofChannels()
		same(t, rec, open(t, write(t, w, rec), w))
		alone := ingesttest.Hypnogram()
		alone.Events[1].Channels = signal.ChannelsOf("C3", "C4")
		same(t, alone, open(t, write(t, w, alone), w))
		none := ingesttest.Rates()
		data, err := os.ReadFile(filepath.Join(write(t, w, none), "x."+w.Name))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), "event_channels") {
			t.Error("a recording whose events are of all channels has event_channels")
		}
	})
}

// TestEventChannelsCut: in a file that is cut off the events that are left are of the channels that they were of.
func TestEventChannelsCut(t *testing.T) {
	rec := ofChannels()
	files, name := ingesttest.Written(t, "arrow", rec)
	data := files[name].Data
	whole := map[signal.Event]bool{}
	for _, e := range rec.Events {
		whole[e] = true
	}
	fewer := 0
	for n := len(data) / 2; n < len(data); n += 97 {
		files[name] = &fstest.MapFile{Data: data[:n]}
		again, err := ingest.Open(files, name)
		if err != nil {
			t.Fatal(err)
		}
		if len(again.Events) < len(rec.Events) {
			fewer++
			if !strings.Contains(fmt.Sprint(again.Deviations), "that are not there, the first at sample") {
				t.Errorf("cut to %d bytes: events are missing, and the deviations are %+v", n, again.Deviations)
			}
		}
		for _, e := range again.Events {
			if !whole[e] {
				t.Errorf("cut to %d bytes: the event %+v is none that was written", n, e)
			}
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	}
	if fewer == 0 {
		t.Error("no cut left an event out: the test needs one that does")
	}
}

// TestEventChannelsWrong: what others write is read as far as it can be, and the rest listed.
func TestEventChannelsWrong(t *testing.T) {
	for name, tc := range map[string]struct{ text, want, listed string }{
		"as written":       {`[{"channels":["Cz","light"],"events":[[5,1],[500,0]]}]`, "| Cz, light | Cz, light", ""},
		"other order":      {` [ {"events" : [ [5 , 0] ], "more": {"x": []}, "channels" : ["Cz"]} ] `, "Cz |  | ", ""},
		"none":             {`[]`, " |  | ", ""},
		"no channels":      {`[{"events":[[5,0]]}]`, " |  | ", ""},
		"no list":          {`{"channels":["Cz"]}`, " |  | ", "something else at byte 0 of 19"},
		"no events":        {`[{"channels":["Cz"],"events":[[5,0]]},{"channels":["Cz"]}]`, "Cz |  | ", "something else at byte"},
		"a number alone":   {`[{"channels":["Cz"],"events":[[5,0],500]}]`, "Cz |  | ", "something else at byte"},
		"three numbers":    {`[{"channels":["Cz"],"events":[[5,0,1]]}]`, " |  | ", "something else at byte"},
		"one number":       {`[{"channels":["Cz"],"events":[[5]]}]`, " |  | ", "something else at byte"},
		"not there":        {`[{"channels":["Cz"],"events":[[5,2],[6,0],[-1,0],[500,-1],[500,9223372036854775807],[500,0]]}]`, " |  | Cz", "5 that are not there, the first at sample 5"},
		"a name no string": {`[{"channels":[7],"events":[[5,0]]}]`, " |  | ", "something else at byte"},
	} {
		rec := ingesttest.Gapped()
		s := signal.Schema(rec.Info)
		md := s.Metadata()
		of := arrow.NewMetadata(append(md.Keys(), "event_channels"), append(md.Values(), tc.text))
		_, head, err := arrowipc.NewEncoder(arrow.NewSchema(s.Fields(), &of))
		if err != nil {
			t.Fatal(err)
		}
		_, plain, err := arrowipc.NewEncoder(s)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := arrowfile.Write(&b, rec); err != nil {
			t.Fatal(err)
		}
		data := slices.Concat(head, bytes.TrimPrefix(b.Bytes(), plain))
		again, err := ingest.Open(fstest.MapFS{"x.arrow": {Data: data}}, "x.arrow")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range again.Events {
			got = append(got, e.Channels.String())
		}
		if g := strings.Join(got, " | "); strings.TrimSpace(g) != strings.TrimSpace(tc.want) {
			t.Errorf("%s: the channels are %q, want %q", name, g, tc.want)
		}
		if listed := len(again.Deviations) == 1 && strings.Contains(again.Deviations[0].Found, tc.listed); listed != (tc.listed != "") || !listed && len(again.Deviations) > 0 {
			t.Errorf("%s: the deviations are %+v, want %q", name, again.Deviations, tc.listed)
		}
	}
}

// TestEventChannelsTooMany: what does not fit is a loss, and the rest is written.
func TestEventChannelsTooMany(t *testing.T) {
	each(t, func(t *testing.T, w ingest.Writer) {
		rec := ingesttest.Gapped()
		for i := range rec.Events {
			rec.Events[i].Channels = signal.ChannelsOf(strings.Repeat("x", 6<<20) + strconv.Itoa(i))
		}
		dir := t.TempDir()
		made, err := ingest.WriteFile(filepath.Join(dir, "x."+w.Name), w, rec, false)
		if err != nil {
			t.Fatal(err)
		}
		if len(made.Losses) != 1 || !strings.Contains(made.Losses[0].Found, "3 of 3 events") {
			t.Errorf("the losses are %+.200v", made.Losses)
		}
		same(t, ingesttest.Gapped(), open(t, dir, w))
	})
}
