package bus

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// What the server inside the process holds for a client that does not read.
//
// A queue in the server makes commands stale, but samples use the same connection, and a server that sees more than
// maxPending waiting closes it. 64 channels × 2 kHz × 8 bytes are 1 MB/s, and a recording may be played as fast as it
// goes: 32 MiB hold most recordings whole (8 MiB were seen to overflow at 180 MB/s with the cores busy). For commands
// the time counts: a client whose socket takes nothing for writeDeadline is cut off, whatever is waiting. What the
// kernel's socket buffers hold beyond this no setting reaches: that is what expiry in the command is for.
const (
	maxPayload    = 1 << 20
	maxPending    = 32 << 20
	writeDeadline = 250 * time.Millisecond
	startTimeout  = 5 * time.Second
)

// serverOptions are those of a server that keeps no files, handles no signals and prints nothing. docs/protocol.md has
// the reasons of all settings in a table.
func serverOptions(name, host string, port int) *server.Options {
	return &server.Options{
		ServerName: name,
		Host:       host, Port: port,
		NoSigs: true, NoLog: true, NoSystemAccount: true,
		PingInterval: time.Second, MaxPingsOut: 2, // a dead client is noticed within three seconds
		DisableShortFirstPing: true,
		MaxPayload:            maxPayload, MaxPending: maxPending, WriteDeadline: writeDeadline,
		NoFastProducerStall: true, // or whoever reads slowly would hold up whoever publishes
	}
}

// startServer starts a server and waits until it takes connections; listens says where, for messages.
func startServer(opts *server.Options, lines *lineLog, listens string) (*server.Server, *serverLog, error) {
	s, err := server.NewServer(opts)
	if err != nil {
		return nil, nil, fmt.Errorf("bus: NATS server inside the process: %w", err)
	}
	log := &serverLog{lines: lines}
	s.SetLogger(log, opts.TLSConfig != nil, false)
	s.Start()
	err = log.fatalError()
	if err == nil && !s.ReadyForConnections(startTimeout) {
		err = fmt.Errorf("not ready within %s", startTimeout)
	}
	if err != nil {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, nil, fmt.Errorf("bus: NATS server inside the process on %s: %w; choose another port, or 0 for a free one", listens, err)
	}
	return s, log, nil
}

// serverLog keeps and counts what the server would print about errors, and hands it to the log of the bus.
type serverLog struct {
	lines *lineLog

	mu     sync.Mutex
	fatal  error
	last   string
	errors uint64
}

func (l *serverLog) Fatalf(format string, v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fatal = fmt.Errorf(format, v...)
}

// Errorf is what the server refused: connections without good credentials or TLS, subjects that a role may not use,
// messages that are too long.
func (l *serverLog) Errorf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	l.mu.Lock()
	l.last, l.errors = text, l.errors+1
	l.mu.Unlock()
	l.lines.write(slog.LevelError, "server: "+kindOf(text), "server", slog.String("says", text))
}

// kindOf sorts what the server says into a few kinds, of each of which the log has one line a second.
func kindOf(text string) string {
	text = strings.ToLower(text)
	for _, kind := range []string{"publish violation", "subscription violation", "authentication", "authorization", "tls", "payload", "websocket", "parse"} {
		if strings.Contains(text, kind) {
			return kind
		}
	}
	return "other"
}

// Warnf is about the normal life of a server.
func (l *serverLog) Warnf(string, ...any) {}

// Noticef logs the clients that were cut off because they do not read; Stats counts them apart.
func (l *serverLog) Noticef(format string, v ...any) {
	if strings.Contains(format, "Slow Consumer") {
		l.lines.write(slog.LevelWarn, "server: slow", "server", slog.String("says", fmt.Sprintf(format, v...)))
	}
}

// Debugf hears the one refusal that the server takes for a probe of a load balancer: plain text to a port of TLS.
func (l *serverLog) Debugf(format string, v ...any) {
	if strings.Contains(format, "handshake error") {
		l.Errorf(format, v...)
	}
}

// Tracef is silent: the content of messages is nobody's business.
func (l *serverLog) Tracef(string, ...any) {}

func (l *serverLog) fatalError() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fatal
}

func (l *serverLog) count() (n uint64, last error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.errors > 0 {
		last = errors.New(l.last)
	}
	return l.errors, last
}
