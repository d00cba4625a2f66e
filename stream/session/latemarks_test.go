package session

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// TestLateMarksAreDecidedWhereTheyWere: marks that a session hears of up to a second late lead to the decisions that the same model
// makes of the recording; one that is later leads to none, and that is told and counted.
func TestLateMarksAreDecidedWhereTheyWere(t *testing.T) {
	b, err := trained(t).Bundle("test")
	if err != nil {
		t.Fatal(err)
	}
	model := func() Model {
		p, err := pipeline.FromBundle("test", b, pipeline.Cued) // windows around marks alone
		if err != nil {
			t.Fatal(err)
		}
		return Model{Pipeline: p, SHA256: strings.Repeat("ab", 32)}
	}
	rec := person(t)
	want := offline(t, model(), rec)
	var mu sync.Mutex
	got, tooLate := map[int64][]float64{}, signal.Event{}
	var notes []string
	r := start(t, rec, func(o *Options, s *stepped) {
		with(model())(o, s)
		o.Note = func(line string) { mu.Lock(); defer mu.Unlock(); notes = append(notes, line) }
		o.OnDecision = func(d Decided) {
			mu.Lock()
			defer mu.Unlock()
			got[d.End] = slices.Clone(d.Scores)
		}
		var held []signal.Event
		n := 0
		s.edit = func(c *signal.Chunk) {
			held, c.Events = append(held, c.Events...), nil
			late := []int64{0, 32, 80, 140}[n%4] // 160 Hz
			if n == 9 {
				late = 200
			}
			for len(held) > 0 && c.End() > held[0].Sample+late { // marks are seconds apart
				e := held[0]
				if n, held = n+1, held[1:]; e.Sample >= c.Start {
					c.Events = []signal.Event{e}
					break
				}
				if c.Late = []signal.Event{e}; late == 200 {
					tooLate = e
				}
			}
		}
	})
	r.src.gate <- int(rec.Len) // all
	rep, err := r.over()
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	missing := 0
	for end, scores := range want {
		if g, ok := got[end]; !ok {
			missing++
		} else if !slices.Equal(g, scores) {
			t.Errorf("the window to sample %d: %v live, of the recording %v", end, g, scores)
		}
	}
	unseen := 0
	if tooLate.Label == "T1" || tooLate.Label == "T2" {
		unseen = 1
	}
	if len(got)+missing != len(want) || missing != 1 || unseen != 1 || rep.UnseenMarks != 1 || len(want) < 10 {
		t.Errorf("%d decisions live, of the recording %d, %d missing, %d unseen; %+v was too late", len(got), len(want), missing, rep.UnseenMarks, tooLate)
	}
	if told := strings.Contains(fmt.Sprint(notes), "MARKS have no window"); !told {
		t.Errorf("notes %q", notes)
	}
}
