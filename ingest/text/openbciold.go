package text

import (
	"fmt"
	"strconv"
	"strings"
)

// oldOpenBCI is what the remarks above a recording of the OpenBCI GUI 3 or 4 tell, which has no names of columns. They are a number of
// the sample, EEG in µV, three of the accelerometer in g, and in version 4 the time of day and since 1970.
type oldOpenBCI struct {
	rate     float64 // Hz, 0 where it is not told
	channels int     // 0 where it is not told
}

// remark takes what one says, without the character in front.
func (t *sketch) remark(line []byte) {
	text := strings.TrimSpace(string(line))
	if strings.HasPrefix(text, "OpenBCI Raw") {
		t.old = &oldOpenBCI{}
	}
	key, value, found := strings.Cut(text, "=")
	if !found || t.old == nil {
		return
	}
	value = strings.TrimSpace(value)
	switch strings.TrimSpace(key) {
	case "Sample Rate":
		if v, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(value, "Hz")), 64); err == nil && v > 0 && v <= maxRate {
			t.old.rate = v
		}
	case "Number of channels":
		if v, err := strconv.Atoi(value); err == nil && v > 0 && v <= maxColumns {
			t.old.channels = v
		}
	}
}

// column is what the mapping says of column i of n, from 0.
func (o *oldOpenBCI) column(i, n int, col *sketched) (line string, as role) {
	if o == nil {
		return "", unused
	}
	eeg, ref := o.channels, i+1
	if eeg == 0 { // version 3, or older: nothing comes behind the accelerometer
		eeg = n - 1 - 3
	}
	switch {
	case i == 0:
		return fmt.Sprintf("%d  # counts the samples, and begins anew", ref), unused
	case i <= eeg:
		return fmt.Sprintf("{column: %d, name: EXG Channel %d, unit: uV, kind: eeg}", ref, i-1), sample
	case i <= eeg+3 && col.texts == 0 && col.numbers > 0:
		return fmt.Sprintf("{column: %d, name: Accel Channel %d, unit: g, kind: misc}", ref, i-eeg-1), sample
	case i == n-1 && col.texts == 0 && col.last >= 1e12:
		return fmt.Sprintf("time: {column: %d, unit: unix_ms}", ref), stamp
	}
	return fmt.Sprintf("%d  # the time of day, or not known", ref), unused
}
