package doctor

import (
	"bufio"
	"net"
	"strings"
	"testing"
	"time"
)

func TestHolder(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if who := holder("tcp", l.Addr().(*net.TCPAddr).Port); !strings.Contains(who, "process") || !strings.Contains(who, "doctor") {
		t.Errorf("our own port is held by %q", who)
	}
	table := "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n" +
		"   0: 0100007F:107E 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100 0 0 10 0\n" +
		"   1: 0100007F:107F 0100007F:107E 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1 0 20 4 0 10 -1\n"
	if got := inodeOf(bufio.NewScanner(strings.NewReader(table)), "tcp", 4222); got != "4711" {
		t.Errorf("port 4222 has the inode %q, want 4711", got)
	}
	if got := inodeOf(bufio.NewScanner(strings.NewReader(table)), "tcp", 4223); got != "" {
		t.Errorf("a connection passes for a listener: %q", got)
	}
}

func TestNTP(t *testing.T) {
	if f := ntpFinding(0, 0, 1500*time.Microsecond); f.State != OK || !strings.Contains(f.What, "1.5ms") {
		t.Errorf("%+v", f)
	}
	for _, f := range []Finding{ntpFinding(timeError, 0, 0), ntpFinding(0, staUnsync, 0)} {
		if f.State != Note || !strings.Contains(f.What, "not kept by NTP") {
			t.Errorf("%+v", f)
		}
	}
}
