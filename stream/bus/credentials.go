package bus

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/nats-io/nats.go"
)

// signer is the public key in a file of credentials, and a function that signs with it. The seed is read anew each
// time and wiped: it is in memory for a moment only, and a key that was changed is used from the next connection on.
func signer(file string) (public string, sign nats.SignatureHandler, err error) {
	pair, err := seedKey(file)
	if err != nil {
		return "", nil, err
	}
	defer pair.Wipe()
	public, err = pair.PublicKey()
	if err != nil {
		return "", nil, fmt.Errorf("credentials %s: %w", file, err)
	}
	return public, func(nonce []byte) ([]byte, error) {
		pair, err := seedKey(file)
		if err != nil {
			return nil, err
		}
		defer pair.Wipe()
		return pair.Sign(nonce)
	}, nil
}

// clientTLS trusts the authority in file ca alone, or those of the system where it is empty.
func clientTLS(ca, serverName string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: serverName}
	if ca == "" {
		return c, nil
	}
	var err error
	c.RootCAs, err = readCA(ca)
	return c, err
}

// secureOptions are the client's options for credentials and TLS.
func (o Options) secureOptions() ([]nats.Option, error) {
	var opts []nats.Option
	if o.CA != "" || strings.Contains(o.URL, "tls://") {
		c, err := clientTLS(o.CA, o.serverName)
		if err != nil {
			return nil, fmt.Errorf("bus: %w", err)
		}
		opts = append(opts, nats.Secure(c)) // the server cannot talk it out of TLS
	}
	if o.Credentials != "" {
		public, sign, err := signer(o.Credentials)
		if err != nil {
			return nil, fmt.Errorf("bus: %w", err)
		}
		opts = append(opts, nats.Nkey(public, sign), nats.CustomInboxPrefix(inboxCtl.of(public)))
	}
	return opts, nil
}

// checkSecure refuses a server on another machine without TLS and credentials: whoever sits between could move the
// actuator.
func (o Options) checkSecure() error {
	for _, s := range strings.Split(o.URL, ",") {
		u, err := url.Parse(strings.TrimSpace(s))
		if err != nil || loopback(u.Hostname()) {
			continue // checkURLs has refused what cannot be read
		}
		if u.Scheme != "tls" && o.CA == "" {
			return fmt.Errorf("bus: url %s is on another machine and without TLS: whoever sits between could move the actuator; "+
				"give ca, the certificate of its authority (ca.crt of gyrus bus init), or begin the url with tls:// where the system knows it", public(s))
		}
		if o.Credentials == "" && u.User == nil {
			return fmt.Errorf("bus: url %s is on another machine and without credentials: give credentials, the seed of this client's role (such as controller.nk of gyrus bus init)", public(s))
		}
	}
	return nil
}

// connectFailed explains an error that trying again would not change; nil where it may.
func (b *Bus) connectFailed(err error, o Options) error {
	switch {
	case errors.Is(err, nats.ErrAuthorization) && o.Credentials != "":
		return fmt.Errorf("bus: the NATS server at %s refuses this client: %w; the key in %s is not among the keys of its broker.yaml", b.url, err, o.Credentials)
	case errors.Is(err, nats.ErrAuthorization):
		return fmt.Errorf("bus: the NATS server at %s refuses this client: %w; give credentials (the seed of a role, and ca), or put the user and password into the url", b.url, err)
	case errors.Is(err, nats.ErrSecureConnWanted):
		return fmt.Errorf("bus: the NATS server at %s has no TLS, which this client insists on: %w; check host and port", b.url, err)
	case errors.Is(err, nats.ErrNkeysNotSupported):
		return fmt.Errorf("bus: the NATS server at %s knows no NKeys: %w; check host and port, or leave credentials out", b.url, err)
	}
	var verify *tls.CertificateVerificationError
	if errors.As(err, &verify) {
		return fmt.Errorf("bus: the NATS server at %s shows a certificate that is not to be trusted: %w; ca must be the ca.crt of its operator, and its names must include this host", b.url, err)
	}
	return nil
}

// refusedBy says whether the server has refused this client a subject. It is true from the moment at which the server
// has answered to what was sent behind, see settle.
func (b *Bus) refusedBy(subject string) error { return b.refused(subject, "") }

// refusedToPublish is refusedBy of what is published alone: a role may publish where it may not listen.
func (b *Bus) refusedToPublish(subject string) error { return b.refused(subject, "Publish to ") }

// refused is told which verb of the server's words counts, "" for any.
func (b *Bus) refused(subject, verb string) error {
	err := b.nc.LastError()
	if !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), verb+`"`+subject+`"`) {
		return nil
	}
	with := ""
	if b.seed != "" {
		with = " (credentials " + b.seed + ")"
	}
	return fmt.Errorf("bus: the role of this client%s may not use %s: %w; give the credentials of another role, or those of this session", with, subject, err)
}
