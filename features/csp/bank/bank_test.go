package bank_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/features/csp/bank"
)

func TestGroup(t *testing.T) {
	for _, tc := range []struct {
		names string
		want  int
		bands []bank.Band
	}{
		{"C3@4-8 C4@4-8 C3@8-12 C4@8-12", 0, []bank.Band{{Name: "4-8", At: []int{0, 1}}, {Name: "8-12", At: []int{2, 3}}}},
		{"C3@4-8 C3@8-12 C4@4-8 C4@8-12", 2, []bank.Band{{Name: "4-8", At: []int{0, 2}}, {Name: "8-12", At: []int{1, 3}}}},
		{"C3 C4", 1, []bank.Band{{At: []int{0, 1}}}},
		{"a@b@1 a@b@2", 0, []bank.Band{{Name: "1", At: []int{0}}, {Name: "2", At: []int{1}}}},
	} {
		got, err := bank.Group(strings.Fields(tc.names), tc.want)
		if err != nil || !reflect.DeepEqual(got, tc.bands) {
			t.Errorf("%s: got %v, %v; want %v", tc.names, got, err, tc.bands)
		}
	}
}

func TestGroupErrors(t *testing.T) {
	for _, tc := range []struct {
		names string
		want  int
		says  string
	}{
		{"C3@4-8 C4", 0, `channel "C4" names no band`},
		{"C3 C4", 0, "put the preprocess step filterbank before"},
		{"C3@4-8 C4@4-8", 0, `all channels are of the one band "4-8"`},
		{"C3@4-8 C3@8-12", 3, "channels are of 2 bands, bands is 3"},
		{"C3@4-8 C4@8-12", 0, "every band must have the same"},
		{"C3@4-8 C4@4-8 C4@8-12 C3@8-12", 0, "in the same order"},
		{"", 0, "no channels"},
	} {
		if _, err := bank.Group(strings.Fields(tc.names), tc.want); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%q: error is %v, must contain %q", tc.names, err, tc.says)
		}
	}
}
