package dashboard

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
)

// Options say where the page is served and to whom.
type Options struct {
	Listen string `json:"listen" doc:"host:port of the page; port 0 takes a free one. Off loopback only with token, cert and key"`
	Token  string `json:"token" doc:"file with the secret that a browser must show, at least 20 characters, readable by its owner only; without it everybody on this machine may look and press buttons"`
	// ViewToken is for the screen that a participant sees.
	ViewToken string `json:"view_token" doc:"file with another secret, as token; who shows that one sees the session and has no buttons"`
	Cert      string `json:"cert" doc:"file with the certificate of the page (PEM), such as server.crt of gyrus bus init; the page is then served with TLS"`
	Key       string `json:"key" doc:"file with the private key of cert (PEM)"`
	// Hosts matter where listen is 0.0.0.0 or a proxy stands before the page: a name that is not known is refused, or a
	// page of strangers could reach this one through a name of theirs that points here (DNS rebinding).
	Hosts []string `json:"hosts" doc:"names by which browsers reach the page, beside the host of listen"`
	// Controllers bounds how long the page waits: a stop is repeated until so many have answered.
	Controllers int `json:"controllers" doc:"how many controllers must confirm an emergency stop, 1 to 64"`
}

// Defaults are those of the section dashboard in a session file.
func Defaults() Options { return Options{Listen: "127.0.0.1:8080", Controllers: 1} }

const (
	minToken       = 20 // characters
	maxToken       = 4096
	maxControllers = 64
)

// Check reports the first option that is not allowed. It reads no file.
func (o Options) Check() error {
	host, _, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return fmt.Errorf("listen is %q, must be host:port, such as 127.0.0.1:8080", o.Listen)
	}
	switch {
	case (o.Cert == "") != (o.Key == ""):
		return errors.New("one of cert and key is set, must be both or none")
	case o.ViewToken != "" && o.Token == "":
		return errors.New("view_token is set without token: whoever opens the page could press its buttons; set token too")
	case !loopback(host) && (o.Token == "" || o.Cert == ""):
		return fmt.Errorf("listen is %q, which others can reach: the page has buttons that move and stop things, and shows a person's EEG: use 127.0.0.1, or set token, cert and key", o.Listen)
	case unspecified(host) && len(o.Hosts) == 0:
		return fmt.Errorf("listen is %q, which names no host: set hosts to the names by which browsers reach the page", o.Listen)
	case o.Controllers < 1 || o.Controllers > maxControllers:
		return fmt.Errorf("controllers is %d, must be 1 to %d", o.Controllers, maxControllers)
	}
	for _, h := range o.Hosts {
		if h == "" || strings.ContainsAny(h, "/:*@ ") {
			return fmt.Errorf("hosts: %q must be a host name or an IPv4 address, without port", h)
		}
	}
	return nil
}

// CheckFiles reports the first file that does not do: a token that is not there, short or readable by others, or a certificate without its
// key.
func (o Options) CheckFiles() error {
	if _, err := newGuard(o); err != nil {
		return err
	}
	_, err := o.certificate()
	return err
}

// certificate is that of the page, nil where it is served without TLS.
func (o Options) certificate() (*tls.Certificate, error) {
	if o.Cert == "" {
		return nil, nil
	}
	cert, err := tls.LoadX509KeyPair(o.Cert, o.Key)
	if err != nil {
		return nil, fmt.Errorf("cert, key: %w", err)
	}
	return &cert, nil
}

// hosts are the names that a browser may use, in lower case.
func (o Options) hosts() map[string]bool {
	names := map[string]bool{}
	host, _, _ := net.SplitHostPort(o.Listen) // Check has seen that it can be split
	if loopback(host) || host == "" {
		names["localhost"], names["127.0.0.1"], names["::1"] = true, true, true
	}
	if !unspecified(host) {
		names[strings.ToLower(host)] = true
	}
	for _, h := range o.Hosts {
		names[strings.ToLower(h)] = true
	}
	return names
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func unspecified(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || ip != nil && ip.IsUnspecified()
}

// readToken reads the secret in a file that only its owner may read. No error shows any of it.
func readToken(option, file string) ([]byte, error) {
	st, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", option, err)
	}
	if runtime.GOOS != "windows" && st.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s: %s has mode %04o, others may read it: chmod 600 %s", option, file, st.Mode().Perm(), file)
	}
	if st.Size() > maxToken {
		return nil, fmt.Errorf("%s: %s has %d bytes, must have %d to %d characters", option, file, st.Size(), minToken, maxToken)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", option, err)
	}
	data = bytes.TrimSpace(data)
	if len(data) < minToken {
		return nil, fmt.Errorf("%s: %s has %d characters, must have at least %d: head -c 32 /dev/urandom | base64 > %s", option, file, len(data), minToken, file)
	}
	return data, nil
}
