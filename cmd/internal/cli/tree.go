package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest/bids"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// infoTreeJSON is what gyrus info --json prints for a BIDS tree.
type infoTreeJSON struct {
	Tree           string               `json:"tree"`
	Name           string               `json:"name"`
	BIDSVersion    string               `json:"bids_version"`
	DatasetType    string               `json:"dataset_type"`
	GeneratedBy    []bids.Generator     `json:"generated_by"`
	SourceDatasets []bids.SourceDataset `json:"source_datasets"`
	Subjects       int                  `json:"subjects"`
	Sessions       int                  `json:"sessions"` // visits, also of subjects who came once
	Participants   int                  `json:"participants"`
	Recordings     []infoMemberJSON     `json:"recordings"`
	Derivatives    []string             `json:"derivatives"`
	Deviations     []signal.Deviation   `json:"deviations"` // of the tree; those of the recordings are theirs
}

type infoMemberJSON struct {
	Path       string             `json:"path"` // below the tree
	Subject    string             `json:"subject"`
	Session    string             `json:"session,omitempty"`
	Task       string             `json:"task,omitempty"`
	Run        string             `json:"run,omitempty"`
	Error      string             `json:"error,omitempty"` // why it cannot be read
	Format     string             `json:"format,omitempty"`
	RateHz     float64            `json:"rate_hz,omitempty"`
	DurationS  float64            `json:"duration_s,omitempty"`
	Channels   int                `json:"channels,omitempty"`
	Bad        int                `json:"bad,omitempty"`
	Events     map[string]int     `json:"events,omitempty"` // how many of each label
	Deviations []signal.Deviation `json:"deviations"`
}

// openTree reads the BIDS tree at path. is says whether path is one: a file is none, and a folder without subjects.
func openTree(path string) (t *bids.Tree, is bool, err error) {
	if st, err := os.Stat(path); err != nil || !st.IsDir() {
		return nil, false, nil //nolint:nilerr // opened as a recording, the path has a better message
	}
	fsys := os.DirFS(path)
	if is, err = bids.IsTree(fsys, "."); err != nil || !is {
		return nil, false, err
	}
	t, err = bids.ReadTree(fsys, ".")
	if err != nil {
		err = refusal{fmt.Errorf("%s: %w", path, err)}
	}
	return t, true, err
}

// member opens a recording of the tree at path.
func (r opener) member(path string, rec bids.Recording) (*signal.Recording, error) {
	opened, err := r.open(filepath.Join(path, filepath.FromSlash(rec.Path)))
	if err != nil && rec.Gone {
		err = refusal{errors.New("a link to a file that is not there: fetch it, for example with datalad get")}
	}
	return opened, err
}

// infoTree prints what is in the tree at path.
func infoTree(cmd *cobra.Command, how opener, path string, t *bids.Tree) error {
	v := infoTreeJSON{
		Tree: path, Name: t.Description.Name, BIDSVersion: t.Description.BIDSVersion, DatasetType: cmp.Or(t.Description.DatasetType, bids.Raw),
		GeneratedBy: append([]bids.Generator{}, t.Description.GeneratedBy...), SourceDatasets: append([]bids.SourceDataset{}, t.Description.SourceDatasets...),
		Subjects: len(t.Subjects), Recordings: []infoMemberJSON{}, Derivatives: append([]string{}, t.Derivatives...), Deviations: append([]signal.Deviation{}, t.Deviations...),
	}
	if how.Strict && len(t.Deviations) > 0 {
		return refusal{fmt.Errorf("%s breaks the specification of BIDS, which --strict refuses: %s; see gyrus validate %s", path, deviationLine(t.Deviations[0]), path)}
	}
	if t.Participants != nil {
		v.Participants = t.Participants.Len()
	}
	for _, sub := range t.Subjects {
		v.Sessions += len(sub.Sessions)
		for _, ses := range sub.Sessions {
			for _, rec := range ses.Recordings {
				m, err := describeMember(how, path, rec)
				if err != nil {
					return err
				}
				v.Recordings = append(v.Recordings, m)
			}
		}
	}
	if wantsJSON(cmd) {
		return printJSON(cmd, v)
	}
	printTree(cmd, v)
	return nil
}

// describeMember opens a recording of a tree. One that cannot be read is no error: the others are still there.
func describeMember(how opener, path string, rec bids.Recording) (infoMemberJSON, error) {
	m := infoMemberJSON{
		Path: rec.Path, Subject: rec.Name.Get("sub"), Session: rec.Name.Get("ses"), Task: rec.Name.Get("task"), Run: rec.Name.Get("run"), Deviations: []signal.Deviation{},
	}
	opened, err := how.member(path, rec)
	if err != nil {
		if how.Strict {
			return m, err
		}
		m.Error = err.Error()
		return m, nil
	}
	d := describe(opened)
	m.Format, m.RateHz, m.DurationS, m.Channels, m.Deviations = d.Format, d.RateHz, d.DurationS, len(d.Channels), d.Deviations
	m.Events = map[string]int{}
	for _, e := range opened.Events {
		m.Events[e.Label]++
	}
	for _, c := range d.Channels {
		if c.Bad {
			m.Bad++
		}
	}
	return m, opened.Close()
}

func printTree(cmd *cobra.Command, v infoTreeJSON) {
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "%s  BIDS %s, %s: %q\n", v.Tree, cmp.Or(v.BIDSVersion, "of an unknown version"), v.DatasetType, v.Name)
	for _, g := range v.GeneratedBy {
		fmt.Fprintf(w, "made by   %s\n", strings.TrimSpace(g.Name+" "+g.Version))
	}
	for _, s := range v.SourceDatasets {
		fmt.Fprintf(w, "made of   %s\n", cmp.Or(s.DOI, s.URL))
	}
	fmt.Fprintf(w, "%d subjects, %d sessions, %d recordings\n\n", v.Subjects, v.Sessions, len(v.Recordings))
	rows := [][]string{{"recording", "format", "rate (Hz)", "length", "channels", "bad", "events", "deviations"}}
	var events []string
	for _, m := range v.Recordings {
		if m.Error != "" {
			rows = append(rows, []string{m.Path, "cannot be read"})
			continue
		}
		n := 0
		for label, k := range m.Events {
			n += k
			if !slices.Contains(events, label) {
				events = append(events, label)
			}
		}
		rows = append(rows, []string{
			m.Path, strings.TrimSuffix(m.Format, " with BIDS"), fmt.Sprintf("%g", m.RateHz), time.Duration(m.DurationS * float64(time.Second)).Round(time.Second / 10).String(),
			strconv.Itoa(m.Channels), strconv.Itoa(m.Bad), strconv.Itoa(n), strconv.Itoa(len(m.Deviations)),
		})
	}
	columns(w, rows)
	if slices.Sort(events); len(events) > 0 {
		const most = 20
		more := ""
		if len(events) > most {
			more = fmt.Sprintf(" and %d more", len(events)-most)
			events = events[:most]
		}
		fmt.Fprintf(w, "\nevents: %s%s\n", quoted(events), more)
	}
	for _, d := range v.Derivatives {
		fmt.Fprintf(w, "derivative: %s\n", d)
	}
	fmt.Fprintf(w, "\n%d deviations of the tree\n", len(v.Deviations))
	for _, d := range v.Deviations {
		fmt.Fprintf(w, "  %s\n", deviationLine(d))
	}
	for _, m := range v.Recordings {
		if m.Error != "" {
			fmt.Fprintf(w, "  %s cannot be read: %s\n", m.Path, m.Error)
		}
	}
}

// validateTree looks at a tree, and then at each of its recordings.
func validateTree(how opener, path string, t *bids.Tree) ([]validateJSON, error) {
	whole := newVerdict(path)
	whole.Format = strings.TrimSpace("BIDS " + t.Description.BIDSVersion)
	if len(t.Deviations) > 0 {
		whole.Verdict, whole.Deviations = verdictDeviates, t.Deviations
	}
	all := []validateJSON{whole}
	for _, rec := range t.Recordings() {
		v := newVerdict(filepath.ToSlash(filepath.Join(path, filepath.FromSlash(rec.Path))))
		opened, err := how.member(path, rec)
		if err != nil {
			if errors.Is(err, fs.ErrPermission) {
				return nil, err
			}
			v.Verdict, v.Error = verdictRefused, err.Error()
			all = append(all, v)
			continue
		}
		if err := v.judge(opened, nil); err != nil {
			v.Verdict, v.Error = verdictRefused, err.Error()
		}
		if err := opened.Close(); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}
