package bus

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"github.com/gyrus-bci/gyrus/ingest/registry"
)

// Request is what an operator asks of one decoder, as JSON on gyrus.<session>.ctl with a subject for the Reply. Who may
// send one is a matter of the server's authorisation.
type Request struct {
	V       int    `json:"v"`
	Session string `json:"session"`
	Decoder string `json:"decoder"` // who is asked: the others of the session do not answer
	// ID tells this request from any other: one that comes twice is refused, so that nothing is done again by a replay.
	ID   string   `json:"id"`
	Verb string   `json:"verb"`
	Args []string `json:"args,omitempty"`
	// Sent is when it was sent, in ns of the decoder's clock: TPublish of its newest heartbeat plus the time since that came. A
	// verb that lets something move is refused without it, or when it is old: what lay in a buffer while the decoder stood
	// still, or is sent again by somebody else, does nothing.
	Sent int64 `json:"t_sent_ns,omitempty"`
	// Seen is TPublish of the newest heartbeat or telemetry that whoever asks had seen then, on the same clock: what became known to
	// the decoder later is not meant, and not lifted. What lies behind Sent counts as that.
	Seen int64 `json:"t_seen_ns,omitempty"`
	// Run is that of the heartbeat which gave the time: a decoder that was started again takes no request to the one before.
	Run int64 `json:"run,omitempty"`
}

// The limits of a Request.
const (
	maxID   = 64   // bytes
	maxArgs = 16   // arguments
	maxArg  = 4096 // bytes of each

	maxSentAge   = 2 * time.Second        // of a request for a verb that lets something move
	maxSentAhead = 100 * time.Millisecond // the time since a heartbeat is measured by another clock
)

// Validate reports the first field that breaks the schema.
func (r *Request) Validate() error {
	if err := checkNamed(r.V, r.Session, r.Decoder); err != nil {
		return err
	}
	switch {
	case r.ID == "" || len(r.ID) > maxID:
		return fmt.Errorf("id has %d bytes, must have 1 to %d", len(r.ID), maxID)
	case !token.MatchString(r.Verb):
		return fmt.Errorf("verb is %q, must be a token of letters, digits, _ and -", r.Verb)
	case len(r.Args) > maxArgs:
		return fmt.Errorf("%d args, must be at most %d", len(r.Args), maxArgs)
	}
	for i, a := range r.Args {
		if len(a) > maxArg {
			return fmt.Errorf("arg %d has %d bytes, must have at most %d", i, len(a), maxArg)
		}
	}
	return nil
}

// Reply is the answer to a Request.
type Reply struct {
	V       int    `json:"v"`
	Session string `json:"session"`
	Decoder string `json:"decoder"`
	Run     int64  `json:"run"` // of the decoder, as in Command
	ID      string `json:"id"`  // of the request, "" where it could not be read
	OK      bool   `json:"ok"`
	Error   string `json:"error,omitempty"` // what is wrong, where OK is false
	// TPublish is when it was answered, in ns of the decoder's clock: it gives the time of a request as a heartbeat does.
	TPublish int64 `json:"t_publish_ns,omitempty"`
	// Seen is up to when Error says what is in force, where the verb refuses to end what whoever asked was not shown: Request.Seen of
	// somebody who has read it, and asks again.
	Seen int64 `json:"t_seen_ns,omitempty"`
	// Result is what the verb has to tell, verb by verb.
	Result json.RawMessage `json:"result,omitempty"`
	// Verbs lists what there is, to a verb that is not there and to the verb "verbs".
	Verbs []VerbInfo `json:"verbs,omitempty"`
}

// Validate reports the first field that breaks the schema.
func (r *Reply) Validate() error {
	if err := checkNamed(r.V, r.Session, r.Decoder); err != nil {
		return err
	}
	switch {
	case r.Run <= 0:
		return fmt.Errorf("run is %d, must be above 0", r.Run)
	case r.OK == (r.Error != ""):
		return fmt.Errorf("ok is %t with the error %q, must be one of both", r.OK, r.Error)
	}
	return nil
}

// VerbInfo describes a Verb.
type VerbInfo struct {
	Verb string   `json:"verb"`
	Args []string `json:"args,omitempty"`
	Doc  string   `json:"doc"`
	// Fresh says that a request must prove that it was sent just now, see Request.Sent.
	Fresh bool `json:"fresh,omitempty"`
}

// Verb is something that a decoder can be asked to do.
type Verb struct {
	Name string
	Args []string // names of the arguments, in order; one in [brackets] may be left out, and so may those behind it
	Doc  string   // one line
	// Urgent verbs are done however many others are at work: they must be quick.
	Urgent bool
	// Fresh verbs let something move, or change what does: a request must prove that it was sent just now.
	Fresh bool
	// Do does it and returns what there is to tell, which becomes JSON, or why it cannot. It runs on a goroutine of its own,
	// also beside other verbs; ctx ends with the Ctl, and says when the request was sent, see SentAt and SeenAt.
	Do func(ctx context.Context, args []string) (any, error)
}

// arity is the least and the largest number of arguments.
func (v *Verb) arity() (least, most int) {
	least = slices.IndexFunc(v.Args, func(a string) bool { return strings.HasPrefix(a, "[") })
	if least < 0 {
		least = len(v.Args)
	}
	return least, len(v.Args)
}

// CtlSubject is where the operators of a session ask.
func CtlSubject(session string) string { return "gyrus." + session + ".ctl" }

// Ctl answers the requests to one decoder. All methods may be called from any goroutine.
type Ctl struct {
	bus              *Bus
	session, decoder string
	run              int64
	clock            Clock
	told             func(Request, Reply)
	sub              *Subscription
	cancel           context.CancelFunc
	after            func(func()) (stop func() bool) // calls a function when the Ctl is closed
	working          sync.WaitGroup

	mu     sync.Mutex
	verbs  []Verb
	seen   []string // the newest IDs
	fresh  []moved  // requests that may still be taken for one of now
	busy   int
	stats  CtlStats
	closed bool
}

// moved is a request for a Fresh verb, and when it was sent.
type moved struct {
	id   string
	sent int64
}

// requestKey is that of SentAt and SeenAt in a context.
type requestKey struct{}

// SentAt is when the request was sent that a Verb is done for, in ns of the decoder's clock, 0 where it does not say: one for a
// Fresh verb does. What has come since is not meant by it.
func SentAt(ctx context.Context) int64 {
	req, _ := ctx.Value(requestKey{}).(Request)
	return req.Sent
}

// SeenAt is up to when whoever sent the request knew how the decoder was, see Request.Seen: never behind SentAt, 0 where it does not say.
func SeenAt(ctx context.Context) int64 {
	req, _ := ctx.Value(requestKey{}).(Request)
	return min(req.Seen, req.Sent)
}

// UnseenError is why a Verb does not end what whoever asked was not shown, or only just.
type UnseenError struct {
	Seen int64 // up to when Err says what is in force, see Reply.Seen
	Err  error
}

// Error is the reason.
func (e *UnseenError) Error() string { return e.Err.Error() }

// Unwrap is the reason.
func (e *UnseenError) Unwrap() error { return e.Err }

// The limits of a Ctl.
const (
	maxSeen   = 1024 // IDs that are remembered; those of Fresh verbs besides as long as they may be sent again
	maxBusy   = 8    // verbs at work at the same time
	maxUrgent = 64   // and urgent ones beside them
)

// CtlStats counts requests.
type CtlStats struct {
	Requests  uint64 `json:"requests"`  // to this decoder
	Refused   uint64 `json:"refused"`   // of these: unknown verb, wrong arguments, sent twice, too many at a time
	Failed    uint64 `json:"failed"`    // of these: the verb said why it cannot
	Malformed uint64 `json:"malformed"` // messages that break the schema, to whomever
}

// NewCtl begins to listen. clock is the one of the decoder's heartbeats. told, if not nil, is called behind every
// request that was answered, from any goroutine, and must not wait.
func NewCtl(b *Bus, session, decoder string, run int64, clock Clock, told func(Request, Reply)) (*Ctl, error) {
	if err := errors.Join(CheckToken("session", session), CheckToken("decoder", decoder)); err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	c := &Ctl{bus: b, session: session, decoder: decoder, run: run, clock: clock, told: told, sub: &Subscription{done: make(chan struct{})}}
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	c.after = func(fn func()) func() bool { return context.AfterFunc(ctx, fn) }
	c.verbs = []Verb{{Name: "verbs", Doc: "list what can be asked for"}}
	if err := c.sub.listen(b, CtlSubject(session), func(m *nats.Msg) { c.take(ctx, m) }, pendingMsgs, -1); err != nil {
		cancel()
		return nil, err
	}
	if err := b.settle(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Handle adds verbs. It panics on a name that is taken: that is a mistake in the program.
func (c *Ctl) Handle(verbs ...Verb) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range verbs {
		if slices.ContainsFunc(c.verbs, func(o Verb) bool { return o.Name == v.Name }) {
			panic("bus: verb " + v.Name + " is there twice")
		}
		c.verbs = append(c.verbs, v)
	}
}

// take answers one message, on the client's goroutine.
func (c *Ctl) take(ctx context.Context, m *nats.Msg) {
	req, err := ParseRequest(m.Data)
	if err == nil && CtlSubject(req.Session) != m.Subject {
		err = fmt.Errorf("request: says it belongs to %s", CtlSubject(req.Session))
	}
	if err != nil {
		c.mu.Lock()
		c.stats.Malformed++
		c.mu.Unlock()
		c.bus.LogRefused("malformed request", slog.String("subject", m.Subject), slog.Int("bytes", len(m.Data)), slog.String("error", err.Error()))
		c.answer(m, Request{}, Reply{Error: err.Error()})
		return
	}
	if req.Decoder != c.decoder {
		return
	}
	v, refusal := c.admit(req)
	if refusal != nil {
		if wantsTime(req, refusal) { // who asks asks again: nothing that people should be told of
			c.send(m, c.fill(req, *refusal))
			return
		}
		if !refusal.OK {
			c.bus.LogRefused("request", slog.String("verb", req.Verb), slog.String("id", req.ID), slog.String("error", refusal.Error))
		}
		c.answer(m, req, *refusal)
		return
	}
	c.working.Go(func() {
		defer c.leave()
		c.answer(m, req, c.perform(ctx, v, req))
	})
}

// perform does what was asked for.
func (c *Ctl) perform(ctx context.Context, v Verb, req Request) Reply {
	r := Reply{OK: true}
	got, err := v.Do(context.WithValue(ctx, requestKey{}, req), req.Args)
	if err == nil && got != nil {
		r.Result, err = json.Marshal(got)
	}
	if err != nil {
		r = Reply{Error: err.Error()}
		if unseen := (*UnseenError)(nil); errors.As(err, &unseen) {
			r.Seen = unseen.Seen
		}
		c.mu.Lock()
		c.stats.Failed++
		c.mu.Unlock()
	}
	return r
}

// Verbs lists what can be asked for now.
func (c *Ctl) Verbs() []VerbInfo {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.list()
}

// Call is a request of somebody in this process, such as its web page: it takes no way over the bus, needs no right there,
// and works without a link. req says what it says on the bus, for a Fresh verb also Sent and Run: whoever pressed the button did so
// some time ago; V, Session and Decoder are filled in, and ID where it is "". Call waits for the verb, whose context ends with ctx and
// with the Ctl; a Fresh one is not begun where ctx has ended.
func (c *Ctl) Call(ctx context.Context, req Request) Reply {
	req.V, req.Session, req.Decoder, req.ID = Version, c.session, c.decoder, cmp.Or(req.ID, nuid.Next())
	fill := func(r Reply) Reply {
		tell := req.Verb != "verbs" && !wantsTime(req, &r) // who asks asks again, as on the bus
		r = c.fill(req, r)
		if tell && c.told != nil {
			c.told(req, r)
		}
		return r
	}
	if err := req.Validate(); err != nil {
		return fill(Reply{Error: err.Error()})
	}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return fill(Reply{Error: "the session has ended"})
	}
	c.working.Add(1) // Close, which waits, comes behind
	c.mu.Unlock()
	defer c.working.Done()
	v, refusal := c.admit(req)
	if refusal != nil {
		return fill(*refusal)
	}
	defer c.leave()
	if v.Fresh && ctx.Err() != nil {
		c.mu.Lock()
		c.stats.Refused++
		c.mu.Unlock()
		return fill(Reply{Error: v.Name + " lets something move, and whoever asked for it has gone: nothing was done"})
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer c.after(cancel)()
	return fill(c.perform(ctx, v, req))
}

// admit finds the verb of a request, or says why it is refused. What it admits must leave.
func (c *Ctl) admit(req Request) (Verb, *Reply) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Requests++
	refuse := func(r Reply) (Verb, *Reply) {
		c.stats.Refused++
		return Verb{}, &r
	}
	again := func(m moved) bool { return m.id == req.ID }
	if slices.Contains(c.seen, req.ID) || slices.ContainsFunc(c.fresh, again) {
		return refuse(Reply{Error: fmt.Sprintf("the request %s was answered before: nothing is done twice; ask anew with another id", req.ID)})
	}
	if c.seen = append(c.seen, req.ID); len(c.seen) > maxSeen {
		c.seen = slices.Delete(c.seen, 0, 1)
	}
	i := slices.IndexFunc(c.verbs, func(v Verb) bool { return v.Name == req.Verb })
	if i < 0 {
		err := &registry.UnknownError{What: "verb", Name: req.Verb}
		for _, v := range c.verbs {
			err.Known = append(err.Known, v.Name)
		}
		return refuse(Reply{Error: err.Error(), Verbs: c.list()})
	}
	v := c.verbs[i]
	if least, most := v.arity(); len(req.Args) < least || len(req.Args) > most {
		return refuse(Reply{Error: fmt.Sprintf("%s takes %s, got %d arguments", v.Name, v.usage(), len(req.Args)), Verbs: []VerbInfo{v.info()}})
	}
	if v.Fresh {
		if req.Sent == 0 { // it is told what it lacks, and may ask again
			return Verb{}, &Reply{Error: v.Name + " lets something move: the request must say in t_sent_ns when it was sent, on the decoder's clock (t_publish_ns of its newest heartbeat or telemetry, and the time since), in t_seen_ns the t_publish_ns of the newest that was seen, and in run the run of that message", Verbs: []VerbInfo{v.info()}}
		}
		if wrong := c.old(req); wrong != "" {
			return refuse(Reply{Error: fmt.Sprintf("%s %s", v.Name, wrong)})
		}
		c.fresh = append(c.fresh, moved{req.ID, req.Sent})
	}
	if most := maxBusy; c.busy >= most && (!v.Urgent || c.busy >= most+maxUrgent) {
		return refuse(Reply{Error: fmt.Sprintf("%d requests are at work: try again when one is answered", c.busy)})
	}
	if v.Do == nil { // verbs
		list := c.list()
		return v, &Reply{OK: true, Verbs: list}
	}
	c.busy++
	return v, nil
}

// old says why a request cannot be taken for one of now to this run, "" where it can. It forgets those that cannot any more; c.mu
// is held.
func (c *Ctl) old(req Request) string {
	now := c.clock.Now()
	tooOld := func(sent int64) bool { return now-sent > int64(maxSentAge) || sent-now > int64(maxSentAhead) }
	c.fresh = slices.DeleteFunc(c.fresh, func(m moved) bool { return tooOld(m.sent) && m.sent < now })
	switch {
	case req.Run != c.run:
		return fmt.Sprintf("lets something move, and the request is to run %d of the decoder, this is run %d: say in run that of the newest heartbeat or telemetry, and ask again", req.Run, c.run)
	case tooOld(req.Sent):
		return fmt.Sprintf("lets something move, and the request was sent %.1f s ago by the decoder's clock, must be -%g to %g s: ask again", time.Duration(now-req.Sent).Seconds(), maxSentAhead.Seconds(), maxSentAge.Seconds())
	case req.Seen-now > int64(maxSentAhead):
		return fmt.Sprintf("lets something move, and the request says in t_seen_ns that it has seen how the decoder will be in %.1f s, must be the t_publish_ns of a message of this run: look again, and ask again", time.Duration(req.Seen-now).Seconds())
	case len(c.fresh) >= maxSeen:
		return fmt.Sprintf("lets something move, and %d requests that do came within %g s: ask again later", maxSeen, maxSentAge.Seconds())
	}
	return ""
}

// wantsTime says whether r refuses q for this alone: that it does not say when it was sent.
func wantsTime(q Request, r *Reply) bool {
	return !r.OK && q.Sent == 0 && len(r.Verbs) == 1 && r.Verbs[0].Verb == q.Verb && r.Verbs[0].Fresh
}

func (c *Ctl) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy--
}

// list describes the verbs; c.mu is held.
func (c *Ctl) list() []VerbInfo {
	var list []VerbInfo
	for _, v := range c.verbs {
		list = append(list, v.info())
	}
	return list
}

func (v *Verb) info() VerbInfo { return VerbInfo{v.Name, v.Args, v.Doc, v.Fresh} }

func (v *Verb) usage() string {
	if len(v.Args) == 0 {
		return "no arguments"
	}
	return strings.Join(v.Args, " ")
}

// answer sends r and tells of it.
func (c *Ctl) answer(m *nats.Msg, req Request, r Reply) {
	r = c.fill(req, r)
	if req.Verb != "" && c.told != nil {
		c.told(req, r)
	}
	c.send(m, r)
}

// fill says whose answer r is, and to what.
func (c *Ctl) fill(req Request, r Reply) Reply {
	r.V, r.Session, r.Decoder, r.Run, r.ID, r.TPublish = Version, c.session, c.decoder, c.run, req.ID, c.clock.Now()
	return r
}

// send sends r, which is filled. A message without a subject for it gets none, and nor does one that wants it on a subject of ours.
func (c *Ctl) send(m *nats.Msg, r Reply) {
	if !mayAnswer(m.Reply) {
		return
	}
	data, err := encode(&r)
	if err != nil {
		r.OK, r.Result, r.Verbs, r.Error = false, nil, nil, "the answer cannot be sent: "+err.Error()
		if data, err = encode(&r); err != nil {
			return // the error text alone is too long: the one who asked runs into a timeout
		}
	}
	if err := c.bus.publish(&nats.Msg{Subject: m.Reply, Data: data}); err != nil {
		c.bus.note(err)
	}
}

// Stats counts what came so far.
func (c *Ctl) Stats() CtlStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}

// Close stops listening and waits for the verbs at work, whose context it ends. It must not be called from one.
func (c *Ctl) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	c.mu.Unlock()
	err := c.sub.Close()
	c.cancel()
	c.working.Wait()
	return err
}

// RefusedError is a request that was answered with what is wrong.
type RefusedError struct{ Reply Reply }

// Error is the reason.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("decoder %s of session %s refuses: %s", e.Reply.Decoder, e.Reply.Session, e.Reply.Error)
}

// Ask asks a decoder and waits for its answer as long as ctx lasts. An answer that is not ok is a *RefusedError. What makes
// safe leaves at once; where the decoder answers that the verb lets something move, it is asked again with the time.
func (b *Bus) Ask(ctx context.Context, session, decoder, verb string, args ...string) (Reply, error) {
	return b.AskAt(ctx, Asked{At: time.Now()}, session, decoder, verb, args...)
}

// Asked is when somebody asked for something, and what of the decoder they had been shown then.
type Asked struct {
	At   time.Time // of this process: they may have had to wait since, for a link perhaps
	Seen int64     // Request.Seen, 0 for nothing: that a decoder has answered shows nobody how it is
}

// AskAt is Ask for somebody who asked before. A request that lets something move says that moment, never a later one, however late the
// decoder answers: what came to it since is not lifted, and a request that has become old is refused.
func (b *Bus) AskAt(ctx context.Context, a Asked, session, decoder, verb string, args ...string) (Reply, error) {
	before := b.heardOf(session, decoder)
	req := Request{V: Version, Session: session, Decoder: decoder, ID: nuid.Next(), Verb: verb, Args: args}
	began := time.Now()
	r, at, err := b.askOnce(ctx, req)
	if refused := (*RefusedError)(nil); errors.As(err, &refused) && wantsTime(req, &r) && r.TPublish != 0 {
		// What the decoder said took its time to come here: counted back from it, the moment is that much too early, never too late.
		// Of what was heard before it is known besides that the decoder had said it already.
		req.Sent = heard{r.Run, r.TPublish, at}.on(a.At)
		if before.run == r.Run {
			req.Sent = max(req.Sent, before.on(a.At))
		}
		trip := at.Sub(began)
		for range moreAnswers { // the first is on its way longer than those behind it
			if maxSentAge-time.Since(a.At) < 3*trip { // this question, the request behind it, and what the moment is too early
				break
			}
			req.ID, began = nuid.Next(), time.Now()
			again, at, err := b.askOnce(ctx, Request{V: Version, Session: session, Decoder: decoder, ID: req.ID, Verb: verb, Args: args})
			if !errors.As(err, &refused) || again.Run != r.Run || !wantsTime(Request{Verb: verb}, &again) {
				return again, err
			}
			req.Sent = max(req.Sent, heard{again.Run, again.TPublish, at}.on(a.At))
			trip = min(trip, at.Sub(began))
		}
		req.ID, req.Seen, req.Run = nuid.Next(), a.Seen, r.Run
		r, _, err = b.askOnce(ctx, req)
		if errors.As(err, &refused) && trip > slowTrip && time.Since(a.At) > maxSentAge {
			err = fmt.Errorf("%w; a message takes %.1f s there and back: ask from nearer to the decoder, or on its page", err, trip.Seconds())
		}
	}
	return r, err
}

const (
	// moreAnswers is how many times more the decoder is asked for its time, where there is time for it: the quickest answer tells it best.
	moreAnswers = 2
	// slowTrip is a way there and back that may be why a request comes too late.
	slowTrip = 300 * time.Millisecond
)

// askOnce sends one request; at is when the answer came.
func (b *Bus) askOnce(ctx context.Context, req Request) (r Reply, at time.Time, err error) {
	session, decoder, verb := req.Session, req.Decoder, req.Verb
	data, err := encode(&req)
	if err != nil {
		return Reply{}, at, fmt.Errorf("bus: request: %w", err)
	}
	began := time.Now()
	m, err := b.request(ctx, &nats.Msg{Subject: CtlSubject(session), Data: data})
	switch {
	case errors.Is(err, nats.ErrPermissionViolation):
		return Reply{}, at, err
	case errors.Is(err, nats.ErrNoResponders):
		return Reply{}, at, fmt.Errorf("bus: nobody listens on %s at %s: is the session %q running there?", CtlSubject(session), b.url, session)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		return Reply{}, at, fmt.Errorf("bus: no answer to %s within %s: is the decoder called %q? If it is, it may have been done or not: ask for status before you repeat it",
			verb, time.Since(began).Round(100*time.Millisecond), decoder)
	case err != nil:
		return Reply{}, at, fmt.Errorf("bus: %s: %w", CtlSubject(session), err)
	}
	at = time.Now()
	r, err = ParseReply(m.Data)
	if err == nil && (r.Session != session || r.Decoder != decoder || r.ID != req.ID && (r.ID != "" || r.OK)) {
		err = fmt.Errorf("reply: of decoder %q in session %q to request %q, asked was %q in %q with %q", r.Decoder, r.Session, r.ID, decoder, session, req.ID)
	}
	if err != nil {
		return Reply{}, at, fmt.Errorf("bus: %w", err)
	}
	b.hear(session, decoder, heard{r.Run, r.TPublish, at})
	if !r.OK {
		return r, at, &RefusedError{r}
	}
	return r, at, nil
}

// request waits for the answer to m, or for the server to say that we may not ask: it does so at once, and there will be no
// answer.
func (b *Bus) request(ctx context.Context, m *nats.Msg) (*nats.Msg, error) {
	type answer struct {
		m   *nats.Msg
		err error
	}
	ctx, cancel := context.WithCancel(ctx)
	got := make(chan answer, 1)
	before := b.nc.Stats().OutMsgs
	go func() {
		m, err := b.nc.RequestMsgWithContext(ctx, m)
		got <- answer{m, err}
	}()
	defer cancel()
	look := time.NewTicker(refusedEvery)
	defer look.Stop()
	for {
		select {
		case a := <-got:
			if a.err == nil { // the server of a session that was asked to end may be gone now
				b.left(before + 1)
			}
			return a.m, a.err
		case <-look.C:
			if err := b.refusedBy(m.Subject); err != nil {
				cancel()
				<-got
				return nil, err
			}
		}
	}
}

// refusedEvery is how often whoever waits for an answer looks whether the server has refused the question.
const refusedEvery = 20 * time.Millisecond

// ParseRequest decodes and validates.
func ParseRequest(data []byte) (Request, error) { return parse[Request]("request", data) }

// ParseReply decodes and validates.
func ParseReply(data []byte) (Reply, error) { return parse[Reply]("reply", data) }
