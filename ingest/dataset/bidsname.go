package dataset

import (
	"fmt"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/bids"
)

// Task is what was done in the recording at p, in words: what the set says of it, or else its paradigm. It is "" for a folder
// that is no set.
func (s Set) Task(p Place) string {
	if m := s.Meaning(p, ""); m != "" {
		return m
	}
	return s.Paradigm
}

// BIDSName is what the recording at p is called in a BIDS tree, by what the set says of it: entities sub, ses, task and run. What
// is not known, or no label of BIDS (a run that is a date), is left out.
func (s Set) BIDSName(p Place) (n bids.Name) {
	if p.Subject == "" && s.Subjects == 1 {
		p.Subject = "01"
	}
	for _, e := range []bids.Entity{
		{Key: "sub", Value: p.Subject},
		{Key: "ses", Value: strings.TrimPrefix(p.Session, "session")},
		{Key: "task", Value: camel(s.Task(p))},
		{Key: "run", Value: p.Run},
	} {
		if e.Value != "" && bids.CheckLabel(e.Key, e.Value) == nil {
			n = n.With(e.Key, e.Value)
		}
	}
	return n
}

// Describe is what the description of a BIDS tree of recordings of the set says of them.
func (s Set) Describe() (d bids.Description, err error) {
	d.License = s.Licence
	if s.Source != "" {
		d.SourceDatasets = []bids.SourceDataset{{URL: s.Source}}
	}
	if s.Cite != "" {
		err = d.Rest.Set("ReferencesAndLinks", []string{s.Cite})
	}
	return d, err
}

// Names are the BIDSNames of recordings, in which no two are the same. Where runs of a session are not told apart by numbers,
// all of them are counted in the order of all, which must be all recordings of the session, for their numbers to stay.
func (s Set) Names(all []Recording) []bids.Name {
	names, sessions := make([]bids.Name, len(all)), map[string][]int{}
	for i, r := range all {
		names[i] = s.BIDSName(r.Place)
		sessions[names[i].Folder()] = append(sessions[names[i].Folder()], i)
	}
	for _, members := range sessions {
		runs, numbered := map[string]bool{}, true
		for _, i := range members {
			run := names[i].Get("run")
			runs[strings.TrimLeft(run, "0")] = true
			numbered = numbered && run != ""
		}
		if len(runs) == len(members) && (numbered || len(members) == 1) {
			continue
		}
		for k, i := range members {
			names[i] = names[i].With("run", fmt.Sprintf("%02d", k+1))
		}
	}
	return names
}

// camel is the letters and digits of a text as one label: "left or right fist, imagined" is leftOrRightFistImagined.
func camel(text string) string {
	words := strings.FieldsFunc(text, func(r rune) bool { return bids.CheckLabel("task", string(r)) != nil })
	for i := range words {
		if i > 0 {
			words[i] = strings.ToUpper(words[i][:1]) + words[i][1:]
		}
	}
	return strings.Join(words, "")
}
