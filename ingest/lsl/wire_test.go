package lsl

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Captured from liblsl 1.17.7 with plain sockets: both test patterns for 3 channels, little-endian.
var goldenPatterns = map[Format]string{
	Float32: "02c976be9f0c24fe40000080400000a0c00000c04002c976be9f0c24fe4000000040000040c000008040",
	Float64: "02c976be9f0c24fe40000000500000704100000060000070c1000000700000704102c976be9f0c24fe40000000300000704100000040000070c10000005000007041",
	String:  "02c976be9f0c24fe400102313001032d31310102313202c976be9f0c24fe400102313001032d313101023132",
	Int32:   "02c976be9f0c24fe4005000100fafffeff0700010002c976be9f0c24fe4003000100fcfffeff05000100",
	Int16:   "02c976be9f0c24fe400501fafe070102c976be9f0c24fe400301fcfe0501",
	Int8:    "02c976be9f0c24fe4005fa0702c976be9f0c24fe4003fc05",
	Int64:   "02c976be9f0c24fe400500008000000000faffff7fffffffff070000800000000002c976be9f0c24fe400300008000000000fcffff7fffffffff0500008000000000",
}

const (
	goldenBigFloat32 = "0240fe240c9fbe76c940800000c0a0000040c000000240fe240c9fbe76c940000000c040000040800000"
	// push_sample([1,-2,3], 1000.5), push_chunk([[4,5,6],[7,8,9]], 2000.0) at 100 Hz
	goldenPush = "020000000000448f400000803f000000c000004040" + "02295c8fc2f53f9f40000080400000a0400000c040" + "010000e0400000004100001041"
)

func TestPatterns(t *testing.T) {
	for f, want := range goldenPatterns {
		if got := hex.EncodeToString(patterns(f, 3)); got != want {
			t.Errorf("%s:\n%s, want\n%s", f, got, want)
		}
	}
	big, err := shape{Float32, 3, littleEndian}.swap(nil, patterns(Float32, 3))
	if got := hex.EncodeToString(big); err != nil || got != goldenBigFloat32 {
		t.Errorf("float32 big-endian: %v\n%s, want\n%s", err, got, goldenBigFloat32)
	}
	for f := range goldenPatterns { // the other order of every format, by the definition: each number alone is reversed
		p := patterns(f, 3)
		big, err := shape{f, 3, littleEndian}.swap(nil, p)
		if err != nil {
			t.Fatal(err)
		}
		back, err := shape{f, 3, bigEndian}.swap(nil, big)
		if err != nil || !bytes.Equal(back, p) {
			t.Errorf("%s: %x comes back from the other order as %x (%v)", f, p, back, err)
		}
		if size := f.Size(); size > 1 {
			for at := 0; at < len(p); at += 9 + 3*size {
				for k := range 3 {
					a, b := p[at+9+k*size:][:size], big[at+9+k*size:][:size]
					for i := range a {
						if a[i] != b[size-1-i] {
							t.Fatalf("%s: %x in the other order is %x", f, a, b)
						}
					}
				}
			}
		}
	}
	// int8 has more channels than values: taken modulo 127 before the sign
	p := patterns(Int8, 130)
	if got := []int8{int8(p[9+121]), int8(p[9+122]), int8(p[9+129])}; got[0] != -126 || got[1] != 0 || got[2] != -7 {
		t.Errorf("int8, channels 121, 122 and 129: %v, want -126 (4+121+1), 0 (127 mod 127), -7", got)
	}
}

func TestLongStrings(t *testing.T) {
	for _, n := range []int{0, 1, 255, 256, 70000} {
		s := strings.Repeat("ä", n)[:n]
		b := appendText(nil, s)
		from, end, err := shape{String, 1, littleEndian}.text(b, 0)
		if err != nil || string(b[from:end]) != s || end != len(b) {
			t.Errorf("%d bytes: %d to %d of %d, %v", n, from, end, len(b), err)
		}
		if want := map[bool]byte{true: 1, false: 4}[n <= 255]; b[0] != want {
			t.Errorf("%d bytes: the length has %d bytes, want %d", n, b[0], want)
		}
	}
	// lengths of 2 and 8 bytes are read too
	for _, b := range [][]byte{append([]byte{2, 3, 0}, "abc"...), append([]byte{8, 3, 0, 0, 0, 0, 0, 0, 0}, "abc"...)} {
		from, end, err := shape{String, 1, littleEndian}.text(b, 0)
		if err != nil || string(b[from:end]) != "abc" {
			t.Errorf("%x: %v", b, err)
		}
	}
	for _, b := range [][]byte{{3, 1, 1, 1}, {8, 255, 255, 255, 255, 255, 255, 255, 255}, {4, 255, 255, 255, 255}} {
		if _, _, err := (shape{String, 1, littleEndian}).text(b, 0); err == nil || err == errShort { //nolint:errorlint // it is the very one
			t.Errorf("%x: %v, want a refusal", b, err)
		}
	}
}

// TestNumbers: values from Python's '%#.16g', which is C's.
func TestNumbers(t *testing.T) {
	for v, want := range map[float64]string{
		100: "100.0000000000000", 1.1: "1.100000000000000", 2462.007054763: "2462.007054763000", 0: "0.000000000000000", 1e-05: "1.000000000000000e-05",
		1e-4: "0.0001000000000000000", 1e15: "1000000000000000.", 1e16: "1.000000000000000e+16", 1e17: "1.000000000000000e+17", 0.1: "0.1000000000000000",
		123456.789: "123456.7890000000", 1.0 / 3: "0.3333333333333333", -2.5: "-2.500000000000000", 512: "512.0000000000000", 249.98: "249.9800000000000",
		5e-324: "4.940656458412465e-324", math.MaxFloat64: "1.797693134862316e+308",
	} {
		if got := number(v); got != want {
			t.Errorf("%g is written %s, want %s", v, got, want)
		}
	}
}

// TestShortInfo: a reply of liblsl 1.17.7, byte for byte.
func TestShortInfo(t *testing.T) {
	const want = `<?xml version="1.0"?>
<info>
	<name>Gold_float32</name>
	<type>EEG</type>
	<channel_count>3</channel_count>
	<channel_format>float32</channel_format>
	<source_id>gold-float32</source_id>
	<nominal_srate>100.0000000000000</nominal_srate>
	<version>1.100000000000000</version>
	<created_at>2462.007054763000</created_at>
	<uid>f1b13e1d-73c7-4028-a57d-ea716e59b64a</uid>
	<session_id>default</session_id>
	<hostname>vm</hostname>
	<v4address></v4address>
	<v4data_port>16572</v4data_port>
	<v4service_port>16572</v4service_port>
	<v6address></v6address>
	<v6data_port>0</v6data_port>
	<v6service_port>0</v6service_port>
	<desc />
</info>
`
	i := StreamInfo{
		Name: "Gold_float32", Type: "EEG", Channels: 3, Rate: 100, Format: Float32, SourceID: "gold-float32", UID: "f1b13e1d-73c7-4028-a57d-ea716e59b64a",
		SessionID: "default", Hostname: "vm", CreatedAt: 2462.007054763, Version: 110, DataPort: 16572, TimePort: 16572, Desc: &Element{Name: "desc", Children: []*Element{{Name: "cap", Text: "x"}}},
	}
	if got := string(i.document(false)); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	back, err := parseInfo([]byte(want))
	if err != nil {
		t.Fatal(err)
	}
	back.Desc = i.Desc
	if *back != i {
		t.Errorf("%+v comes back as %+v", i, *back)
	}
	if full := string(i.document(true)); !strings.Contains(full, "\t<desc>\n\t\t<cap>x</cap>\n\t</desc>\n") {
		t.Errorf("the full description is %s", full)
	}
}

func TestInfoRefusals(t *testing.T) {
	i := eeg(2)
	i.UID, i.Version = "u", 110
	good := string(i.document(true))
	if _, err := parseInfo([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{
		{"<name>amp</name>", "<name></name>"},
		{"<name>amp</name>", ""},
		{"<channel_count>2<", "<channel_count>-2<"},
		{"<channel_count>2<", "<channel_count>0<"},
		{"<channel_count>2<", "<channel_count>99999999<"},
		{"<channel_count>2<", "<channel_count><"},
		{"float32", "float128"},
		{">250.0000000000000<", ">-1<"},
		{">250.0000000000000<", ">NaN<"},
		{">250.0000000000000<", ">x<"},
		{"<uid>u<", "<uid><"},
		{"<v4data_port>0<", "<v4data_port>65536<"},
		{"<v4data_port>0<", "<v4data_port><"},
		{"1.100000000000000", "0.000000000000000"},
		{"</info>", ""},
		{"</info>", "</info><info>"},
		{"<info>", "<info><x>"},
		{"<info>", "<infos>"},
		{"<desc>", "<desc>" + strings.Repeat("<a>", 100)},
		{"<name>amp", "<name>&bomb;"},
	} {
		bad := strings.Replace(good, c[0], c[1], 1)
		if bad == good {
			t.Fatalf("%q is not in %s", c[0], good)
		}
		if got, err := parseInfo([]byte(bad)); err == nil {
			t.Errorf("%q in place of %q: %+v, want an error", c[1], c[0], got)
		}
	}
	latin := strings.Replace(good, "<name>amp<", "<name>Br\xfccke<", 1)
	if got, err := parseInfo([]byte(latin)); err != nil || got.Name != "Brücke" {
		t.Errorf("Latin-1: %+v, %v", got, err)
	}
}

func TestEscapes(t *testing.T) {
	for _, s := range []string{`a<b>&"c'`, "  blanks  ", "tab\tnewline\n", "µV €", "]]>", "cr\rlf"} {
		i := eeg(1)
		i.Name, i.UID, i.Version = s, "u", 110
		i.Desc.Add("note", s)
		got, err := parseInfo(i.document(true))
		if err != nil || got.Name != s || got.Desc.Child("note").Text != s {
			t.Errorf("%q comes back as %+v (%v)", s, got, err)
		}
	}
	i := eeg(1)
	i.Name, i.UID, i.Version = "bell\a", "u", 110
	if got, err := parseInfo(i.document(true)); err != nil || got.Name != "bell\ufffd" {
		t.Errorf("a control character: %+v, %v", got, err)
	}
}

// raw is a connection to an outlet without any of our own code.
func raw(t testing.TB, o *Outlet, request string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", o.Info().DataPort))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte(request)); err != nil {
		t.Fatal(err)
	}
	return c
}

func readN(t testing.TB, c net.Conn, n int) string {
	t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(c, b); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func ask110(uid, order, swaps string) string {
	return "LSL:streamfeed/110 " + uid + "\r\nNative-Byte-Order: " + order + "\r\nEndian-Performance: " + swaps +
		"\r\nHas-IEEE754-Floats: 1\r\nSupports-Subnormals: 1\r\nValue-Size: 4\r\nData-Protocol-Version: 110\r\nMax-Buffer-Length: 90000\r\nMax-Chunk-Length: 0\r\nHostname: h ; a comment\r\n\r\n"
}

// TestFeedBytes: what an outlet sends, byte for byte, in both byte orders.
func TestFeedBytes(t *testing.T) {
	i := eeg(3)
	i.Rate = 100
	o := outlet(t, i, OutletOptions{})
	uid := o.Info().UID
	head := func(order int) string {
		return fmt.Sprintf("LSL/110 200 OK\r\nUID: %s\r\nByte-Order: %d\r\nSuppress-Subnormals: 0\r\nData-Protocol-Version: 110\r\n\r\n", uid, order)
	}
	bigPush := func() string {
		b, err := hex.DecodeString(goldenPush)
		if err != nil {
			t.Fatal(err)
		}
		big, err := shape{Float32, 3, littleEndian}.swap(nil, b)
		if err != nil {
			t.Fatal(err)
		}
		return hex.EncodeToString(big)
	}
	cases := []struct {
		what, request, head, patterns, push string
		c                                   net.Conn
	}{
		{what: "little-endian", request: ask110(uid, "1234", "2.68109e+06"), head: head(1234), patterns: goldenPatterns[Float32], push: goldenPush},
		{what: "any uid", request: ask110("", "1234", "2.68109e+06"), head: head(1234), patterns: goldenPatterns[Float32], push: goldenPush},
		{what: "big-endian, slow", request: ask110(uid, "4321", "1e5"), head: head(4321), patterns: goldenBigFloat32, push: bigPush()},
		{what: "big-endian, fast: swaps itself", request: ask110(uid, "4321", "1e9"), head: head(1234), patterns: goldenPatterns[Float32], push: goldenPush},
		{what: "no header at all", request: "LSL:streamfeed/110 " + uid + "\r\n\r\n", head: head(1234), patterns: goldenPatterns[Float32], push: goldenPush},
	}
	for k := range cases {
		cases[k].c = raw(t, o, cases[k].request)
	}
	if err := o.WaitReaders(within(t, 5*time.Second), len(cases)); err != nil {
		t.Fatal(err)
	}
	if err := Push(o, []float32{1, -2, 3}, 1000.5); err != nil {
		t.Fatal(err)
	}
	if err := PushChunk(o, []float32{4, 5, 6, 7, 8, 9}, 2000); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		if got := readN(t, c.c, len(c.head)); got != c.head {
			t.Errorf("%s: head %q, want %q", c.what, got, c.head)
		}
		if got := hex.EncodeToString([]byte(readN(t, c.c, len(c.patterns)/2))); got != c.patterns {
			t.Errorf("%s: patterns %s, want %s", c.what, got, c.patterns)
		}
		if got := hex.EncodeToString([]byte(readN(t, c.c, len(c.push)/2))); got != c.push {
			t.Errorf("%s: samples\n%s, want\n%s", c.what, got, c.push)
		}
	}
}

func TestRequests(t *testing.T) {
	o := outlet(t, eeg(3), OutletOptions{})
	uid := o.Info().UID
	const version = "LSL/110 505 Version not supported"
	for _, c := range []struct{ what, request, want string }{
		{"full description", "LSL:fullinfo\r\n", string(o.full)},
		{"description that matches", "LSL:shortinfo\r\nname='amp'\r\n", string(o.short)},
		{"description that does not", "LSL:shortinfo\r\nname='pma'\r\n", ""},
		{"predicate that is none", "LSL:shortinfo\r\n((\r\n", ""},
		{"stale uid", ask110("00000000-0000-0000-0000-000000000000", "1234", "1"), "LSL/110 404 Not found"},
		{"version 2", strings.Replace(ask110(uid, "1234", "1"), "/110", "/200", 1), version},
		{"values of another size", strings.Replace(ask110(uid, "1234", "1"), "Value-Size: 4", "Value-Size: 8", 1), version},
		{"no IEEE 754", strings.Replace(ask110(uid, "1234", "1"), "Floats: 1", "Floats: 0", 1), version},
		{"data of protocol 1.00", strings.Replace(ask110(uid, "1234", "1"), "\r\n\r\n", "\r\nProtocol-Version: 100\r\n\r\n", 1), version},
		{"protocol 1.00", "LSL:streamfeed\r\n360 0\r\n", ""},
		{"nonsense", "GET / HTTP/1.1\r\n\r\n", ""},
		{"a bad number", strings.Replace(ask110(uid, "1234", "1"), "90000", "many", 1), ""},
		{"too many headers", "LSL:streamfeed/110 " + uid + "\r\n" + strings.Repeat("a: b\r\n", 100), ""},
		{"a line without end", strings.Repeat("x", 1<<16), ""},
	} {
		got, err := io.ReadAll(raw(t, o, c.request))
		if err != nil && c.want != "" || string(got) != c.want {
			t.Errorf("%s: %q (%v), want %q", c.what, got, err, c.want)
		}
	}
	got, err := io.ReadAll(raw(t, o, strings.Replace(ask110(uid, "1234", "1"), "90000", "0", 1)))
	if err != nil || !strings.HasSuffix(string(got), string(patterns(Float32, 3))) {
		t.Errorf("a buffer of 0: %q (%v), want the head and the patterns, and the end", got, err)
	}
	if s := o.Stats(); s.Refused < 8 || len(s.Readers) != 0 {
		t.Errorf("stats: %+v", s)
	}
}

// TestLateReader: who comes in the middle of a chunk that is stamped once still gets a stamp with its first sample.
func TestLateReader(t *testing.T) {
	o := outlet(t, eeg(1), OutletOptions{})
	first, err := Connect(t.Context(), local(o), 1000)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = first.Close() }()
	if err := o.WaitReaders(within(t, time.Second), 1); err != nil {
		t.Fatal(err)
	}
	if err := PushChunk(o, []float32{0, 1, 2, 3}, 10+3.0/250); err != nil {
		t.Fatal(err)
	}
	// A reader in the middle is what a drop makes of it too: move one back by hand.
	c := cursor{next: 2, limit: 1000, unknown: true}
	o.mu.Lock()
	parts := o.ring.take(&c, nil)
	o.mu.Unlock()
	got := bytes.Join(parts, nil)
	want := appendValue(appendStamp(nil, 10+2.0/250), float32(2))
	want = appendValue(append(want, tagDeduced), float32(3))
	if !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
	o.mu.Lock()
	o.ring.release(&c)
	o.mu.Unlock()
}

// local is what Resolve would find of an outlet.
func local(o *Outlet) StreamInfo {
	i := o.Info()
	i.Addr = netip.MustParseAddr("127.0.0.1")
	return i
}

// TestSlowReader: a reader that does not read loses the oldest samples, which are counted; every stamp that it gets is that
// of its sample. One beside it that does read gets everything.
func TestSlowReader(t *testing.T) {
	i := eeg(64)
	o := outlet(t, i, OutletOptions{BufferS: 4}) // 1000 samples
	slow, err := Connect(t.Context(), local(o), 1000)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = slow.Close() }()
	quick, err := Connect(t.Context(), local(o), 100_000)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = quick.Close() }()
	if err := o.WaitReaders(within(t, time.Second), 2); err != nil {
		t.Fatal(err)
	}
	const n = 200_000
	check := func(r *Receiver) (got, last int, gaps int) {
		last = -1
		for last < n-1 {
			s, err := r.Read()
			if err != nil {
				t.Error(err)
				return got, last, gaps
			}
			x := AppendValues[float32](nil, s)
			for k := range s.Len() {
				v := int(x[k*64])
				if want := 100 + float64(v)/250; math.Abs(s.Stamps[k]-want) > 1e-6 {
					t.Errorf("sample %d has the stamp of %g", v, (s.Stamps[k]-100)*250)
					return got, last, gaps
				}
				if v != last+1 {
					gaps++
					if !s.Sent[k] {
						t.Errorf("sample %d, the first behind a drop, has no stamp", v)
					}
				}
				last = v
				got++
			}
		}
		return got, last, gaps
	}
	quickGot := make(chan int, 1)
	go func() {
		got, _, _ := check(quick)
		quickGot <- got
	}()
	x := make([]float32, 32*64)
	for at := 0; at < n; at += 32 {
		for k := range x {
			x[k] = float32(at + k/64)
		}
		if err := PushChunk(o, x, 100+float64(at+31)/250); err != nil {
			t.Fatal(err)
		}
	}
	got, _, gaps := check(slow)
	q := <-quickGot
	s := o.Stats()
	var drops, sent []uint64
	for _, r := range s.Readers {
		drops, sent = append(drops, r.Dropped), append(sent, r.Sent)
	}
	t.Logf("slow: %d of %d, %d gaps; quick: %d; dropped %v, sent %v", got, n, gaps, q, drops, sent)
	if gaps == 0 || drops[0] == 0 {
		t.Error("nothing was dropped: nothing was tested")
	}
	if uint64(got) != sent[0] || uint64(n-got) != drops[0] || uint64(n-q) != drops[1] {
		t.Errorf("slow got %d and quick %d of %d, the outlet counts %v dropped", got, q, n, drops)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ring.bytes > 2<<20 {
		t.Errorf("the ring still holds %d bytes", o.ring.bytes)
	}
}

// TestPushAllocatesNothing once it runs.
func TestPushAllocatesNothing(t *testing.T) {
	i := eeg(64)
	o := outlet(t, i, OutletOptions{})
	r, err := Connect(t.Context(), local(o), 10_000)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if _, err := r.Read(); err != nil {
				return
			}
		}
	}()
	if err := o.WaitReaders(within(t, time.Second), 1); err != nil {
		t.Fatal(err)
	}
	x := make([]float32, 64*32)
	y := make([][]float64, 64)
	for ch := range y {
		y[ch] = make([]float64, 32)
	}
	one := x[:64]
	push := func() {
		if PushChunk(o, x, 0) != nil || Push(o, one, 0) != nil || o.PushSignal(y, 0) != nil {
			t.Error("cannot push")
		}
		for o.Stats().Readers == nil || o.Flush(t.Context()) != nil {
			t.Error("cannot flush")
		}
	}
	for range 200 {
		push()
	}
	// Flush and Stats allocate; count the pushes alone.
	n := testing.AllocsPerRun(2000, func() {
		_ = PushChunk(o, x, 0)
		_ = Push(o, one, 0)
		_ = o.PushSignal(y, 0)
	})
	t.Logf("%g allocations for three pushes", n)
	if n > 0 {
		t.Errorf("%g allocations for three pushes, want none", n)
	}
	_ = r.Close()
	<-done
}

func TestPushRefusals(t *testing.T) {
	o := outlet(t, eeg(3), OutletOptions{})
	i := eeg(2)
	i.Name, i.Format = "whole", Int8
	whole := outlet(t, i, OutletOptions{})
	for what, err := range map[string]error{
		"too few values":      Push(o, []float32{1, 2}, 0),
		"another type":        Push(o, []float64{1, 2, 3}, 0),
		"half a sample":       PushChunk(o, []float32{1, 2, 3, 4}, 0),
		"stamps":              PushStamped(o, []float32{1, 2, 3}, []float64{1, 2}),
		"channels":            o.PushSignal([][]float64{{1}, {2}}, 0),
		"beyond int8":         whole.PushSignal([][]float64{{1}, {127.5}}, 0),
		"not a number":        whole.PushSignal([][]float64{{math.NaN()}, {1}}, 0),
		"strings for numbers": Push(o, []string{"a", "b", "c"}, 0),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if s := o.Stats(); s.Pushed != 0 {
		t.Errorf("%d samples were pushed all the same", s.Pushed)
	}
	for _, bad := range []StreamInfo{{}, {Name: "x"}, {Name: "x", Channels: 1}, {Name: "x", Channels: 1, Format: 9}, {Name: "x", Channels: 1, Format: 1, Rate: math.Inf(1)}, {Name: "x", Channels: 1 << 20, Format: 1}} {
		if _, err := NewOutlet(bad, OutletOptions{Config: loop(t)}); err == nil {
			t.Errorf("%+v: no error", bad)
		}
	}
}

// udp asks by hand.
func udp(t *testing.T, port uint16, question string) (answers []string, from []*net.UDPAddr) {
	t.Helper()
	back, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = back.Close() }()
	p := back.LocalAddr().(*net.UDPAddr).Port
	question = strings.ReplaceAll(question, "PORT", strconv.Itoa(p))
	if _, err := back.WriteToUDP([]byte(question), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(port)}); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1<<16)
	if err := back.SetReadDeadline(time.Now().Add(150 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	for {
		n, addr, err := back.ReadFromUDP(buf)
		if err != nil {
			return answers, from
		}
		answers, from = append(answers, string(buf[:n])), append(from, addr)
	}
}

func TestDatagrams(t *testing.T) {
	a := outlet(t, eeg(3), OutletOptions{})
	i := eeg(2)
	i.Name = "other"
	b := outlet(t, i, OutletOptions{})
	cfg := loop(t)
	if a.host != b.host || a.Info().TimePort != b.Info().TimePort || a.Info().DataPort == b.Info().DataPort {
		t.Error("two outlets of a process do not share the socket for questions")
	}
	for _, port := range []uint16{cfg.DiscoveryPort, a.Info().TimePort} {
		got, from := udp(t, port, "LSL:shortinfo\r\nname='amp'\r\nPORT 12345678901234567890\r\n")
		if len(got) != 1 || got[0] != "12345678901234567890\r\n"+string(a.short) || from[0].Port != int(port) {
			t.Errorf("port %d answers %q from %v", port, got, from)
		}
		if got, _ := udp(t, port, "LSL:shortinfo\r\n\r\nPORT 7\r\n"); len(got) != 2 {
			t.Errorf("port %d: an empty predicate gets %d answers, want 2", port, len(got))
		}
		for _, q := range []string{
			"LSL:shortinfo\r\nname='nobody'\r\nPORT 1\r\n", "LSL:shortinfo\r\nname=\r\nPORT 1\r\n", "LSL:shortinfo\r\n\r\n53 1\r\n", "LSL:shortinfo\r\n\r\n99999 1\r\n",
			"LSL:shortinfo\r\n\r\nPORT\r\n", "LSL:shortinfo\r\n", "LSL:shortinfo", "hello", "", "LSL:shortinfo\r\n\r\nPORT " + strings.Repeat("9", 1000) + "\r\n", "LSL:timedata\r\n", "LSL:timedata\r\n1\r\n",
		} {
			if got, _ := udp(t, port, q); len(got) != 0 {
				t.Errorf("port %d answers %q to %q", port, got, q)
			}
		}
	}
	before := LocalClock()
	got, _ := udp(t, a.Info().TimePort, "LSL:timedata\r\n42 1234.567890123456\r\n")
	if len(got) != 1 || !strings.HasPrefix(got[0], " 42 1234.567890123456 ") || strings.ContainsAny(got[0], "\r\n") {
		t.Fatalf("a probe of the clock is answered by %q", got)
	}
	p, ok := parseTime(got[0], "42")
	if !ok || p.Sent != 1234.567890123456 || p.Received < before-1e-6 || p.Answered < p.Received-1e-6 || p.Answered > LocalClock() {
		t.Errorf("%q: %+v at %f", got[0], p, before)
	}
	if got, _ := udp(t, cfg.DiscoveryPort, "LSL:timedata\r\n42 1.5\r\n"); len(got) != 0 {
		t.Errorf("the discovery port tells the time: %q", got)
	}
}

func TestLimiter(t *testing.T) {
	l := newLimiter(100, 10)
	now := time.Now()
	a, b := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	n := 0
	for range 1000 {
		if l.take(a, now, 1) {
			n++
		}
	}
	if n != 10 || !l.take(b, now, 1) {
		t.Errorf("%d at once, want 10; and another address is not stopped", n)
	}
	if now = now.Add(50 * time.Millisecond); !l.take(a, now, 1) {
		t.Error("none 50 ms later")
	}
	for l.take(a, now, 1) {
		n++
	}
	// Whoever invents addresses gets the credit of one, and nobody's else: a has none back, and b still has its own.
	invented := 0
	for k := range 5000 {
		if l.take(netip.AddrFrom4([4]byte{1, 2, byte(k >> 8), byte(k)}), now, 1) {
			invented++
		}
	}
	if len(l.by) > maxAddresses || invented > maxAddresses+10 {
		t.Errorf("%d addresses are remembered, %d answers go to 5000", len(l.by), invented)
	}
	if l.take(a, now, 1) || !l.take(b, now, 1) {
		t.Error("a flood of addresses gives credit to one that has spent it, or takes it from one that has not")
	}
	// A second later they are forgotten.
	if now = now.Add(2 * time.Second); !l.take(netip.MustParseAddr("10.0.0.3"), now, 1) || len(l.by) > 10 {
		t.Errorf("%d addresses are remembered when none has anything to pay", len(l.by))
	}
}

// TestAskedOnce: copies of a question that arrive by several ways are answered once, the next wave again.
func TestAskedOnce(t *testing.T) {
	var a asked
	now := time.Now()
	q := question{from: netip.MustParseAddrPort("10.0.0.1:5000"), id: "42", predicate: 1}
	other := q
	other.predicate = 2
	if !a.first(q, now) || a.first(q, now.Add(20*time.Millisecond)) || !a.first(other, now) || !a.first(q, now.Add(500*time.Millisecond)) {
		t.Error("a question is not answered once in each wave")
	}
	for k := range 20000 {
		a.first(question{id: strconv.Itoa(k)}, now.Add(time.Second))
	}
	if len(a.at) > maxQuestions {
		t.Errorf("%d questions are remembered", len(a.at))
	}
}

// TestReflection: whoever writes the address of another into a flood of questions turns less on it than a few programs there
// would ask for themselves.
func TestReflection(t *testing.T) {
	cfg := loop(t)
	outlet(t, eeg(3), OutletOptions{Config: cfg})
	conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, cfg.DiscoveryPort)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	victim, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = victim.Close() }()
	port := victim.LocalAddr().(*net.UDPAddr).Port
	began := time.Now()
	for k := 0; time.Since(began) < time.Second; k++ {
		_, _ = fmt.Fprintf(conn, "LSL:shortinfo\r\n\r\n%d %d\r\n", port, k)
		if k%50 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	took := time.Since(began).Seconds()
	answers := 0
	buf := make([]byte, maxDatagram)
	for {
		if err := victim.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := victim.Read(buf); err != nil {
			break
		}
		answers++
	}
	if most := answersBurst + int(answersPerSecond*took) + 1; answers < 1 || answers > most {
		t.Errorf("%d answers in %.1f s, must be 1 to %d", answers, took, most)
	}
}

func FuzzSampleLen(f *testing.F) {
	for format, p := range goldenPatterns {
		b, err := hex.DecodeString(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, uint8(format), uint8(3), false)
	}
	f.Add([]byte{1, 8, 255, 255, 255, 255, 255, 255, 255, 127}, uint8(String), uint8(1), true)
	f.Fuzz(func(t *testing.T, b []byte, format, channels uint8, big bool) {
		s := shape{Format(format%7 + 1), int(channels) + 1, littleEndian}
		if big {
			s.order = bigEndian
		}
		for rest := b; len(rest) > 0; {
			n, need, err := s.sampleLen(rest)
			if err == errShort { //nolint:errorlint // it is the very one
				if need <= len(rest) {
					t.Fatalf("%d bytes are too few, and %d would be enough", len(rest), need)
				}
				return
			}
			if err != nil {
				return
			}
			if n < 1 || n > len(rest) {
				t.Fatalf("a sample of %d bytes in %d", n, len(rest))
			}
			other, err := s.swap(nil, rest[:n])
			if err != nil || len(other) != n {
				t.Fatalf("%x in the other order is %x, %v", rest[:n], other, err)
			}
			rest = rest[n:]
		}
	})
}

// TestSwapIsBinary: the other order is what encoding/binary says it is.
func TestSwapIsBinary(t *testing.T) {
	b := appendValues(appendStamp(nil, 1.5), []int32{1, -2, 300})
	got, err := shape{Int32, 3, littleEndian}.swap(nil, b)
	if err != nil {
		t.Fatal(err)
	}
	want := binary.BigEndian.AppendUint64([]byte{2}, math.Float64bits(1.5))
	for _, v := range []int32{1, -2, 300} {
		want = binary.BigEndian.AppendUint32(want, uint32(v))
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

// TestIdleConnections: one address that opens connections and says nothing has a quarter of the places, and makes room for
// itself: who asks from the same address is answered at once. What had to go is counted.
func TestIdleConnections(t *testing.T) {
	o := outlet(t, eeg(1), OutletOptions{})
	addr := fmt.Sprintf("127.0.0.1:%d", o.info.DataPort)
	for range maxConns + 10 {
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp4", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }() // the outlet may have done so
	}
	began := time.Now()
	got, err := io.ReadAll(raw(t, o, "LSL:fullinfo\r\n"))
	if err != nil || len(got) == 0 {
		t.Fatalf("beside idle connections: %d bytes, %v", len(got), err)
	}
	t.Logf("answered behind %s", time.Since(began))
	o.mu.Lock()
	n := len(o.conns)
	o.mu.Unlock()
	if n > maxShare {
		t.Errorf("one address has %d connections, at most %d", n, maxShare)
	}
	for begin := time.Now(); o.Stats().Refused < maxConns-maxShare; time.Sleep(10 * time.Millisecond) {
		if time.Since(begin) > 30*time.Second {
			t.Fatalf("refused are %d, want at least %d", o.Stats().Refused, maxConns-maxShare)
		}
	}
}
