package bus

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// maxStreams bounds what Streams remembers.
const maxStreams = 64

// Streams listens to what streams of samples there are on the server, of any session: each says so once a second. seen lists
// them by now, such as "s1/eeg (64 channels at 160 Hz (FC5, …))"; stop ends it.
func (b *Bus) Streams() (seen func() []string, stop func() error, err error) {
	var mu sync.Mutex
	streams := map[string]string{}
	sub := &Subscription{done: make(chan struct{})}
	err = sub.listen(b, SchemaSubject("*", "*"), func(m *nats.Msg) {
		words := strings.Split(m.Subject, ".")
		if len(words) != 5 {
			return
		}
		what := "unreadable"
		if r, err := newRawMsg(m, time.Now()); err == nil {
			if s, err := r.read(); err == nil {
				what = s.info.String()
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if len(streams) < maxStreams {
			streams[words[1]+"/"+words[3]] = what
		}
	}, pendingMsgs, -1)
	if err != nil {
		return nil, nil, err
	}
	seen = func() []string {
		mu.Lock()
		defer mu.Unlock()
		var list []string
		for name, what := range streams {
			list = append(list, fmt.Sprintf("%s (%s)", name, what))
		}
		slices.Sort(list)
		return list
	}
	return seen, sub.Close, nil
}
