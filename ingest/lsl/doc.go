// Package lsl speaks the wire protocol of the lab streaming layer, version 1.10, in pure Go: outlets that LabRecorder,
// pylsl and every other program on liblsl can read, and inlets that read theirs.
//
// A stream is found by UDP (Resolve), described by XML (StreamInfo), and read over one TCP connection for each reader
// (Receiver, and Inlet on top of it, which is a signal.LiveSource). Its samples are, one behind the other and without any
// frame around them,
//
//	0x01 value value …              stamp is that of the sample before plus 1/rate
//	0x02 stamp(float64) value …     stamp on the sender's monotonic clock, in seconds
//
// in the byte order that both sides agreed on. A string is the number of bytes of its length (1, 2, 4 or 8), the length,
// and the bytes. Two samples of a known pattern come first, so that each reader can check that it understands.
//
// The wire is liblsl's; what happens on it is not in all ways:
//
//   - The first sample to each reader, and the first behind every drop, has a stamp. (liblsl's readers otherwise stamp what
//     follows by what came before the drop.)
//   - What a slow reader loses is counted for each (Outlet.Stats). Samples are encoded once for all readers.
//   - One UDP socket answers for all outlets of a process, and hands what reached only one socket of the machine on to
//     the others (see Config), so that all are found where there is no multicast, such as in a container.
//   - Outlets listen on the loopback interface unless told otherwise: the protocol knows no passwords and no encryption,
//     and what flows is about a person's brain. Config.Listen, or ListenAddress in the file that LSLAPICFG names, opens them.
//   - UDP answers go to the address that asked, to no port below 1024, and are limited in number.
//
// Left out are protocol 1.00 (liblsl before 1.10) and compression, which nobody has. IPv6 is off unless Config.IPv6 turns it on.
//
// The protocol was read in liblsl 1.17.7 (https://github.com/sccn/liblsl) and is checked against the real library in both
// directions by make interop.
package lsl
