package lsl

import (
	"net"
	"net/netip"
	"syscall"
)

// shared lets other programs bind the same port.
func shared(_, _ string, c syscall.RawConn) error {
	return control(c, func(fd uintptr) error {
		return syscall.SetsockoptInt(syscall.Handle(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	})
}

// join lets conn receive what is sent to a group on an interface.
func join(conn *net.UDPConn, group netip.Addr, on iface) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	return control(raw, func(fd uintptr) error {
		if familyOf(group) == v6 {
			return syscall.SetsockoptIPv6Mreq(syscall.Handle(fd), syscall.IPPROTO_IPV6, syscall.IPV6_JOIN_GROUP, &syscall.IPv6Mreq{Multiaddr: group.As16(), Interface: uint32(on.index)})
		}
		return syscall.SetsockoptIPMreq(syscall.Handle(fd), syscall.IPPROTO_IP, syscall.IP_ADD_MEMBERSHIP, &syscall.IPMreq{Multiaddr: group.As4(), Interface: on.addr.As4()})
	})
}

// through makes conn send what goes to groups over an interface, at most ttl routers far.
func through(conn *net.UDPConn, on iface, ttl int) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	return control(raw, func(fd uintptr) error {
		if familyOf(on.addr) == v6 {
			if err := syscall.SetsockoptInt(syscall.Handle(fd), syscall.IPPROTO_IPV6, syscall.IPV6_MULTICAST_IF, on.index); err != nil {
				return err
			}
			return syscall.SetsockoptInt(syscall.Handle(fd), syscall.IPPROTO_IPV6, syscall.IPV6_MULTICAST_HOPS, ttl)
		}
		if err := syscall.SetsockoptInet4Addr(syscall.Handle(fd), syscall.IPPROTO_IP, syscall.IP_MULTICAST_IF, on.addr.As4()); err != nil {
			return err
		}
		return syscall.SetsockoptInt(syscall.Handle(fd), syscall.IPPROTO_IP, syscall.IP_MULTICAST_TTL, ttl)
	})
}
