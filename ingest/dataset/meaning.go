package dataset

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Meaning is what the events of a label stand for in the recording at p, as those say who handed out the set: "left fist,
// imagined". For the label "" it is what all of the recording is of: "eyes closed". It is "" where gyrus does not know.
func (s Set) Meaning(p Place, label string) string {
	if s.meaning == nil {
		return ""
	}
	return s.meaning(p, label)
}

// Condition is what all of the recording at a path is of, "rest", where that is a set whose recordings are all of one condition and
// have no event that says so, and what the set is called. The set is known by its folder, which has its name, and by the name of the file. It is ""
// for all other recordings.
func Condition(file string) (condition, set string) {
	dir, base := path.Split(filepath.ToSlash(file))
	for _, s := range sets {
		if !s.whole || !slices.ContainsFunc(append([]string{s.Name}, s.Aliases...), func(n string) bool { return strings.EqualFold(path.Base(dir), n) }) {
			continue
		}
		if p, ok := s.Parse(base); ok {
			return s.Meaning(p, ""), s.Name
		}
	}
	return "", ""
}

// Conflict says where one label would mean two things if the recordings at these places were used together, "" where none does:
// T1 of EEGMMIDB is the left fist in some runs and both fists in others.
func (s Set) Conflict(places []Place) string {
	for _, l := range s.labels {
		first, where := "", Place{}
		for _, p := range places {
			// What was done and whether it was done or imagined: only the former makes another class.
			m, _, _ := strings.Cut(s.Meaning(p, l), ",")
			switch {
			case m == "":
			case first == "":
				first, where = m, p
			case m != first:
				return fmt.Sprintf("%s of %s is %q in %v and %q in %v", l, s.Name, first, where, m, p)
			}
		}
	}
	return ""
}

// eegmmidbMeaning is after the page of the set: https://physionet.org/content/eegmmidb/1.0.0/.
func eegmmidbMeaning(p Place, label string) string {
	run, err := strconv.Atoi(p.Run)
	if err != nil || run < 1 || run > 14 {
		return ""
	}
	if run <= 2 {
		whole := []string{"eyes open", "eyes closed"}[run-1]
		if label == "" || label == "T0" {
			return whole
		}
		return ""
	}
	how := "executed"
	if run%2 == 0 {
		how = "imagined"
	}
	hands := slices.Contains([]int{3, 4, 7, 8, 11, 12}, run)
	switch {
	case label == "T0":
		return "rest"
	case label == "" && hands:
		return "left or right fist, " + how
	case label == "":
		return "both fists or both feet, " + how
	case label == "T1" && hands:
		return "left fist, " + how
	case label == "T2" && hands:
		return "right fist, " + how
	case label == "T1":
		return "both fists, " + how
	case label == "T2":
		return "both feet, " + how
	}
	return ""
}

// eegmatMeaning is after the page of the set: https://physionet.org/content/eegmat/1.0.0/.
func eegmatMeaning(p Place, label string) string {
	if label != "" {
		return ""
	}
	return map[string]string{"1": "rest", "2": "mental arithmetic"}[p.Run]
}

// exoMeaning is that of MOABB 1.7.2, where 17 and 21 Hz were once the other way round (NeuroTechX/moabb, Kalunga2016). The
// records that are there in both formats say which code of GDF is which of FIF.
func exoMeaning(_ Place, label string) string {
	return map[string]string{
		"1": "rest", "2": "13 Hz", "3": "21 Hz", "4": "17 Hz",
		"33024": "rest", "33025": "13 Hz", "33026": "21 Hz", "33027": "17 Hz",
	}[label]
}

// museMeaning is after the notebooks that the set comes with.
func museMeaning(_ Place, label string) string {
	return map[string]string{"1": "nontarget", "2": "target"}[label]
}
