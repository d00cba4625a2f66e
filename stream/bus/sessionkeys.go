package bus

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nats-io/nkeys"
)

// Keys that count in one session only lie in sessions/NAME of an operator's directory: a seed for every role, and a list of the
// public keys by role. A session is added or taken away with its folder; broker.yaml knows nothing of it.
const (
	dirSessions = "sessions"
	fileKeys    = "keys.yaml"
)

// SessionRoles are the roles that have a key of one session. An auditor has none: the audit stream holds all of them.
func SessionRoles() []Role {
	return slices.DeleteFunc(Roles(), func(r Role) bool { return r == RoleAuditor })
}

// SessionSeed is the file with the seed of a role in one session.
func (o *Operator) SessionSeed(session string, r Role) string {
	return filepath.Join(o.Dir, dirSessions, session, string(r)+seedSuffix)
}

// newKeys makes an NKey for each role: the seeds by the names of their files, and the public keys as a mapping in YAML.
func newKeys(roles []Role, indent string) (seeds map[string][]byte, list string, err error) {
	seeds = map[string][]byte{}
	var text strings.Builder
	for _, r := range roles {
		pair, err := nkeys.CreateUser()
		if err != nil {
			return nil, "", fmt.Errorf("bus: NKey: %w", err)
		}
		seed, err := pair.Seed()
		if err != nil {
			return nil, "", fmt.Errorf("bus: NKey: %w", err)
		}
		public, err := pair.PublicKey()
		if err != nil {
			return nil, "", fmt.Errorf("bus: NKey: %w", err)
		}
		seeds[string(r)+seedSuffix] = seed // without a line end: some clients take the file as it is
		fmt.Fprintf(&text, "%s%s: [%s]\n", indent, r, public)
	}
	return seeds, text.String(), nil
}

// sessionFiles is what the folder of a session holds, by name.
func sessionFiles(session string) (map[string][]byte, error) {
	files, list, err := newKeys(SessionRoles(), "")
	if err != nil {
		return nil, err
	}
	files[fileKeys] = []byte("# Public keys by role that count in the session " + session + " alone; the seeds are in the files named after the roles.\n" +
		"# The server reads them when it starts. To take all of them back, remove this folder.\n" + list)
	return files, nil
}

// AddSession makes keys that count in one session only, in an operator's directory that is there. The folder appears whole or not
// at all, and nothing is written over one that exists. A server that runs knows the keys when it is started anew.
func AddSession(dir, session string) error {
	if err := CheckToken("session", session); err != nil {
		return fmt.Errorf("bus: %w", err)
	}
	if _, err := ReadOperator(dir); err != nil {
		return err
	}
	all := filepath.Join(dir, dirSessions)
	if err := os.Mkdir(all, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("bus: %w", err)
	}
	files, err := sessionFiles(session)
	if err != nil {
		return err
	}
	return writeFolder(filepath.Join(all, session), files)
}

// readSessions reads the keys of every session.
func (o *Operator) readSessions() error {
	o.Sessions = map[string]map[Role][]string{}
	all := filepath.Join(o.Dir, dirSessions)
	entries, err := os.ReadDir(all)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") { // what was being written when its writer was killed
			continue
		}
		if err := CheckToken("folder", e.Name()); err != nil {
			return fmt.Errorf("%s: %w: it holds the folders of sessions, and they are called as these are; gyrus bus init --session makes them", all, err)
		}
		file := filepath.Join(all, e.Name(), fileKeys)
		data, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("%w: the folder of a session lists its keys; gyrus bus init --session makes one, removed it counts for nothing", err)
		}
		keys := map[Role][]string{}
		if err := decodeYAML(&keys, data); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if len(keys[RoleAuditor]) > 0 {
			return fmt.Errorf("%s: an auditor has no key of one session: the audit stream holds all of them; list it under keys in %s", file, fileBroker)
		}
		o.Sessions[e.Name()] = keys
	}
	return nil
}

// grantees are all keys, in order.
func (o *Operator) grantees() []grantee {
	var all []grantee
	for _, r := range Roles() {
		for _, k := range o.Config.Keys[r] {
			all = append(all, grantee{key: k, role: r})
		}
	}
	for _, s := range slices.Sorted(maps.Keys(o.Sessions)) {
		for _, r := range SessionRoles() {
			for _, k := range o.Sessions[s][r] {
				all = append(all, grantee{key: k, role: r, session: s})
			}
		}
	}
	return all
}

// checkKeys reports the first key that is none, has two places, or has a role that there is not.
func (o *Operator) checkKeys() error {
	known := func(where string, keys map[Role][]string) error {
		for _, r := range slices.Sorted(maps.Keys(keys)) { // in order, for equal messages
			if _, err := ParseRole(string(r)); err != nil {
				return fmt.Errorf("%s: %w", where, err)
			}
		}
		return nil
	}
	err := known("keys", o.Config.Keys)
	for _, s := range slices.Sorted(maps.Keys(o.Sessions)) {
		err = errors.Join(err, known("keys of session "+s, o.Sessions[s]))
	}
	if err != nil {
		return err
	}
	seen := map[string]string{}
	for _, g := range o.grantees() {
		place := string(g.role)
		if g.session != "" {
			place += " of session " + g.session
		}
		if !nkeys.IsValidPublicUserKey(g.key) {
			return fmt.Errorf("keys: %s: %q is no public user NKey (56 letters and digits that begin with U)", place, g.key)
		}
		if other, ok := seen[g.key]; ok {
			return fmt.Errorf("keys: %s is listed for %s and for %s, must have one role", g.key, other, place)
		}
		seen[g.key] = place
	}
	if len(seen) == 0 {
		return errors.New("keys: no role has a key, so nobody could connect")
	}
	return nil
}
