package dashboard

import (
	"context"
	"crypto/tls"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/bus"
)

//go:embed page
var embedded embed.FS

// The limits of the server.
const (
	maxViewers   = 16
	maxChannels  = 64 // in one view
	maxBody      = 16 << 10
	writeTimeout = 10 * time.Second // a browser that takes nothing for so long is cut off; it comes back by itself
	verbTimeout  = 30 * time.Second
	stopTimeout  = 5 * time.Second        // until so many controllers have answered
	stopLinger   = 300 * time.Millisecond // for the answers of more than must
	quietEvery   = 5 * time.Second        // a message that says nothing, so that both sides notice a dead link
)

// Operator is who the buttons ask; *bus.Ctl is one.
type Operator interface {
	Call(ctx context.Context, q bus.Request) bus.Reply
	Verbs() []bus.VerbInfo
}

// Stopper is who the button of the emergency stop asks; *bus.Bus is one.
type Stopper interface {
	SendStop(ctx context.Context, session string, s bus.Stop, controllers int) ([]bus.StopAnswer, error)
}

// Holder is who holds the decoder of this process back by an emergency stop, whether there is a link to the bus or not; *session.Guard is one.
type Holder interface{ Stop(s bus.Stop) }

// Session is what the page shows.
type Session struct {
	Name, Decoder string
	Run           int64  // of the decoder: browsers forget what they have seen of another one
	Version       string // of the program
	Clock         bus.Clock
	Operator      Operator // nil: no buttons but the stop
	Stopper       Stopper
	Holder        Holder // nil: the decoder is another process, which hears the stop on the bus
}

// Server serves the page of one session. Chunk, Decision, Look, Cue and Actuator may be called from any goroutine; they copy what
// they are given and never wait for a browser.
type Server struct {
	opt     Options
	guard   *guard
	hub     *hub
	srv     *http.Server
	addr    net.Addr
	served  chan error
	done    chan struct{}
	working sync.WaitGroup
	closing sync.Once

	mu      sync.Mutex
	session *Session // nil before Attach
}

// Serve begins to serve. Until Attach is called nothing can be asked for, and until Start the page says that there is no session yet.
func Serve(ctx context.Context, opt Options) (*Server, error) {
	if err := opt.Check(); err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	g, err := newGuard(opt)
	if err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	s := &Server{opt: opt, guard: g, hub: newHub(), served: make(chan error, 1), done: make(chan struct{})}
	s.srv = &http.Server{ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 1 << 14, ErrorLog: nolog()}
	cert, err := opt.certificate()
	if err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	if cert != nil {
		s.srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*cert}, MinVersion: tls.VersionTLS13}
	}
	files, err := fs.Sub(embedded, "page")
	if err != nil {
		return nil, err
	}
	s.srv.Handler = g.wrap(s.routes(files))
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", opt.Listen)
	if err != nil {
		return nil, fmt.Errorf("dashboard: %w; choose another port, 0 takes a free one", err)
	}
	s.addr = l.Addr()
	s.working.Go(func() { s.hub.run(s.done, s.verbs) })
	go func() { // Close waits for it
		if s.opt.Cert != "" { // TLSConfig is set by net/http too
			s.served <- s.srv.ServeTLS(l, "", "")
			return
		}
		s.served <- s.srv.Serve(l)
	}()
	return s, nil
}

// URL is where the page is.
func (s *Server) URL() string {
	scheme := "http"
	if s.opt.Cert != "" { // TLSConfig is set by net/http too
		scheme = "https"
	}
	return scheme + "://" + s.addr.String() + "/"
}

// Close tells browsers that it is over, and ends the server. A second call does nothing.
func (s *Server) Close() (err error) {
	s.closing.Do(func() { err = s.close() })
	return err
}

func (s *Server) close() error {
	s.hub.mu.Lock()
	s.hub.ended = true
	s.hub.mu.Unlock()
	close(s.done)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := s.srv.Shutdown(ctx) // lets the last messages leave
	if err != nil {
		err = s.srv.Close()
	}
	if end := <-s.served; !errors.Is(end, http.ErrServerClosed) {
		err = errors.Join(err, end)
	}
	s.working.Wait()
	return err
}

// Attach says whom the emergency stop, and requests, are for. It is called as soon as there is a bus: they do not wait for a stream.
func (s *Server) Attach(session Session) { s.attach(session, s.about(session)) }

// attach lets browsers know of a session.
func (s *Server) attach(session Session, a *about) {
	s.mu.Lock()
	s.session = &session
	s.mu.Unlock()
	s.hub.describe(a)
	s.verbs()
}

// about describes a session without a stream.
func (s *Server) about(session Session) *about {
	a := nothing()
	a.Run, a.Session, a.Decoder, a.Version, a.Need = strconv.FormatInt(session.Run, 10), session.Name, session.Decoder, session.Version, s.opt.Controllers
	return a
}

// Start shows a session that decodes a stream, and attaches it.
func (s *Server) Start(session Session, info *signal.Info) {
	a := s.about(session)
	a.Rate = info.Rate
	a.ColumnS = float64(newDecimator(info.Rate).per) / info.Rate
	for _, b := range bands {
		if b.High <= info.Rate/2 {
			a.Bands = append(a.Bands, b)
		}
	}
	for _, c := range info.Channels {
		a.Channels = append(a.Channels, aboutChannel{Name: c.Name, Kind: c.Kind, Unit: c.Unit})
	}
	a.Spectra = newSpectra(info).channels
	if m, err := newScalp(info, a.Spectra); err != nil {
		a.NoMap = err.Error()
	} else {
		for i, ch := range m.channels {
			a.Channels[ch].At = &m.at[i]
		}
	}
	s.attach(session, a)
}

// verbs looks what the session can be asked for now, and tells browsers where it is something else than before.
func (s *Server) verbs() {
	session := s.running()
	if session == nil || session.Operator == nil {
		return
	}
	list := session.Operator.Verbs()
	s.hub.mu.Lock()
	a := s.hub.about
	s.hub.mu.Unlock()
	if len(a.Verbs) == len(list) {
		return
	}
	b := *a
	b.Verbs = list
	s.hub.describe(&b)
}

func (s *Server) running() *Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.session
}

// Chunk shows c, of which it makes a copy. Without a browser it does nothing.
func (s *Server) Chunk(c signal.Chunk) {
	if s.hub.viewers.Load() == 0 || c.Len() == 0 && len(c.Events) == 0 {
		return
	}
	own := c.Clone()
	s.hub.give(arrived{chunk: &own})
}

// Decision shows a command that is about to be sent; at is when the chunk arrived that completed its window.
func (s *Server) Decision(c bus.Command, at time.Time) {
	session := s.running()
	if session == nil {
		return
	}
	now := time.Now()
	t := session.Clock.At(now)
	s.hub.give(arrived{decision: &decision{
		T: t, Kind: c.Kind, Label: c.Label, Confidence: c.Confidence, Scores: c.Scores, Value: c.Value,
		AgeMS: float64(t-c.TSample) / 1e6, LatencyMS: now.Sub(at).Seconds() * 1e3,
	}})
}

// Look shows how the session is.
func (s *Server) Look(t bus.Telemetry) {
	s.hub.look.Store(&t)
	s.hub.changed()
}

// Cue shows what the person is to do.
func (s *Server) Cue(c bus.Cue) {
	s.hub.cue.Store(&c)
	s.hub.changed()
}

// Actuator shows what a controller says that it moves; at is when that came.
func (s *Server) Actuator(a bus.Actuator, at time.Time) { s.hub.actuators.take(a, at) }

// routes are the server's paths; the guard stands before them.
func (s *Server) routes(files fs.FS) http.Handler {
	mux := http.NewServeMux()
	static := http.FileServerFS(files)
	mux.Handle("GET /", static)
	mux.HandleFunc("POST /login", s.guard.login)
	mux.HandleFunc("GET /events", s.events)
	mux.HandleFunc("GET /api/state", s.now)
	mux.HandleFunc("POST /api/verb", s.verb)
	mux.HandleFunc("POST /api/stop", s.stop)
	return mux
}

// events is the stream of messages to one browser (server-sent events).
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	v, err := parseView(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	v.only = s.guard.rightOf(r) == looks
	c, ok := s.hub.join(v)
	if !ok {
		refuse(w, http.StatusServiceUnavailable, fmt.Sprintf("%d browsers look on already, or the session is over", maxViewers))
		return
	}
	defer s.hub.leave(c)
	w.Header().Set("Content-Type", "text/event-stream")
	rc := http.NewResponseController(w)
	put := func(b []byte) bool {
		if rc.SetWriteDeadline(time.Now().Add(writeTimeout)) != nil {
			return false
		}
		_, err := w.Write(b)
		return err == nil && rc.Flush() == nil
	}
	quiet := time.NewTicker(quietEvery)
	defer quiet.Stop()
	if !put([]byte("retry: 1000\n\n")) {
		return
	}
	for {
		select {
		case b := <-c.out:
			if !put(b) {
				return
			}
		case <-quiet.C:
			if !put([]byte(": \n\n")) {
				return
			}
		case <-s.done:
			s.last(c, put)
			return
		case <-c.gone:
			return
		case <-r.Context().Done():
			return
		}
	}
}

// last sends what still waits, how the session ended, and that it is over.
func (s *Server) last(c *client, put func([]byte) bool) {
	for {
		select {
		case b := <-c.out:
			if !put(b) {
				return
			}
			continue
		default:
		}
		break
	}
	if t := s.hub.look.Load(); t != nil {
		c.send("bye", map[string]any{"telemetry": t})
	} else {
		c.send("bye", map[string]any{})
	}
	put(<-c.out)
}

// parseView reads what a browser wants to see.
func parseView(r *http.Request) (view, error) {
	v := view{count: 16, band: "alpha"}
	q := r.URL.Query()
	for key, values := range q {
		var err error
		switch text := values[0]; key {
		case "first":
			v.first, err = strconv.Atoi(text)
			if err == nil && v.first < 0 {
				err = errors.New("must be at least 0")
			}
		case "count":
			v.count, err = strconv.Atoi(text)
			if err == nil && (v.count < 1 || v.count > maxChannels) {
				err = fmt.Errorf("must be 1 to %d", maxChannels)
			}
		case "band":
			err = fmt.Errorf("must be one of %v", bandNames())
			for _, name := range bandNames() {
				if name == text {
					v.band, err = text, nil
				}
			}
		default:
			return v, fmt.Errorf("%q: no such parameter, there are first, count and band", key)
		}
		if err != nil {
			return v, fmt.Errorf("%s is %q: %w", key, values[0], err)
		}
	}
	return v, nil
}

func bandNames() []string {
	var names []string
	for _, b := range bands {
		names = append(names, b.Name)
	}
	return names
}

// now is the newest look, for programs.
func (s *Server) now(w http.ResponseWriter, _ *http.Request) {
	if s.hub.look.Load() == nil {
		refuse(w, http.StatusServiceUnavailable, "the session is starting")
		return
	}
	answer(w, http.StatusOK, s.hub.look.Load())
}

// asked is what a browser asks for: the fields of a bus.Request. Sent, Seen and Run may be numbers or texts, since JavaScript rounds numbers
// as long as these.
type asked struct {
	ID   string      `json:"id"`
	Verb string      `json:"verb"`
	Args []string    `json:"args"`
	Sent json.Number `json:"t_sent_ns"`
	Seen json.Number `json:"t_seen_ns"`
	Run  json.Number `json:"run"`
}

func (a asked) request() (bus.Request, error) {
	req := bus.Request{ID: a.ID, Verb: a.Verb, Args: a.Args}
	for _, f := range []struct {
		key  string
		text json.Number
		dst  *int64
	}{{"t_sent_ns", a.Sent, &req.Sent}, {"t_seen_ns", a.Seen, &req.Seen}, {"run", a.Run, &req.Run}} {
		if f.text == "" {
			continue
		}
		var err error
		if *f.dst, err = f.text.Int64(); err != nil {
			return bus.Request{}, fmt.Errorf("the body: %s is %q, must be a whole number as in the telemetry", f.key, f.text)
		}
	}
	return req, nil
}

// verb asks the session to do something.
func (s *Server) verb(w http.ResponseWriter, r *http.Request) {
	var q asked
	err := read(w, r, &q)
	var req bus.Request
	if err == nil {
		req, err = q.request()
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	session := s.running()
	if session == nil || session.Operator == nil {
		refuse(w, http.StatusServiceUnavailable, "the session cannot be asked for anything yet")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), verbTimeout)
	defer cancel()
	reply := session.Operator.Call(ctx, req)
	status := http.StatusOK
	if !reply.OK {
		status = http.StatusConflict
	}
	answer(w, status, reply)
}

// Stopped is what became of an emergency stop.
type Stopped struct {
	OK     bool             `json:"ok"`     // as many controllers as must have answered that they stand
	Need   int              `json:"need"`   // so many must
	Stand  []bus.StopAnswer `json:"stand"`  // who answered
	Paused bool             `json:"paused"` // the session of this page sends no commands until it is resumed
	Error  string           `json:"error,omitempty"`
	TookMS float64          `json:"took_ms"`
}

// stop is the emergency stop. It goes on when the browser that asked has gone.
func (s *Server) stop(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Why string `json:"why"`
	}
	if err := read(w, r, &q); err != nil { // a stop is never refused for its form
		q.Why = ""
	}
	session := s.running()
	if session == nil || session.Stopper == nil {
		refuse(w, http.StatusServiceUnavailable, "this program has no bus yet: nothing moves by it, and what another one moves must be stopped there, or by hand")
		return
	}
	began := time.Now()
	res := Stopped{Need: s.opt.Controllers}
	why := bus.NewStop("page", q.Why) // one, however often it is sent
	if session.Holder != nil {        // first, and without the bus: whatever becomes of the stop, this session sends nothing more, and says why
		session.Holder.Stop(why)
		res.Paused = true
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), stopLinger)
	stand, err := session.Stopper.SendStop(ctx, session.Name, why, maxControllers)
	cancel()
	if len(stand) < res.Need {
		ctx, cancel = context.WithTimeout(context.WithoutCancel(r.Context()), stopTimeout)
		stand, err = session.Stopper.SendStop(ctx, session.Name, why, res.Need)
		cancel()
	}
	res.Stand, res.OK, res.TookMS = stand, len(stand) >= res.Need, time.Since(began).Seconds()*1e3
	status := http.StatusOK
	if !res.OK {
		status, res.Error = http.StatusGatewayTimeout, fmt.Sprintf("%d of %d controllers confirmed: stop by hand what may still move", len(stand), res.Need)
		if err != nil {
			res.Error += " (" + err.Error() + ")"
		}
	}
	answer(w, status, res)
}

// read decodes the body of a request strictly.
func read(w http.ResponseWriter, r *http.Request, v any) error {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("the body: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the body: holds more than one value")
	}
	return nil
}

// answer writes v as JSON.
func answer(w http.ResponseWriter, status int, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		status, data = http.StatusInternalServerError, []byte(`{"ok":false,"error":"the answer cannot be written"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(data) // whoever asked has gone
}

// refuse says what is wrong.
func refuse(w http.ResponseWriter, status int, wrong string) {
	answer(w, status, map[string]any{"ok": false, "error": wrong})
}
