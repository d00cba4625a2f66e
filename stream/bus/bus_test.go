package bus_test

import (
	"context"
	"errors"
	"math"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

func TestOpenStartsAServer(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("TMPDIR", t.TempDir())
	b := open(t, "")
	u, err := url.Parse(b.URL())
	if err != nil {
		t.Fatal(err)
	}
	if ip := net.ParseIP(u.Hostname()); ip == nil || !ip.IsLoopback() {
		t.Errorf("listens on %s, must be loopback", b.URL())
	}
	if u.Port() == "4222" || u.Port() == "0" {
		t.Errorf("port %s, want a free one", u.Port())
	}
	other := open(t, b.URL())
	if !b.Connected() || !other.Connected() {
		t.Error("not connected")
	}
	for range 2 { // Close may be called twice
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if c, err := net.Dial("tcp", u.Host); err == nil {
		_ = c.Close()
		t.Error("the server still listens after Close")
	}
	for _, dir := range []string{".", os.TempDir()} {
		left, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range left {
			t.Errorf("left %s behind", f.Name())
		}
	}
}

func TestOpenTakesThePortItIsTold(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_, err = bus.Open(context.Background(), bus.Options{Port: port})
	wantError(t, err, strconv.Itoa(port), "address already in use", "choose another port")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := bus.Open(context.Background(), bus.Options{Port: port})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	if !strings.HasSuffix(b.URL(), ":"+strconv.Itoa(port)) {
		t.Errorf("listens on %s, want port %d", b.URL(), port)
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		o    bus.Options
		want []string
	}{
		"every interface":        {bus.Options{Listen: "0.0.0.0:0"}, []string{`"0.0.0.0:0"`, "loopback", "gyrus bus init"}},
		"no host at all":         {bus.Options{Listen: ":4222"}, []string{"loopback", "gyrus bus init"}},
		"listen and port":        {bus.Options{Listen: "127.0.0.1:4222", Port: 4222}, []string{"remove port"}},
		"elsewhere, bare":        {bus.Options{URL: "nats://robot:4222"}, []string{"without TLS", "ca.crt"}},
		"one is elsewhere, bare": {bus.Options{URL: "nats://127.0.0.1:4222,nats://robot:4222"}, []string{"robot:4222", "without TLS"}},
		"elsewhere, nobody":      {bus.Options{URL: "tls://robot:4222"}, []string{"without credentials", "controller.nk"}},
		"credentials alone":      {bus.Options{Credentials: "x.nk"}, []string{"url is not"}},
		"operator and url":       {bus.Options{URL: "nats://127.0.0.1", Operator: "dir"}, []string{"remove one"}},
		"operator not there":     {bus.Options{Operator: "nowhere"}, []string{"nowhere", "gyrus bus init"}},
		"a name":                 {bus.Options{Listen: "robot:4222"}, []string{`"robot:4222"`, "address of this machine"}},
		"port":                   {bus.Options{Port: 65536}, []string{"65536", "1 to 65535"}},
		"url and port":           {bus.Options{URL: "nats://127.0.0.1", Port: 4222}, []string{"remove one"}},
		"scheme":                 {bus.Options{URL: "http://127.0.0.1"}, []string{"nats://"}},
		"no host":                {bus.Options{URL: "nats://:4222"}, []string{"names no host"}},
		"one of two":             {bus.Options{URL: "nats://127.0.0.1, robot"}, []string{"nats://"}},
		"unreadable":             {bus.Options{URL: "nats://user:secret@[::1"}, []string{"cannot be read"}},
		"timeout":                {bus.Options{Timeout: -1}, []string{"connect_timeout_s is -1"}},
		"timeout NaN":            {bus.Options{Timeout: math.NaN()}, []string{"connect_timeout_s is NaN"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := bus.Open(context.Background(), tc.o)
			wantError(t, err, tc.want...)
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("%q shows the password", err)
			}
		})
	}
}

func TestOpenWithoutAServer(t *testing.T) {
	s := startServer(t, -1) // to learn a port where nobody will listen
	at := s.Addr().String()
	stopServer(s)
	_, err := bus.Open(context.Background(), bus.Options{URL: "nats://me:secret@" + at, Timeout: 0.25})
	wantError(t, err, "nats://"+at, "start it")
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("%q shows the password", err)
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want DeadlineExceeded inside", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err = bus.Open(ctx, bus.Options{URL: "nats://" + at}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want Canceled inside", err)
	}
}

func TestOpenWaitsForTheServer(t *testing.T) {
	s := startServer(t, -1)
	port := s.Addr().(*net.TCPAddr).Port
	stopServer(s)
	opened := make(chan error, 1)
	go func() {
		b, err := bus.Open(context.Background(), bus.Options{URL: "nats://127.0.0.1:" + strconv.Itoa(port), Timeout: patience.Seconds()})
		if err == nil {
			err = b.Close()
		}
		opened <- err
	}()
	select {
	case err := <-opened:
		t.Fatalf("Open returned %v without a server", err)
	case <-time.After(3 * 100 * time.Millisecond): // several attempts
	}
	s = startServer(t, port)
	defer stopServer(s)
	if err := receive(t, "Open", opened); err != nil {
		t.Fatal(err)
	}
}

func TestOpenWithWrongPassword(t *testing.T) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true, Username: "me", Password: "right"})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	defer stopServer(s)
	if !s.ReadyForConnections(patience) {
		t.Fatal("no server")
	}
	at := s.Addr().String()
	_, err = bus.Open(context.Background(), bus.Options{URL: "nats://me:wrong@" + at, Timeout: patience.Seconds()})
	wantError(t, err, "refuses this client", at)
	if strings.Contains(err.Error(), "wrong") {
		t.Errorf("%q shows the password", err)
	}
	b := open(t, "nats://me:right@"+at)
	if strings.Contains(b.URL(), "right") {
		t.Errorf("URL is %s, shows the password", b.URL())
	}
	if err := b.Close(); err != nil { // before its server
		t.Fatal(err)
	}
}

func TestClockDoesNotJump(t *testing.T) {
	c := bus.NewClock()
	first := c.Now()
	if wall := time.Now().UnixNano(); math.Abs(float64(first-wall)) > 1e9 {
		t.Errorf("clock says %d, the wall clock %d", first, wall)
	}
	at := time.Now()
	last := first
	for range 1000 {
		now := c.Now()
		if now < last {
			t.Fatalf("clock went back from %d to %d", last, now)
		}
		last = now
	}
	if d := c.At(at.Add(time.Second)) - c.At(at); d != 1e9 {
		t.Errorf("one second is %d ns", d)
	}
}

// TestStopWithoutAnswers: a client that may stop, and may not hear who stands, says so at once; the stop has left.
func TestStopWithoutAnswers(t *testing.T) {
	may := func(publish, subscribe []string) *server.Permissions {
		return &server.Permissions{Publish: &server.SubjectPermission{Allow: publish}, Subscribe: &server.SubjectPermission{Allow: subscribe}}
	}
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true, Users: []*server.User{
		{Username: "button", Password: "x", Permissions: may([]string{bus.StopSubject("s1")}, []string{"none"})},
		{Username: "arm", Password: "x", Permissions: may([]string{"none"}, []string{bus.StopSubject("s1")})},
	}})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { stopServer(s) }) // behind the clients
	if !s.ReadyForConnections(patience) {
		t.Fatal("no server")
	}
	at := s.Addr().String()
	got := make(chan bus.Stop, 100)
	if _, err := open(t, "nats://arm:x@"+at).SubscribeStop("s1", func(s bus.Stop, _ time.Time, _ func(bus.StopAnswer) error) { got <- s }); err != nil {
		t.Fatal(err)
	}
	_, err = open(t, "nats://button:x@"+at).SendStop(within(t), "s1", bus.Stop{Why: "smoke"}, 1)
	wantError(t, err, "the stop was sent, but no answer can be heard: look whether all stand", "may not use _INBOX.")
	if s := receive(t, "the stop", got); s.Why != "smoke" {
		t.Errorf("%+v", s)
	}
}
