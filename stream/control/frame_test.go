package control

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the frames in testdata anew; read them before you commit them")

// frames are what the golden files show. Their places are worked out by hand in the tests below.
var (
	sides  = [][2]float64{{0.8, 0}, {-0.8, 0}}
	eight  = func() [][2]float64 { o := NewCenterOut(NewCursor("l", "r"), 8); o.init(); return o.goals }()
	frames = map[string]Frame{
		"never": {State: StateSafe, Reason: ReasonNever, View: &CursorView{Targets: sides, Target: &sides[0], Phase: PhaseGo, Trial: 1}},
		"alone": {State: StateSafe, Reason: ReasonNever, Note: "nobody publishes here", View: &CursorView{Targets: sides, Target: &sides[0], Phase: PhaseGo, Trial: 1}},
		"moves": {
			State: StateMoves, Label: "left_hand", Confidence: 0.83, AgeMS: 41.6,
			View: &CursorView{
				Position: [2]float64{-0.5, 0}, Velocity: [2]float64{-0.5, 0}, Targets: sides, Target: &sides[1], Phase: PhaseGo, Trial: 5,
				Score: Score{Goals: 2, Trials: 4, Hits: 3},
			},
			Counters: Counters{Received: 130, Accepted: 118, Expired: 4, Unproven: 6, Duplicate: 2, Gaps: 1, SafeEntries: 1},
		},
		"holds":   {State: StateHolds, Confidence: 0.5, AgeMS: 3, View: &CursorView{Position: [2]float64{1, 0}, Targets: sides, Phase: PhasePause, Trial: 1}},
		"unknown": {State: StateUnknown, Label: "ton\x1b[2Jgue with a very long name", Confidence: 1, View: &CursorView{Targets: sides, Target: &sides[0], Phase: PhaseGo, Trial: 1}},
		"latched": {State: StateSafe, Reason: ReasonWatchdog, Latched: true, View: &CursorView{Position: [2]float64{-1, 0}, Targets: sides, Phase: PhaseDone, Trial: 12}},
		"older":   {State: StateSafe, Reason: ReasonOlderRun, View: &CursorView{Position: [2]float64{-1, 0}, Targets: sides, Phase: PhaseDone, Trial: 12}},
		"shadow":  {State: StateSafe, Reason: ReasonShadow, View: &CursorView{Position: [2]float64{-1, 0}, Targets: sides, Phase: PhaseDone, Trial: 12}},
		"hand": {
			State: StateMoves, Label: "power", Confidence: 1, AgeMS: 8,
			View: func() View { h := grasping(nil); h.steps(80, class(GraspPower), true); return h.View() }(),
		},
		"eight": {
			State: StateMoves, Label: "continuous", AgeMS: 12,
			View: &CursorView{Position: [2]float64{0.3, -0.3}, Targets: eight, Target: &eight[7], Phase: PhaseGo, Trial: 9, Score: Score{Goals: 8, Trials: 8, Hits: 7}},
		},
	}
)

func TestRender(t *testing.T) {
	for name, f := range frames {
		got := Render(f, false)
		path := filepath.Join("testdata", "frame-"+name+".txt")
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
		if strings.ContainsRune(got, '\x1b') {
			t.Errorf("%s: an escape sequence without colour", name)
		}
		lines := strings.Split(got, "\n")
		if name == "hand" {
			continue // has no frame
		}
		wide, high := columns, 1
		if name == "eight" {
			wide, high = columns2, rows2
		}
		for i, line := range lines[:high+2] {
			if n := len([]rune(line)); n != wide+2 {
				t.Errorf("%s: line %d has %d letters, want %d", name, i, n, wide+2)
			}
		}
	}
}

func TestRenderColour(t *testing.T) {
	for name, code := range map[string]string{"moves": green, "holds": yellow, "unknown": yellow, "never": alarm} {
		got := Render(frames[name], true)
		if !strings.Contains(got, code) {
			t.Errorf("%s: not in its colour", name)
		}
		for _, c := range []string{green, yellow, alarm, plain} {
			got = strings.ReplaceAll(got, c, "")
		}
		if got != Render(frames[name], false) {
			t.Errorf("%s: colours change the text", name)
		}
	}
}

func TestCell(t *testing.T) {
	for x, want := range map[float64]int{-1: 0, -2: 0, 0: columns / 2, 1: columns - 1, 3: columns - 1, 0.5: columns/2 + columns/4} {
		if got := cell(x, columns); got != want {
			t.Errorf("x %g is in column %d, want %d", x, got, want)
		}
	}
}

func TestScreen(t *testing.T) {
	var w bytes.Buffer
	s := NewScreen(&w, false)
	if err := s.Close(); err != nil || w.Len() != 0 {
		t.Fatalf("closing an unused screen writes %q, error %v", w.String(), err)
	}
	show := func(name string) string {
		w.Reset()
		if err := s.Show(frames[name]); err != nil {
			t.Fatal(err)
		}
		return w.String()
	}
	first := show("moves")
	if want := "\x1b[?25l\x1b[?7l" + strings.ReplaceAll(Render(frames["moves"], false), "\n", "\x1b[K\r\n") + "\x1b[J"; first != want {
		t.Errorf("first frame %q, want %q", first, want)
	}
	second := show("never")
	if want := strings.Repeat("\x1b[A", 5) + strings.ReplaceAll(Render(frames["never"], false), "\n", "\x1b[K\r\n") + "\x1b[J"; second != want {
		t.Errorf("second frame %q, want %q", second, want)
	}
	w.Reset()
	if err := errors.Join(s.Close(), s.Close()); err != nil || w.String() != "\x1b[?7h\x1b[?25h" {
		t.Errorf("closing writes %q, error %v", w.String(), err)
	}
}

// TestScreenOfFewerLines: of a frame that had a line more nothing stays on the terminal.
func TestScreenOfFewerLines(t *testing.T) {
	var w bytes.Buffer
	s := NewScreen(&w, false)
	f := frames["moves"]
	without := Render(f, false)
	f.Note = "nobody publishes as decoder d"
	for _, note := range []string{f.Note, f.Note, "", ""} {
		f.Note = note
		if err := s.Show(f); err != nil {
			t.Fatal(err)
		}
	}
	var rows []string
	row, column := 0, 0
	for text := w.String(); text != ""; {
		if escape := sequence.FindString(text); escape != "" {
			switch escape {
			case "\x1b[A":
				row--
			case "\x1b[K":
				rows[row] = string([]rune(rows[row])[:column])
			case "\x1b[J":
				rows = rows[:min(len(rows), row)]
			}
			text = text[len(escape):]
			continue
		}
		c, size := utf8.DecodeRuneInString(text)
		text = text[size:]
		for len(rows) <= row && c != '\r' && c != '\n' {
			rows = append(rows, "")
		}
		switch c {
		case '\r':
			column = 0
		case '\n':
			row++
		default:
			line := []rune(rows[row])
			rows[row] = string(append(append(slices.Clone(line[:column]), c), line[min(len(line), column+1):]...))
			column++
		}
	}
	if got := strings.Join(rows, "\n") + "\n"; got != without {
		t.Errorf("the terminal shows\n%swant\n%s", got, without)
	}
}

// sequence is one that moves the cursor, erases, or sets a mode, at the start of a text.
var sequence = regexp.MustCompile(`^\x1b\[\??[0-9]*[A-Za-z]`)

func TestTerminalScreenIsNilForAFile(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	if TerminalScreen(f) != nil {
		t.Error("a file is taken for a terminal")
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}
