package pull

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// maxParallel is how many files anybody fetches at a time.
const maxParallel = 16

// redirects is how many redirects a request may follow.
const redirects = 10

// NewClient is a client that goes through the proxies of the environment (HTTP_PROXY, HTTPS_PROXY, NO_PROXY) and follows
// redirects to http and https only, never from https to http.
func NewClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = time.Minute
	t.MaxIdleConnsPerHost = maxParallel // otherwise all but two are closed behind each file
	t.DisableCompression = true         // lengths and ranges are those of the file
	t.OnProxyConnectResponse = proxyAnswered
	return &http.Client{Transport: t, CheckRedirect: checkRedirect}
}

// checkProxies refuses what net/http would take for no proxy at all and go without. The text does not repeat the address, which
// may hold a password.
func checkProxies() error {
	for _, key := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"} {
		v := os.Getenv(key)
		if u, err := url.Parse(v); err == nil && (v == "" || u.Host != "") {
			continue
		}
		if _, err := url.Parse("http://" + v); err != nil {
			return fmt.Errorf("%s is not the address of a proxy, must be like http://proxy.example:3128", key)
		}
	}
	return nil
}

// proxyAnswered says in words why a proxy does not let through to a server of https. The address of a proxy may hold a password.
func proxyAnswered(_ context.Context, proxy *url.URL, _ *http.Request, resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusProxyAuthRequired:
		return fatal{fmt.Errorf("the proxy %s asks for a user and a password: HTTPS_PROXY=http://USER:PASSWORD@%s", shown(proxy), proxy.Host)}
	case http.StatusForbidden:
		return fatal{fmt.Errorf("the proxy %s says %s: it does not let through to that server", shown(proxy), resp.Status)}
	}
	return fmt.Errorf("the proxy %s says %s", shown(proxy), resp.Status)
}

// inWords says what an error of a connection means and what to do about it. Certificates do not get better by another try.
func inWords(err error) error {
	host := "the server"
	var asked *url.Error
	if errors.As(err, &asked) {
		if u, parseErr := url.Parse(asked.URL); parseErr == nil {
			host = u.Host // after redirects
		}
	}
	err = bare(err)
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var name *net.DNSError
	switch {
	case errors.As(err, &cert):
		return fatal{fmt.Errorf("the certificate of %s is not trusted (%w): is the clock of this machine right, and does a proxy look into what goes through it? Then its authority must be one of the system's, or, on Linux, in the file that SSL_CERT_FILE names", host, cert.Err)}
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return fatal{fmt.Errorf("%s does not speak https (%w): is it http, or a proxy in between?", host, err)}
	case errors.As(err, &name) && name.IsNotFound:
		return fmt.Errorf("the name %s is not found: is this machine online, and does it need a proxy (HTTPS_PROXY)?", name.Name)
	}
	return err
}

func checkRedirect(req *http.Request, via []*http.Request) error {
	from := via[len(via)-1].URL
	switch {
	case len(via) > redirects:
		return fatal{fmt.Errorf("more than %d redirects, the last to %s", redirects, shown(req.URL))}
	case req.URL.Scheme != "http" && req.URL.Scheme != "https":
		return fatal{fmt.Errorf("redirected to %s, must be http or https", shown(req.URL))}
	case from.Scheme == "https" && req.URL.Scheme == "http":
		return fatal{fmt.Errorf("redirected from https to %s, which anybody on the way could alter", shown(req.URL))}
	}
	return nil
}

// shown is an address without what may be secret in it: user, password and query.
func shown(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// bare takes the address, which may hold secrets, out of an error of net/http.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// ParseBase reads the address of a folder, which must be http or https and gets a "/" at its end.
func ParseBase(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil { // its text repeats the address, which may hold a password
		return nil, errors.New("the address is no URL, must be like https://physionet.org/files/eegmmidb/1.0.0/")
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("the address %s must begin with http:// or https:// and a host", shown(u))
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("the address %s must be that of a folder, without ? and #", shown(u))
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	u.RawPath = ""
	return u, nil
}

// below is the address of the file at path, with slashes, below the folder base.
func below(base *url.URL, path string) *url.URL {
	u := *base
	u.Path += path
	return &u
}

// fatal is an error that another try would bring again.
type fatal struct{ error }

// Unwrap is the cause.
func (f fatal) Unwrap() error { return f.error }
