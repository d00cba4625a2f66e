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
	Subject string `json:"subject"` // with * for any session, decoder, stream
	Allowed bool   `json:"allowed"`
	Want    bool   `json:"want"`
}

// probeTimeout is how long the server may take to answer.
const probeTimeout = 2 * time.Second

// CheckRole connects and tries every subject of the protocol, in a session that nobody listens to.
func CheckRole(ctx context.Context, o Options, role Role) (rep RoleReport, err error) {
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
	g := grantsOf[role]
	session := fmt.Sprintf("check-%016x", rand.Uint64())
	for _, s := range []string{anyCommand, anyStatus, anyRaw, anySchema, anyFeedback, anyCtl, anyStop, anyLook, anyCue, "gyrus.>", "$JS.API.INFO"} {
		subject := strings.Replace(strings.Replace(s, "*", session, 1), "*", "check", 1)
		for _, do := range []string{"publish", "subscribe"} {
			p := RoleProbe{Do: do, Subject: s}
			if do == "publish" {
				if strings.HasSuffix(s, ">") {
					continue
				}
				p.Want = slices.Contains(g.publish, s)
				err = b.nc.Publish(subject, nil)
			} else {
				p.Want = slices.Contains(g.subscribe, s)
				var sub *nats.Subscription
				if sub, err = b.nc.Subscribe(subject, func(*nats.Msg) {}); err == nil {
					defer func() { _ = sub.Unsubscribe() }() // ends with the connection at the latest
				}
			}
			if err == nil {
				err = b.nc.FlushTimeout(probeTimeout)
			}
			if err != nil {
				return rep, fmt.Errorf("bus: %s %s: %w", do, subject, err)
			}
			p.Allowed = !refused(b.nc.LastError(), do, subject)
			if p.Allowed != p.Want {
				rep.Wrong++
			}
			rep.Rules = append(rep.Rules, p)
		}
	}
	return rep, nil
}

// refused says whether err, the newest of a connection, is about this try.
func refused(err error, do, subject string) bool {
	what := map[string]string{"publish": "Publish to", "subscribe": "Subscription to"}[do]
	return errors.Is(err, nats.ErrPermissionViolation) && strings.Contains(err.Error(), what+` "`+subject+`"`)
}
