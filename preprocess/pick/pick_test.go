package pick_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	_ "github.com/gyrus-bci/gyrus/preprocess/pick"
	"github.com/gyrus-bci/gyrus/preprocess/preprocesstest"
)

func step(t *testing.T, params string) preprocess.Processor {
	t.Helper()
	p, err := preprocess.Processors().New("pick", []byte(params))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPick(t *testing.T) {
	for _, tc := range []struct {
		params string
		want   []string
	}{
		{`{"channels": ["O2", "Fp1", "STI"]}`, []string{"O2", "Fp1", "STI"}},
		{`{"kinds": ["eeg"]}`, []string{"Fp1", "F3", "C3", "C4", "O1", "O2"}},
		{`{"kinds": ["trigger", "eog"]}`, []string{"EOG1", "STI"}},
		{`{"exclude": ["STI", "C3"]}`, []string{"Fp1", "F3", "C4", "O1", "O2", "EOG1"}},
		{`{"kinds": ["eeg"], "exclude": ["Fp1"]}`, []string{"F3", "C3", "C4", "O1", "O2"}},
	} {
		info := preprocesstest.Info()
		p := step(t, tc.params)
		out, err := p.Start(info)
		if err != nil {
			t.Errorf("%s: %v", tc.params, err)
			continue
		}
		if !slices.Equal(out.Names(), tc.want) {
			t.Errorf("%s: picks %v, must pick %v", tc.params, out.Names(), tc.want)
		}
		c := signal.NewChunk(info, 7, 2)
		for ch, x := range c.X {
			x[0], x[1] = float64(ch), float64(ch)+0.5
		}
		got, err := p.Process(c)
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range tc.want {
			if want := c.X[info.Index(name)]; !slices.Equal(got.X[i], want) {
				t.Errorf("%s: %s has the samples %v, must be %v", tc.params, name, got.X[i], want)
			}
			if want := info.Channels[info.Index(name)]; out.Channels[i] != want {
				t.Errorf("%s: %s is described as %v, must be %v", tc.params, name, out.Channels[i], want)
			}
		}
	}
}

func TestPickErrors(t *testing.T) {
	for _, tc := range []struct{ params, want string }{
		{``, "pick: nothing to go by: give channels, kinds or exclude"},
		{`{"channels": ["C3"], "exclude": ["C4"]}`, "pick: channels already names all that stay: leave out kinds and exclude"},
		{`{"channels": ["C3"], "kinds": ["eeg"]}`, "leave out kinds and exclude"},
		{`{"channels": ["Fp1", "Fp12"]}`, `pick: channels: unknown channel "Fp12": did you mean "Fp1"? (known: Fp1, F3, C3, C4, O1, O2, EOG1, STI)`},
		{`{"channels": ["c3"]}`, `unknown channel "c3": did you mean "C3"?`},
		{`{"channels": ["C3", "C4", "C3"]}`, `pick: channels: "C3" is listed twice`},
		{`{"exclude": ["nothing like it"]}`, `pick: exclude: unknown channel "nothing like it"; known: Fp1, F3`},
		{`{"kinds": ["EEG"]}`, `pick: kinds: unknown kind "EEG": did you mean "eeg"?`},
		{`{"kinds": ["emg"]}`, "pick: no channel is left of Fp1 (eeg), F3 (eeg)"},
	} {
		_, err := step(t, tc.params).Start(preprocesstest.Info())
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error is %v, must contain %q", tc.params, err, tc.want)
		}
	}
	p := step(t, `{"kinds": ["eeg"]}`)
	if _, err := p.Start(preprocesstest.Info()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Process(signal.NewChunk(preprocesstest.Info().Pick([]int{0, 1}), 0, 5)); err == nil {
		t.Error("takes a chunk of 2 channels, was started for 8")
	}
}
