package bus

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
)

// Options say which NATS server carries the session. The zero value starts one inside the process, on a free port of
// the loopback interface.
type Options struct {
	URL     string  `json:"url" doc:"NATS server to use, nats://host:4222 or several with commas between; empty starts one inside this process"`
	Host    string  `json:"host" doc:"address the server inside this process listens on, loopback only; empty means 127.0.0.1"`
	Port    int     `json:"port" doc:"port the server inside this process listens on, 1 to 65535; 0 or -1 takes a free one"`
	Name    string  `json:"name" doc:"name of this client in the server's lists; empty means gyrus"`
	Timeout float64 `json:"connect_timeout_s" doc:"how long to try to reach the server at start, seconds above 0; 0 means 5"`
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
		if o.Host != "" || o.Port != 0 {
			return o, errors.New("bus: url and host or port are set: url names a server elsewhere, host and port are of one inside this process; remove one of them")
		}
		return o, checkURLs(o.URL)
	}
	if o.Host == "" {
		o.Host = defaultHost
	}
	if ip := net.ParseIP(o.Host); o.Host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return o, fmt.Errorf("bus: host is %q, must be a loopback address such as %s: whoever reaches the server can move the actuator, "+
			"and authorisation comes with a later version; until then use url with a server of your own that authorises", o.Host, defaultHost)
	}
	if o.Port < -1 || o.Port > 65535 {
		return o, fmt.Errorf("bus: port is %d, must be 1 to 65535, or 0 for a free one", o.Port)
	}
	if o.Port == 0 {
		o.Port = -1 // what nats-server calls a free one; 0 would be 4222
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
