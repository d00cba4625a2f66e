package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
)

// AuditStream is the JetStream stream that commands, feedback and requests of operators are copied to. It lives on a
// server of its own beside the Broker, which has no JetStream at all: what is stored can never be delivered as a
// command, and no disk is on the way of one.
const AuditStream = "GYRUS_AUDIT"

// auditPrefix stands before the subject of what was copied: another subject space.
const auditPrefix = "audit."

// What may be lost of the audit, never of the commands: up to auditQueue messages that wait and auditInFlight that are
// being stored when the process dies, and what was stored within auditSync when the power fails.
const (
	auditQueue    = 8192
	auditInFlight = 256
	auditSync     = time.Second
	auditRetry    = time.Second     // until a broken store is tried again
	auditPatience = 5 * time.Second // for the store to take one message: longer is broken
	auditEnd      = 2 * time.Second // for what waits at the end
)

// AuditConfig says where the audit stream is kept.
type AuditConfig struct {
	Dir    string `json:"dir" doc:"folder of the audit stream; empty means off, a relative path counts from the directory"`
	Listen string `json:"listen" doc:"address and port where auditors read; empty means 127.0.0.1:4223"`
	MaxMB  int    `json:"max_mb" doc:"size in MB beyond which the oldest is dropped; 0 means 1024"`
}

// AuditStats counts what became of the copies.
type AuditStats struct {
	On        bool   `json:"on"`         // an audit stream is wanted
	Working   bool   `json:"working"`    // the store takes messages
	Heard     uint64 `json:"heard"`      // messages that came from the bus
	Stored    uint64 `json:"stored"`     // of these: confirmed by the store
	Dropped   uint64 `json:"dropped"`    // of these: the queue was full
	Failed    uint64 `json:"failed"`     // of these: the store did not take them
	TooLong   uint64 `json:"too_long"`   // of these: longer than any message of the protocol
	LastError string `json:"last_error"` // "" where there was none
}

// Auditor copies what passes over a Broker into the audit stream.
type Auditor struct {
	broker *server.Server
	op     *Operator
	lines  *lineLog
	queue  chan *nats.Msg
	put    func(*nats.Msg) (jetstream.PubAckFuture, error) // into the store; of run alone
	broken chan struct{}                                   // full where the store is to be opened anew

	futures chan jetstream.PubAckFuture // answers that are waited for; of run alone, nil where there is no store
	counted chan struct{}               // closed when all of them are

	heard, stored, dropped, failed, tooLong atomic.Uint64
	working                                 atomic.Bool

	mu      sync.Mutex
	lastErr error
	subs    []*nats.Subscription

	conn   *nats.Conn    // to the broker, nil until that works
	closed chan struct{} // nothing comes over it any more
	store  *auditStore
	cancel context.CancelFunc
	quit   chan struct{}
	done   chan struct{}
}

// startAuditor begins to copy. It never fails: a broken audit must not keep commands from flowing.
func startAuditor(broker *server.Server, op *Operator, lines *lineLog) *Auditor {
	a := newAuditor(broker, op, lines)
	a.start()
	return a
}

func newAuditor(broker *server.Server, op *Operator, lines *lineLog) *Auditor {
	return &Auditor{broker: broker, op: op, lines: lines, queue: make(chan *nats.Msg, auditQueue), broken: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
}

func (a *Auditor) start() {
	var ctx context.Context
	ctx, a.cancel = context.WithCancel(context.Background())
	if err := a.listen(); err != nil { // at once, or the first commands would be missing
		a.note("the commands cannot be heard, trying again", err)
	}
	go a.run(ctx)
}

// listen subscribes on a connection of its own: if that is slow, the broker cuts off the audit alone.
func (a *Auditor) listen() error {
	public, sign, err := signer(a.op.Seed(RoleAuditor))
	if err != nil {
		return err
	}
	closed := make(chan struct{})
	conn, err := nats.Connect("", nats.InProcessServer(a.broker), nats.Nkey(public, sign), nats.Name("gyrus-audit"),
		nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait), nats.IgnoreAuthErrorAbort(),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { a.note("copies are missing", err) }),
		nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	if err != nil {
		return err
	}
	var subs []*nats.Subscription
	come := make(chan *nats.Msg, auditQueue) // one for all subjects, so that the order stays
	for _, subject := range grantsOf[RoleAuditor].subscribe {
		var sub *nats.Subscription
		if sub, err = conn.ChanSubscribe(subject, come); err != nil {
			break
		}
		subs = append(subs, sub)
	}
	if err == nil {
		err = conn.FlushTimeout(settleTimeout)
	}
	if err != nil {
		conn.Close()
		<-closed
		return err
	}
	a.conn, a.closed = conn, make(chan struct{})
	a.mu.Lock()
	a.subs = subs
	a.mu.Unlock()
	go func() {
		defer close(a.closed)
		for {
			select {
			case m := <-come:
				a.hear(m)
			case <-closed: // then nothing comes any more
				for len(come) > 0 {
					a.hear(<-come)
				}
				return
			}
		}
	}()
	return nil
}

// hear takes one message or drops it; it never waits.
func (a *Auditor) hear(m *nats.Msg) {
	a.heard.Add(1)
	if len(m.Data) > MaxMessageBytes {
		a.tooLong.Add(1)
		return
	}
	m.Header = nats.Header{auditTime: {strconv.FormatInt(time.Now().UnixNano(), 10)}}
	select {
	case a.queue <- m:
	default:
		a.dropped.Add(1)
		a.note("copies are dropped", errors.New("the queue is full"))
	}
}

// auditTime is the header with the time at which the message was heard, ns since 1970.
const auditTime = "Gyrus-Heard"

func (a *Auditor) note(what string, err error) {
	a.mu.Lock()
	a.lastErr = fmt.Errorf("audit: %s: %w", what, err)
	a.mu.Unlock()
	a.lines.write(slog.LevelError, "audit", "audit: "+what, slog.String("error", err.Error()))
}

// run opens the store, again and again where it fails, and puts into it what is queued.
func (a *Auditor) run(ctx context.Context) {
	defer close(a.done)
	defer a.settle()
	var last time.Time // that the store was opened, or tried
	for {
		if !a.working.Load() {
			a.settle()
			if wait := auditRetry - time.Since(last); wait > 0 {
				select {
				case <-a.quit:
					a.deafen()
					a.failed.Add(uint64(len(a.queue)))
					return
				case <-time.After(wait):
				}
			}
			err := a.open(ctx)
			last = time.Now()
			if err != nil {
				a.note("does not work, trying again", err)
				continue
			}
			a.accept(ctx)
		}
		select {
		case m := <-a.queue:
			a.copy(ctx, m)
		case <-a.broken:
		case <-a.quit:
			a.deafen()
			for a.working.Load() && ctx.Err() == nil && len(a.queue) > 0 {
				a.copy(ctx, <-a.queue)
			}
			a.failed.Add(uint64(len(a.queue)))
			return
		}
	}
}

// open makes the store usable, anew where there was one: a stream that could not be written once takes nothing any more, although its
// server runs on and there is room again.
func (a *Auditor) open(ctx context.Context) error {
	if a.conn == nil {
		if err := a.listen(); err != nil {
			return fmt.Errorf("hearing the commands: %w", err)
		}
	}
	if a.store == nil && a.put != nil {
		return nil // of a test
	}
	if a.store != nil {
		a.store.close()
		a.store, a.put = nil, nil
	}
	s, err := openAuditStore(ctx, a.op, a.lines)
	if err != nil {
		return err
	}
	a.store, a.put = s, func(m *nats.Msg) (jetstream.PubAckFuture, error) { return s.js.PublishMsgAsync(m) }
	return nil
}

// accept begins to count what becomes of what is put into the store, until settle.
func (a *Auditor) accept(ctx context.Context) {
	futures, counted := make(chan jetstream.PubAckFuture, auditInFlight), make(chan struct{})
	a.futures, a.counted = futures, counted
	a.working.Store(true)
	go func() {
		defer close(counted)
		for f := range futures {
			select {
			case <-f.Ok():
				a.stored.Add(1)
			case err := <-f.Err():
				a.fail(err)
			case <-ctx.Done(): // the end waits for it no longer
				select {
				case <-f.Ok():
					a.stored.Add(1)
				default:
					a.fail(fmt.Errorf("the store gave no answer within %s of the end", auditEnd))
				}
			}
		}
	}()
}

// settle waits for the answers to what was put into the store: each has one, or a time-out of the library, or the end comes. Behind it no
// answer of an old store can be taken for one of the next.
func (a *Auditor) settle() {
	if a.futures == nil {
		return
	}
	close(a.futures)
	<-a.counted
	a.futures = nil
	select {
	case <-a.broken:
	default:
	}
}

// copy puts a message into the store. Where auditInFlight are on their way it waits for an answer, at the end no longer than that waits.
func (a *Auditor) copy(ctx context.Context, m *nats.Msg) {
	f, err := a.put(&nats.Msg{Subject: auditPrefix + m.Subject, Data: m.Data, Header: m.Header})
	if err != nil {
		a.fail(err)
		return
	}
	select {
	case a.futures <- f:
	case <-ctx.Done():
		a.fail(ctx.Err())
	}
}

// fail counts a message that the store did not take: it is opened anew.
func (a *Auditor) fail(err error) {
	a.failed.Add(1)
	a.working.Store(false)
	a.note("not stored", err)
	select {
	case a.broken <- struct{}{}:
	default:
	}
}

// Stats counts so far.
func (a *Auditor) Stats() AuditStats {
	s := AuditStats{
		On: true, Working: a.working.Load(), Heard: a.heard.Load(), Stored: a.stored.Load(),
		Dropped: a.dropped.Load(), Failed: a.failed.Load(), TooLong: a.tooLong.Load(),
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, sub := range a.subs {
		if n, err := sub.Dropped(); err == nil { // by the client, before we heard of it
			s.Heard += uint64(n)
			s.Dropped += uint64(n)
		}
	}
	if a.lastErr != nil {
		s.LastError = a.lastErr.Error()
	}
	return s
}

// close stores what waits and ends. The error says how much is missing.
func (a *Auditor) close() error {
	close(a.quit)
	select {
	case <-a.done:
	case <-time.After(auditEnd):
		a.cancel()
		<-a.done
	}
	a.cancel()
	if a.store != nil {
		a.store.close()
	}
	s := a.Stats()
	if a.conn == nil {
		return fmt.Errorf("bus: the audit stream holds nothing of this run: %s", s.LastError)
	}
	if lost := s.Heard - s.Stored - s.TooLong; lost > 0 {
		return fmt.Errorf("bus: %d of %d messages are not in the audit stream: %s", lost, s.Heard, s.LastError)
	}
	return nil
}

// deafen ends the connection to the broker; what has come over it is queued.
func (a *Auditor) deafen() {
	if a.conn == nil {
		return
	}
	if err := a.conn.Drain(); err != nil {
		a.conn.Close()
	}
	<-a.closed
}

// auditStore is the server with the stream, and a connection that may write it.
type auditStore struct {
	server *server.Server
	nc     *nats.Conn
	js     jetstream.JetStream
	closed chan struct{}
}

// auditorGrants is what the key of an auditor may ask of the store: to read, not to change.
func auditorGrants(key string) *server.Permissions {
	return permissions([]string{
		"$JS.API.INFO", "$JS.API.STREAM.INFO." + AuditStream,
		"$JS.API.CONSUMER.CREATE." + AuditStream + ".>", "$JS.API.CONSUMER.INFO." + AuditStream + ".>",
		"$JS.API.CONSUMER.DELETE." + AuditStream + ".>", "$JS.API.CONSUMER.MSG.NEXT." + AuditStream + ".>",
	}, []string{inboxPrefix(key) + ".>"})
}

func openAuditStore(ctx context.Context, op *Operator, lines *lineLog) (_ *auditStore, err error) {
	cfg := op.Config.Audit
	listen := cfg.listen()
	host, port, err := listenAddress("audit: listen", listen, true)
	if err != nil {
		return nil, err
	}
	own, err := nkeys.CreateUser() // lives as long as the store
	if err != nil {
		return nil, err
	}
	ownKey, err := own.PublicKey()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	opts := serverOptions("gyrus-audit", host, port)
	opts.NoSystemAccount = false // JetStream wants one
	opts.WriteDeadline = auditPatience
	opts.TLSConfig, opts.TLSTimeout, opts.AuthTimeout, opts.MaxConn = op.clientTLS(), 2, 3, 64
	opts.Nkeys = []*server.NkeyUser{{Nkey: ownKey, AllowedConnectionTypes: map[string]struct{}{jwt.ConnectionTypeInProcess: {}}}}
	for _, key := range op.Config.Keys[RoleAuditor] {
		opts.Nkeys = append(opts.Nkeys, &server.NkeyUser{
			Nkey: key, Permissions: auditorGrants(key), AllowedConnectionTypes: map[string]struct{}{jwt.ConnectionTypeStandard: {}},
		})
	}
	s := &auditStore{closed: make(chan struct{})}
	if s.server, _, err = startServer(opts, lines, listen); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	maxBytes := int64(cfg.MaxMB) << 20
	if maxBytes == 0 {
		maxBytes = 1 << 30
	}
	if err := s.server.EnableJetStream(&server.JetStreamConfig{
		StoreDir: cfg.Dir, MaxMemory: 64 << 20, MaxStore: 2*maxBytes + (64 << 20), SyncInterval: auditSync, Strict: true,
	}); err != nil {
		return nil, fmt.Errorf("JetStream in %s: %w", cfg.Dir, err)
	}
	s.nc, err = nats.Connect("", nats.InProcessServer(s.server), nats.Name("gyrus-audit-writer"), nats.Nkey(ownKey, own.Sign),
		nats.ReconnectBufSize(-1), nats.ClosedHandler(func(*nats.Conn) { close(s.closed) }))
	if err != nil {
		return nil, err
	}
	// Auditor.copy waits where auditInFlight are on their way, and the end can end that: nobody may wait in the library.
	if s.js, err = jetstream.New(s.nc, jetstream.WithPublishAsyncMaxPending(2*auditInFlight), jetstream.WithPublishAsyncTimeout(auditPatience)); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, auditPatience)
	defer cancel()
	_, err = s.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: AuditStream, Description: "copies of what passed over the gyrus bus; not a source of commands",
		Subjects: []string{auditPrefix + ">"}, Storage: jetstream.FileStorage, Retention: jetstream.LimitsPolicy,
		Discard: jetstream.DiscardOld, MaxBytes: maxBytes, DenyDelete: true, Compression: jetstream.S2Compression,
	})
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", AuditStream, err)
	}
	return s, nil
}

func (s *auditStore) close() {
	if s.nc != nil {
		s.nc.Close()
		<-s.closed
	}
	s.server.Shutdown()
	s.server.WaitForShutdown()
}

func (c AuditConfig) listen() string {
	if c.Listen == "" {
		return "127.0.0.1:4223"
	}
	return c.Listen
}

// AuditRecord is one message of the audit stream.
type AuditRecord struct {
	Seq     uint64          `json:"seq"`            // in the stream, from 1
	Time    time.Time       `json:"time"`           // when it passed
	Subject string          `json:"subject"`        // where it passed
	Data    json.RawMessage `json:"data,omitempty"` // the message, where it is JSON
	Bytes   []byte          `json:"bytes,omitempty"`
}

// AuditQuery chooses records; the zero value asks for all.
type AuditQuery struct {
	Session string    // of one session; empty means all
	Since   time.Time // not before
}

// ReadAudit hands the records of an operator's audit stream to fn, oldest first, up to the newest that is there now. It
// asks the server of a running broker, or opens the store itself where nobody listens at its address: having the port is
// what keeps two from opening one store.
func ReadAudit(ctx context.Context, op *Operator, q AuditQuery, log *slog.Logger, fn func(AuditRecord) error) (err error) {
	if op.Config.Audit.Dir == "" {
		return fmt.Errorf("bus: %s has no audit stream: set audit: {dir: audit} in %s", op.Dir, fileBroker)
	}
	filter := auditPrefix + ">"
	if q.Session != "" {
		if err := CheckToken("session", q.Session); err != nil {
			return fmt.Errorf("bus: %w", err)
		}
		filter = auditPrefix + "gyrus." + q.Session + ".>"
	}
	nc, err := dialAudit(op)
	if errors.Is(err, nats.ErrNoServers) {
		if _, err := os.Stat(op.Config.Audit.Dir); err != nil {
			return fmt.Errorf("bus: audit: %w; it is made when a broker of this directory runs for the first time", err)
		}
		lines := newLineLog(log)
		defer lines.close()
		store, err := openAuditStore(ctx, op, lines)
		if err != nil {
			return fmt.Errorf("bus: audit: no broker answers at %s, and its store cannot be opened: %w", op.Config.Audit.listen(), err)
		}
		defer store.close()
		return readAudit(ctx, store.js, filter, q.Since, fn)
	}
	if err != nil {
		return fmt.Errorf("bus: audit: %w", err)
	}
	closed := make(chan struct{})
	nc.SetClosedHandler(func(*nats.Conn) { close(closed) })
	defer func() { nc.Close(); <-closed }()
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("bus: audit: %w", err)
	}
	return readAudit(ctx, js, filter, q.Since, fn)
}

func dialAudit(op *Operator) (*nats.Conn, error) {
	host, port, err := net.SplitHostPort(op.Config.Audit.listen())
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = defaultHost
	}
	public, sign, err := signer(op.Seed(RoleAuditor))
	if err != nil {
		return nil, err
	}
	c, err := clientTLS(op.CA(), "localhost")
	if err != nil {
		return nil, err
	}
	return nats.Connect("tls://"+net.JoinHostPort(host, port), nats.Secure(c), nats.Nkey(public, sign), nats.CustomInboxPrefix(inboxPrefix(public)), nats.Name("gyrus-auditor"))
}

func readAudit(ctx context.Context, js jetstream.JetStream, filter string, since time.Time, fn func(AuditRecord) error) error {
	ask, cancel := context.WithTimeout(ctx, auditPatience)
	defer cancel()
	stream, err := js.Stream(ask, AuditStream)
	if err != nil {
		return fmt.Errorf("bus: audit: stream %s: %w", AuditStream, err)
	}
	cfg := jetstream.OrderedConsumerConfig{FilterSubjects: []string{filter}}
	if !since.IsZero() {
		cfg.DeliverPolicy, cfg.OptStartTime = jetstream.DeliverByStartTimePolicy, &since
	}
	consumer, err := stream.OrderedConsumer(ask, cfg)
	if err != nil {
		return fmt.Errorf("bus: audit: %w", err)
	}
	inf, err := consumer.Info(ask)
	if err != nil {
		return fmt.Errorf("bus: audit: %w", err)
	}
	if inf.NumPending == 0 {
		return nil
	}
	it, err := consumer.Messages()
	if err != nil {
		return fmt.Errorf("bus: audit: %w", err)
	}
	defer it.Stop()
	for left := inf.NumPending; left > 0; {
		m, err := it.Next(jetstream.NextContext(ctx))
		if err != nil {
			return fmt.Errorf("bus: audit: %w", err)
		}
		meta, err := m.Metadata()
		if err != nil {
			return fmt.Errorf("bus: audit: %w", err)
		}
		rec := AuditRecord{Seq: meta.Sequence.Stream, Time: meta.Timestamp.UTC(), Subject: strings.TrimPrefix(m.Subject(), auditPrefix)}
		if ns, err := strconv.ParseInt(m.Headers().Get(auditTime), 10, 64); err == nil {
			rec.Time = time.Unix(0, ns).UTC()
		}
		if json.Valid(m.Data()) {
			rec.Data = m.Data()
		} else {
			rec.Bytes = m.Data()
		}
		if err := fn(rec); err != nil {
			return err
		}
		left--
		if meta.NumPending == 0 {
			return nil
		}
	}
	return nil
}
