package bus

import (
	"errors"
	"fmt"
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
func serverOptions(o Options) *server.Options {
	return &server.Options{
		ServerName: o.Name,
		Host:       o.Host, Port: o.Port,
		NoSigs: true, NoLog: true, NoSystemAccount: true,
		PingInterval: time.Second, MaxPingsOut: 2, // a dead client is noticed within three seconds
		DisableShortFirstPing: true,
		MaxPayload:            maxPayload, MaxPending: maxPending, WriteDeadline: writeDeadline,
	}
}

func startServer(o Options) (*server.Server, *serverLog, error) {
	s, err := server.NewServer(serverOptions(o))
	if err != nil {
		return nil, nil, fmt.Errorf("bus: NATS server inside the process: %w", err)
	}
	log := new(serverLog)
	s.SetLogger(log, false, false)
	s.Start()
	err = log.fatalError()
	if err == nil && !s.ReadyForConnections(startTimeout) {
		err = fmt.Errorf("not ready within %s", startTimeout)
	}
	if err != nil {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, nil, fmt.Errorf("bus: NATS server inside the process on %s port %d: %w; choose another port, or 0 for a free one", o.Host, o.Port, err)
	}
	return s, log, nil
}

// serverLog keeps what the server would print about errors.
type serverLog struct {
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

func (l *serverLog) Errorf(format string, v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last, l.errors = fmt.Sprintf(format, v...), l.errors+1
}

// Warnf, Noticef, Debugf and Tracef are about the normal life of a server. Slow clients, which it only notes, are
// counted apart, see Stats.
func (l *serverLog) Warnf(string, ...any)   {}
func (l *serverLog) Noticef(string, ...any) {}
func (l *serverLog) Debugf(string, ...any)  {}
func (l *serverLog) Tracef(string, ...any)  {}

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
