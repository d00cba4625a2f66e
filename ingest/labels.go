package ingest

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// codeDigits is how many digits the label of an event may have that is a code: a date of birth or a telephone number has more.
const codeDigits = 5

var (
	codeNumber = regexp.MustCompile(`^(?:[0-9]+|0x[0-9a-f]{1,4})$`)
	codeLetter = regexp.MustCompile(`^[a-z](?:[0-9]+)?$`)
	codeElec   = regexp.MustCompile(`^elec[0-9]+$`)
)

// codeWords are the words of labels that machines and protocols give to events, of which none names anybody: tasks of motor imagery,
// evoked potentials and sleep as the registered data sets and MOABB call them, types of markers of BrainVision and Blackrock, and
// standard states of BCI2000 in small letters.
var codeWords = wordSet(`
	left right both hand hands foot feet fist fists tongue elbow arm arms leg legs finger fingers rest resting idle imagery imagined executed movement motor task baseline
	eyes open closed eo ec target nontarget non standard deviant oddball frequent rare flash row column hz cue fixation cross feedback trial start end stop begin
	response stimulus on off correct incorrect error miss hit go nogo
	sleep stage n1 n2 n3 rem movement time lights apnea arousal seizure recording starts ends
	new segment boundary edge bad acq skip sync status toggle spike digital serial comment none na
	targetcode resultcode stimuluscode stimulustype stimulusbegin selectedtarget selectedrow selectedcolumn selectedstimulus phaseinsequence intertrialinterval running
	sourcetime stimulustime pausedapplication cursorposx cursorposy keydown keyup mousekeys digitalinput
	text removed
`)

func wordSet(text string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(text) {
		set[w] = true
	}
	return set
}

// isCode says whether the label of an event is known to name nobody: all of its words are numbers, a letter and a number, or among
// codeWords, with at most five digits in all. "T0", "S  1", "769", "left_hand" and "TargetCode/2" are; what else somebody may have typed.
func isCode(label string) bool {
	digits := 0
	for _, r := range label {
		if r >= '0' && r <= '9' {
			digits++
		}
	}
	if digits > codeDigits {
		return false
	}
	all := strings.FieldsFunc(strings.ToLower(label), func(r rune) bool { return strings.ContainsRune(" \t/_-", r) })
	for i, w := range all {
		number := i+1 < len(all) && codeNumber.MatchString(all[i+1])
		switch {
		case codeWords[w], codeNumber.MatchString(w), codeElec.MatchString(w):
		case codeLetter.MatchString(w) && (len(w) > 1 || number): // a letter alone is an initial
		case i > 0 && all[i-1] == "stage" && (w == "?" || len(w) == 1): // of sleep
		default:
			return false
		}
	}
	// "Comment/" and nothing is a code; a comment is none, whatever its words.
	return len(all) > 0 && (all[0] != "comment" || len(all) == 1)
}

// names are the words of texts about people.
type names []string

const (
	nameLetters = 3  // of the shortest word that is looked for
	nameWithin  = 5  // of the shortest that is also looked for within other words
	nameDigits  = 4  // of the shortest number
	fieldBytes  = 80 // of the longest text whose words are taken: a field of EDF. What is longer is prose, of which any word may be, but for fields in it
)

// peopleWords are those of keys of fields that say who somebody is, and keyWords others that such a key may have.
var (
	peopleWords = wordSet(`
	patient subject participant proband probandin name surname lastname firstname nachname vorname operator technician technologist experimenter investigator examiner
	researcher recordist physician doctor clinician nurse referrer by versuchsperson versuchsleiter untersucher arzt mta
`)
	keyWords = wordSet(`the of s id code number no nr initials first last middle given family full recorded acquired measured performed tested referred referring attending responsible principal lab`)
)

// commonWords are those of such fields that name nobody.
var commonWords = wordSet(`
	jan feb mar apr may jun jul aug sep oct nov dec startdate male female unknown anonymous anonymized anonymised none subject patient recording session born test eeg the and
	with year years for from was made visit right left ambidextrous day study trial run home users
`)

// namesOf are the words of the texts of rec that may say who was recorded, and of its Others.
func namesOf(rec *signal.Recording) (all names) {
	for _, r := range append([]*signal.Recording{rec}, rec.Others...) {
		for _, t := range r.Texts {
			if !t.Personal {
				continue
			}
			fields := []string{t.Text}
			if len(t.Text) > fieldBytes {
				fields = fieldsOfPeople(t.Text)
			}
			for _, w := range wordsOf(strings.Join(fields, " ")) {
				least := nameLetters
				if strings.Trim(w, "0123456789") == "" {
					least = nameDigits
				}
				if len([]rune(w)) >= least && !commonWords[w] && !slices.Contains(all, w) {
					all = append(all, w)
				}
			}
		}
	}
	return all
}

// fieldsOfPeople are the values in a long text that stand behind a key which says who somebody is, as in "Patient: Okafor, Anna / Operator: Lee".
func fieldsOfPeople(text string) (values []string) {
	for _, line := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("\r\n\t/;|", r) }) {
		parts := strings.FieldsFunc(line, func(r rune) bool { return r == ':' || r == '=' })
		for i := 1; i < len(parts); i++ {
			front, own := keyOf(parts[i-1])
			if own == "" || i == 1 && front != "" { // the first begins with its key: "he told the operator: stop" is prose
				continue
			}
			value := strings.TrimSpace(parts[i])
			if i+1 < len(parts) { // the next key stands behind it
				if front, own = keyOf(value); own == "" {
					front = strings.TrimSpace(value[:strings.LastIndexAny(value, " ,")+1])
				}
				if front != "" {
					value = front
				}
			}
			if len(value) <= fieldBytes {
				values = append(values, value)
			}
		}
	}
	return values
}

// keyOf parts the words of a key that says who somebody is from what stands in front of it; own is "" where there is no such key.
func keyOf(text string) (front, own string) {
	front, people := text, false
	for {
		front = strings.TrimRightFunc(front, func(r rune) bool { return !wordRune(r) })
		rest := strings.TrimRightFunc(front, wordRune)
		w := strings.ToLower(strings.Trim(front[len(rest):], "0123456789"))
		if front == "" || w != "" && !peopleWords[w] && !keyWords[w] {
			break
		}
		people = people || peopleWords[w]
		front, own = rest, front[len(rest):]+own
	}
	if !people {
		return text, ""
	}
	return front, own
}

// in says whether a text has one of the words, or the longer of them within a word, whatever the capitals.
func (n names) in(text string) bool {
	if len(n) == 0 || text == "" {
		return false
	}
	for _, w := range wordsOf(text) {
		for _, name := range n {
			if w == name || len(name) >= nameWithin && strings.Contains(w, name) {
				return true
			}
		}
	}
	return false
}

// wordsOf is the letters and digits of a text, in small letters.
func wordsOf(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !wordRune(r) })
}

func wordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
