package session

import (
	"strings"
	"testing"
	"time"
)

// TestMarkWatch tells at once, and then at most every ten seconds, of late marks, lost ones and stamps of another clock, and once of texts that
// are not UTF-8.
func TestMarkWatch(t *testing.T) {
	w, now := NewMarkWatch("EEG", LateRecorded), time.Now()
	for _, tc := range []struct {
		at   float64
		m    *Marks
		want string // "" for silence
	}{
		{0, nil, ""},
		{0, &Marks{Came: 3}, ""},
		{1, &Marks{Came: 4, Late: 1, LagS: 0.5}, "MARKS of EEG: 1 came after their samples, 0 of them by more than 1 s, the latest by 0.5 s: they are recorded at the samples"},
		{2, &Marks{Came: 9, Late: 5, LagS: 0.5}, ""},
		{11, &Marks{Came: 9, Late: 5, TooLate: 2, LagS: 3}, "MARKS of EEG within 10 s: 4 came after their samples, 2 of them by more than 1 s, the latest by 3 s"},
		{30, &Marks{Came: 9, Late: 5, TooLate: 2, LagS: 3}, ""},
		{31, &Marks{Came: 90, Late: 5, Lost: 7}, "MARKS of EEG within 20 s: 7 are lost"},
		{50, &Marks{Came: 91, Late: 5, Lost: 7, StampsOffS: -3600}, "MARKS of EEG within 19 s: their stamps lie 3.6e+03 s behind the clock that their program tells of"},
		{55, &Marks{Came: 92, Late: 5, Lost: 7, StampsOffS: -3600, NotUTF8: 1}, "MARKS of EEG within 5 s: some of their texts are not UTF-8, and read as Latin-1 (let their program send UTF-8); in all 92 came, 5 late"},
		{70, &Marks{Came: 95, Late: 5, Lost: 7, StampsOffS: -3600, NotUTF8: 3}, ""},
	} {
		got := w.Look(now.Add(time.Duration(tc.at*float64(time.Second))), tc.m)
		if tc.want == "" && got != "" || !strings.HasPrefix(got, tc.want) || strings.Contains(got, "\n") {
			t.Errorf("at %g s: %q, want %q", tc.at, got, tc.want)
		}
		if remedy := strings.Contains(got, "stamp with lsl_local_clock"); got != "" && remedy != (tc.at < 55) {
			t.Errorf("%q: its remedy is about stamps: %v", got, remedy)
		}
	}
}
