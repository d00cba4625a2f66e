package bus

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nuid"
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
	asks               []inbox // may receive answers there
	answers            []inbox // may publish to those of the ones who ask
	kinds              []string
}

// inbox is the word behind the prefix of a client's inbox: answers to requests and to stops go apart, so that controllers, which
// answer stops, can write nobody an answer of a decoder, and a decoder none of a controller.
type inbox string

const (
	inboxCtl  inbox = "ctl"
	inboxStop inbox = "stop"
	inboxHeld inbox = "held" // to heartbeats: whether a stop is in force, of controllers and decoders
)

// grantsOf is the table, for a key that counts in every session; that of one session has its name for the first *. Nothing that is not in it is allowed: there is no JetStream, no monitoring and no inbox but
// that of those who ask.
var grantsOf = map[Role]grants{
	RoleDecoder: {
		publish:   []string{anyCommand, anyStatus, anyRaw, anySchema, anyLook, anyCue, anyStop},
		subscribe: []string{anyStatus, anyFeedback, anyActuator, anyRaw, anySchema, anyCtl, anyStop},
		asks:      []inbox{inboxStop, inboxHeld}, // its page has a button that stops
		answers:   []inbox{inboxCtl, inboxHeld},
		kinds:     []string{jwt.ConnectionTypeStandard, jwt.ConnectionTypeLeafnode, jwt.ConnectionTypeInProcess},
	},
	RoleSource: {
		publish: []string{anyRaw, anySchema},
		kinds:   []string{jwt.ConnectionTypeStandard, jwt.ConnectionTypeLeafnode},
	},
	RoleController: {
		publish:   []string{anyFeedback, anyActuator},
		subscribe: []string{anyCommand, anyStatus, anyStop},
		answers:   []inbox{inboxStop, inboxHeld},
		kinds:     []string{jwt.ConnectionTypeStandard, jwt.ConnectionTypeLeafnode},
	},
	RoleViewer: {
		subscribe: []string{anyCommand, anyStatus, anyFeedback, anyActuator, anyRaw, anySchema, anyLook, anyCue, anyStop},
		kinds:     []string{jwt.ConnectionTypeStandard, jwt.ConnectionTypeWebsocket, jwt.ConnectionTypeLeafnode},
	},
	RoleOperator: {
		publish:   []string{anyCtl, anyStop},
		subscribe: []string{anyCommand, anyStatus, anyFeedback, anyActuator, anyLook, anyCue, anyStop},
		asks:      []inbox{inboxCtl, inboxStop},
		kinds:     []string{jwt.ConnectionTypeStandard},
	},
	RoleAuditor: {
		subscribe: []string{anyCommand, anyFeedback, anyCtl, anyStop},
		kinds:     []string{jwt.ConnectionTypeStandard, jwt.ConnectionTypeInProcess},
	},
}

// inboxPrefix is where answers to the client with a public key go. It holds the key, so that nobody else may listen.
func inboxPrefix(publicKey string) string { return "_INBOX." + publicKey }

// of is where answers of one kind to the client with a public key go.
func (i inbox) of(publicKey string) string { return inboxPrefix(publicKey) + "." + string(i) }

// newInbox is a subject of its own for answers.
func (b *Bus) newInbox(i inbox) string {
	if key := b.nc.Opts.Nkey; key != "" {
		return i.of(key) + "." + nuid.Next()
	}
	return b.nc.NewRespInbox()
}

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

// grantee is a key with its role.
type grantee struct {
	key     string
	role    Role
	session string // the one in which it counts; "" means all
}

// meets says whether both count in some session.
func (g *grantee) meets(o *grantee) bool {
	return g.session == "" || o.session == "" || g.session == o.session
}

// in are subjects of any session, or of the one in which g counts.
func (g *grantee) in(subjects []string) []string {
	subjects = slices.Clone(subjects)
	if g.session != "" {
		for i, s := range subjects {
			subjects[i] = strings.Replace(s, "*", g.session, 1)
		}
	}
	return subjects
}

// nkeyUsers are the users of a server. Behind a leaf's link there are others that ask, whose keys it does not know: those of every session may answer
// them too. The server at the other end of the link lets through what the role of the link may.
func nkeyUsers(all []grantee, leaf bool) []*server.NkeyUser {
	var users []*server.NkeyUser
	for _, g := range all {
		may := grantsOf[g.role]
		publish, subscribe := g.in(may.publish), g.in(may.subscribe)
		for _, kind := range may.answers {
			if leaf && g.session == "" {
				publish = append(publish, kind.of("*")+".>")
				continue
			}
			for _, o := range all {
				if slices.Contains(grantsOf[o.role].asks, kind) && g.meets(&o) {
					publish = append(publish, kind.of(o.key)+".>")
				}
			}
		}
		for _, kind := range may.asks {
			subscribe = append(subscribe, kind.of(g.key)+".>")
		}
		kinds := map[string]struct{}{}
		for _, k := range may.kinds {
			kinds[k] = struct{}{}
		}
		users = append(users, &server.NkeyUser{Nkey: g.key, Permissions: permissions(publish, subscribe), AllowedConnectionTypes: kinds})
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
