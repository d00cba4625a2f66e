package lsl

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// peer is the real liblsl in a process of its own: testdata/peer.py.
type peer struct {
	in  io.WriteCloser
	out *bufio.Reader
	cmd *exec.Cmd
}

type answer struct {
	Error   string    `json:"error"`
	XML     string    `json:"xml"`
	Values  []string  `json:"values"`
	Stamps  []float64 `json:"stamps"`
	Names   []string  `json:"names"`
	OK      bool      `json:"ok"`
	Offset  float64   `json:"offset"`
	Clock   float64   `json:"clock"`
	Samples int       `json:"samples"`
	Seconds float64   `json:"seconds"`
	Version int       `json:"version"`
	MNELSL  string    `json:"mne_lsl"`
	EC      int       `json:"ec"`
}

// startPeer starts liblsl with the ports of a file that both sides read.
func startPeer(t testing.TB, cfgFile string) *peer {
	t.Helper()
	python := os.Getenv("GYRUS_LSL_PYTHON")
	if python == "" {
		t.Skip("GYRUS_LSL_PYTHON names no Python with mne-lsl: make interop sets one up")
	}
	cmd := exec.CommandContext(t.Context(), python, "testdata/peer.py")
	cmd.Env = append(os.Environ(), "LSLAPICFG="+cfgFile)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &peer{in, bufio.NewReader(out), cmd}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	})
	return p
}

// post sends a command, get reads an answer.
func (p *peer) post(t testing.TB, q map[string]any) {
	t.Helper()
	b, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.in.Write(append(b, '\n')); err != nil {
		t.Fatal(err)
	}
}

func (p *peer) get(t testing.TB) answer {
	t.Helper()
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		t.Fatalf("liblsl has ended: %v", err)
	}
	var a answer
	if err := json.Unmarshal(line, &a); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	if a.Error != "" {
		t.Fatalf("liblsl: %s", a.Error)
	}
	return a
}

func (p *peer) do(t testing.TB, q map[string]any) answer {
	t.Helper()
	p.post(t, q)
	return p.get(t)
}

// shared is a configuration file for both sides on ports of their own.
func sharedConfig(t testing.TB) (file string, cfg *Config) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "lsl_api.cfg")
	text := fmt.Sprintf("[ports]\n; not here\nIPv6 = disable\nMulticastPort = %d\nBasePort = %d\nPortRange = 32\n", port(), port()+1) + "[multicast]\nResolveScope = machine\nListenAddress = 127.0.0.1\n" +
		"[lab]\nKnownPeers = {127.0.0.1}\nSessionID = " + strings.ReplaceAll(t.Name(), "/", "-") + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := ParseConfig(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return file, &c
}

// value is what peer.py calls value, as text.
func value(k, c int, f Format) string {
	n := uint64(k)*7919 + uint64(c)*104729
	switch f {
	case Float32:
		return strconv.FormatFloat(float64(int(n%100003)-50001)/8, 'g', -1, 64)
	case Float64:
		return strconv.FormatFloat(float64(int(n%100003)-50001)/3, 'g', -1, 64)
	case String:
		if n%11 == 0 {
			return ""
		}
		s := fmt.Sprintf("<%d&%d µ>", k, c)
		if n%7 == 0 {
			s += strings.Repeat("x", 300)
		}
		return s
	case Int64:
		v := int64(n * 1000000007 * 9176263 & math.MaxInt64)
		if n%2 == 1 {
			v = -v
		}
		return strconv.FormatInt(v, 10)
	default:
		span := uint64(1) << (8*f.Size() - 1)
		return strconv.FormatInt(int64(n*9176263%(2*span))-int64(span), 10)
	}
}

func values(first, n, channels int, f Format) []string {
	var all []string
	for k := range n {
		for c := range channels {
			all = append(all, value(first+k, c, f))
		}
	}
	return all
}

// pushText pushes values of any format.
func pushText(o *Outlet, text []string, how string, stamps []float64) error {
	switch o.info.Format {
	case Float32:
		return pushHow(o, parsed(text, func(s string) float32 { v, _ := strconv.ParseFloat(s, 32); return float32(v) }), how, stamps)
	case Float64:
		return pushHow(o, parsed(text, func(s string) float64 { v, _ := strconv.ParseFloat(s, 64); return v }), how, stamps)
	case Int64:
		return pushHow(o, parsed(text, func(s string) int64 { v, _ := strconv.ParseInt(s, 10, 64); return v }), how, stamps)
	case Int32:
		return pushHow(o, parsed(text, func(s string) int32 { v, _ := strconv.ParseInt(s, 10, 32); return int32(v) }), how, stamps)
	case Int16:
		return pushHow(o, parsed(text, func(s string) int16 { v, _ := strconv.ParseInt(s, 10, 16); return int16(v) }), how, stamps)
	case Int8:
		return pushHow(o, parsed(text, func(s string) int8 { v, _ := strconv.ParseInt(s, 10, 8); return int8(v) }), how, stamps)
	default:
		return pushHow(o, text, how, stamps)
	}
}

func parsed[T Value](text []string, parse func(string) T) []T {
	out := make([]T, len(text))
	for i, s := range text {
		out[i] = parse(s)
	}
	return out
}

func pushHow[T Value](o *Outlet, x []T, how string, stamps []float64) error {
	switch how {
	case "sample":
		ch := o.info.Channels
		for k, s := range stamps {
			if err := Push(o, x[k*ch:(k+1)*ch], s); err != nil {
				return err
			}
		}
		return nil
	case "chunk":
		return PushChunk(o, x, stamps[0])
	default:
		return PushStamped(o, x, stamps)
	}
}

// number parses what Python's repr writes: the shortest text that is the same double.
func sameValues(t *testing.T, f Format, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i] == want[i] {
			continue
		}
		a, errA := strconv.ParseFloat(got[i], 64)
		b, errB := strconv.ParseFloat(want[i], 64)
		if (f == Float32 || f == Float64) && errA == nil && errB == nil && a == b {
			continue
		}
		t.Fatalf("value %d is %.60q, want %.60q", i, got[i], want[i])
	}
}

// worst is the largest distance of stamps.
func worst(t *testing.T, got, want []float64) float64 {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d stamps, want %d", len(got), len(want))
	}
	var d float64
	for i := range got {
		d = max(d, math.Abs(got[i]-want[i]))
	}
	return d
}

// interopCase is one cell of the matrix.
type interopCase struct {
	f        Format
	channels int
	how      string // sample, chunk: a stamp for each, or one for all; stamps: irregular
	rate     float64
}

func interopCases() []interopCase {
	var all []interopCase
	for f := Float32; f <= Int64; f++ {
		for _, ch := range []int{1, 3, 64, 300} {
			all = append(all, interopCase{f, ch, "sample", 500}, interopCase{f, ch, "chunk", 500}, interopCase{f, ch, "irregular", 0})
		}
	}
	return all
}

// interopLen is the samples of each cell, in two pushes.
const interopLen = 40

// stampsOf are the stamps to push from sample first on, where sample 0 is measured at begin, and those that must arrive.
func (c interopCase) stampsOf(begin float64, first, n int) (push, arrive []float64) {
	for k := range n {
		arrive = append(arrive, begin+float64(first+k)/500)
		if c.how == "irregular" {
			arrive[k] += 0.0007 * float64((first+k)*(first+k)%17)
		}
	}
	if c.how == "chunk" {
		return arrive[n-1:], arrive
	}
	return arrive, arrive
}

func (c interopCase) name() string {
	return fmt.Sprintf("%s × %d, %s", c.f, c.channels, c.how)
}

// TestInteropOutlet: liblsl reads what gyrus sends.
func TestInteropOutlet(t *testing.T) {
	file, cfg := sharedConfig(t)
	p := startPeer(t, file)
	v := p.do(t, map[string]any{"cmd": "version"})
	table := [][]string{}
	for _, c := range interopCases() {
		info := StreamInfo{Name: "to liblsl", Type: "EEG", Channels: c.channels, Rate: c.rate, Format: c.f, SourceID: "it's <&> \"me\""}
		desc := &signal.Info{Rate: 1}
		for ch := range c.channels {
			desc.Channels = append(desc.Channels, signal.Channel{Name: fmt.Sprintf("a<b&%d", ch), Kind: signal.EEG, Unit: signal.Microvolt})
		}
		info.Desc = Describe(desc)
		o, err := NewOutlet(info, OutletOptions{Config: cfg})
		if err != nil {
			t.Fatal(err)
		}
		a := p.do(t, map[string]any{"cmd": "inlet", "id": "i", "channels": c.channels, "format": c.f.String(), "predicate": "uid='" + o.Info().UID + "'"})
		if _, err := parseInfo([]byte(a.XML)); err != nil || strings.Count(a.XML, "<label>a&lt;b&amp;") != c.channels {
			t.Errorf("%s: liblsl has understood %s (%v)", c.name(), a.XML, err)
		}
		if err := o.WaitReaders(within(t, 5*time.Second), 1); err != nil {
			t.Fatal(err)
		}
		var want []float64
		for first := 0; first < interopLen; first += interopLen / 2 {
			push, arrive := c.stampsOf(1000.5, first, interopLen/2)
			want = append(want, arrive...)
			if err := pushText(o, values(first, interopLen/2, c.channels, c.f), c.how, push); err != nil {
				t.Fatal(err)
			}
		}
		got := p.do(t, map[string]any{"cmd": "pull", "id": "i", "n": interopLen})
		sameValues(t, c.f, got.Values, values(0, interopLen, c.channels, c.f))
		d := worst(t, got.Stamps, want)
		if d > 1e-6 {
			t.Errorf("%s: a stamp is off by %g s", c.name(), d)
		}
		table = append(table, []string{c.f.String(), strconv.Itoa(c.channels), c.how, "identical", fmt.Sprintf("%.2g s", d)})
		p.do(t, map[string]any{"cmd": "close", "id": "i"})
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}
	logTable(t, fmt.Sprintf("gyrus outlet → liblsl %d (mne-lsl %s) inlet, %d samples each", v.Version, v.MNELSL, interopLen), table)
}

func logTable(t *testing.T, title string, rows [][]string) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%-9s %9s  %-10s %-10s %s\n", title, "format", "channels", "stamps", "values", "worst stamp")
	for _, r := range rows {
		fmt.Fprintf(&b, "%-9s %9s  %-10s %-10s %s\n", r[0], r[1], r[2], r[3], r[4])
	}
	t.Log(b.String())
}

// theirs is the outlet that liblsl makes for a case.
func (c interopCase) theirs() map[string]any {
	labels := make([]string, c.channels)
	for ch := range labels {
		labels[ch] = fmt.Sprintf("<%d>", ch)
	}
	return map[string]any{
		"cmd": "outlet", "id": "o", "name": "to gyrus", "type": "EEG", "channels": c.channels, "rate": c.rate, "format": c.f.String(),
		"source_id": "x", "labels": labels, "unit": "µV",
	}
}

// read waits until liblsl sees that somebody reads it.
func (c interopCase) read(t *testing.T, p *peer) {
	t.Helper()
	if !p.do(t, map[string]any{"cmd": "wait_consumers", "id": "o", "timeout": 20}).OK {
		t.Fatalf("%s: liblsl sees no reader", c.name())
	}
}

// predicate finds that outlet.
func (c interopCase) predicate() string {
	return "name='to gyrus' and count(desc/channels/channel)=" + strconv.Itoa(c.channels)
}

// reading is one way to read what liblsl sends.
type reading interface {
	// begin is when the first sample is to be measured, the first one of what an outlet sends.
	begin() float64
	// sent is what read must make of what is pushed.
	sent(values []string, stamps []float64) ([]string, []float64)
	// read returns the next n samples: their values as text, and their stamps on liblsl's clock.
	read(t *testing.T, n int) (values []string, stamps []float64)
	close(t *testing.T)
}

// interopIn reads cells of the matrix in the way that open begins, when liblsl's outlet is there. With restart the outlet goes away
// between its two pushes, and another one comes in its place.
func interopIn(t *testing.T, title string, cases []interopCase, restart bool, open func(t *testing.T, p *peer, cfg *Config, c interopCase) reading) {
	file, cfg := sharedConfig(t)
	p := startPeer(t, file)
	v := p.do(t, map[string]any{"cmd": "version"})
	table := [][]string{}
	var away []float64 // s, for which nothing was read of the second outlets
	for _, c := range cases {
		p.do(t, c.theirs())
		r := open(t, p, cfg, c)
		begin, off := r.begin(), 0.0
		for first := 0; first < interopLen; first += interopLen / 2 {
			if first > 0 && restart {
				p.do(t, map[string]any{"cmd": "close", "id": "o"})
				p.do(t, c.theirs())
				came := time.Now()
				c.read(t, p)
				away = append(away, time.Since(came).Seconds())
				begin = r.begin()
			}
			c.read(t, p)
			push, arrive := c.stampsOf(begin, first, interopLen/2)
			p.do(t, map[string]any{"cmd": "push", "id": "o", "first": first, "n": interopLen / 2, "how": c.how, "stamps": push})
			want, wantAt := r.sent(values(first, interopLen/2, c.channels, c.f), arrive)
			got, at := r.read(t, interopLen/2)
			sameValues(t, c.f, got, want)
			off = max(off, worst(t, at, wantAt))
		}
		if off > 1e-6 {
			t.Errorf("%s: a stamp is off by %g s", c.name(), off)
		}
		table = append(table, []string{c.f.String(), strconv.Itoa(c.channels), c.how, "identical", fmt.Sprintf("%.2g s", off)})
		r.close(t)
		p.do(t, map[string]any{"cmd": "close", "id": "o"})
	}
	if restart {
		slices.Sort(away)
		t.Logf("liblsl's second outlets had their reader after %.1f s in the median, %.1f s at most; above %g s liblsl had left the connection of the first one open, and the watchdog has seen it", away[len(away)/2], away[len(away)-1], restartDog.Seconds())
	}
	logTable(t, fmt.Sprintf("liblsl %d (mne-lsl %s) outlet → gyrus %s, %d samples each", v.Version, v.MNELSL, title, interopLen), table)
}

// TestInteropReceiver: gyrus reads what liblsl sends, every value in its own type and every stamp as it is on the wire.
func TestInteropReceiver(t *testing.T) {
	interopIn(t, "Receiver", interopCases(), false, openReceiver)
}

type receiving struct{ r *Receiver }

func openReceiver(t *testing.T, _ *peer, cfg *Config, c interopCase) reading {
	found, err := Resolve(t.Context(), ResolveOptions{Config: cfg, Predicate: c.predicate(), Least: 1, Wait: 5 * time.Second})
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: found %v, %v", c.name(), found, err)
	}
	full, err := FullInfo(t.Context(), found[0])
	if err != nil {
		t.Fatal(err)
	}
	if full.Rate != c.rate || full.Format != c.f || full.Desc.Child("channels").Children[c.channels-1].Value("label") != fmt.Sprintf("<%d>", c.channels-1) {
		t.Errorf("%s: the description is %s", c.name(), full.String())
	}
	r, err := Connect(t.Context(), full, 100_000)
	if err != nil {
		t.Fatal(err)
	}
	return receiving{r}
}

func (receiving) begin() float64 { return 1000.5 }

func (receiving) sent(values []string, stamps []float64) ([]string, []float64) { return values, stamps }

func (r receiving) read(t *testing.T, n int) (values []string, stamps []float64) {
	for len(stamps) < n {
		s, err := r.r.Read()
		if err != nil {
			t.Fatal(err)
		}
		stamps = append(stamps, s.Stamps...)
		values = append(values, textOf(s)...)
	}
	return values, stamps
}

func (r receiving) close(t *testing.T) {
	if err := r.r.Close(); err != nil {
		t.Error(err)
	}
}

// TestInteropInlet: the same through Inlet, as live sessions and recordings read. Numbers at a rate are its samples: the float64
// nearest to each, which int64 beyond 2^53 need not be. Strings, and numbers at irregular times, are marks beside another stream of
// liblsl: the text of each sample, in the order of their times. Times are on this machine's clock, so the measured correction
// is taken off to have the stamps; it is of one and the same clock, so its own bound must hold 0.
func TestInteropInlet(t *testing.T) {
	interopIn(t, "Inlet", interopCases(), false, func(t *testing.T, p *peer, cfg *Config, c interopCase) reading {
		return openInlet(t, p, InletOptions{Config: cfg}, c)
	})
}

// restartDog is the watchdog of TestInteropRestart: where liblsl destroys an outlet, now and then (6 of 150 times, 1.17.7) the connection
// stays open in its process, and says nothing any more.
const restartDog = 3 * time.Second

// TestInteropRestart: the outlet goes and another one comes in its place between two pushes, for streams of every format, as samples
// and as marks. What it sends is read as before.
func TestInteropRestart(t *testing.T) {
	three := slices.DeleteFunc(interopCases(), func(c interopCase) bool { return c.channels != 3 })
	interopIn(t, "Inlet, outlet restarted in between", three, true, func(t *testing.T, p *peer, cfg *Config, c interopCase) reading {
		return &restarted{reading: openInlet(t, p, InletOptions{Config: cfg, Watchdog: restartDog}, c)}
	})
}

// restarted checks at its end that the inlet knows of the second outlet.
type restarted struct{ reading }

func (r *restarted) close(t *testing.T) {
	if s, ok := r.reading.(*sampling); ok {
		if h := s.n.Health(); h.Recoveries != 1 || !s.anew {
			t.Errorf("a restarted outlet: %+v, anew %t", h, s.anew)
		}
	}
	r.reading.close(t)
}

func openInlet(t *testing.T, p *peer, opt InletOptions, c interopCase) reading {
	if c.f != String && c.rate > 0 {
		opt.Predicate = c.predicate()
		n, err := Open(within(t, 10*time.Second), opt)
		if err != nil {
			t.Fatalf("%s: %v", c.name(), err)
		}
		if full := n.Stream(); full.Rate != c.rate || full.Format != c.f || len(n.Deviations()) > 0 {
			t.Errorf("%s: the description is %s, with %v", c.name(), full.String(), n.Deviations())
		}
		return &sampling{n: n}
	}
	p.do(t, map[string]any{
		"cmd": "outlet", "id": "beside", "name": "beside", "type": "EEG", "channels": 1, "rate": 500.0, "format": "float32",
		"source_id": "beside", "labels": []string{"Cz"}, "unit": "µV",
	})
	opt.Name, opt.Markers = "beside", c.predicate()
	n, err := Open(within(t, 10*time.Second), opt)
	if err != nil {
		t.Fatalf("%s: %v", c.name(), err)
	}
	if !p.do(t, map[string]any{"cmd": "wait_consumers", "id": "beside"}).OK {
		t.Fatal("liblsl sees no reader of the samples")
	}
	return &marking{p: p, n: n, channels: c.channels, from: now()}
}

// now is a time for samples that come at once: a stamp far from the clock would not be believed.
func now() float64 { return LocalClock() - 0.2 }

// corrected is the correction of a connection's clock for a time on ours.
func corrected(t *testing.T, s *timeSync, at float64) float64 {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	off, bound := s.offset.At(at), s.offset.Err()
	if !(math.Abs(off) <= bound+1e-6) || s.guessed {
		t.Errorf("the clock of this machine is corrected by %g s, give or take %g s; guessed: %t", off, bound, s.guessed)
	}
	return off
}

// sampling reads the samples of an inlet.
type sampling struct {
	n    *Inlet
	seen int
	anew bool // a chunk behind the first one began anew
}

func (*sampling) begin() float64 { return now() }

func (s *sampling) sent(values []string, stamps []float64) ([]string, []float64) {
	out := make([]string, len(values))
	for i, v := range values {
		f, _ := strconv.ParseFloat(v, 64)
		out[i] = strconv.FormatFloat(f, 'g', -1, 64)
	}
	return out, stamps
}

func (s *sampling) read(t *testing.T, n int) (values []string, stamps []float64) {
	for len(stamps) < n {
		c := next(t, s.n)
		s.anew = s.anew || c.Anew && s.seen > 0
		s.seen += c.Len()
		local := Stamp(c.Time)
		first := local - corrected(t, s.n.sync, local)
		for k := range c.Len() {
			stamps = append(stamps, first+float64(k)/c.Info.Rate)
			for _, x := range c.X {
				values = append(values, strconv.FormatFloat(x[k], 'g', -1, 64))
			}
		}
	}
	return values, stamps
}

func (s *sampling) close(t *testing.T) {
	if h := s.n.Health(); h.Samples != interopLen || h.Lost+h.Suspected+h.Dropped+h.Unstamped+h.Jumps != 0 || h.StampsOffS != 0 {
		t.Errorf("health: %+v", h)
	}
	if err := s.n.Close(); err != nil {
		t.Error(err)
	}
}

// marking reads the marks of an inlet, whose samples are of another stream.
type marking struct {
	p        *peer
	n        *Inlet
	channels int
	from     float64
	seen     int // marks
	pushed   int // samples beside them
	taken    int // of these
}

// begin keeps to the times of the samples beside the marks, which go on.
func (m *marking) begin() float64 {
	m.from += math.Round((now()-m.from)*500) / 500
	return m.from
}

// sent is one text for each sample, in the order of their times.
func (m *marking) sent(values []string, stamps []float64) ([]string, []float64) {
	order := make([]int, len(stamps))
	for k := range order {
		order[k] = k
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(stamps[a], stamps[b]) })
	var texts []string
	var at []float64
	for _, k := range order {
		texts, at = append(texts, strings.Join(values[k*m.channels:(k+1)*m.channels], ",")), append(at, stamps[k])
	}
	return texts, at
}

// read hands the marks out with samples beside them that were measured from 10 ms before the first one to 10 ms behind the last.
func (m *marking) read(t *testing.T, n int) (values []string, stamps []float64) {
	m.seen += n
	for end := time.Now().Add(10 * time.Second); m.n.Marks().N < uint64(m.seen); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("marks: %+v, want %d", m.n.Marks(), m.seen)
		}
	}
	m.n.mu.Lock()
	ts := m.n.nowMark
	m.n.mu.Unlock()
	off := corrected(t, ts, LocalClock())
	const beside = interopLen/2 + 15
	m.pushed += beside
	m.p.do(t, map[string]any{"cmd": "push", "id": "beside", "first": 0, "n": beside, "how": "chunk", "stamps": []float64{m.from - 0.01 + float64(m.pushed-1)/500}})
	for m.taken < m.pushed {
		c := next(t, m.n)
		m.taken += c.Len()
		for _, e := range slices.Concat(c.Late, c.Events) {
			at := e.Onset - float64(c.Start)/c.Info.Rate // from the first sample of the chunk
			if d := float64(e.Sample-c.Start) - at*c.Info.Rate; math.Abs(d) > 0.5001 {
				t.Errorf("%q at %g s is of sample %d of the chunk, %g samples away", e.Label, at, e.Sample-c.Start, d)
			}
			values, stamps = append(values, e.Label), append(stamps, Stamp(c.Time)+at-off)
		}
	}
	return values, stamps
}

func (m *marking) close(t *testing.T) {
	if k := m.n.Marks(); k.N != interopLen || k.Lost+k.Waiting+k.TooLate != 0 || k.StampsOffS != 0 {
		t.Errorf("marks: %+v", k)
	}
	if err := m.n.Close(); err != nil {
		t.Error(err)
	}
	m.p.do(t, map[string]any{"cmd": "close", "id": "beside"})
}

// textOf is the values of samples as text.
func textOf(s *Samples) []string {
	switch s.shape.format {
	case String:
		return AppendValues[string](nil, s)
	case Float32:
		out := AppendValues[float32](nil, s)
		return parsedBack(out, func(v float32) string { return strconv.FormatFloat(float64(v), 'g', -1, 64) })
	case Float64:
		return parsedBack(AppendValues[float64](nil, s), func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) })
	case Int64:
		return texts(AppendValues[int64](nil, s))
	case Int32:
		return texts(AppendValues[int32](nil, s))
	case Int16:
		return texts(AppendValues[int16](nil, s))
	default:
		return texts(AppendValues[int8](nil, s))
	}
}

func parsedBack[T Value](x []T, text func(T) string) []string {
	out := make([]string, len(x))
	for i, v := range x {
		out[i] = text(v)
	}
	return out
}

// TestInteropDiscovery: eight outlets on this machine, all found, both ways; clocks agree.
func TestInteropDiscovery(t *testing.T) {
	file, cfg := sharedConfig(t)
	p := startPeer(t, file)
	var want []string
	var outlets []*Outlet
	for k := range 8 {
		name := fmt.Sprintf("gyrus %d", k)
		want = append(want, name)
		o, err := NewOutlet(StreamInfo{Name: name, Type: "EEG", Channels: 2, Rate: 100, Format: Int16, SourceID: name}, OutletOptions{Config: cfg})
		if err != nil {
			t.Fatal(err)
		}
		outlets = append(outlets, o)
	}
	if got := p.do(t, map[string]any{"cmd": "resolve", "wait": 2}).Names; !slices.Equal(got, want) {
		t.Errorf("liblsl finds %v, want %v", got, want)
	}
	p.do(t, map[string]any{"cmd": "inlet", "id": "i", "channels": 2, "format": "int16", "predicate": "name='gyrus 3'"})
	a := p.do(t, map[string]any{"cmd": "correction", "id": "i"})
	if a.EC != 0 || math.Abs(a.Offset) > 1e-3 {
		t.Errorf("liblsl corrects our clock by %g s (error %d), want less than 1 ms: it is the same one", a.Offset, a.EC)
	}
	t.Logf("liblsl corrects our clock by %.3g s", a.Offset)
	before := LocalClock()
	theirs := p.do(t, map[string]any{"cmd": "clock"}).Clock
	if theirs < before || theirs > LocalClock() {
		t.Errorf("liblsl's clock shows %f, ours %f", theirs, before)
	}
	p.do(t, map[string]any{"cmd": "close", "id": "i"})
	for _, o := range outlets {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}
	want = nil
	for k := range 8 {
		name := fmt.Sprintf("liblsl %d", k)
		want = append(want, name)
		p.do(t, map[string]any{"cmd": "outlet", "id": name, "name": name, "type": "EEG", "channels": 2, "rate": 100.0, "format": "int16", "source_id": name})
	}
	found, err := Resolve(t.Context(), ResolveOptions{Config: cfg, Wait: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if got := namesOf(found); !slices.Equal(got, want) {
		t.Errorf("gyrus finds %v, want %v", got, want)
	}
	// With one of ours there, liblsl finds its own without being told of known peers: what reaches only one socket is handed on.
	one, err := NewOutlet(StreamInfo{Name: "gyrus", Type: "EEG", Channels: 2, Rate: 100, Format: Int16}, OutletOptions{Config: cfg})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	plain := filepath.Join(t.TempDir(), "plain.cfg")
	if err := os.WriteFile(plain, []byte(strings.ReplaceAll(string(text), "KnownPeers", ";KnownPeers")), 0o600); err != nil {
		t.Fatal(err)
	}
	q := startPeer(t, plain)
	got := q.do(t, map[string]any{"cmd": "resolve", "wait": 2}).Names
	t.Logf("liblsl without known peers, one gyrus outlet running: %d of 9 found", len(got))
	if !slices.Equal(got, append([]string{"gyrus"}, want...)) {
		t.Errorf("liblsl without known peers finds %v", got)
	}
	if err := one.Close(); err != nil {
		t.Error(err)
	}
	got = q.do(t, map[string]any{"cmd": "resolve", "wait": 2}).Names
	t.Logf("the same without gyrus: %d of 8 found", len(got))
}

func namesOf(found []StreamInfo) []string {
	var out []string
	for _, f := range found {
		out = append(out, f.Name)
	}
	return out
}

// TestInteropRecovery: an outlet is killed and comes back with the same source_id, both ways.
func TestInteropRecovery(t *testing.T) {
	file, cfg := sharedConfig(t)
	p := startPeer(t, file)
	mk := func() *Outlet {
		o, err := NewOutlet(eeg(2), OutletOptions{Config: cfg})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	o := mk()
	p.do(t, map[string]any{"cmd": "inlet", "id": "i", "channels": 2, "format": "float32", "predicate": "name='amp'"})
	if err := Push(o, []float32{1, 2}, 10); err != nil {
		t.Fatal(err)
	}
	if got := p.do(t, map[string]any{"cmd": "pull", "id": "i", "n": 1}).Values; !slices.Equal(got, []string{"1.0", "2.0"}) {
		t.Fatalf("liblsl got %v", got)
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	o = mk()
	began := time.Now()
	p.post(t, map[string]any{"cmd": "pull", "id": "i", "n": 1, "timeout": 30})
	if err := o.WaitReaders(within(t, 30*time.Second), 1); err != nil {
		t.Fatal(err)
	}
	if err := Push(o, []float32{3, 4}, 20); err != nil {
		t.Fatal(err)
	}
	if got := p.get(t).Values; !slices.Equal(got, []string{"3.0", "4.0"}) {
		t.Errorf("liblsl got %v behind the loss", got)
	}
	t.Logf("liblsl reads our second outlet %.1f s after it came", time.Since(began).Seconds())
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	p.do(t, map[string]any{"cmd": "close", "id": "i"})

	theirs := map[string]any{"cmd": "outlet", "id": "o", "name": "back", "type": "EEG", "channels": 2, "rate": 100.0, "format": "float32", "source_id": "back-1", "labels": []string{"C3", "C4"}, "unit": "mV"}
	killed := startPeer(t, file)
	killed.do(t, theirs)
	n := open(t, InletOptions{Config: cfg, Name: "back"})
	if u := n.Info().Channels[1]; u.Name != "C4" || u.Unit != signal.Microvolt || u.Pos == nil {
		t.Errorf("channel: %+v", u)
	}
	push := func(p *peer, first int, stamp float64) {
		p.do(t, map[string]any{"cmd": "push", "id": "o", "first": first, "n": 10, "how": "chunk", "stamps": []float64{stamp}})
	}
	if !killed.do(t, map[string]any{"cmd": "wait_consumers", "id": "o"}).OK {
		t.Fatal("liblsl sees no reader")
	}
	push(killed, 0, LocalClock())
	c, err := n.Next(within(t, 5*time.Second))
	if err != nil || c.Anew || c.Start != 0 {
		t.Fatalf("first chunk: %+v, %v", c, err)
	}
	if want, _ := strconv.ParseFloat(value(0, 1, Float32), 64); c.X[1][0] != 1e3*want {
		t.Errorf("%g µV for %g mV", c.X[1][0], want)
	}
	if err := killed.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for n.Health().State != signal.LinkLost {
		if _, err := n.Next(within(t, 50*time.Millisecond)); err != nil && t.Context().Err() != nil {
			t.Fatal(err)
		}
	}
	p.do(t, theirs)
	began = time.Now()
	if !p.do(t, map[string]any{"cmd": "wait_consumers", "id": "o", "timeout": 20}).OK {
		t.Fatal("liblsl sees no reader behind the loss")
	}
	push(p, 100, LocalClock())
	if c, err = n.Next(within(t, 20*time.Second)); err != nil || !c.Anew || c.Start != 0 {
		t.Fatalf("chunk behind the loss: %+v, %v", c, err)
	}
	h := n.Health()
	t.Logf("we read liblsl's second outlet %.1f s after it came; %+v", time.Since(began).Seconds(), h)
	if h.Recoveries != 1 || h.State != signal.LinkRecovered {
		t.Errorf("health: %+v", h)
	}
}

// TestInteropIPv6: liblsl that uses IPv6 alone, both directions.
func TestInteropIPv6(t *testing.T) {
	cfg := over6(t)
	cfg.SessionID = "six"
	file := filepath.Join(t.TempDir(), "lsl_api.cfg")
	text := fmt.Sprintf("[ports]\nIPv6 = force\nMulticastPort = %d\nBasePort = %d\nPortRange = 32\n[multicast]\nResolveScope = machine\n[lab]\nKnownPeers = {::1}\nSessionID = six\n", port(), port()+1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := ParseConfig(strings.NewReader(text)); err != nil || !c.IPv6 {
		t.Fatalf("%+v, %v", c, err)
	}
	p := startPeer(t, file)
	p.do(t, map[string]any{"cmd": "outlet", "id": "o", "name": "theirs", "type": "EEG", "channels": 2, "rate": 100.0, "format": "float32", "source_id": "theirs"})
	n := open(t, InletOptions{Config: cfg, Name: "theirs"})
	if s := n.Stream(); !s.Addr.Is6() || s.DataPort != 0 {
		t.Errorf("liblsl is read from %s, its port of IPv4 is %d", s.Endpoint(), s.DataPort)
	}
	p.do(t, map[string]any{"cmd": "wait_consumers", "id": "o"})
	sent := p.do(t, map[string]any{"cmd": "push", "id": "o", "first": 0, "n": 10, "how": "chunk", "stamps": []float64{LocalClock()}})
	c, err := n.Next(within(t, 5*time.Second))
	if err != nil || c.Len() != 10 {
		t.Fatalf("%d samples, %v", c.Len(), err)
	}
	if want, _ := strconv.ParseFloat(value(3, 1, Float32), 64); c.X[1][3] != want {
		t.Errorf("%g came, %g was sent", c.X[1][3], want)
	}
	if h := n.Health(); !(math.Abs(h.OffsetS) < 0.1) || Stamp(c.Time) > sent.Clock {
		t.Errorf("the clock of the same machine: %+v", h)
	}

	o := outlet(t, eeg(2), OutletOptions{Config: cfg})
	p.do(t, map[string]any{"cmd": "inlet", "id": "i", "channels": 2, "format": "float32", "predicate": "name='amp'"})
	ready(t, o)
	if err := Push(o, []float32{1, 2}, 10); err != nil {
		t.Fatal(err)
	}
	if got := p.do(t, map[string]any{"cmd": "pull", "id": "i", "n": 1}).Values; !slices.Equal(got, []string{"1.0", "2.0"}) {
		t.Errorf("liblsl got %v", got)
	}
	if a := o.Stats().Readers[0].Addr; !strings.HasPrefix(a, "[::1]") {
		t.Errorf("liblsl reads from %s", a)
	}
}

// TestInteropStale: liblsl's outlet answers 404 to an old UID, which is ErrGone.
func TestInteropStale(t *testing.T) {
	file, cfg := sharedConfig(t)
	p := startPeer(t, file)
	p.do(t, map[string]any{"cmd": "outlet", "id": "o", "name": "stale", "type": "EEG", "channels": 2, "rate": 100.0, "format": "float32", "source_id": "s"})
	found, err := Resolve(t.Context(), ResolveOptions{Config: cfg, Predicate: "name='stale'", Least: 1, Wait: 5 * time.Second})
	if err != nil || len(found) != 1 {
		t.Fatalf("found %v, %v", found, err)
	}
	found[0].UID = "00000000-0000-0000-0000-000000000000"
	if _, err := Connect(t.Context(), found[0], 1000); !errors.Is(err, ErrGone) {
		t.Errorf("the error is %v, want one that wraps ErrGone", err)
	}
	t.Log("LabRecorder is not in any registry that this build reaches: reading back its XDF is not tested here")
}

// TestInteropSlowReader: liblsl's inlet is slow, and what our outlet sends behind the drop has the right stamps.
func TestInteropSlowReader(t *testing.T) {
	file, cfg := sharedConfig(t)
	p := startPeer(t, file)
	info := eeg(300)
	info.Rate = 1000
	o, err := NewOutlet(info, OutletOptions{Config: cfg, BufferS: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	// liblsl's inlet reads into a queue of its own, and drops there as well: 500 samples behind, like the outlet.
	p.do(t, map[string]any{"cmd": "inlet", "id": "i", "channels": 300, "format": "float32", "predicate": "name='amp'", "buffer": 1})
	if err := o.WaitReaders(within(t, 5*time.Second), 1); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Process.Signal(stopSignal); err != nil {
		t.Skipf("a process cannot be stopped here: %v", err)
	}
	x := make([]float32, 100*300)
	const chunks = 300
	for c := range chunks {
		for k := range x {
			x[k] = float32(c*100 + k/300)
		}
		if err := PushChunk(o, x, 5000+float64(c*100+99)/1000); err != nil {
			t.Fatal(err)
		}
	}
	dropped := o.Stats().Readers[0].Dropped
	if err := p.cmd.Process.Signal(contSignal); err != nil {
		t.Fatal(err)
	}
	if err := o.Flush(within(t, 20*time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	dropped = max(dropped, o.Stats().Left.Dropped)
	got := p.do(t, map[string]any{"cmd": "pull", "id": "i", "n": 100_000, "timeout": 3})
	if dropped == 0 || len(got.Stamps) == 0 {
		t.Fatalf("%d samples dropped, %d came: nothing was tested", dropped, len(got.Stamps))
	}
	off := 0.0
	for k, s := range got.Stamps {
		v, err := strconv.ParseFloat(got.Values[k*300], 64)
		if err != nil {
			t.Fatal(err)
		}
		off = max(off, math.Abs(s-(5000+v/1000)))
	}
	t.Logf("%d of %d samples dropped and counted; %d left in liblsl's queue, the worst stamp is off by %.2g s", dropped, chunks*100, len(got.Stamps), off)
	if off > 1e-6 {
		t.Errorf("a stamp is off by %g s", off)
	}
}
