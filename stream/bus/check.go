package bus

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// RoleReport is what a server lets a client do, beside what its role is for.
type RoleReport struct {
	URL    string      `json:"url"`
	Server string      `json:"server"`  // its name
	Vers   string      `json:"version"` // of nats-server
	TLS    bool        `json:"tls"`
	RTTms  float64     `json:"rtt_ms"` // there and back
	Role   Role        `json:"role"`
	Rules  []RoleProbe `json:"rules"`
	Wrong  int         `json:"wrong"` // rules that are not as they must be
}

// RoleProbe is one try.
type RoleProbe struct {
	Do      string `json:"do"`      // publish or subscribe
	Subject string `json:"subject"` // with * for any session (or any other than the one of the key), decoder, stream
	Allowed bool   `json:"allowed"`
	Want    bool   `json:"want"`
}

// probeTimeout is how long the server may take to answer.
const probeTimeout = 2 * time.Second

// nobodysName stands in subjects where the name of a decoder or stream would: none can be called so (CheckToken), so that no controller or
// reader, which listen to one name each, takes or counts what is published there.
const nobodysName = "~check"

// CheckRole connects and tries every subject of the protocol, in a session that nobody listens to. With a session the key is one that
// counts in it only: there everything is tried that the session does not notice (no heartbeat, request or stop is published), and in another one nothing may be allowed.
func CheckRole(ctx context.Context, o Options, role Role, session string) (rep RoleReport, err error) {
	if o.URL == "" {
		return rep, errors.New("bus: url is empty: name the server to check")
	}
	b, err := Open(ctx, o)
	if err != nil {
		return rep, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	_, tlsErr := b.nc.TLSConnectionState()
	rtt, err := b.nc.RTT()
	if err != nil {
		return rep, fmt.Errorf("bus: %w", err)
	}
	rep = RoleReport{
		URL: b.url, Server: b.nc.ConnectedServerName(), Vers: b.nc.ConnectedServerVersion(), TLS: tlsErr == nil,
		RTTms: float64(rtt) / 1e6, Role: role,
	}
	nobody := fmt.Sprintf("check-%016x", rand.Uint64())
	if session == "" {
		return rep, b.probe(&rep, nobody, "*", grantsOf[role])
	}
	if err := CheckToken("session", session); err != nil {
		return rep, fmt.Errorf("bus: %w", err)
	}
	if err := b.probe(&rep, session, session, grantsOf[role]); err != nil {
		return rep, err
	}
	return rep, b.probe(&rep, nobody, "*", grants{})
}

// MayDecode says why this client cannot be the decoder of a session, nil where it can: its role may not, or counts in another session. It
// publishes one empty message, of no decoder, which no controller hears; the audit stream keeps it.
func (b *Bus) MayDecode(session string) error {
	subject := CommandSubject(session, nobodysName)
	if err := b.nc.Publish(subject, nil); err != nil {
		return fmt.Errorf("bus: %w", err)
	}
	if err := b.settle(); err != nil {
		return err
	}
	return b.refusedToPublish(subject)
}

// probe tries every subject in a session, which is called shown in the report, and compares it with what may be done there.
func (b *Bus) probe(rep *RoleReport, session, shown string, may grants) (err error) {
	for _, s := range []string{anyCommand, anyStatus, anyRaw, anySchema, anyFeedback, anyActuator, anyCtl, anyStop, anyLook, anyCue, "gyrus.>", "$JS.API.INFO"} {
		subject := strings.Replace(strings.Replace(s, "*", session, 1), "*", nobodysName, 1)
		for _, do := range []string{"publish", "subscribe"} {
			p := RoleProbe{Do: do, Subject: strings.Replace(s, "*", shown, 1)}
			if do == "publish" {
				if strings.HasSuffix(s, ">") || shown == session && (s == anyStatus || s == anyCtl || s == anyStop) { // which all in it would hear
					continue
				}
				p.Want = slices.Contains(may.publish, s)
				err = b.nc.Publish(subject, nil)
			} else {
				p.Want = slices.Contains(may.subscribe, s)
				var sub *nats.Subscription
				if sub, err = b.nc.Subscribe(subject, func(*nats.Msg) {}); err == nil {
					defer func() { _ = sub.Unsubscribe() }() // ends with the connection at the latest
				}
			}
			if err == nil {
				err = b.nc.FlushTimeout(probeTimeout)
			}
			if err != nil {
				return fmt.Errorf("bus: %s %s: %w", do, subject, err)
			}
			p.Allowed = !refused(b.nc.LastError(), do, subject)
			if p.Allowed != p.Want {
				rep.Wrong++
			}
			rep.Rules = append(rep.Rules, p)
		}
	}
	return nil
}

// refused says whether err, the newest of a connection, is about this try.
func refused(err error, do, subject string) bool {
	what := map[string]string{"publish": "Publish to", "subscribe": "Subscription to"}[do]
	return errors.Is(err, nats.ErrPermissionViolation) && strings.Contains(err.Error(), what+` "`+subject+`"`)
}
