package bus

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Options say which NATS server carries the session. The zero value starts one inside the process, on a free port of
// the loopback interface.
type Options struct {
	URL     string  `json:"url" doc:"NATS server to use, nats://host:4222 or several with commas between; empty starts one inside this process"`
	Port    int     `json:"port" doc:"port on 127.0.0.1 the server inside this process listens on, 1 to 65535; 0 or -1 takes a free one"`
	Name    string  `json:"name" doc:"name of this client in the server's lists; empty means gyrus"`
	Timeout float64 `json:"connect_timeout_s" doc:"how long to try to reach the server at start, seconds above 0; 0 means 5"`

	Credentials string `json:"credentials" doc:"file with the NKey seed of this client's role, such as controller.nk of gyrus bus init"`
	CA          string `json:"ca" doc:"file with the certificate of the server's authority, ca.crt of gyrus bus init; with it the client insists on TLS"`
	Listen      string `json:"listen" doc:"address and port the server inside this process listens on, such as 0.0.0.0:4222; off loopback only with operator"`
	Operator    string `json:"operator" doc:"directory of gyrus bus init: the server inside this process then demands TLS and the NKey of a role"`

	// Log gets a line for what was refused: malformed messages, and, of a server inside the process, credentials and
	// subjects. nil is silent; it is counted either way.
	Log *slog.Logger `json:"-"`

	serverName string // in the certificate, where it is not the host of URL
}

const (
	defaultHost    = "127.0.0.1"
	defaultName    = "gyrus"
	defaultTimeout = 5 * time.Second
)

// Validate reports the first option that is out of its range.
func (o Options) Validate() error {
	_, err := o.withDefaults()
	return err
}

// withDefaults checks o and fills in what is not set.
func (o Options) withDefaults() (Options, error) {
	if o.Name == "" {
		o.Name = defaultName
	}
	if !(0 <= o.Timeout && o.Timeout <= 3600) { // also catches NaN
		return o, fmt.Errorf("bus: connect_timeout_s is %g, must be 0 to 3600", o.Timeout)
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout.Seconds()
	}
	if o.URL != "" {
		if o.Listen != "" || o.Port != 0 || o.Operator != "" {
			return o, errors.New("bus: url and listen, port or operator are set: url names a server elsewhere, the others are of one inside this process; remove one of them")
		}
		if err := checkURLs(o.URL); err != nil {
			return o, err
		}
		return o, o.checkSecure()
	}
	if o.Credentials != "" || o.CA != "" {
		return o, errors.New("bus: credentials or ca are set but url is not: they are for a server elsewhere; one inside this process takes operator")
	}
	if o.Port < -1 || o.Port > 65535 {
		return o, fmt.Errorf("bus: port is %d, must be 1 to 65535, or 0 for a free one", o.Port)
	}
	if o.Listen != "" && o.Port != 0 {
		return o, errors.New("bus: listen and port are set: listen holds the port too; remove port")
	}
	if o.Listen == "" && o.Operator == "" {
		o.Listen = net.JoinHostPort(defaultHost, strconv.Itoa(max(0, o.Port)))
	} else if o.Listen == "" && o.Port > 0 {
		return o, errors.New("bus: operator and port are set: an operator's server listens where its broker.yaml says, or at listen, such as 0.0.0.0:4222")
	}
	if o.Listen != "" {
		if _, _, err := listenAddress("listen", o.Listen, o.Operator != ""); err != nil {
			return o, err
		}
	}
	return o, nil
}

func checkURLs(urls string) error {
	for _, s := range strings.Split(urls, ",") {
		u, err := url.Parse(strings.TrimSpace(s))
		switch {
		case err != nil: // the error of net/url would print the password
			return errors.New("bus: url cannot be read, must be like nats://host:4222")
		case u.Scheme != "nats" && u.Scheme != "tls":
			return fmt.Errorf("bus: url %q begins with %q, must begin with nats:// or tls://", public(s), u.Scheme)
		case u.Hostname() == "":
			return fmt.Errorf("bus: url %q names no host, must be like nats://host:4222", public(s))
		}
	}
	return nil
}

// public is urls without user, password and token, for messages.
func public(urls string) string {
	list := strings.Split(urls, ",")
	for i, s := range list {
		u, err := url.Parse(strings.TrimSpace(s))
		if err != nil {
			list[i] = "(unreadable)"
			continue
		}
		u.User = nil
		list[i] = u.String()
	}
	return strings.Join(list, ",")
}
