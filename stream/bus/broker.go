package bus

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Broker is a NATS server with the settings of a control connection. Without an operator's directory it listens on the
// loopback interface and lets everybody in; with one it may listen anywhere, demands TLS and an NKey of every client,
// and lets each do what its role is for.
type Broker struct {
	server *server.Server
	log    *serverLog
	lines  *lineLog
	op     *Operator // nil where there is none
	audit  *Auditor  // nil where it is off
}

// BrokerOptions say how to start a Broker.
type BrokerOptions struct {
	Name     string       // in the server's lists; empty means gyrus
	Listen   string       // host and port; empty means that of Operator.Config, or a free port on 127.0.0.1
	Operator *Operator    // nil: loopback only, without credentials
	Log      *slog.Logger // what the server refused; nil is silent. It counts either way
}

// maxClients bounds what strangers can hold open before and after they prove who they are.
const maxClients = 1024

// StartBroker starts a server. The audit stream, where there is one, never keeps it from starting: what is wrong with it
// is in the log and in Stats.
func StartBroker(o BrokerOptions) (*Broker, error) {
	if o.Name == "" {
		o.Name = defaultName
	}
	if o.Listen == "" {
		o.Listen = net.JoinHostPort(defaultHost, "0")
		if o.Operator != nil && o.Operator.Config.Listen != "" {
			o.Listen = o.Operator.Config.Listen
		}
	}
	host, port, err := listenAddress("listen", o.Listen, o.Operator != nil)
	if err != nil {
		return nil, err
	}
	opts := serverOptions(o.Name, host, port)
	if o.Operator != nil {
		if err := o.Operator.secure(opts); err != nil {
			return nil, err
		}
	}
	b := &Broker{op: o.Operator, lines: newLineLog(o.Log)}
	if b.server, b.log, err = startServer(opts, b.lines, o.Listen); err != nil {
		b.lines.close()
		return nil, err
	}
	if o.Operator != nil {
		if left := time.Until(o.Operator.Ends); left < 30*24*time.Hour {
			b.lines.write(slog.LevelWarn, "certificate", "the server's certificate ends soon", slog.Time("at", o.Operator.Ends))
		}
		if o.Operator.Config.Audit.Dir != "" {
			b.audit = startAuditor(b.server, o.Operator, b.lines)
		}
	}
	return b, nil
}

// secure puts an operator's certificate, users and listeners into the options of a server.
func (o *Operator) secure(opts *server.Options) error {
	opts.TLSConfig, opts.TLSTimeout, opts.AuthTimeout = o.clientTLS(), 2, 3
	opts.MaxConn = maxClients
	if o.Config.Cluster.Listen != "" || o.Config.Leaf.URL != "" {
		opts.ServerName = "" // one of its own: servers that join others are taken for each other by their names, and cut off in turn
	}
	opts.Nkeys = nkeyUsers(o.grantees(), o.Config.Leaf.URL != "")
	if ws := o.Config.WebSocket; ws.Listen != "" {
		host, port, err := listenAddress("websocket: listen", ws.Listen, true)
		if err != nil {
			return err
		}
		if len(ws.Origins) == 0 {
			return errors.New("bus: websocket: origins is empty: name the pages that may connect, such as https://lab.example.org, or any page in the browser could")
		}
		for _, origin := range ws.Origins {
			u, err := url.Parse(origin)
			if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || (u.Path != "" && u.Path != "/") || u.RawQuery != "" {
				return fmt.Errorf("bus: websocket: origin %q must be scheme and host of a page, such as https://lab.example.org", origin)
			}
		}
		opts.Websocket = server.WebsocketOpts{Host: host, Port: port, AllowedOrigins: slices.Clone(ws.Origins), HandshakeTimeout: 2 * time.Second}
		if loopback(host) {
			opts.Websocket.NoTLS = true // a page on this machine has no certificate that its browser would know
		} else {
			opts.Websocket.TLSConfig = o.clientTLS()
		}
	}
	if err := o.secureCluster(opts); err != nil {
		return err
	}
	return o.secureLeaf(opts)
}

func (o *Operator) secureCluster(opts *server.Options) error {
	c := o.Config.Cluster
	if c.Listen == "" {
		if len(c.Routes) > 0 {
			return errors.New("bus: cluster: routes are given but listen is empty: other servers must reach this one too, such as at 0.0.0.0:6222")
		}
		return nil
	}
	host, port, err := listenAddress("cluster: listen", c.Listen, true)
	if err != nil {
		return err
	}
	opts.Cluster = server.ClusterOpts{
		Name: "gyrus", Host: host, Port: port, TLSConfig: o.peerTLS(), TLSTimeout: 2, AuthTimeout: 3,
		PingInterval: time.Second, MaxPingsOut: 2, WriteDeadline: writeDeadline, PoolSize: -1,
		ConnectRetries: 1 << 30, // a server that is away may come back after any time
	}
	for _, r := range c.Routes {
		u, err := url.Parse(r)
		if err != nil || (u.Scheme != "nats" && u.Scheme != "tls" && u.Scheme != "nats-route") || u.Hostname() == "" || u.Port() == "" || u.User != nil {
			return fmt.Errorf("bus: cluster: route %q must be like nats://host:6222, without user and password: servers know each other by their certificates", public(r))
		}
		opts.Routes = append(opts.Routes, u)
	}
	return nil
}

func (o *Operator) secureLeaf(opts *server.Options) error {
	l := o.Config.Leaf
	opts.LeafNode.ReconnectInterval = 250 * time.Millisecond
	opts.LeafNode.WriteDeadline = writeDeadline
	if l.Listen != "" {
		host, port, err := listenAddress("leaf: listen", l.Listen, true)
		if err != nil {
			return err
		}
		opts.LeafNode.Host, opts.LeafNode.Port = host, port
		opts.LeafNode.TLSConfig, opts.LeafNode.TLSTimeout, opts.LeafNode.AuthTimeout = o.clientTLS(), 2, 3
	}
	if l.URL == "" {
		if l.Credentials != "" || l.CA != "" {
			return errors.New("bus: leaf: credentials or ca are given but url is empty: name the server to be a leaf of, such as nats-leaf://host:7422")
		}
		return nil
	}
	u, err := url.Parse(l.URL)
	if err != nil || (u.Scheme != "nats-leaf" && u.Scheme != "tls" && u.Scheme != "nats") || u.Hostname() == "" || u.User != nil {
		return fmt.Errorf("bus: leaf: url %q must be like nats-leaf://host:7422, without user and password", public(l.URL))
	}
	if l.Credentials == "" {
		return errors.New("bus: leaf: credentials is empty: name the seed of the role that this server has there, such as controller.nk")
	}
	pair, err := seedKey(l.Credentials)
	if err != nil {
		return fmt.Errorf("bus: leaf: %w", err)
	}
	defer pair.Wipe()
	seed, err := pair.Seed()
	if err != nil {
		return fmt.Errorf("bus: leaf: credentials %s: %w", l.Credentials, err)
	}
	tlsConfig := o.clientTLS()
	tlsConfig.Certificates, tlsConfig.RootCAs = nil, o.ca
	if l.CA != "" {
		if tlsConfig.RootCAs, err = readCA(l.CA); err != nil {
			return fmt.Errorf("bus: leaf: %w", err)
		}
	}
	opts.LeafNode.Remotes = []*server.RemoteLeafOpts{{
		URLs: []*url.URL{u}, TLS: true, TLSConfig: tlsConfig, TLSTimeout: 2,
		Nkey: string(seed),
	}}
	return nil
}

// listenAddress splits host and port, 0 for a free one. Off the loopback interface it must be secured.
func listenAddress(what, listen string, secured bool) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(listen)
	if err != nil {
		return "", 0, fmt.Errorf("bus: %s is %q, must be an address and a port such as 127.0.0.1:4222", what, listen)
	}
	port, err = strconv.Atoi(text)
	if err != nil || port < -1 || port > 65535 {
		return "", 0, fmt.Errorf("bus: %s: port is %s, must be 1 to 65535, or 0 for a free one", what, text)
	}
	if port == 0 {
		port = -1 // what nats-server calls a free one; 0 would be 4222
	}
	if host == "" {
		host = "0.0.0.0" // what net calls every interface
	}
	if host != "localhost" && net.ParseIP(host) == nil {
		return "", 0, fmt.Errorf("bus: %s is %q, must be an address of this machine, 0.0.0.0 for all of them", what, listen)
	}
	if !loopback(host) && !secured {
		return "", 0, fmt.Errorf("bus: %s is %q, must be a loopback address such as %s: whoever reaches the server can move the actuator; "+
			"for others make an operator's directory with gyrus bus init and name it as operator", what, listen, defaultHost)
	}
	return host, port, nil
}

// loopback says whether host is this machine, as seen by nobody else.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// URL is where clients on this machine reach the server, and others where it listens on one address.
func (b *Broker) URL() string {
	scheme := "nats"
	if b.op != nil {
		scheme = "tls"
	}
	addr, _ := b.server.Addr().(*net.TCPAddr)
	host := addr.IP.String()
	if addr.IP.IsUnspecified() {
		host = defaultHost
	}
	return scheme + "://" + net.JoinHostPort(host, strconv.Itoa(addr.Port))
}

// BrokerStats counts what happened to a Broker.
type BrokerStats struct {
	Clients     int        `json:"clients"`
	Routes      int        `json:"routes"`       // connections to other servers of the cluster
	Leaves      int        `json:"leaves"`       // leaf nodes
	InMsgs      int64      `json:"in_msgs"`      // from clients
	OutMsgs     int64      `json:"out_msgs"`     // to clients
	SlowClients int64      `json:"slow_clients"` // cut off because they did not read
	Errors      uint64     `json:"errors"`       // what was refused: credentials, subjects, TLS, lengths
	LastError   string     `json:"last_error"`   // "" where there was none
	Audit       AuditStats `json:"audit"`
}

// Stats is the state of the server now.
func (b *Broker) Stats() BrokerStats {
	s := BrokerStats{
		Clients: b.server.NumClients(), Routes: b.server.NumRoutes(), Leaves: b.server.NumLeafNodes(), SlowClients: b.server.NumSlowConsumers(),
	}
	if v, err := b.server.Varz(nil); err == nil {
		s.InMsgs, s.OutMsgs = v.InMsgs, v.OutMsgs
	}
	n, last := b.log.count()
	if s.Errors = n; last != nil {
		s.LastError = last.Error()
	}
	if b.audit != nil {
		s.Audit = b.audit.Stats()
	}
	return s
}

// WebSocketURL is where browsers reach the server, "" where they cannot.
func (b *Broker) WebSocketURL() string {
	if b.op == nil || b.op.Config.WebSocket.Listen == "" {
		return ""
	}
	return b.server.WebsocketURL()
}

// ClusterAddr and LeafAddr are where other servers reach this one, "" where they cannot.
func (b *Broker) ClusterAddr() string {
	if a := b.server.ClusterAddr(); a != nil {
		return a.String()
	}
	return ""
}

// LeafAddr is where leaf nodes connect, "" where they cannot.
func (b *Broker) LeafAddr() string {
	v, err := b.server.Varz(nil)
	if err != nil || v.LeafNode.Port == 0 {
		return ""
	}
	return net.JoinHostPort(v.LeafNode.Host, strconv.Itoa(v.LeafNode.Port))
}

// Close ends the server: first the audit stream, which is written out, then the connections. It waits for both.
func (b *Broker) Close() error {
	var err error
	if b.audit != nil {
		err = b.audit.close()
	}
	b.server.Shutdown()
	b.server.WaitForShutdown()
	b.lines.close()
	return err
}

// ownClient is o with the way from the process of the server to itself, in the role of a decoder.
func (b *Broker) ownClient(o Options) Options {
	o.URL = b.URL()
	if b.op != nil {
		o.Credentials, o.CA = filepath.Join(b.op.Dir, string(RoleDecoder)+seedSuffix), b.op.CA()
		o.serverName = "localhost"
	}
	return o
}

// Operator is whose server it is, nil where it has none.
func (b *Broker) Operator() *Operator { return b.op }
