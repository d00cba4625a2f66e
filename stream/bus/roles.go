package bus

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
)

// Role says what a client of an operator's server may do. Each role has an NKey of its own; what it may publish and
// subscribe to is fixed here, and docs/security.md shows it as a table.
type Role string

// The roles.
const (
	RoleDecoder    Role = "decoder"    // publishes commands, heartbeats and samples, answers operators
	RoleSource     Role = "source"     // an amplifier or a player: publishes samples, nothing else
	RoleController Role = "controller" // receives commands, heartbeats and stops, sends feedback and what it moves
	RoleViewer     Role = "viewer"     // looks on, from a browser too; publishes nothing
	RoleOperator   Role = "operator"   // asks on .ctl, stops, looks on
	RoleAuditor    Role = "auditor"    // keeps and reads the audit stream, publishes nothing
)

// Roles lists them all.
func Roles() []Role {
	return []Role{RoleDecoder, RoleSource, RoleController, RoleViewer, RoleOperator, RoleAuditor}
}

// The subjects of any session.
const (
	anyCommand  = "gyrus.*.cmd.*"
	anyStatus   = "gyrus.*.status"
	anyFeedback = "gyrus.*.feedback.*"
	anyActuator = "gyrus.*.actuator.*"
	anyRaw      = "gyrus.*.raw.*"
	anySchema   = "gyrus.*.raw.*.schema"
	anyCtl      = "gyrus.*.ctl"
	anyStop     = "gyrus.*.stop"
	anyLook     = "gyrus.*.telemetry.*"
	anyCue      = "gyrus.*.telemetry.*.cue"
)

// grants is what a role may do.
type grants struct {
	publish, subscribe []string
	asks               bool // may receive replies on its own inbox
	answers            bool // may publish to the inboxes of those who ask
	kinds              []string
}

// grantsOf is the table. Nothing that is not in it is allowed: there is no JetStream, no monitoring and no inbox but
// that of those who ask.
var grantsOf = map[Role]grants{
	RoleDecoder: {
		publish:   []string{anyCommand, anyStatus, anyRaw, anySchema, anyLook, anyCue, anyStop},
		subscribe: []string{anyStatus, anyFeedback, anyActuator, anyRaw, anySchema, anyCtl, anyStop},
		asks:      true, // its page has a button that stops
		answers:   true,
		kinds:     []string{jwt.ConnectionTypeStandard, jwt.ConnectionTypeLeafnode, jwt.ConnectionTypeInProcess},
	},
	RoleSource: {
		publish: []string{anyRaw, anySchema},
		kinds:   []string{jwt.ConnectionTypeStandard, jwt.ConnectionTypeLeafnode},
	},
	RoleController: {
		publish:   []string{anyFeedback, anyActuator},
		subscribe: []string{anyCommand, anyStatus, anyStop},
		answers:   true, // to a stop
		kinds:     []string{jwt.ConnectionTypeStandard, jwt.ConnectionTypeLeafnode},
	},
	RoleViewer: {
		subscribe: []string{anyCommand, anyStatus, anyFeedback, anyActuator, anyRaw, anySchema, anyLook, anyCue, anyStop},
		kinds:     []string{jwt.ConnectionTypeStandard, jwt.ConnectionTypeWebsocket, jwt.ConnectionTypeLeafnode},
	},
	RoleOperator: {
		publish:   []string{anyCtl, anyStop},
		subscribe: []string{anyCommand, anyStatus, anyFeedback, anyActuator, anyLook, anyCue, anyStop},
		asks:      true,
		kinds:     []string{jwt.ConnectionTypeStandard},
	},
	RoleAuditor: {
		subscribe: []string{anyCommand, anyFeedback, anyCtl, anyStop},
		kinds:     []string{jwt.ConnectionTypeStandard, jwt.ConnectionTypeInProcess},
	},
}

// inboxPrefix is where replies to the client with a public key go. It holds the key, so that nobody else may listen.
func inboxPrefix(publicKey string) string { return "_INBOX." + publicKey }

// nothing is how a list that allows nothing is written: an empty one would allow everything.
const nothing = ">"

// permissions turns lists of allowed subjects into those of the server.
func permissions(publish, subscribe []string) *server.Permissions {
	only := func(allow []string) *server.SubjectPermission {
		if len(allow) == 0 {
			return &server.SubjectPermission{Deny: []string{nothing}}
		}
		return &server.SubjectPermission{Allow: slices.Clone(allow)}
	}
	return &server.Permissions{Publish: only(publish), Subscribe: only(subscribe)}
}

// nkeyUsers are the users of a server: keys holds the public keys of every role.
func nkeyUsers(keys map[Role][]string) []*server.NkeyUser {
	var inboxes []string // of those who ask
	for _, r := range Roles() {
		if grantsOf[r].asks {
			for _, k := range keys[r] {
				inboxes = append(inboxes, inboxPrefix(k)+".>")
			}
		}
	}
	var users []*server.NkeyUser
	for _, r := range Roles() {
		g := grantsOf[r]
		kinds := map[string]struct{}{}
		for _, k := range g.kinds {
			kinds[k] = struct{}{}
		}
		for _, key := range keys[r] {
			publish, subscribe := slices.Clone(g.publish), slices.Clone(g.subscribe)
			if g.answers {
				publish = append(publish, inboxes...)
			}
			if g.asks {
				subscribe = append(subscribe, inboxPrefix(key)+".>")
			}
			users = append(users, &server.NkeyUser{Nkey: key, Permissions: permissions(publish, subscribe), AllowedConnectionTypes: kinds})
		}
	}
	return users
}

// ParseRole reads the name of a role.
func ParseRole(name string) (Role, error) {
	if slices.Contains(Roles(), Role(name)) {
		return Role(name), nil
	}
	var known []string
	for _, r := range Roles() {
		known = append(known, string(r))
	}
	return "", fmt.Errorf("no role is called %q, must be one of %s", name, strings.Join(known, ", "))
}
