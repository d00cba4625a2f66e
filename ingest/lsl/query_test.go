package lsl

import "testing"

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
		"channel_count='2'":                                        false,
		"(type='EEG' and nominal_srate<1000) and not(contains(name,'x'))": true,
	} {
		if got, err := d.matches(q); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", q, got, err, want)
		}
	}
	for _, q := range []string{"name=", "name='x", "((", "count(", "foo(name)", "@", "starts-with(name)"} {
		if got, err := d.matches(q); err == nil {
			t.Errorf("%s: %v, want an error", q, got)
		}
	}
}
