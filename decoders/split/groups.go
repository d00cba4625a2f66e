package split

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Group says where a trial comes from. A Splitter is given it as a string, which String makes and ParseGroup reads.
type Group struct {
	Subject string // "01"; "" where all are of one person whom nobody named
	Session string // "1"; "" where a subject has one session only
	Run     string // "2"; "" where a session has one run only
}

// String is the group in the words of BIDS: "sub-01_ses-1_run-2"; what is "" is left out.
func (g Group) String() string {
	var parts []string
	for _, p := range [][2]string{{"sub", g.Subject}, {"ses", g.Session}, {"run", g.Run}} {
		if p[1] != "" {
			parts = append(parts, p[0]+"-"+p[1])
		}
	}
	return strings.Join(parts, "_")
}

// Strings is every group as a string, for a Splitter.
func Strings(groups []Group) []string {
	out := make([]string, len(groups))
	for i, g := range groups {
		out[i] = g.String()
	}
	return out
}

var (
	entity    = regexp.MustCompile(`(?:^|_)(sub|ses|run)-([A-Za-z0-9]+)`)
	physioNet = regexp.MustCompile(`^S(\d+)R(\d+)$`)
	eegmat    = regexp.MustCompile(`^Subject(\d+)_([12])$`)
	person    = regexp.MustCompile(`^(?i:subject)[-_ ]?([A-Za-z0-9]+)$`)
	folder    = regexp.MustCompile(`^(?i:ses|session)(?:[-_ ]([A-Za-z0-9]+)|([0-9]+))$`)
)

// ParseGroup reads the subject, session and run off the name of a recording: the last element of a path, named as BIDS
// asks for ("sub-01_ses-1_task-mi_run-2_eeg.edf") or as the motor imagery recordings of PhysioNet ("S001R06.edf", all of
// one session) and its mental arithmetic ("Subject00_1.edf"). Where it names neither subject nor session, the folder that the
// file is in may name the session: "ses-1", "session1", "Session 2"; or the subject: "subject01". It
// is an error where neither subject nor session is named.
func ParseGroup(name string) (Group, error) {
	whole := strings.ReplaceAll(name, `\`, "/")
	base := path.Base(whole)
	stem, _, _ := strings.Cut(base, ".")
	if m := physioNet.FindStringSubmatch(stem); m != nil {
		return Group{Subject: m[1], Run: m[2]}, nil
	}
	if m := eegmat.FindStringSubmatch(stem); m != nil {
		return Group{Subject: m[1], Run: m[2]}, nil
	}
	var g Group
	for _, m := range entity.FindAllStringSubmatch(stem, -1) {
		to := map[string]*string{"sub": &g.Subject, "ses": &g.Session, "run": &g.Run}[m[1]]
		if *to != "" {
			return Group{}, fmt.Errorf("recording %q names %s twice", base, m[1])
		}
		*to = m[2]
	}
	if m := folder.FindStringSubmatch(path.Base(path.Dir(whole))); m != nil && g.Subject == "" && g.Session == "" {
		g.Session = m[1] + m[2] // one of them is empty
	}
	if m := person.FindStringSubmatch(path.Base(path.Dir(whole))); m != nil && g.Subject == "" && g.Session == "" {
		g.Subject = m[1]
	}
	if g.Subject == "" && g.Session == "" {
		return Group{}, &unnamedError{base}
	}
	return g, nil
}

// unnamedError is a recording of nobody knows whom.
type unnamedError struct{ recording string }

// Error says how to name it.
func (e *unnamedError) Error() string {
	return fmt.Sprintf("recording %q does not say which subject it is of; name it as BIDS does, \"sub-01_ses-1_run-2\", put the sessions of one person into folders \"session1\", \"session2\", or use the split %q", e.recording, LeaveOneRunOutName)
}

// parse reads all groups, each string once. Either all name their subject or none does.
func parse(groups []string) ([]Group, error) {
	known := map[string]Group{}
	out := make([]Group, len(groups))
	for i, s := range groups {
		g, ok := known[s]
		if !ok {
			var err error
			if g, err = ParseGroup(s); err != nil {
				return nil, err
			}
			known[s] = g
		}
		if out[i] = g; (g.Subject == "") != (out[0].Subject == "") {
			if g.Subject != "" {
				s = groups[0]
			}
			return nil, &unnamedError{path.Base(s)}
		}
	}
	return out, nil
}

// number gives every distinct key a number, in the order in which they first occur.
func number[T comparable](of []T) (at []int, keys []T) {
	at = make([]int, len(of))
	for i, k := range of {
		n := slices.Index(keys, k)
		if n < 0 {
			n = len(keys)
			keys = append(keys, k)
		}
		at[i] = n
	}
	return at, keys
}

// session is the subject and the session of a group.
func (g Group) session() Group { return Group{Subject: g.Subject, Session: g.Session} }
