package session

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/bus"
)

// MetricsOptions say where Prometheus finds a session.
type MetricsOptions struct {
	Listen string `json:"listen" doc:"host:port to serve /metrics, /healthz and /readyz on, such as 127.0.0.1:9100; empty serves nothing"`
	Expose bool   `json:"expose" doc:"allow another host than loopback: there is no authorisation, whoever reaches the port sees how the session is"`
}

// Check reports an address that is not allowed.
func (o MetricsOptions) Check() error {
	host, _, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return fmt.Errorf("listen is %q, must be host:port, such as 127.0.0.1:9100", o.Listen)
	}
	if ip := net.ParseIP(host); !o.Expose && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("listen is %q, which others can reach, and there is no authorisation: use 127.0.0.1, or set expose: true", o.Listen)
	}
	return nil
}

// known answers only who asks for this machine by a name that can be meant: an address, localhost, the host of listen or, with
// Expose, the name of the machine. Otherwise a page of strangers could read the figures under a name of its own that leads here
// (DNS rebinding).
func (o MetricsOptions) known(next http.Handler) http.Handler {
	host, _, _ := net.SplitHostPort(o.Listen) // Check has seen it
	names := []string{"localhost", strings.ToLower(host)}
	if o.Expose {
		if name, err := os.Hostname(); err == nil {
			names = append(names, strings.ToLower(name))
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked := r.Host
		if h, _, err := net.SplitHostPort(asked); err == nil {
			asked = h
		}
		asked = strings.ToLower(strings.Trim(asked, "[]"))
		if net.ParseIP(asked) == nil && !slices.Contains(names, asked) {
			http.Error(w, "this server is not known by that name: ask for it by its address", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Metrics serves the figures of one session over HTTP: /metrics for Prometheus, /healthz (the session is at work) and /readyz
// (samples come, commands go out).
type Metrics struct {
	srv    *http.Server
	addr   string
	served chan error

	mu    sync.Mutex
	e     *engine
	guard *Guard // of the session, while that waits for its stream; nil where nobody has told of it
}

// ServeMetrics begins to serve. Until a session is running /readyz says so.
func ServeMetrics(ctx context.Context, opt MetricsOptions) (*Metrics, error) {
	if err := opt.Check(); err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", opt.Listen)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w; choose another port", err)
	}
	m := &Metrics{addr: l.Addr().String(), served: make(chan error, 1)}
	reg := prometheus.NewRegistry()
	if err := reg.Register(m); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, m.healthy()) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { say(w, m.ready()) })
	m.srv = &http.Server{Handler: opt.known(mux), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 1 << 14}
	go func() { m.served <- m.srv.Serve(l) }() // Close waits for it
	return m, nil
}

// Addr is where it listens.
func (m *Metrics) Addr() string { return m.addr }

// Close ends it.
func (m *Metrics) Close() error {
	err := m.srv.Close()
	if end := <-m.served; !errors.Is(end, http.ErrServerClosed) {
		err = errors.Join(err, end)
	}
	return err
}

func (m *Metrics) attach(e *engine) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.e = e
}

// Attach tells of the guard of the session that will be: how that waits for its stream is shown from now on.
func (m *Metrics) Attach(g *Guard) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.guard = g
}

// peek is the session's newest look, or how it waits for its stream; at is the zero time where there is neither.
func (m *Metrics) peek() snapshot {
	m.mu.Lock()
	e, g := m.e, m.guard
	m.mu.Unlock()
	switch {
	case e != nil:
		return e.peek()
	case g != nil:
		return snapshot{at: time.Now(), t: g.telemetry(), lost: losses(bus.StreamHealth{}, 0, 0), up: g.opt.Commands.Connected()}
	}
	return snapshot{}
}

// say answers a probe: with 200 where nothing is wrong.
func say(w http.ResponseWriter, wrong string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if wrong != "" {
		w.WriteHeader(http.StatusServiceUnavailable)
	} else {
		wrong = "ok"
	}
	_, _ = fmt.Fprintln(w, wrong) // whoever asked has gone
}

// healthy says why the session does not work, "" where it does.
func (m *Metrics) healthy() string {
	s := m.peek()
	if s.at.IsZero() {
		return "" // it is starting
	}
	if s.t.Phase == bus.PhaseEnded {
		return "the session has ended"
	}
	if d := time.Since(s.at); d > 4*lookEvery {
		return fmt.Sprintf("the session has not come round for %.1f s", d.Seconds())
	}
	return ""
}

// ready says why no commands come, "" where they do.
func (m *Metrics) ready() string {
	if why := m.healthy(); why != "" {
		return why
	}
	s := m.peek()
	switch {
	case s.at.IsZero():
		return "the session is starting"
	case s.t.Phase == bus.PhaseResolving:
		return "the session is resolving: " + s.t.Detail
	case s.t.Phase != bus.PhaseDecoding:
		return "the session is " + string(s.t.Phase)
	case !s.up:
		return "there is no link to the bus"
	}
	if s.old {
		return "the samples are too old to act on (age.max_ms): no command goes out"
	}
	for _, st := range s.t.Streams {
		if st.State != string(signal.LinkConnected) && st.State != string(signal.LinkRecovered) {
			return fmt.Sprintf("the stream %s is %s: %s", st.Name, st.State, st.Detail)
		}
	}
	return ""
}

// metric is one family.
func metric(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("gyrus_"+name, help, labels, nil)
}

// The families. Every label has few values: names of streams, stages and states.
var (
	descAge        = metric("sample_age_seconds", "Age of the newest sample now, also while nothing comes, and of what is left out as too old.", "stream")
	descStage      = metric("stage_latency_seconds", "Time that a stage takes.", "stage")
	descLost       = metric("samples_lost_total", "Samples missing or left out, by kind: known, suspected, unstamped (without a time), dropped, skipped (too old), not_finite.", "kind")
	descSamples    = metric("samples_total", "Samples of each channel taken in.", "stream")
	descGaps       = metric("gaps_total", "Places where the stream broke off; no window reaches over one.")
	descWindows    = metric("windows_total", "Windows, by outcome: decided, rejected or failed (the model could not decode it).", "outcome")
	descCommands   = metric("commands_total", "Commands, by outcome: sent, shadow (sent, not to be acted on), not_sent (no link), held (paused) or refused (it breaks the schema).", "outcome")
	descExpired    = metric("commands_expired_total", "Commands held back because their newest sample was too old.")
	descState      = metric("stream_state", "1 for the state that a stream is in.", "stream", "state")
	descChanges    = metric("stream_changes_total", "Changes of a stream's state.", "stream")
	descLosses     = metric("stream_losses_total", "Times that a stream was lost.", "stream")
	descDrift      = metric("clock_drift_ppm", "Drift of the clock of the source against ours; above 0 it runs fast.", "stream")
	descOffset     = metric("clock_offset_seconds", "What is added to the stamps of the source.", "stream")
	descJitter     = metric("clock_jitter_seconds", "Root mean square of the stamps about the fitted line.", "stream")
	descRate       = metric("effective_rate_hz", "Samples per second, measured.", "stream")
	descPhase      = metric("session_phase", "1 for what the session is doing.", "phase")
	descActive     = metric("activations_total", "Decisions of the section decide that began; absent without one, as are the next three.")
	descAgain      = metric("activations_held_again_total", "One more for each further second that a decision went on into.")
	descFree       = metric("decision_free_seconds_total", "Seconds of signal in which a decision could begin: none went on.")
	descStood      = metric("decision_seconds_total", "Seconds of signal in which a decision stood.")
	descDecoded    = metric("decoded_seconds_total", "Seconds of signal that were decided on.")
	descAdaptation = metric("adaptation_steps_total", "Pieces of feedback, by what became of them.", "rule", "outcome")
	descShadow     = metric("shadow", "1 where commands are in shadow: no controller may act on them.")
	descLink       = metric("bus_connected", "1 where there is a link to the bus.")
)

// Describe is for Prometheus.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descAge, descStage, descLost, descSamples, descGaps, descWindows, descCommands, descExpired, descState, descChanges,
		descLosses, descDrift, descOffset, descJitter, descRate, descPhase, descActive, descAgain, descFree, descStood, descDecoded, descAdaptation, descShadow, descLink,
	} {
		ch <- d
	}
}

// stageBounds are the upper ends of the buckets of stage_latency_seconds.
var stageBounds = []time.Duration{
	10 * time.Microsecond, 25 * time.Microsecond, 50 * time.Microsecond, 100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second,
}

// Collect is for Prometheus: it reads the newest look, which is at most half a second old.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	s := m.peek()
	if s.at.IsZero() {
		return
	}
	put := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	const gauge, counter = prometheus.GaugeValue, prometheus.CounterValue
	for _, st := range s.t.Streams {
		for _, v := range []struct {
			d     *prometheus.Desc
			v     *float64
			scale float64
		}{{descAge, st.AgeMS, 1e-3}, {descDrift, st.DriftPPM, 1}, {descOffset, st.OffsetMS, 1e-3}, {descJitter, st.JitterMS, 1e-3}, {descRate, st.RateHz, 1}} {
			if v.v != nil {
				put(v.d, gauge, *v.v*v.scale, st.Name)
			}
		}
		put(descSamples, counter, float64(st.Samples), st.Name)
		put(descChanges, counter, float64(st.Changes), st.Name)
		put(descLosses, counter, float64(st.Losses), st.Name)
		for _, state := range []signal.LinkState{signal.LinkResolving, signal.LinkConnected, signal.LinkStalled, signal.LinkLost, signal.LinkRecovered} {
			put(descState, gauge, one(st.State == string(state)), st.Name, string(state))
		}
	}
	for k := range stageCount {
		h := &s.stages[k]
		buckets := map[float64]uint64{}
		for _, b := range stageBounds {
			buckets[b.Seconds()] = h.cumulative(b)
		}
		ch <- prometheus.MustNewConstHistogram(descStage, h.all, h.sum, buckets, stageNames[k])
	}
	for kind, n := range s.lost {
		put(descLost, counter, n, kind)
	}
	put(descGaps, counter, float64(s.t.Gaps))
	put(descWindows, counter, float64(s.t.Windows-s.t.Rejected-s.t.Failed), "decided")
	put(descWindows, counter, float64(s.t.Failed), "failed")
	put(descWindows, counter, float64(s.t.Rejected), "rejected")
	put(descCommands, counter, float64(s.t.Sent-s.t.SentShadow), "sent")
	put(descCommands, counter, float64(s.t.SentShadow), "shadow")
	put(descCommands, counter, float64(s.t.NotSent), "not_sent")
	put(descCommands, counter, float64(s.t.Held), "held")
	put(descCommands, counter, float64(s.t.Refused), "refused")
	put(descExpired, counter, float64(s.t.Expired))
	for _, p := range []bus.Phase{bus.PhaseResolving, bus.PhaseCalibrating, bus.PhaseTraining, bus.PhaseAsking, bus.PhaseDecoding, bus.PhasePaused, bus.PhaseEnded} {
		put(descPhase, gauge, one(s.t.Phase == p), string(p))
	}
	if d := s.t.Decisions; d != nil {
		put(descActive, counter, float64(d.Begun))
		put(descAgain, counter, float64(d.Again))
		put(descFree, counter, d.FreeS)
		put(descStood, counter, d.DecidedS)
	}
	put(descDecoded, counter, s.t.DecodedS)
	for outcome, n := range s.adapt {
		put(descAdaptation, counter, n, "head", outcome)
	}
	put(descShadow, gauge, one(s.t.Shadow))
	put(descLink, gauge, one(s.up))
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
