package cli

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/lsl"
)

// oddOutlet answers the questions for streams on this machine with a description of a stream called odd, in which one element is another,
// until the end of the test. It returns where.
func oddOutlet(t *testing.T, element, value string) (addr string) {
	t.Helper()
	cfg, err := lsl.Environment()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(cfg.BasePort + 7)})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range [][2]string{
		{"name", "odd"},
		{"type", "EEG"},
		{"channel_count", "4"},
		{"channel_format", "float32"},
		{"source_id", "o"},
		{"nominal_srate", "100"},
		{"version", "1.1"},
		{"created_at", "1"},
		{"uid", "u"},
		{"session_id", cfg.SessionID},
		{"hostname", "h"},
		{"v4data_port", "1"},
		{"v4service_port", "1"},
	} {
		if f[0] == element {
			f[1] = value
		}
		fmt.Fprintf(&b, "<%s>%s</%[1]s>", f[0], f[1])
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1<<16)
		for {
			n, from, err := conn.ReadFromUDP(buf)
			if err != nil {
				return
			}
			lines := strings.Split(string(buf[:n]), "\r\n")
			if len(lines) < 3 || lines[0] != "LSL:shortinfo" {
				continue
			}
			_, id, _ := strings.Cut(lines[2], " ")
			if _, err := conn.WriteToUDP(fmt.Appendf(nil, "%s\r\n<?xml version=\"1.0\"?><info>%s<desc /></info>", id, b.String()), from); err != nil {
				t.Error(err)
			}
		}
	}()
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
	return conn.LocalAddr().String()
}

// TestOddAnswer: a stream whose description cannot be read is told of as such, with its address, not as one that is not there.
func TestOddAnswer(t *testing.T) {
	for _, tc := range [][3]string{
		{"nominal_srate", "nan", `stream "odd": <nominal_srate> is "nan", must be a number`},
		{"nominal_srate", "inf", "<nominal_srate> is"},
		{"nominal_srate", "-100", "has a rate of -100 Hz"},
		{"channel_format", "quad128", "quad128"},
		{"channel_count", "0", "has 0 channels"},
		{"channel_count", "1000000", "must be a whole number from 0 to 65536"},
	} {
		t.Run(tc[0]+" "+tc[1], func(t *testing.T) {
			lab(t)
			from := "an answer came from " + oddOutlet(t, tc[0], tc[1]) + " that cannot be read: "
			dir := t.TempDir()
			all := [][]string{{"streams", "--wait", "0.3"}}
			if tc[1] == "nan" { // the others are slow, and say it in the same way
				m := filepath.Join(dir, "m.gyrus")
				if code, _, errs := run(t, "train", "csp-lda", "synth:imagery:1:1", "synth:imagery:1:2", "-o", m); code != exitDone {
					t.Fatalf("train: %s", errs)
				}
				file := filepath.Join(dir, "s.yaml")
				if err := os.WriteFile(file, []byte("session: s1\nbundle: m.gyrus\nsource: {use: lsl, name: odd, timeout_s: 0.3}\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				all = append(all, []string{"record", filepath.Join(dir, "r.arrow"), "lsl://?name=odd", "--wait", "0.3"}, []string{"live", file}, []string{"doctor"}, []string{"doctor", "--session", file})
			}
			for _, args := range all {
				_, out, errs := run(t, args...)
				if text := out + errs; !strings.Contains(text, from) || !strings.Contains(text, tc[2]) || strings.Contains(text, "no stream of LSL was seen") || strings.Contains(text, "no stream answered") {
					t.Errorf("%v: %s", args, text)
				}
			}
		})
	}
}
