//go:build unix

package lsl

import (
	"net"
	"net/netip"
	"syscall"
)

// shared lets other programs bind the same port.
func shared(_, _ string, c syscall.RawConn) error {
	return control(c, func(fd uintptr) error {
		return syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	})
}

// join lets conn receive what is sent to a group on the interface that has an address.
func join(conn *net.UDPConn, group, on netip.Addr) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	return control(raw, func(fd uintptr) error {
		return syscall.SetsockoptIPMreq(int(fd), syscall.IPPROTO_IP, syscall.IP_ADD_MEMBERSHIP, &syscall.IPMreq{Multiaddr: group.As4(), Interface: on.As4()})
	})
}

// through makes conn send what goes to groups over the interface that has an address, at most ttl routers far.
func through(conn *net.UDPConn, on netip.Addr, ttl int) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	return control(raw, func(fd uintptr) error {
		if err := syscall.SetsockoptInet4Addr(int(fd), syscall.IPPROTO_IP, syscall.IP_MULTICAST_IF, on.As4()); err != nil {
			return err
		}
		return syscall.SetsockoptByte(int(fd), syscall.IPPROTO_IP, syscall.IP_MULTICAST_TTL, byte(ttl))
	})
}
