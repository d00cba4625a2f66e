package bus_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// clustered starts a server that joins those at routes.
func clustered(t *testing.T, op *bus.Operator, routes ...string) *bus.Broker {
	t.Helper()
	mine := *op
	mine.Config.Cluster = bus.ClusterConfig{Listen: "127.0.0.1:0", Routes: routes}
	b, err := bus.StartBroker(bus.BrokerOptions{Operator: &mine})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestFailover: two servers, one of which dies while the cursor moves. Decoder and controller know both by URL and go
// on through the other; nothing that was sent before is acted on after.
func TestFailover(t *testing.T) {
	op := operator(t, nil)
	one := clustered(t, op)
	two := clustered(t, op, "nats://"+one.ClusterAddr())
	t.Cleanup(func() { _ = two.Close() })
	eventually(t, "the two servers to join", func() bool { return one.Stats().Routes > 0 && two.Stats().Routes > 0 })

	urls := one.URL() + "," + two.URL()
	connect := func(role bus.Role) *bus.Bus {
		t.Helper()
		return as(t, op, urls, role, nil)
	}
	f := follow(t, connect(bus.RoleController))
	w, _ := decode(t, connect(bus.RoleDecoder))
	eventually(t, "the controller to move", func() bool { return f.accepted.Load() > 20 })

	killed := time.Now()
	f.from(killed)
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	before, sent := f.accepted.Load(), w.Seq()
	eventually(t, "the controller to move through the other server", func() bool {
		_, ok := f.Current()
		return ok && f.accepted.Load() > before && f.newest.Load() > sent
	})
	t.Logf("the controller moved again %s after the server died; %d commands were not sent", time.Since(killed).Round(time.Millisecond), w.Stats().NotSent)
	if old := f.eldest(); old < killed.Add(-time.Second).UnixNano() { // valid_for_ms is 1000
		t.Errorf("acted on a command that was sent %s before the server died", time.Duration(killed.UnixNano()-old))
	}
	n := f.Counters()
	if n.Malformed+n.Foreign+n.OldRun > 0 {
		t.Errorf("counters %+v", n)
	}
}

// TestGossip: a server tells its clients of the others in its cluster. Nobody has given those to a client, and nobody has
// looked whether it may speak to them in plain text: it waits for the server that it was given.
func TestGossip(t *testing.T) {
	with := func(port int, routes ...*url.URL) *server.Server {
		t.Helper()
		s, err := server.NewServer(&server.Options{
			Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true, Routes: routes,
			Cluster: server.ClusterOpts{Name: "lab", Host: "127.0.0.1", Port: -1},
		})
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		if !s.ReadyForConnections(patience) {
			t.Fatal("no server")
		}
		return s
	}
	given := with(-1)
	other := with(-1, &url.URL{Scheme: "nats", Host: given.ClusterAddr().String()})
	defer stopServer(other)
	eventually(t, "the two servers to join", func() bool { return given.NumRoutes() > 0 && other.NumRoutes() > 0 })
	plain := plainClient(t, given.ClientURL())
	eventually(t, "a client that listens to gossip to know the other", func() bool { return len(plain.DiscoveredServers()) > 0 })
	plain.Close()

	b := open(t, given.ClientURL())
	w, err := bus.NewCommandWriter(b, "s1", "lda", time.Second, bus.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	port := given.Addr().(*net.TCPAddr).Port
	stopServer(given)
	eventually(t, "the link to break", func() bool { return !b.Connected() })
	knocks, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))) // the next try, or the one behind it, would go to the other
	if err != nil {
		t.Fatal(err)
	}
	if err := knocks.(*net.TCPListener).SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		knock, err := knocks.Accept()
		if err != nil {
			t.Fatalf("the client does not come back to the server that it was given: %v", err)
		}
		_ = knock.Close() // who knocked sees it
	}
	_ = knocks.Close() // its port is needed now
	again := with(port)
	defer stopServer(again)
	eventually(t, "the client to be back at the server that it was given", func() bool { return b.Connected() && again.NumClients() == 1 })
	if v, err := other.Varz(nil); err != nil || v.TotalConnections != 0 {
		t.Errorf("%d clients were at the server that nobody gave to them (%v)", v.TotalConnections, err)
	}
}

// TestClusterRefusesStrangers: a server of another operator does not join, and plain clients cannot pose as a server.
func TestClusterRefusesStrangers(t *testing.T) {
	op, stranger := operator(t, nil), operator(t, nil)
	one := clustered(t, op)
	t.Cleanup(func() { _ = one.Close() })
	other := clustered(t, stranger, "nats://"+one.ClusterAddr())
	t.Cleanup(func() { _ = other.Close() })
	eventually(t, "the stranger to be refused", func() bool { return one.Stats().Errors > 0 || other.Stats().Errors > 0 })
	if one.Stats().Routes != 0 || other.Stats().Routes != 0 {
		t.Error("a server of another operator joined")
	}
	for name, c := range map[string]bus.ClusterConfig{
		"loopback is not enough": {Routes: []string{"nats://127.0.0.1:6222"}},
		"no port":                {Listen: "127.0.0.1:0", Routes: []string{"nats://127.0.0.1"}},
		"password":               {Listen: "127.0.0.1:0", Routes: []string{"nats://me:secret@127.0.0.1:6222"}},
	} {
		bad := *op
		bad.Config.Cluster = c
		_, err := bus.StartBroker(bus.BrokerOptions{Operator: &bad})
		wantError(t, err, "cluster")
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %q shows the password", name, err)
		}
	}
}

// TestLeaf: a server at the end of a link has the rights of the role whose key it has, whatever its own clients are.
func TestLeaf(t *testing.T) {
	op := operator(t, func(c *bus.BrokerConfig) { c.Leaf.Listen = "127.0.0.1:0" })
	hub := broker(t, op, nil)
	robots := operator(t, func(c *bus.BrokerConfig) {
		c.Leaf = bus.LeafConfig{URL: "nats-leaf://" + hub.LeafAddr(), Credentials: op.Seed(bus.RoleController), CA: op.CA()}
	})
	leaf := broker(t, robots, nil)
	eventually(t, "the leaf to connect", func() bool { return hub.Stats().Leaves == 1 })

	f := follow(t, as(t, robots, leaf.URL(), bus.RoleController, nil)) // at the leaf
	fb := make(chan bus.Feedback, 16)
	decoder := as(t, op, hub.URL(), bus.RoleDecoder, nil) // at the hub
	sub, err := decoder.SubscribeFeedback("s1", "lda", func(f bus.Feedback, _ time.Time) { fb <- f })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Close() }()
	w, _ := decode(t, decoder)
	eventually(t, "the controller at the leaf to move", func() bool { return f.accepted.Load() > 10 })
	// Feedback goes back. The hub hears of the leaf's clients, and the leaf of the hub's, a moment later.
	feedback := as(t, robots, leaf.URL(), bus.RoleController, nil)
	eventually(t, "feedback at the hub", func() bool {
		if err := feedback.SendFeedback(bus.Feedback{Session: "s1", Decoder: "lda", Run: w.Run(), Seq: 1, Reward: 1}); err != nil {
			t.Fatal(err)
		}
		return len(fb) > 0
	})
	// A decoder at the leaf moves nothing at the hub: the link has the rights of a controller.
	there := follow(t, as(t, op, hub.URL(), bus.RoleController, nil))
	evil, _ := plainAs(t, robots, leaf.URL(), bus.RoleDecoder)
	here := follow(t, as(t, robots, leaf.URL(), bus.RoleController, nil))
	for seq := range uint64(20) {
		if err := errors.Join(evil.Publish("gyrus.s1.cmd.lda", valid(t, 1<<62, seq+1)), evil.FlushTimeout(patience)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the leaf's own controller to see it", func() bool { return here.Counters().Malformed == 20 })
	was := there.accepted.Load()
	eventually(t, "the hub's controller to go on", func() bool { return there.accepted.Load() > was+20 })
	if n := there.Counters(); n.OldRun+n.Malformed > 0 || there.newest.Load() == 0 {
		t.Errorf("at the hub: %+v", n)
	}
	if _, ok := there.Current(); !ok {
		t.Error("the hub's controller stands")
	}
	for name, l := range map[string]bus.LeafConfig{
		"credentials is empty": {URL: "nats-leaf://127.0.0.1:7422"},
		"url is empty":         {Credentials: op.Seed(bus.RoleController)},
		"none.nk":              {URL: "nats-leaf://127.0.0.1:7422", Credentials: filepath.Join(op.Dir, "none.nk")},
	} {
		bad := *op
		bad.Config.Leaf = l
		_, err := bus.StartBroker(bus.BrokerOptions{Operator: &bad})
		wantError(t, err, "leaf", name)
	}
}

// TestTwoLeaves: a hub keeps the links of two servers at once, and both get its commands.
func TestTwoLeaves(t *testing.T) {
	op := operator(t, func(c *bus.BrokerConfig) { c.Leaf.Listen = "127.0.0.1:0" })
	hub := broker(t, op, nil)
	var robots [2]*follower
	for k := range robots {
		robot := operator(t, func(c *bus.BrokerConfig) {
			c.Leaf = bus.LeafConfig{URL: "nats-leaf://" + hub.LeafAddr(), Credentials: op.Seed(bus.RoleController), CA: op.CA()}
		})
		robots[k] = follow(t, as(t, robot, broker(t, robot, nil).URL(), bus.RoleController, nil))
	}
	eventually(t, "both leaves to connect", func() bool { return hub.Stats().Leaves == 2 })
	decode(t, as(t, op, hub.URL(), bus.RoleDecoder, nil))
	for k, f := range robots {
		eventually(t, fmt.Sprintf("robot %d to move", k), func() bool { return f.accepted.Load() > 10 })
	}
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) { // links of one name cut each other off within a second
		if n := hub.Stats().Leaves; n != 2 {
			t.Fatalf("the hub has %d leaves, want both", n)
		}
	}
	for k, f := range robots {
		if n := f.Counters(); n.Gaps > 0 {
			t.Errorf("robot %d misses commands: %+v", k, n)
		}
	}
}

// TestSeveralURLs: of several servers one that is not there is passed over at the start too.
func TestSeveralURLs(t *testing.T) {
	s := startServer(t, -1) // to learn a port where nobody will listen
	gone := s.ClientURL()
	stopServer(s)
	b := open(t, gone+", "+open(t, "").URL())
	if !b.Connected() {
		t.Error("not connected")
	}
	u, err := url.Parse(gone)
	if err != nil {
		t.Fatal(err)
	}
	_, err = bus.Open(context.Background(), bus.Options{URL: gone + ",nats://127.0.0.2:" + u.Port(), Timeout: 0.2})
	wantError(t, err, u.Port(), "127.0.0.2")
}
