package bids_test

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/bids"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestReadWriteRead: what is read from a tree that was written is what was written into it, and what is read from a second
// tree that was made of the first is the same again.
func TestReadWriteRead(t *testing.T) {
	for _, r := range writtenTree {
		if r.derivative || r.anonymise {
			continue
		}
		t.Run(r.file+" "+r.format, func(t *testing.T) {
			path := datasettest.Need(t, r.file)
			rec := ingesttest.OpenFile(t, path)
			opt := writeOptions
			opt.Format = r.format
			for range 2 {
				root := t.TempDir()
				it := bids.MakeItem(r.sub, r.task, r.run, nil)
				file := path
				it.Copy, it.Open = file, func() (*signal.Recording, error) { return ingest.OpenFile(file) }
				w := bids.MustWrite(t, root, opt, it)[0]
				path = filepath.Join(root, filepath.FromSlash(w.Path))
				again := ingesttest.OpenFile(t, path)
				sameRec(t, again, rec, w.Losses)
				rec, opt.Format = again, ""
			}
		})
	}
}

// sameRec compares all of two recordings; samples may differ only where that was listed.
func sameRec(t *testing.T, got, want *signal.Recording, losses []signal.Deviation) {
	t.Helper()
	if got.Info.Rate != want.Info.Rate || got.Len != want.Len || !slices.Equal(got.Runs(), want.Runs()) || !got.Begin.Equal(want.Begin) || got.Info.Reference != want.Info.Reference {
		t.Errorf("%g Hz, %d samples in %v from %v against %q, want %g, %d, %v, %v, %q", got.Info.Rate, got.Len, got.Runs(), got.Begin, got.Info.Reference,
			want.Info.Rate, want.Len, want.Runs(), want.Begin, want.Info.Reference)
		return
	}
	for ch, w := range want.Info.Channels {
		g := got.Info.Channels[ch]
		if g.Name != w.Name || g.Original != w.Original || g.Kind != w.Kind || g.Unit != w.Unit || g.Bad != w.Bad || (g.Pos == nil) != (w.Pos == nil) || g.Pos != nil && *g.Pos != *w.Pos {
			t.Errorf("channel %d is %+v, want %+v", ch, g, w)
		}
	}
	x, y := signal.NewChunk(got.Info, 0, int(got.Len)), signal.NewChunk(want.Info, 0, int(got.Len))
	if err := cmp.Or(got.Data.ReadSamples(x.X, 0), want.Data.ReadSamples(y.X, 0)); err != nil {
		t.Fatal(err)
	}
	for ch := range x.X {
		for i, v := range x.X[ch] {
			if w := y.X[ch][i]; v != w && (!rounded(losses) || math.Abs(v-w) > 1e-7*math.Abs(w)) {
				t.Fatalf("channel %q, sample %d is %v, want %v", want.Info.Channels[ch].Name, i, v, w)
			}
		}
	}
	if len(got.Events) != len(want.Events) {
		t.Fatalf("%d events, want %d", len(got.Events), len(want.Events))
	}
	for i, w := range want.Events {
		if want.Info.Samples(w.Onset) != w.Sample {
			w.Onset = float64(w.Sample) / want.Info.Rate // which is listed
		}
		if got.Events[i] != w {
			t.Errorf("event %d is %+v, want %+v", i, got.Events[i], w)
		}
	}
}

// TestEventsHandedOn: tables of events, and what describes them, are written again as they stand, whatever they lack and whatever
// else they have; HED strings with their version, also in another format, and but for prose and names of files of an
// anonymised recording. What is read again is
// the same.
func TestEventsHandedOn(t *testing.T) {
	for _, f := range fixtures() {
		if f.tree[stem+"_events.tsv"] == nil || f.recording != recording {
			continue
		}
		for _, anonymous := range []*bids.Anonymous{nil, {}} {
			for _, format := range []string{"", "brainvision"} {
				t.Run(fmt.Sprintf("%s %s %v", f.name, format, anonymous != nil), func(t *testing.T) {
					tree, err := bids.ReadTree(fstest.MapFS(f.tree), ".")
					if err != nil {
						t.Fatal(err)
					}
					r := tree.Recordings()[0]
					said, _, err := tree.Sidecars(r)
					if err != nil {
						t.Fatal(err)
					}
					rec, err := tree.Open(r)
					if err != nil {
						t.Fatal(err)
					}
					root, opt := t.TempDir(), writeOptions
					opt.Format = format
					it := bids.Item{Input: r.Path, Name: r.Name, Said: said, HEDVersion: tree.Description.Rest.Raw("HEDVersion"), Anonymous: anonymous, Open: func() (*signal.Recording, error) { return tree.Open(r) }}
					w := bids.MustWrite(t, root, opt, it)[0]
					table := func(name string) string {
						text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
						if err != nil {
							t.Fatal(err)
						}
						return strings.TrimSpace(string(text))
					}
					prose := strings.NewReplacer() // what an anonymised tree leaves out
					if anonymous != nil && f.name == "events-hed" {
						prose = strings.NewReplacer("\tstim_file", "", "\tn/a\n4", "\n4", "\timages/µ x.png", "", `"Levels":{"light":"aflash","button":"left"},`, "")
					}
					if got, want := table(stem+"_events.tsv"), prose.Replace(strings.TrimSpace(string(f.tree[stem+"_events.tsv"].Data))); got != want {
						t.Errorf("the table is\n%s\nwant\n%s", got, want)
					}
					if about := f.tree[stem+"_events.json"]; about != nil {
						if got := strings.Join(strings.Fields(table(stem+"_events.json")), ""); got != prose.Replace(strings.Join(strings.Fields(string(about.Data)), "")) {
							t.Errorf("it is described by %s, want %s", got, about.Data)
						}
						if got := table("dataset_description.json"); !strings.Contains(strings.Join(strings.Fields(got), ""), `"HEDVersion":["8.3.0","sc:score_1.0.0"]`) {
							t.Errorf("the version of HED is not in %s", got)
						}
					}
					again := ingesttest.OpenFile(t, filepath.Join(root, filepath.FromSlash(w.Path)))
					if !slices.Equal(again.Events, rec.Events) {
						t.Errorf("the events are %v, want %v", again.Events, rec.Events)
					}
					if err := rec.Close(); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
}

// TestCountsOnce: how many channels of a kind there are is said once, whatever an input called it.
func TestCountsOnce(t *testing.T) {
	tree, err := bids.ReadTree(fstest.MapFS(study().edf("uV", "Cz", "Pz").text(stem+"_eeg.json", strings.Replace(about, "{", `{"MiscChannelCount": 7, `, 1))), ".")
	if err != nil {
		t.Fatal(err)
	}
	r, root := tree.Recordings()[0], t.TempDir()
	said, _, err := tree.Sidecars(r)
	if err != nil {
		t.Fatal(err)
	}
	w := bids.MustWrite(t, root, writeOptions, bids.Item{Input: r.Path, Name: r.Name, Said: said, Open: func() (*signal.Recording, error) { return tree.Open(r) }})[0]
	raw, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(strings.TrimSuffix(w.Path, filepath.Ext(w.Path))+".json")))
	if err != nil {
		t.Fatal(err)
	}
	if text := string(raw); strings.Contains(text, "MiscChannelCount") || !strings.Contains(text, `"MISCChannelCount": 0`) {
		t.Error(text)
	}
}

// TestSidecarsAreNoLoss: what the sidecars of a tree say in words is said again by those of the tree that is made of it: it is no text of the header that
// is lost, which --strict would refuse, and none that stands there twice. What the header itself says is a loss where it has no place.
func TestSidecarsAreNoLoss(t *testing.T) {
	f := study().edf("uV", "Cz", "Pz").text(stem+"_eeg.json", strings.Replace(about, "{", `{"Manufacturer": "Acme", "Instructions": "sit still", "RecordingDuration": 10, "EEGChannelCount": 2, `, 1)).
		table(stem+"_channels.tsv", "name|type|units|low_cutoff|description", "Cz|EEG|uV|0.1|top", "Pz|EEG|uV|0.1|n/a").
		table(stem+"_events.tsv", "onset|duration|trial_type", "1.5|0|button", "4|0|light").
		table(folder+"sub-01_space-ACPC_electrodes.tsv", "name|x|y|z", "Cz|0|0|0.1").
		text(folder+"sub-01_space-ACPC_coordsystem.json", `{"EEGCoordinateSystem": "ACPC", "EEGCoordinateUnits": "m"}`)
	words := func(rec *signal.Recording) (all []string) {
		for _, x := range rec.Texts {
			all = append(all, fmt.Sprint(x.Field, x.Channel, x.Text))
		}
		slices.Sort(all)
		return all
	}
	tree, err := bids.ReadTree(fstest.MapFS(f), ".")
	if err != nil {
		t.Fatal(err)
	}
	r := tree.Recordings()[0]
	for _, format := range bids.Formats() {
		anonymous := bids.Item{Input: r.Path, Name: r.Name, Anonymous: &bids.Anonymous{Texts: true}, Open: func() (*signal.Recording, error) { return tree.Open(r) }}
		if anonymous.Said, _, err = tree.Sidecars(r); err != nil {
			t.Fatal(err)
		}
		opt := writeOptions
		opt.Format = format
		if w := bids.MustWrite(t, t.TempDir(), opt, anonymous)[0]; len(w.Personal) == 0 || slices.ContainsFunc(w.Losses, func(l signal.Deviation) bool {
			return l.Where == ingest.HeaderTexts && !strings.Contains(l.Found, "1 others: participants.tsv: age") // which nobody has looked at here
		}) {
			t.Errorf("%s: what is left out as personal is a loss as well: %+v", format, w.Losses)
		}
		for _, lost := range []bool{false, true} {
			rec, err := tree.Open(r)
			if err != nil {
				t.Fatal(err)
			}
			if lost {
				rec.Texts = append(rec.Texts, signal.Text{Field: "comment of the header", Text: "a word"})
			}
			said, _, err := tree.Sidecars(r)
			if err != nil {
				t.Fatal(err)
			}
			root := t.TempDir()
			it := bids.Item{Input: r.Path, Name: r.Name, Said: said, Participant: [][2]string{{"participant_id", "sub-01"}, {"age", "33"}}, Open: func() (*signal.Recording, error) { return rec, nil }}
			w := bids.MustWrite(t, root, opt, it)[0]
			told := slices.ContainsFunc(w.Losses, func(l signal.Deviation) bool { return l.Where == ingest.HeaderTexts })
			if told != (lost && format != "brainvision") {
				t.Errorf("%s: losses %+v, a text of the header: %t", format, w.Losses, lost)
			}
			got, want := words(ingesttest.OpenFile(t, filepath.Join(root, filepath.FromSlash(w.Path)))), words(rec)
			for _, x := range want {
				times := 1
				if told && strings.HasPrefix(x, "comment of the header") {
					times = 0
				}
				if n := strings.Count(strings.Join(got, "\n")+"\n", x+"\n"); n != times {
					t.Errorf("%s: %q is said %d times, want %d, in\n%s", format, x, n, times, strings.Join(got, "\n"))
				}
			}
		}
	}
}
