package units_test

import (
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name     string
		unit     signal.Unit
		one      float64 // what a sample of 1 is
		standard string
	}{
		{"uV", "µV", 1, ""},
		{"\u00b5V", "µV", 1, ""},
		{"\u03bcV", "µV", 1, ""},
		{"nV", "µV", 1e-3, ""},
		{"mV", "µV", 1e3, ""},
		{"V", "µV", 1e6, ""},
		{" V ", "µV", 1e6, ""},
		{"uv", "µV", 1, "uV"},
		{"v", "µV", 1e6, "V"},
		{"microvolts", "µV", 1, "uV"},
		{"Microvolt", "µV", 1, "uV"},
		{"microV", "µV", 1, "uV"},
		{"millivolts", "µV", 1e3, "mV"},
		{"Volts", "µV", 1e6, "V"},
		{"nanovolt", "µV", 1e-3, "nV"},
	} {
		got := units.Parse(c.name)
		if !got.Voltage || got.Unit != c.unit || got.Apply(1) != c.one || got.Standard != c.standard {
			t.Errorf("%q is %+v, want %s, 1 to be %g, standard %q", c.name, got, c.unit, c.one, c.standard)
		}
	}
	for _, name := range []string{"", "MV", "UV", ".V", "kV", "mmHg", "dps", "volta", "s", "%"} {
		if got := units.Parse(name); got.Voltage || got.Unit != signal.Unit(name) || got.Apply(3) != 3 {
			t.Errorf("%q is %+v, must be kept as it is", name, got)
		}
	}
}
