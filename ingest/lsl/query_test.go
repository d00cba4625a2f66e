package lsl

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func TestPredicates(t *testing.T) {
	e, err := parseElement([]byte(`<?xml version="1.0"?><info><name>BioSemi 1</name><type>EEG</type><nominal_srate>512.0000000000000</nominal_srate>
<source_id>a'b</source_id><session_id>default</session_id><v4address></v4address><desc><manufacturer>BioSemi</manufacturer><channels>
<channel><label>Fp1</label><unit>uV</unit></channel><channel><label>Cz</label></channel></channels></desc></info>`))
	if err != nil {
		t.Fatal(err)
	}
	d := document{e}
	for q, want := range map[string]bool{
		"":                     true,
		"session_id='default'": true,
		"session_id='default' and name='BioSemi 1' and type='EEG'": true,
		"session_id='default' and name='BioSemi 2'":                false,
		"starts-with(name,'BioSemi')":                              true,
		"contains(name,'Semi')":                                    true,
		"contains(name,'semi')":                                    false,
		"nominal_srate>=500":                                       true,
		"nominal_srate>=513":                                       false,
		"nominal_srate=512":                                        true,
		"count(desc/channels/channel)>=2":                          true,
		"count(desc/channels/channel)>2":                           false,
		"desc/manufacturer='BioSemi'":                              true,
		"desc/channels/channel/label='Cz'":                         true,
		"desc/channels/channel[2]/label='Cz'":                      true,
		"desc/channels/channel[label='Fp1']/unit='uV'":             true,
		"//label='Cz'":                                             true,
		"//label":                                                  true,
		"//nothing":                                                false,
		"not(type='Markers')":                                      true,
		"type='Markers' or type='EEG'":                             true,
		"/info/type='EEG'":                                         true,
		"string-length(name)=9":                                    true,
		`source_id="a'b"`:                                          true,
		"name/text()='BioSemi 1'":                                  true,
		"1":                                                        true,
		"0":                                                        false,
		"'x'":                                                      true,
		"desc/channels/channel[last()]/label='Cz'":                 true,
		"desc/channels/child::node()/label='Cz'":                   true,
		"2 -count(desc/channels/channel)=0 and -count(desc)=-1": true,
		"channel_count='2'":                                               false,
		"concat(name,'(',type,')')='BioSemi 1(EEG)'":                      true,
		"name='replace(x)' or (type='EEG')and(true())":                    true,
		"(type='EEG' and nominal_srate<1000) and not(contains(name,'x'))": true,
	} {
		if got, err := d.matches(q); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", q, got, err, want)
		}
	}
	for _, q := range []string{
		"name=", "name='x", "((", "count(", "foo(name)", "@", "starts-with(name)",
		"matches(name,'B.*')", "replace (name,'B','C')='C'", "string-join(//label,'x')='x'", "desc[ends-with(name, 'x')]", "fn:replace(name,'a','b')",
		"replace\f(name,'B','C')='C'", "matches\v(name,'B')", "replace\u0085(name,'B','C')", "replace\x00(name,'B','C')",
		"child::replace(name,'B','C')", "1 -replace(name,'B','C')", "2replace(name,'B','C')", "-replace(name,'B','C')", "a::replace::b(name)",
	} {
		if got, err := d.matches(q); err == nil {
			t.Errorf("%s: %v, want an error", q, got)
		}
	}
}

// TestPredicatesAreBounded: what is asked of 1024 channels with positions is answered, and what would walk about for hours,
// or nests deeply, is refused soon.
func TestPredicatesAreBounded(t *testing.T) {
	info := &signal.Info{}
	for k := range 1024 {
		info.Channels = append(info.Channels, signal.Channel{Name: fmt.Sprintf("Ch%d", k), Kind: signal.EEG, Unit: signal.Microvolt, Pos: &signal.Position{0, 0, 0.1}})
	}
	i := StreamInfo{Name: "amp", Type: "EEG", Channels: 1024, Rate: 1000, Format: Float32, Desc: Describe(info)}
	d := document{i.element(true)}
	for _, q := range []string{"count(desc/channels/channel)=1024", "//label='Ch1023'", "desc/channels/channel[label='Ch1000']/type='EEG'", "desc/channels/channel[1024]/label='Ch1023'", "count(//channel[unit='microvolts'])=1024", "sum(desc/channels/channel/location/Z)>1000"} {
		if got, err := d.matches(q); err != nil || !got {
			t.Errorf("%s: %v, %v", q, got, err)
		}
	}
	bomb := "'aaaaaaaaaa'"
	for range 9 {
		bomb = "replace(" + bomb + ",'a','aaaaaaaaaa')"
	}
	long := strings.TrimSuffix(strings.Repeat("string(/),", maxQuery/11), ",")
	for _, q := range []string{
		"string-length(" + bomb + ")>0", "string-length(concat(" + long + "))>0", "//*[string-length(concat(" + long + "))>0]",
		"//*[//*[//*[//*='x']]]", "count(//*[count(//*)>7])>9", strings.Repeat("//*", 50), strings.Repeat("(", 8000), strings.Repeat("not(", 1900) + "1" + strings.Repeat(")", 1900),
		strings.Repeat("a[", 2700) + "1" + strings.Repeat("]", 2700), strings.Repeat("-", 8000) + "1", "name='" + strings.Repeat("x", maxQuery) + "'",
	} {
		began := time.Now()
		_, err := d.matches(q)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%.30s… takes %s (%v)", q, took, err)
		}
	}
	if _, err := d.matches("//*[//*[//*[//*='x']]]"); err == nil || !strings.Contains(err.Error(), "more than is looked at") {
		t.Errorf("a walk of hours: %v", err)
	}
}

// TestPredicatesAreShort: whatever fits into a datagram is answered or refused in a tenth of a second, functions that stand
// within one another and long strings among it; that each costs what it takes is what keeps an address from asking on.
func TestPredicatesAreShort(t *testing.T) {
	info := &signal.Info{}
	for k := range 64 {
		info.Channels = append(info.Channels, signal.Channel{Name: fmt.Sprintf("Ch%d", k), Kind: signal.EEG, Unit: signal.Microvolt, Pos: &signal.Position{0, 0, 0.1}})
	}
	i := StreamInfo{Name: "amp", Type: "EEG", Channels: 64, Rate: 1000, Format: Float32, Desc: Describe(info)}
	d := document{i.element(true)}
	nest := func(n int, of string) string {
		return strings.Repeat("normalize-space(", n) + of + strings.Repeat(")", n)
	}
	long := "'" + strings.Repeat("a b", 2500) + "'"
	for _, q := range []string{
		"//*[" + nest(185, "string(/)") + "='x']", "//*[" + nest(7, "string(/)") + "='x']", "//*[" + nest(8, long) + "='x']", "//*[contains(" + long + ",'c')]",
		"//*[translate(string(/),string(/),'')='x']", "//*[contains(string(/),string(.))]", "//*[concat(string(/),string(/),string(/))='x']",
	} {
		took, limit := time.Hour, 100*time.Millisecond
		if raceDetector {
			limit *= 10
		}
		for range 5 { // other programs only make it longer
			began := time.Now()
			_, spent, err := d.ask(q)
			took = min(took, time.Since(began))
			t.Logf("%.40s…: %s, %d moves (%.60v)", q, took, spent, err)
		}
		if took > limit {
			t.Errorf("%.40s… takes %s, must be at most %s", q, took, limit)
		}
	}
	if err := CheckPredicate("//*[" + nest(9, "name") + "='x']"); err == nil || !strings.Contains(err.Error(), "8 functions") {
		t.Errorf("9 functions within one another: %v", err)
	}
	if yes, err := d.matches("not(not(contains(" + nest(5, "name") + ",'amp')))"); err != nil || !yes {
		t.Errorf("8 functions within one another: %v, %v", yes, err)
	}
}

// TestWorkIsLimited: an address that asks for the most that is looked at, again and again, is looked at no longer soon, and
// nobody else is any the worse for it.
func TestWorkIsLimited(t *testing.T) {
	h := &host{work: newLimiter(workPerSecond, workBurst)}
	i := StreamInfo{Name: "amp", Type: "EEG", Channels: 8, Rate: 1000, Format: Float32}
	d := document{i.element(true)}
	stranger, friend := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	asked := 0
	for range 1000 {
		if _, err := h.ask(d, "//*[//*[//*[//*[//*[//*[//*='x']]]]]]", stranger); errors.Is(err, errWork) {
			break
		}
		asked++
	}
	if asked > 100 {
		t.Errorf("%d questions for the most were looked at", asked)
	}
	if yes, err := h.ask(d, "name='amp'", friend); err != nil || !yes {
		t.Errorf("another address: %v, %v", yes, err)
	}
	for k := range 500 {
		if yes, err := h.ask(d, "name='amp' and count(desc)=1", friend); err != nil || !yes {
			t.Fatalf("common question %d: %v, %v", k, yes, err)
		}
	}
}

// TestMarkersByName: a bare name of a stream of marks, which is a condition that no stream meets, is that name.
func TestMarkersByName(t *testing.T) {
	for given, want := range map[string]string{"": "", "cap-markers": "name='cap-markers'", "my cues & marks": "name='my cues & marks'", "type='Markers'": "type='Markers'", "true()": "true()"} {
		o, err := ParseOptions(url.Values{"name": {"cap"}, "markers": {given}})
		if err != nil || o.Markers != want {
			t.Errorf("%q: %q, %v; want %q", given, o.Markers, err, want)
		}
	}
}
