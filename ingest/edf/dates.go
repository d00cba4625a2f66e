package edf

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// start works out when the file starts from the fields startdate and starttime and, in EDF+, from "Startdate
// 02-MAR-2002" in the field recording. It is the zero time where that is unknown: then the signal can still be read.
func start(date, clock, recording field, plus bool) time.Time {
	fixed, dateOK := parseDate(date)
	hour, minute, sec, timeOK := parseClock(clock)
	if plus {
		text := recording.text()
		full, known, ok := recordingDate(text)
		if ok {
			checkRecording(recording, text)
		}
		switch {
		case !ok:
			recording.deviate(`begins with "Startdate dd-MMM-yyyy" or "Startdate X"`, strconv.Quote(text), "the field startdate")
		case !known: // anonymised
			if fixed.Year() == 1985 && fixed.YearDay() == 1 { // the date that EDF+ prescribes for an unknown one
				return time.Time{}
			}
		case !dateOK:
			fixed, dateOK = full, true
		case fixed.Day() != full.Day() || fixed.Month() != full.Month() || fixed.Year()%100 != full.Year()%100 && full.Year() <= 2084:
			date.deviate("the same date as in the field recording", fmt.Sprintf("%s, but the field recording has %s",
				fixed.Format(time.DateOnly), full.Format(time.DateOnly)), full.Format(time.DateOnly))
			fixed = full
		default:
			fixed = full // the one with the century
		}
	}
	if !dateOK || !timeOK {
		return time.Time{}
	}
	return fixed.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(sec)*time.Second)
}

// parseDate reads dd.mm.yy; years from 85 on are in the 20th century.
func parseDate(f field) (time.Time, bool) {
	day, month, year, ok := triple(f, "dd.mm.yy, a date")
	if !ok {
		return time.Time{}, false
	}
	if year >= 85 {
		year += 1900
	} else {
		year += 2000
	}
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if t.Day() != day || int(t.Month()) != month {
		f.deviate("dd.mm.yy, a date", strconv.Quote(string(clean(f.raw))), "not used")
		return time.Time{}, false
	}
	return t, true
}

// parseClock reads hh.mm.ss.
func parseClock(f field) (hour, minute, sec int, ok bool) {
	hour, minute, sec, ok = triple(f, "hh.mm.ss, a time of day")
	if ok && (hour > 23 || minute > 59 || sec > 59) {
		f.deviate("hh.mm.ss, a time of day", strconv.Quote(string(clean(f.raw))), "not used")
		return 0, 0, 0, false
	}
	return hour, minute, sec, ok
}

// triple reads three numbers of at most two digits with points between them, or other signs where they are as clear.
func triple(f field, rule string) (a, b, c int, ok bool) {
	s := f.text()
	parts := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(".:-/_", r) })
	var n [3]int
	ok = len(parts) == 3
	for i := 0; ok && i < 3; i++ {
		v, err := strconv.ParseUint(strings.TrimSpace(parts[i]), 10, 8)
		ok = err == nil && v < 100
		n[i] = int(v)
	}
	if !ok {
		f.deviate(rule, strconv.Quote(s), "not used")
		return 0, 0, 0, false
	}
	if len(s) != 8 || s[2] != '.' || s[5] != '.' {
		f.deviate(rule, strconv.Quote(s), fmt.Sprintf("%02d.%02d.%02d", n[0], n[1], n[2]))
	}
	return n[0], n[1], n[2], true
}

// recordingDate finds the date in the field recording of EDF+. known is false for "Startdate X".
func recordingDate(s string) (date time.Time, known, ok bool) {
	words := strings.Fields(s)
	if len(words) < 2 || words[0] != "Startdate" {
		return time.Time{}, false, false
	}
	if words[1] == "X" {
		return time.Time{}, false, true
	}
	// time.Parse takes the month in any mixture of capitals.
	date, err := time.Parse(subfieldDate, words[1])
	return date, err == nil, err == nil
}
