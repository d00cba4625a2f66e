package doctor

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/ipv4"
)

// machine is the network of this machine.
type machine struct{}

func (machine) Interfaces() ([]Interface, error) {
	list, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var out []Interface
	for _, i := range list {
		if i.Flags&net.FlagUp == 0 {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			return nil, err
		}
		f := Interface{Name: i.Name, Multicast: i.Flags&net.FlagMulticast != 0, Loopback: i.Flags&net.FlagLoopback != 0, Broadcast: i.Flags&net.FlagBroadcast != 0}
		for _, a := range addrs {
			if ip := addrOf(a); ip.IsValid() && !f.Addr.IsValid() {
				f.Addr = ip
			}
		}
		out = append(out, f)
	}
	return out, nil
}

// The echo is sent a few times: a datagram may be lost.
const (
	echoTries = 3
	echoWait  = 300 * time.Millisecond
)

// Echo sends what outlets of LSL do not take for a query of theirs.
func (machine) Echo(_ context.Context, i Interface, group netip.AddrPort) error {
	ifi, err := net.InterfaceByName(i.Name)
	if err != nil {
		return err
	}
	in, err := net.ListenMulticastUDP("udp4", ifi, net.UDPAddrFromAddrPort(group)) // shares the port with outlets
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	if err := ipv4.NewPacketConn(in).SetMulticastLoopback(true); err != nil { // Windows asks the listener
		return err
	}
	out, err := net.ListenUDP("udp4", &net.UDPAddr{IP: i.Addr.AsSlice()})
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }()
	p := ipv4.NewPacketConn(out)
	if err := p.SetMulticastInterface(ifi); err != nil {
		return err
	}
	if err := p.SetMulticastLoopback(true); err != nil {
		return err
	}
	if err := p.SetMulticastTTL(1); err != nil { // for ourselves only
		return err
	}
	mark := []byte("gyrus:doctor " + rand.Text() + "\r\n")
	buf := make([]byte, 1500)
	for range echoTries {
		if _, err := out.WriteTo(mark, net.UDPAddrFromAddrPort(group)); err != nil {
			return err
		}
		if err := in.SetReadDeadline(time.Now().Add(echoWait)); err != nil {
			return err
		}
		for {
			n, _, err := in.ReadFrom(buf)
			if err != nil {
				break // not in time
			}
			if bytes.Equal(buf[:n], mark) {
				return nil
			}
		}
	}
	return fmt.Errorf("%w within %s, %d times", errSilent, echoWait, echoTries)
}

func (machine) Free(network, address string) error {
	if strings.HasPrefix(network, "udp") {
		c, err := net.ListenPacket(network, address)
		if err != nil {
			return err
		}
		return c.Close()
	}
	l, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	return l.Close()
}

func dial(ctx context.Context, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: time.Second}
	return d.DialContext(ctx, "tcp", address)
}

func (machine) Reach(ctx context.Context, address string) error {
	c, err := dial(ctx, address)
	if err != nil {
		return err
	}
	return c.Close()
}

func (machine) Greeting(ctx context.Context, address string) (string, error) {
	c, err := dial(ctx, address)
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close() }()
	if err := c.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		return "", err
	}
	return bufio.NewReaderSize(c, 64<<10).ReadString('\n')
}
