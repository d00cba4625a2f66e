package bus

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// quiet is how long a kind of line stays silent after one was written; the next says how many there were meanwhile.
const quiet = time.Second

// lineQueue is how many lines may wait for whoever writes the log.
const lineQueue = 64

// lineLog writes what was refused, from a goroutine of its own: a terminal that stands still, or a thousand bad
// messages a second, must not hold up a command. A nil lineLog is silent.
type lineLog struct {
	log     *slog.Logger
	lines   chan line
	stopped chan struct{}

	mu     sync.Mutex
	kinds  map[string]*kindOfLine
	closed bool
}

type line struct {
	level slog.Level
	msg   string
	attrs []slog.Attr
}

type kindOfLine struct {
	written time.Time
	left    int // since then
}

func newLineLog(log *slog.Logger) *lineLog {
	if log == nil {
		return nil
	}
	l := &lineLog{log: log, lines: make(chan line, lineQueue), stopped: make(chan struct{}), kinds: map[string]*kindOfLine{}}
	go func() {
		defer close(l.stopped)
		for ln := range l.lines {
			l.log.LogAttrs(context.Background(), ln.level, ln.msg, ln.attrs...)
		}
	}()
	return l
}

// write never blocks. kind is one of a few words: each has one line a second, and the count of those left out.
func (l *lineLog) write(level slog.Level, kind, msg string, attrs ...slog.Attr) {
	if l == nil {
		return
	}
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.kinds[kind]
	if k == nil {
		k = &kindOfLine{}
		l.kinds[kind] = k
	}
	if l.closed || (!k.written.IsZero() && now.Sub(k.written) < quiet) {
		k.left++
		return
	}
	if k.left > 0 {
		attrs = append(attrs, slog.Int("more_of_the_kind", k.left))
	}
	select {
	case l.lines <- line{level, msg, attrs}:
		k.written, k.left = now, 0
	default:
		k.left++
	}
}

// close writes what waits, and how many lines were left out.
func (l *lineLog) close() {
	if l == nil {
		return
	}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		<-l.stopped
		return
	}
	l.closed = true
	close(l.lines)
	l.mu.Unlock()
	<-l.stopped
	for kind, k := range l.kinds {
		if k.left > 0 {
			l.log.Warn("lines left out", "kind", kind, "more_of_the_kind", k.left)
		}
	}
}

// LogRefused writes a line about a message that was refused to Options.Log: at once, and at most one a second of each
// kind, with the count of the others. It never blocks. kind is a word from a short list, such as a verdict.
func (b *Bus) LogRefused(kind string, attrs ...slog.Attr) {
	b.lines.write(slog.LevelWarn, kind, "refused", append([]slog.Attr{slog.String("why", kind)}, attrs...)...)
}
