package lsl

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Limits of a header from the network.
const (
	maxLine   = 16 << 10
	maxHeader = 64 // lines
)

// endianPerformance is how fast byte orders are swapped here, in liblsl's measure: swaps within 10 ms. The side that is
// faster does it.
const endianPerformance = 1e7

// headers are the lines below a request or an answer, names in lower case.
type headers map[string]string

// readLine is the next line without its end. Lines end in LF or CR LF.
func readLine(r *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxLine {
			return "", fmt.Errorf("a line is longer than %d bytes", maxLine)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			return string(line), err
		}
		return string(bytes.TrimRight(line, "\r\n")), nil
	}
}

// readHeaders reads to the blank line. Names and values are without blanks around them, names in lower case; what stands
// behind a semicolon is a comment.
func readHeaders(r *bufio.Reader) (headers, error) {
	h := headers{}
	for range maxHeader {
		line, err := readLine(r)
		if err != nil {
			return nil, err
		}
		if line == "" {
			return h, nil
		}
		line, _, _ = strings.Cut(line, ";")
		if name, value, ok := strings.Cut(line, ":"); ok {
			h[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
		}
	}
	return nil, fmt.Errorf("more than %d header lines", maxHeader)
}

// whole is the header called name as a whole number, or def where it is not there.
func (h headers) whole(name string, def, least, most int) (int, error) {
	s, ok := h[name]
	if !ok {
		return def, nil
	}
	v, err := strconv.Atoi(s)
	if err != nil || v < least || v > most {
		return 0, fmt.Errorf("header %s is %.40q, must be a whole number from %d to %d", name, s, least, most)
	}
	return v, nil
}

// feedRequest asks an outlet for its samples.
type feedRequest struct {
	version  int    // 110
	uid      string // of the outlet that is meant; "" takes any
	order    order
	swaps    float64 // Endian-Performance
	ieee     bool
	size     int // bytes of a value; 0 where it was not said
	protocol int // Protocol-Version: the newest of the data that the inlet reads
	buffer   int // samples that may wait; 0 asks for the header alone
}

// parseFeed reads what stands behind "LSL:streamfeed/" and the headers.
func parseFeed(line string, h headers) (feedRequest, error) {
	var q feedRequest
	version, uid, _ := strings.Cut(strings.TrimSpace(line), " ")
	var err error
	if q.version, err = strconv.Atoi(version); err != nil || q.version < 0 || q.version > 99999 {
		return q, fmt.Errorf("the version of the protocol is %.40q, must be like 110", version)
	}
	q.uid = strings.TrimSpace(uid)
	o, err := h.whole("native-byte-order", int(littleEndian), 0, 9999)
	if err != nil {
		return q, err
	}
	q.order = order(o)
	if s, ok := h["endian-performance"]; ok {
		if q.swaps, err = strconv.ParseFloat(s, 64); err != nil {
			return q, fmt.Errorf("header endian-performance is %.40q, must be a number", s)
		}
	}
	q.ieee = h["has-ieee754-floats"] != "0"
	const much = 1 << 31
	if q.size, err = h.whole("value-size", 0, 0, much); err != nil {
		return q, err
	}
	if q.protocol, err = h.whole("protocol-version", protocolVersion, 0, 99999); err != nil {
		return q, err
	}
	q.buffer, err = h.whole("max-buffer-length", -1, -1, much)
	return q, err
}

// appendFeed writes the request for a stream, as liblsl does.
func appendFeed(b []byte, i *StreamInfo, buffer int) []byte {
	subnormals, size := 0, i.Format.Size()
	switch i.Format {
	case Float32, Float64:
		subnormals = 1
	case String:
		size = 32 // sizeof(std::string), which nobody looks at
	}
	return fmt.Appendf(b, "LSL:streamfeed/%d %s\r\nNative-Byte-Order: %d\r\nEndian-Performance: %g\r\nHas-IEEE754-Floats: 1\r\n"+
		"Supports-Subnormals: %d\r\nValue-Size: %d\r\nData-Protocol-Version: %d\r\nMax-Buffer-Length: %d\r\nMax-Chunk-Length: 0\r\n"+
		"Hostname: %s\r\nSource-Id: %s\r\nSession-Id: %s\r\n\r\n",
		protocolVersion, i.UID, littleEndian, float64(endianPerformance), subnormals, size, protocolVersion, buffer,
		oneLine(i.Hostname), oneLine(i.SourceID), oneLine(i.SessionID))
}

// oneLine keeps a value from being taken for more than one header.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == ';' {
			return '_'
		}
		return r
	}, s)
}

// feedAnswer is the head of an outlet's answer.
type feedAnswer struct {
	status int
	reason string
	uid    string
	order  order // of what follows
}

// readAnswer reads the head. An answer that refuses may end without a line's end.
func readAnswer(r *bufio.Reader) (feedAnswer, error) {
	var a feedAnswer
	line, err := readLine(r)
	if err != nil && (line == "" || !errors.Is(err, io.EOF)) {
		return a, fmt.Errorf("the answer to the request for samples: %w", err)
	}
	version, rest, _ := strings.Cut(line, " ")
	code, reason, _ := strings.Cut(rest, " ")
	if !strings.HasPrefix(version, "LSL/") {
		return a, fmt.Errorf("the answer to the request for samples begins with %.40q, must begin with LSL/", line)
	}
	if a.status, err = strconv.Atoi(code); err != nil {
		return a, fmt.Errorf("the answer to the request for samples is %.60q, must have a number for its status", line)
	}
	a.reason = reason
	if a.status != 200 {
		return a, nil
	}
	h, err := readHeaders(r)
	if err != nil {
		return a, fmt.Errorf("the headers of the answer: %w", err)
	}
	a.uid = h["uid"]
	o, err := h.whole("byte-order", int(littleEndian), 0, 9999)
	if err != nil {
		return a, err
	}
	switch a.order = order(o); a.order {
	case littleEndian, bigEndian:
	case 0: // "native", of liblsl 1.13: the machines that it ran on
		a.order = littleEndian
	default:
		return a, fmt.Errorf("the byte order of the samples is %d, must be %d or %d", o, littleEndian, bigEndian)
	}
	v, err := h.whole("data-protocol-version", protocolVersion, 0, 99999)
	if err == nil && v != protocolVersion {
		err = fmt.Errorf("the samples would come by protocol %d, only %d is understood: update liblsl on the sender", v, protocolVersion)
	}
	return a, err
}
