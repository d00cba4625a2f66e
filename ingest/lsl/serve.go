package lsl

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"
)

const (
	// requestTime is how long a connection may take to say what it wants, answerTime how long an answer other than samples may
	// take to be read.
	requestTime = 2 * time.Second
	answerTime  = 10 * time.Second
	// maxConns is how many connections an outlet has at a time, maxShare how many of them one address has.
	maxConns = 256
	maxShare = maxConns / 4
)

// accept serves connections until the outlet is closed.
func (o *Outlet) accept(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // too many open files, or a connection that was gone at once
			time.Sleep(10 * time.Millisecond)
			continue
		}
		o.mu.Lock()
		if o.closed || !o.room(conn) {
			o.refused++
			o.mu.Unlock()
			_ = conn.Close() // it got nothing that could be lost
			continue
		}
		o.conns[conn] = time.Now()
		o.wg.Go(func() {
			ok := o.serve(conn)
			_ = conn.Close() // the other side may have done so before
			o.mu.Lock()
			defer o.mu.Unlock()
			delete(o.conns, conn)
			if !ok {
				o.refused++
			}
		})
		o.mu.Unlock()
	}
}

// room says whether conn may come in; called with o.mu held. Where its address has its share, or all places are taken, the
// oldest connection (of that address, or of any) that has not said what it wants makes room.
func (o *Outlet) room(conn net.Conn) bool {
	of := addrOf(conn)
	var share int
	var oldest, own net.Conn
	for c, idle := range o.conns {
		same := addrOf(c) == of
		if same {
			share++
		}
		if idle.IsZero() {
			continue
		}
		if oldest == nil || idle.Before(o.conns[oldest]) {
			oldest = c
		}
		if same && (own == nil || idle.Before(o.conns[own])) {
			own = c
		}
	}
	drop := oldest
	switch {
	case share >= maxShare:
		drop = own
	case len(o.conns) < maxConns:
		return true
	}
	if drop == nil {
		return false
	}
	delete(o.conns, drop)
	_ = drop.Close() // serve ends, and counts it as refused
	return true
}

func addrOf(conn net.Conn) netip.Addr {
	if a, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr()
	}
	return netip.Addr{}
}

// asked notes that a connection has said what it wants.
func (o *Outlet) asked(conn net.Conn) error {
	o.mu.Lock()
	if _, ok := o.conns[conn]; ok {
		o.conns[conn] = time.Time{}
	}
	o.mu.Unlock()
	return conn.SetDeadline(time.Now().Add(answerTime))
}

// serve answers one request. ok is false where it asks for what is not here.
func (o *Outlet) serve(conn net.Conn) (ok bool) {
	if err := conn.SetDeadline(time.Now().Add(requestTime)); err != nil {
		return false
	}
	r := bufio.NewReaderSize(conn, 4<<10)
	method, err := readLine(r)
	if err != nil {
		return false
	}
	feed, isFeed := strings.CutPrefix(method, "LSL:streamfeed/")
	switch {
	case method == "LSL:fullinfo":
		if err = o.asked(conn); err == nil {
			_, err = conn.Write(o.full)
		}
	case method == "LSL:shortinfo":
		var query string
		if query, err = readLine(r); err != nil {
			break
		}
		var yes bool
		if yes, err = o.host.ask(o.doc, query, addrOf(conn)); yes {
			if err = o.asked(conn); err == nil {
				_, err = conn.Write(o.short)
			}
		}
	case isFeed:
		var h headers
		if h, err = readHeaders(r); err != nil {
			break
		}
		var q feedRequest
		if q, err = parseFeed(feed, h); err != nil {
			break
		}
		if err = o.asked(conn); err != nil {
			break
		}
		if status := o.refusal(q); status != "" {
			_, _ = conn.Write([]byte(status)) // without a line's end, as liblsl does; whoever is gone needs no answer
			return false
		}
		o.feed(conn, q)
	default: // also LSL:streamfeed, protocol 1.00
		return false
	}
	return err == nil
}

// refusal is the status for a request that cannot be served, "" for one that can.
func (o *Outlet) refusal(q feedRequest) string {
	const version = "LSL/110 505 Version not supported"
	switch {
	case q.version/100 > protocolVersion/100:
		return version
	case q.uid != "" && q.uid != o.info.UID:
		return "LSL/110 404 Not found"
	case q.protocol < protocolVersion, // the data would have to be those of 1.00
		o.info.Format != String && q.size != 0 && q.size != o.info.Format.Size(),
		(o.info.Format == Float32 || o.info.Format == Float64) && !q.ieee:
		return version
	}
	return ""
}

// reader is one that reads the samples of an outlet.
type reader struct {
	cursor cursor
	addr   string
	since  time.Time
	start  int64 // the first sample that was meant for it
	left   bool
}

func (r *reader) stats(head int64) ReaderStats {
	return ReaderStats{
		Addr: r.addr, Since: r.since, Sent: uint64(r.cursor.next-r.start) - r.cursor.dropped,
		Dropped: r.cursor.dropped, Waiting: head - r.cursor.next,
	}
}

// feed sends samples until the reader leaves or the outlet is closed.
func (o *Outlet) feed(conn net.Conn, q feedRequest) {
	to := littleEndian
	if q.order == bigEndian && o.info.Format.Size() != 1 && endianPerformance > q.swaps {
		to = bigEndian
	}
	r := &reader{addr: conn.RemoteAddr().String(), since: time.Now(), cursor: cursor{limit: o.limit, unknown: true}}
	if q.buffer > 0 {
		r.cursor.limit = min(r.cursor.limit, int64(q.buffer))
	}
	head := fmt.Appendf(nil, "LSL/%d 200 OK\r\nUID: %s\r\nByte-Order: %d\r\nSuppress-Subnormals: 0\r\nData-Protocol-Version: %d\r\n\r\n",
		protocolVersion, o.info.UID, to, protocolVersion)
	first := patterns(o.info.Format, o.info.Channels)
	if to == bigEndian {
		first, _ = o.shape.swap(nil, first) // they are whole
	}
	if q.buffer == 0 { // only wants to know whether it could
		_, _ = conn.Write(append(head, first...))
		return
	}
	o.mu.Lock()
	r.cursor.next, r.start = o.ring.head, o.ring.head
	o.readers[r] = struct{}{}
	o.more.Broadcast()
	o.mu.Unlock()
	defer o.leave(r)

	if _, err := conn.Write(append(head, first...)); err != nil {
		return
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return
	}
	o.wg.Go(func() { // nothing more comes from a reader: what ends Read is its leaving
		var b [256]byte
		for {
			if _, err := conn.Read(b[:]); err != nil {
				break
			}
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		r.left = true
		_ = conn.Close() // ends a write that waits
		o.more.Broadcast()
	})
	o.write(conn, r, to)
}

// write is the loop of feed.
func (o *Outlet) write(conn net.Conn, r *reader, to order) {
	store := make(net.Buffers, 0, 16)
	var parts net.Buffers
	var whole, swapped []byte
	for {
		o.mu.Lock()
		for r.cursor.next == o.ring.head && !r.left && !o.closed {
			o.more.Wait()
		}
		if r.left || o.closed {
			o.mu.Unlock()
			return
		}
		parts = o.ring.take(&r.cursor, store[:0])
		o.mu.Unlock()

		store = parts // may have grown
		var err error
		if to == bigEndian {
			whole = whole[:0]
			for _, p := range parts { // a stamp of the cursor's own is the beginning of the sample that follows
				whole = append(whole, p...)
			}
			if swapped, err = o.shape.swap(swapped[:0], whole); err == nil {
				_, err = conn.Write(swapped)
			}
		} else {
			_, err = parts.WriteTo(conn)
		}

		o.mu.Lock()
		o.ring.release(&r.cursor)
		if r.cursor.next == o.ring.head {
			o.more.Broadcast() // for Flush
		}
		o.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// leave forgets a reader.
func (o *Outlet) leave(r *reader) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ring.release(&r.cursor)
	s := r.stats(o.ring.head)
	o.gone.Sent += s.Sent
	o.gone.Dropped += s.Dropped
	delete(o.readers, r)
	o.trim()
	o.more.Broadcast()
}
