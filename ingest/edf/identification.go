package edf

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// subfieldDate is how dates in subfields are written, but that the month is in capitals.
const subfieldDate = "02-Jan-2006"

// sexes are what the second subfield about the patient may be.
var sexes = []string{"F", "M", "X"}

// capitals says whether s is a date like 02-MAY-1951; ok, whether it is one but for the capitals.
func capitals(s string) (capital, ok bool) {
	_, err := time.Parse(subfieldDate, s) // which takes the month in any mixture of capitals
	return err == nil && s == strings.ToUpper(s), err == nil
}

// checkPatient lists where the field about the patient of EDF+ is not in subfields. What is in it is not repeated: lists of deviations
// are handed on, and it may say who the patient is.
func checkPatient(f field, text string) {
	words := strings.Fields(text)
	if len(words) < 4 {
		f.deviate("begins with four subfields: code, sex, date of birth and name, X where unknown", fmt.Sprintf("%d, separated by spaces", len(words)), "a text as a whole")
		return
	}
	if !slices.Contains(sexes, words[1]) {
		f.deviate("the second subfield, the sex, is F, M or X", "something else", "a text as a whole")
	}
	if capital, _ := capitals(words[2]); !capital && words[2] != "X" {
		f.deviate("the third subfield, the date of birth, is like 02-MAY-1951, or X", "something else", "a text as a whole")
	}
}

// checkRecording lists where the field about the recording of EDF+, which begins with a date, breaks the rules about the rest.
func checkRecording(f field, text string) {
	words := strings.Fields(text)
	if len(words) < 5 {
		f.deviate("begins with five subfields: Startdate, the date, codes of the investigation, the investigator and the equipment, X where unknown",
			fmt.Sprintf("%d, separated by spaces", len(words)), "the others are unknown")
	}
	if capital, ok := capitals(words[1]); ok && !capital {
		f.deviate("the month of the startdate is in capitals", fmt.Sprintf("%q", words[1]), strings.ToUpper(words[1]))
	}
}

// inSubfields says whether text, from whatever file, has four words or more that are as EDF+ wants them.
func inSubfields(text string) bool {
	words := strings.Fields(text)
	if len(words) < 4 || !slices.Contains(sexes, words[1]) {
		return false
	}
	_, dated := capitals(words[2])
	return dated || words[2] == "X"
}

// subfields is text, of four words or more, with the first four as EDF+ wants them. What has no place there follows behind them, where the
// specification leaves room.
func subfields(text string) string {
	words := strings.Fields(text)
	var rest []string
	if sex := strings.ToUpper(words[1]); slices.Contains(sexes, sex) {
		words[1] = sex
	} else {
		words[1], rest = "X", append(rest, words[1])
	}
	born := words[2]
	switch iso, err := time.Parse(time.DateOnly, born); {
	case err == nil:
		born = iso.Format(subfieldDate)
	case born != "X":
		if _, ok := capitals(born); !ok {
			born, rest = "X", append(rest, born)
		}
	}
	words[2] = strings.ToUpper(born)
	return strings.Join(append(words, rest...), " ")
}
