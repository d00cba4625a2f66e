package adapt_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/decoders/adapt"
	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// taught is a stream whose head has learned and decides.
func taught(t *testing.T, steps int) *stream {
	t.Helper()
	s := newStream(t, adapt.Defaults(), 2, 0.5)
	for range steps {
		s.step(1)
	}
	if !s.h.Decides() {
		t.Fatal("the head does not decide yet")
	}
	return s
}

// TestResume: a head that was saved and resumed goes on with the same bits as one that never stopped.
func TestResume(t *testing.T) {
	a, b := taught(t, 150), taught(t, 150)
	h, err := adapt.Resume(adapt.Defaults(), 2, width, b.h.Save())
	must(t, err)
	b.h = h
	if a.h.Hash() != b.h.Hash() || !b.h.Decides() || b.h.Updates() != a.h.Updates() {
		t.Fatalf("resumed: %s with %d updates, saved was %s with %d", b.h.Hash(), b.h.Updates(), a.h.Hash(), a.h.Updates())
	}
	for i := range 40 {
		ra, rb := a.step(1), b.step(1)
		if ra.Taken != rb.Taken || ra.Step != rb.Step || a.h.Hash() != b.h.Hash() {
			t.Fatalf("step %d: %+v resumed, %+v without a break", i, rb, ra)
		}
	}
	if a.h.Updates() != b.h.Updates() || b.h.Stats().Accepted != 40 {
		t.Errorf("%d updates in all, %d of them in this session, want %d and 40", b.h.Updates(), b.h.Stats().Accepted, a.h.Updates())
	}
	fresh := newStream(t, adapt.Defaults(), 2, 0.5) // before the features are settled there is nothing but zeros
	h, err = adapt.Resume(adapt.Defaults(), 2, width, fresh.h.Save())
	if err != nil || h.Hash() != fresh.h.Hash() || h.Updates() != 0 {
		t.Errorf("a head that has learned nothing: %v", err)
	}
}

// TestResumeRefuses states that are of another head, or altered.
func TestResumeRefuses(t *testing.T) {
	good := taught(t, 100).h.Save()
	change := func(name string, a signal.Array) signal.State {
		s := signal.State{}
		for k, v := range good {
			s[k] = v
		}
		s[name] = a
		if a.Data == nil {
			delete(s, name)
		}
		return s
	}
	nan := signal.NewArray(slices.Clone(good["theta"].Data), good["theta"].Shape...)
	nan.Data[3] = math.NaN()
	for want, s := range map[string]signal.State{
		`"theta" is missing`: change("theta", signal.Array{}), `"scale" is missing`: change("scale", signal.Array{}),
		"not finite": change("theta", nan), "there are": change("more", signal.NewArray([]float64{1}, 1)),
		"count of updates": change("counts", signal.NewArray([]float64{1.5, 0}, 2)), "shape": change("b", signal.NewArray([]float64{1}, 1)),
	} {
		if _, err := adapt.Resume(adapt.Defaults(), 2, width, s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestAdapted: the decoder that a session saves gives the bits that the head gave, goes through its state unchanged, hands
// its head over to the next session, and forgets it when it is trained anew.
func TestAdapted(t *testing.T) {
	s := taught(t, 120)
	d, err := decoders.Decoders().New("lda", nil)
	must(t, err)
	var rows [][]float64
	y := signal.Labels{Classes: []string{"a", "b"}}
	for range 40 {
		k, row, _ := s.draw()
		rows, y.Y = append(rows, row), append(y.Y, k)
	}
	must(t, d.Fit(rows, y))
	params, state, err := adapt.Wrap(decoders.Inner{Use: "lda"}, d.(signal.Stateful).State(), s.h)
	must(t, err)
	load := func(params []byte, state signal.State) *adapt.Adapted {
		t.Helper()
		q, err := decoders.Decoders().New(adapt.Use, params)
		must(t, err)
		q.SetClasses(y.Classes)
		must(t, q.SetState(state))
		return q.(*adapt.Adapted)
	}
	q := load(params, state)
	running, want, got := make([]float64, 2), make([]float64, 2), make([]float64, 2)
	same := func(q *adapt.Adapted, h *adapt.Head) {
		t.Helper()
		for _, row := range rows {
			must(t, d.Predict(running, row))
			_, err := h.Decide(want, row, running)
			must(t, err)
			must(t, q.Predict(got, row))
			if !slices.Equal(got, want) {
				t.Fatalf("scores %v, the head gives %v", got, want)
			}
		}
	}
	same(q, s.h)
	if n := testing.AllocsPerRun(10, func() { _ = q.Predict(got, rows[0]) }); n > 0 {
		t.Errorf("Predict allocates %g times", n)
	}
	same(load(params, q.State()), s.h)

	h, err := q.Take(adapt.Defaults(), width)
	must(t, err)
	if h.Hash() != s.h.Hash() {
		t.Error("another head is handed over")
	}
	must(t, d.Predict(want, rows[0]))
	must(t, q.Predict(got, rows[0]))
	if !slices.Equal(got, want) {
		t.Errorf("without its head it gives %v, the decoder inside %v", got, want)
	}
	s.h = h
	s.step(1)
	again, state2, err := adapt.Wrap(decoders.Inner{Use: adapt.Use, Params: params}, q.State(), h)
	must(t, err)
	if string(again) != string(params) {
		t.Errorf("adapted twice it is written %s, once %s", again, params)
	}
	same(load(again, state2), h)

	q = load(params, state)
	must(t, q.Fit(rows, y))
	for name := range q.State() {
		if strings.HasPrefix(name, "head.") {
			t.Errorf("trained anew, it still has %s", name)
		}
	}
}

// TestView: rows are seen as they are; of windows the powers of the channels and the correlation of each two stand behind
// what the last layer is given.
func TestView(t *testing.T) {
	in := features.Format{Names: []string{"a", "b", "c"}, Len: 128, Rate: 128}
	d, err := decoders.Decoders().New("edge_dnn", []byte(`{"epochs": 1, "patience": 0, "validation": 0}`))
	must(t, err)
	w, _ := decoders.AsWindowed(d)
	must(t, w.SetFormat(in))
	s := newStream(t, adapt.Defaults(), 2, 1)
	var x [][]float64
	y := signal.Labels{Classes: []string{"a", "b"}}
	for i := range 16 {
		row := make([]float64, 3*128)
		for j := range row {
			row[j] = 10 * s.rng.NormFloat64()
		}
		for j := range 128 { // c is the opposite of a, twice as strong
			row[256+j] = -2*row[j] + 5
		}
		x, y.Y = append(x, row), append(y.Y, i%2)
	}
	must(t, d.Fit(x, y))
	v, err := adapt.NewView(d, in)
	must(t, err)
	row, err := v.Of(x[0])
	must(t, err)
	e, _ := decoders.AsEmbedder(d)
	n := e.EmbedLen()
	if v.Len() != n+3+3 || len(row) != v.Len() {
		t.Fatalf("%d values, of which %d are the embedding, want 6 more", v.Len(), n)
	}
	power := 0.0
	mean := 0.0
	for _, a := range x[0][:128] {
		mean += a / 128
	}
	for _, a := range x[0][:128] {
		power += (a - mean) * (a - mean) / 128
	}
	if math.Abs(row[n]-math.Log(power)) > 1e-9 || math.Abs(row[n+2]-math.Log(4*power)) > 1e-9 {
		t.Errorf("powers %v, want %g and %g for a and c", row[n:n+3], math.Log(power), math.Log(4*power))
	}
	if c := row[n+3:]; math.Abs(c[1]+1) > 1e-9 || math.Abs(c[0]) > 0.5 || math.Abs(c[0]+c[2]) > 1e-9 {
		t.Errorf("correlations of b a, c a, c b %v, want -1 for c a, and opposites for the others", c)
	}
	if n := testing.AllocsPerRun(10, func() { _, _ = v.Of(x[0]) }); n > 0 {
		t.Errorf("it allocates %g times", n)
	}
	lda, err := decoders.Decoders().New("lda", nil)
	must(t, err)
	v, err = adapt.NewView(lda, features.Format{Names: in.Names})
	must(t, err)
	if row, err := v.Of(x[0][:3]); err != nil || v.Len() != 3 || &row[0] != &x[0][0] {
		t.Errorf("rows are not seen as they are: %v", err)
	}
	if _, err := adapt.NewView(lda, features.Format{Names: make([]string, 257)}); err == nil || !strings.Contains(err.Error(), "1 to 256") {
		t.Errorf("rows that are too long: %v", err)
	}
	if _, err := adapt.NewView(w, in); err != nil {
		t.Error(err)
	}
	fresh, err := decoders.Decoders().New("eegnet", nil)
	must(t, err)
	if _, err := adapt.NewView(fresh, in); err == nil || !strings.Contains(err.Error(), "last layer") {
		t.Errorf("a network that is not fitted: %v", err)
	}
}
