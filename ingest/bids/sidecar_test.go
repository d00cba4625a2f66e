package bids_test

import (
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/bids"
)

func TestSidecarKeepsWhatItDoesNotKnow(t *testing.T) {
	const text = "{\n  \"trial_type\": {\n    \"HED\": {\n      \"a\": \"Sensory-event, (Red, Blue)\"\n    }\n  },\n  \"Number\": 1.50e0,\n  \"Name\": \"<b>\"\n}\n"
	s, err := bids.ReadSidecar([]byte("\ufeff"+text), "x.json")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := s.Write(&b); err != nil {
		t.Fatal(err)
	}
	if b.String() != text {
		t.Errorf("written again it is\n%s\nwant\n%s", b.String(), text)
	}
	specific, err := bids.ReadSidecar([]byte(`{"Name": 2, "More": null}`), "y.json")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := specific.Over(s).MarshalJSON()
	if want := `{"Name":2,"More":null,"trial_type":{`; err != nil || !strings.HasPrefix(string(raw), want) || !strings.HasSuffix(string(raw), `"Number":1.50e0}`) {
		t.Errorf("the more specific one wins: %s (%v)", raw, err)
	}
	var n int
	if ok, err := s.Get("Name", &n); !ok || err == nil || !strings.Contains(err.Error(), "field Name") {
		t.Errorf("text read as a number: %v, %v", ok, err)
	}
}

func TestSidecarRefuses(t *testing.T) {
	for _, bad := range []string{"", "[]", "{", `{"a": 1,}`, `"a"`, "null", `{"a": ` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + "}", "{} {}"} {
		if s, err := bids.ReadSidecar([]byte(bad), "x.json"); err == nil || !strings.HasPrefix(err.Error(), "x.json") {
			t.Errorf("%.20q is %v, error %v", bad, s, err)
		}
	}
}

func TestDescription(t *testing.T) {
	s, err := bids.ReadSidecar([]byte(`{"HEDVersion": "8.3.0", "Name": "n", "DatasetType": "derivative", "GeneratedBy": [{"Name": "gyrus", "Version": "1"}], "Authors": "me", "BIDSVersion": "1.10.0"}`), "x.json")
	if err != nil {
		t.Fatal(err)
	}
	d, errs := bids.ReadDescription(s)
	if d.Name != "n" || d.DatasetType != bids.Derivative || len(d.GeneratedBy) != 1 || d.GeneratedBy[0].Version != "1" || len(errs) != 1 || !strings.Contains(errs[0].Error(), "Authors") {
		t.Errorf("%+v %v", d, errs)
	}
	d.License = "CC0"
	out, err := d.Sidecar()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(out.Keys(), " "); got != "Name BIDSVersion DatasetType License GeneratedBy HEDVersion Authors" {
		t.Errorf("fields %s", got)
	}
}
