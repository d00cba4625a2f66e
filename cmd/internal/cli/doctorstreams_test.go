package cli

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/bundle"
	"github.com/gyrus-bci/gyrus/stream/bus"
)

// TestDoctorExpects: with a session file doctor says of each stream of LSL that is waited for whether it is there, and whether the
// bundle can decode it; of one that is not there, what was seen.
func TestDoctorExpects(t *testing.T) {
	lab(t)
	dir := t.TempDir()
	m := model(t)
	amplifier := start(t, "play", s001(t, "R14"), "--lsl", "--stream", "cap", "--speed", "0.5", "--json")
	says(t, "cap", &amplifier.errs)
	type finding struct{ Check, State, What, Remedy string }
	expected := func(source, bundle string) (list []finding) {
		t.Helper()
		file := write(t, dir, "s.yaml", fmt.Sprintf("session: s1\nbundle: %s\nsource: %s\n", bundle, source))
		_, out, errs := run(t, "doctor", "--session", file, "--json")
		var v struct{ Findings []finding }
		if err := json.Unmarshal([]byte(out), &v); err != nil {
			t.Fatalf("%v in %q: %s", err, out, errs)
		}
		for _, f := range v.Findings {
			if f.Check == "expected" {
				list = append(list, f)
			}
		}
		return list
	}
	for name, c := range map[string]struct {
		source, bundle string
		states         string
		says           []string
	}{
		"found, with marks": {`{use: lsl, name: cap, markers: "name='cap-markers'"}`, m, "ok ok", []string{`found is "cap" (type "EEG", 64 `, "with the rate and the 64 channels that", "the marks name='cap-markers'"}},
		"by URL":            {`{use: live, url: "lsl://?type=EEG"}`, m, "ok", []string{"64 channels that"}},
		"not there":         {`{use: lsl, name: nobody}`, m, "problem", []string{"not found: no stream matches name='nobody'", `seen were "cap"`, "start the amplifier's program"}},
		"no marks":          {`{use: lsl, name: cap, markers: "name='none'"}`, m, "ok problem", []string{"no stream of marks matches"}},
		"marks as signal":   {`{use: lsl, name: cap-markers}`, m, "problem", []string{"cannot be read as a signal"}},
		"no counter":        {`{use: lsl, name: cap, counter: N}`, m, "problem", []string{`it has no channel "N"`}},
		"another bundle":    {`{use: lsl, name: cap}`, filepath.Join(dir, "none.gyrus"), "problem", []string{"cannot be held against the bundle", "none.gyrus"}},
		"a device":          {`{use: live, url: "serial:///dev/none"}`, m, "note", []string{"not looked for"}},
		"in the session":    {`{use: nats}`, m, "note", []string{"not looked for"}},
		"none":              {`{use: synth}`, m, "", nil},
		"a recording":       {fmt.Sprintf("{use: play, file: %s}", s001(t, "R14")), m, "ok", []string{"the recording ", "with the rate and the 64 channels that"}},
		"no recording":      {`{use: play, file: nosuch.edf}`, m, "problem", []string{"nosuch.edf, which is not found", "gyrus info"}},
	} {
		list := expected(c.source, c.bundle)
		var states []string
		var said strings.Builder
		for _, f := range list {
			if f.State != "note" || c.states == "note" {
				states = append(states, f.State)
			}
			fmt.Fprintf(&said, "%s → %s\n", f.What, f.Remedy)
			if (f.State == "problem") != (f.Remedy != "") {
				t.Errorf("%s: %+v: a problem must have a remedy, others none", name, f)
			}
		}
		text := said.String()
		if got := strings.Join(states, " "); got != c.states {
			t.Errorf("%s: %s, want %s: %s", name, got, c.states, text)
		}
		for _, want := range c.says {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q does not say %q", name, text, want)
			}
		}
	}
	amplifier.stop()
	amplifier.wait(t)
}

// TestDoctorListens: a session whose ports are held by others is no healthy one; each is named, with the key that changes it. The places
// of LSL are those of LSLAPICFG.
func TestDoctorListens(t *testing.T) {
	lab(t)
	m := model(t)
	var held []int
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() //nolint:errcheck // of a test
		held = append(held, l.Addr().(*net.TCPAddr).Port)
	}
	look := func(busPort, page, metrics int) (code int, said string) {
		file := write(t, t.TempDir(), "s.yaml", fmt.Sprintf("bundle: %s\nsource: {use: synth}\nbus: {port: %d}\ndashboard: {listen: \"127.0.0.1:%d\"}\nmetrics: {listen: \"127.0.0.1:%d\"}\n", m, busPort, page, metrics))
		code, out, errs := run(t, "doctor", "--session", file)
		return code, out + errs
	}
	code, said := look(held[0], held[1], held[2])
	for k, what := range []string{"the bus of the session", "the page of the session", "the metrics of the session"} {
		if want := fmt.Sprintf("TCP 127.0.0.1:%d, for %s, cannot be listened on", held[k], what); !strings.Contains(said, want) {
			t.Errorf("%q does not say %q", said, want)
		}
	}
	for _, want := range []string{"bus: {port: 4333}", "dashboard: {listen:", "metrics: {listen:", "the server inside the session: its settings are right", fmt.Sprintf("UDP %d", 20_000+os.Getpid()%300*40)} {
		if !strings.Contains(said, want) {
			t.Errorf("%q does not say %q", said, want)
		}
	}
	if code != exitFailed || strings.Contains(said, "16571") || strings.Contains(said, "TCP 4222 is") {
		t.Errorf("exit code %d: %s", code, said)
	}
	free := freePort(t)
	if _, said := look(free, held[1], 0); !strings.Contains(said, fmt.Sprintf("TCP 127.0.0.1:%d is free for the bus of the session", free)) || strings.Contains(said, "the metrics") {
		t.Error(said)
	}
	t.Setenv("LSLAPICFG", filepath.Join(t.TempDir(), "none.cfg"))
	if code, said := look(free, 0, 0); code != exitFailed || !strings.Contains(said, "mend the file that LSLAPICFG names") {
		t.Errorf("exit code %d: %s", code, said)
	}
}

// TestDoctorPeers: the addresses of cluster and leaf nodes in broker.yaml are tried, and the servers that it names, of which one is
// away.
func TestDoctorPeers(t *testing.T) {
	lab(t)
	dir := t.TempDir()
	op, other := filepath.Join(dir, "op"), filepath.Join(dir, "other")
	for _, d := range []string{op, other} {
		if err := bus.InitOperator(d, bus.InitOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	more := func(dir, text string) {
		file := filepath.Join(dir, "broker.yaml")
		settings := regexp.MustCompile("(?m)^audit: .*\n").ReplaceAll(mustRead(t, file), nil)
		if err := os.WriteFile(file, append(settings, text...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cluster, leaf := freePort(t), freePort(t)
	more(other, fmt.Sprintf("cluster: {listen: \"127.0.0.1:%d\"}\nleaf: {listen: \"127.0.0.1:%d\"}\n", cluster, leaf))
	there, err := bus.ReadOperator(other)
	if err != nil {
		t.Fatal(err)
	}
	broker, err := bus.StartBroker(bus.BrokerOptions{Listen: "127.0.0.1:0", Operator: there})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := broker.Close(); err != nil {
			t.Error(err)
		}
	}()
	away := freePort(t)
	free := freePort(t)
	more(op, fmt.Sprintf("cluster: {listen: \"127.0.0.1:%[1]d\", routes: [\"nats://127.0.0.1:%[1]d\", \"nats://127.0.0.1:%[2]d\"]}\nleaf: {listen: \"127.0.0.1:%[3]d\", url: \"nats-leaf://127.0.0.1:%[4]d\", credentials: controller.nk}\n",
		cluster, away, free, leaf))
	file := write(t, dir, "s.yaml", fmt.Sprintf("bundle: %s\nsource: {use: synth}\nbus: {operator: op, listen: \"127.0.0.1:%d\"}\n", model(t), freePort(t)))
	code, out, errs := run(t, "doctor", "--session", file)
	for _, want := range []string{
		fmt.Sprintf("TCP 127.0.0.1:%d, for the listener for other servers of the cluster of the session, cannot be listened on", cluster), "cluster: {listen: …} in broker.yaml",
		fmt.Sprintf("TCP 127.0.0.1:%d is free for the listener for leaf nodes of the session", free),
		fmt.Sprintf("a server of the cluster takes connections at 127.0.0.1:%d", cluster),
		fmt.Sprintf("a server of the cluster cannot be reached at 127.0.0.1:%d: ", away), "cluster: {routes: [nats://host:6222]} in broker.yaml",
		fmt.Sprintf("the server that this one is a leaf of takes connections at 127.0.0.1:%d", leaf),
	} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q: %s%s", want, out, errs)
		}
	}
	if code != exitFailed {
		t.Errorf("exit code %d: %s", code, out)
	}
}

// TestDifferences: what a stream has otherwise than a bundle expects is named, each of it; more channels, or another order, do no harm.
func TestDifferences(t *testing.T) {
	eeg := func(name string) signal.Channel {
		return signal.Channel{Name: name, Kind: signal.EEG, Unit: signal.Microvolt}
	}
	has := &signal.Info{Rate: 250, Channels: []signal.Channel{eeg("Cz"), eeg("C3"), eeg("C4")}}
	want := bundle.InputOf(has)
	for name, c := range map[string]struct {
		edit func(*signal.Info)
		want []string
	}{
		"the same":      {func(*signal.Info) {}, nil},
		"another order": {func(i *signal.Info) { i.Channels = []signal.Channel{eeg("C4"), eeg("Fz"), eeg("Cz"), eeg("C3")} }, nil},
		"another rate":  {func(i *signal.Info) { i.Rate = 500 }, []string{"its rate is 500 Hz, the bundle expects 250 Hz"}},
		"other names": {
			func(i *signal.Info) { i.Channels = []signal.Channel{eeg("1"), eeg("2"), eeg("Cz")} },
			[]string{"2 of the 3 channels that the bundle expects are not among its 3: C3, C4; it has 1, 2, Cz"},
		},
		"another kind": {func(i *signal.Info) { i.Channels[0].Kind = signal.EOG }, []string{"Cz is eog in µV, expected is eeg in µV"}},
		"all of it": {
			func(i *signal.Info) {
				i.Rate, i.Channels = 128, []signal.Channel{eeg("Cz"), {Name: "C3", Kind: signal.Misc, Unit: "V"}}
			},
			[]string{"its rate is 128 Hz", "1 of the 3 channels", "C3 is misc in V"},
		},
	} {
		have := &signal.Info{Rate: 250, Channels: []signal.Channel{eeg("Cz"), eeg("C3"), eeg("C4")}}
		c.edit(have)
		got := differences(&want, have)
		if len(got) != len(c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
			continue
		}
		for k := range got {
			if !strings.HasPrefix(got[k], c.want[k]) {
				t.Errorf("%s: %q, want %q", name, got[k], c.want[k])
			}
		}
	}
}
