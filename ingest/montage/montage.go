package montage

import (
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// references are the endings that name no electrode of their own, in capitals, and what they mean; "" says only that
// there was one.
var references = map[string]string{
	"REF": "",
	"LE":  "linked ears",
	"AVG": "average",
	"AV":  "average",
	"AR":  "average",
}

// Normalize gives the name and the kind of the channel that a source calls original. See the package comment for the
// rules; what they do not know keeps its name. The kind is a guess from the label: by the signal type in front ("EEG",
// "EOG", "ECG" or "EKG", "EMG", "ECoG", "SEEG"), by a 10-05 name, by "Status", "Trigger" or "STI"; otherwise signal.Misc.
func Normalize(original string) (name string, kind signal.Kind) {
	name, _, kind = split(original)
	return name, kind
}

// Reference is what Normalize takes off behind the dash, in words: "linked ears", "average". It is "" where there is
// nothing, and where the label only says that there was one ("-REF").
func Reference(original string) string {
	_, ref, _ := split(original)
	return ref
}

func split(original string) (name, ref string, kind signal.Kind) {
	label := strings.TrimRight(strings.TrimSpace(original), ". ")
	if label == "" { // dots only: there is nothing better to call it
		return strings.TrimSpace(original), "", signal.Misc
	}
	kind = kindOf(label)
	before, rest := untyped(label)
	if rest = strings.TrimRight(rest, ". "); before == "" && kind != signal.Misc {
		return label, "", kind
	}
	name, ref, ok := electrode(rest)
	if !ok {
		return label, "", kind
	}
	return name, ref, signal.EEG
}

// untyped takes "EEG " off a label, the type of signal that EDF+ asks for in front of names, and says what it took.
func untyped(label string) (typ, rest string) {
	if typ, after, found := strings.Cut(label, " "); found && strings.EqualFold(typ, "EEG") {
		return label[:len(typ)+1], strings.TrimSpace(after)
	}
	return "", label
}

// electrode spells one 10-05 name, one with a reference, or two with a dash between them.
func electrode(s string) (name, ref string, ok bool) {
	if name, ok := Spell(s); ok {
		return name, "", true
	}
	first, second, dash := strings.Cut(s, "-")
	if !dash {
		return "", "", false
	}
	a, ok := Spell(strings.TrimRight(strings.TrimSpace(first), "."))
	if !ok {
		return "", "", false
	}
	second = strings.TrimSpace(second)
	if ref, ok := references[strings.ToUpper(second)]; ok {
		return a, ref, true
	}
	if b, ok := Spell(second); ok {
		return a + "-" + b, "", true
	}
	return "", "", false
}

// kindOf reads the kind from the words of a label; Misc where they do not tell.
func kindOf(label string) signal.Kind {
	first := ""
	for w := range strings.FieldsFuncSeq(strings.ToUpper(label), func(r rune) bool { return r == ' ' || r == '_' || r == '-' }) {
		if number, sti := strings.CutPrefix(w, "STI"); w == "STATUS" || w == "TRIGGER" || w == "TRIG" ||
			sti && strings.Trim(number, "0123456789") == "" {
			return signal.Trigger
		}
		if first == "" {
			first = w
		}
	}
	switch first { // the whole first word: "EEG1" says no more than "1" does
	case "EEG":
		return signal.EEG
	case "SEEG":
		return signal.SEEG
	case "ECOG":
		return signal.ECoG
	}
	for _, k := range []struct {
		prefix string
		kind   signal.Kind
	}{{"EOG", signal.EOG}, {"VEOG", signal.EOG}, {"HEOG", signal.EOG}, {"ECG", signal.ECG}, {"EKG", signal.ECG}, {"EMG", signal.EMG}} {
		if strings.HasPrefix(first, k.prefix) { // "EKGL", "EMG1"
			return k.kind
		}
	}
	return signal.Misc
}
