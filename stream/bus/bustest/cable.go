// Package bustest helps tests of what is said on the bus.
package bustest

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// Cable is an address on loopback that leads to a server, until it is cut.
type Cable struct {
	l    net.Listener
	mu   sync.Mutex
	off  bool
	ice  chan struct{} // closed when it thaws, nil where it is not frozen
	ends []net.Conn
	all  sync.WaitGroup
}

// NewCable leads to the server at url, nats://host:port, and ends with the test.
func NewCable(t testing.TB, url string) *Cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &Cable{l: l}
	c.all.Go(func() {
		for {
			here, err := l.Accept()
			if err != nil {
				return
			}
			there, err := net.Dial("tcp", strings.TrimPrefix(url, "nats://"))
			if err != nil || !c.join(here, there) {
				_ = here.Close()
				continue
			}
			for _, p := range [][2]net.Conn{{here, there}, {there, here}} {
				c.all.Go(func() { _, _ = io.Copy(p[0], thawed{c, p[1]}); _, _ = p[0].Close(), p[1].Close() }) // an error is an end as well
			}
		}
	})
	t.Cleanup(func() { _ = l.Close(); c.Cut(); c.Thaw(); c.all.Wait() })
	return c
}

func (c *Cable) join(ends ...net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.off {
		_ = ends[1].Close()
		return false
	}
	c.ends = append(c.ends, ends...)
	return true
}

// Cut ends every connection, and those that come until it is mended.
func (c *Cable) Cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off = true
	for _, e := range c.ends {
		_ = e.Close()
	}
	c.ends = nil
}

// Mend lets connections through again.
func (c *Cable) Mend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off = false
}

// Freeze lets nothing through, and ends no connection: those who speak over it have to find out by the silence.
func (c *Cable) Freeze() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ice == nil {
		c.ice = make(chan struct{})
	}
}

// Thaw lets through what was held back, and all that follows.
func (c *Cable) Thaw() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ice != nil {
		close(c.ice)
		c.ice = nil
	}
}

// thawed reads what is not held back.
type thawed struct {
	c *Cable
	io.Reader
}

func (r thawed) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.c.mu.Lock()
	ice := r.c.ice
	r.c.mu.Unlock()
	if ice != nil {
		<-ice
	}
	return n, err
}

// URL is where it begins.
func (c *Cable) URL() string { return "nats://" + c.l.Addr().String() }
