package session

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/gyrus-bci/gyrus/decoders/adapt"
	"github.com/gyrus-bci/gyrus/ingest/lsl"
	"github.com/gyrus-bci/gyrus/ingest/reading"
	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/dashboard"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
	"github.com/gyrus-bci/gyrus/stream/record"
)

// Config is a session file.
type Config struct {
	Session string      `json:"session" doc:"name of the session on the bus: letters, digits, _ and -"`
	Decoder string      `json:"decoder" doc:"name of the decoder on the bus: letters, digits, _ and -"`
	Bundle  string      `json:"bundle" doc:"the trained model; a relative path counts from the session file. With calibrate it is what is decoded with where the new model is refused"`
	Source  Source      `json:"source" doc:"where the samples come from"`
	Bus     bus.Options `json:"bus" doc:"the NATS server; without one a server runs inside the process"`
	// ValidForMS must cover the time between two commands, or the controller falls into its safe state between them.
	ValidForMS float64 `json:"valid_for_ms" doc:"how long a controller may act on a command, in milliseconds"`
	Shadow     bool    `json:"shadow" doc:"publish commands that no controller may act on: to look on, and to record; gyrus ctl SESSION actuate ends it"`
	// GoOnUnheard is for sessions whose controllers have other ways to be stopped.
	GoOnUnheard bool  `json:"go_on_unheard" doc:"behind a broken link to the bus go on also where nobody knows whether an emergency stop came meanwhile; without it an operator resumes the session then"`
	Watch       Watch `json:"watch" doc:"from which silence on the stream is stalled or lost"`
	Age         Age   `json:"age" doc:"how old samples may be"`
	// Calibrate is nil where the session decodes with its bundle from the start, and Metrics where nothing is served.
	Calibrate *Calibration    `json:"calibrate" doc:"make the model in the session: cues, training, a score, and a decision whether it is good enough"`
	Metrics   *MetricsOptions `json:"metrics" doc:"figures for Prometheus over HTTP; without this section nothing is served"`
	// Dashboard is nil where no page is served.
	Dashboard *dashboard.Options `json:"dashboard" doc:"a web page of the running session, with its buttons; without this section nothing is served"`
	Record    *Record            `json:"record" doc:"write the session down; without this section nothing is written"`
	// Adapt is nil where the session does not learn.
	Adapt *Adapt `json:"adapt" doc:"learning from feedback on the bus; without this section nothing is learned"`
}

// Adapt says how a session learns from feedback.
type Adapt struct {
	adapt.Options
	Log  string `json:"log" doc:"file to which one line of JSON is added for every piece of feedback, and for every update; a relative path counts from the session file"`
	Save string `json:"save" doc:"file to which the model with what it has learned is written at the end of the session, as a new bundle; a relative path counts from the session file"`
}

// Record says where a session is written down.
type Record struct {
	File string `json:"file" doc:"name of the recording, which must not be there yet: .arrow for samples, decisions, clock and description in files of Arrow beside each other, .xdf for one file, which cannot be replayed, without an ending as with .arrow; those of other formats are refused; a relative path counts from the session file"`
}

// Source says where the samples of a session come from.
type Source struct {
	Use string `json:"use" doc:"live (an amplifier or a stream on the network, by URL), lsl (a stream of the lab streaming layer), nats (a stream on the bus), play (a recording, as if it were measured now) or synth (a simulated person)"`
	URL string `json:"url" doc:"live: which, such as lsl://?name=EEG"`
	LSL
	Wait   float64 `json:"timeout_s" doc:"live, lsl, nats: how long to wait for the stream at the start, in seconds, 0.1 to 86400; then the session fails and says what it saw"`
	Stream string  `json:"stream" doc:"nats: name of the stream on the bus"`
	File   string  `json:"file" doc:"play: the recording; a relative path counts from the session file"`
	reading.Parameters
	Speed  float64 `json:"speed" doc:"play, synth: times real time"`
	Chunk  float64 `json:"chunk_s" doc:"play, synth: length of a chunk in seconds"`
	Seed   uint64  `json:"seed" doc:"synth: of the simulated person and run"`
	Task   string  `json:"task" doc:"synth: imagery (motor imagery), cursor (a cursor is steered) or person (imagery that follows the cues of a calibration, then its own will)"`
	Length float64 `json:"length_s" doc:"synth: how long the task person goes on, in seconds, 60 to 3600"`
}

// LSL says which stream of the lab streaming layer to take: the one that has all of what is given. Several are an error.
type LSL struct {
	Title     string  `json:"name" doc:"lsl: name of the stream"`
	Type      string  `json:"type" doc:"lsl: its type, such as EEG"`
	SourceID  string  `json:"source_id" doc:"lsl: the identity of its device, the same after a restart"`
	Predicate string  `json:"predicate" doc:"lsl: XPath on its description, such as count(desc/channels/channel)>=8"`
	Markers   string  `json:"markers" doc:"lsl: XPath of a stream of marks, such as name='Cues', that become events"`
	Unit      string  `json:"unit" doc:"lsl: of voltages whose unit the stream does not tell: uV, mV or V; uV is assumed, and said, without it"`
	Delay     float64 `json:"delay_s" doc:"lsl: of the device, taken off the times of the samples, in seconds, -10 to 10"`
	MarkDelay float64 `json:"markers_delay_s" doc:"lsl: taken off the times of the marks, in seconds, -10 to 10; 0 for marks that are stamped when they happen"`
	Counter   string  `json:"counter" doc:"lsl: a channel that counts samples, by which losses are known for sure"`
	Modulus   int64   `json:"counter_modulus" doc:"lsl: the number at which the counter starts again, 256 unless it is given"`
}

// url is the same as a live source.
func (l *LSL) url() string {
	q := url.Values{}
	for key, v := range map[string]string{
		"name": l.Title, "type": l.Type, "source_id": l.SourceID, "predicate": l.Predicate, "markers": l.Markers, "unit": l.Unit, "counter": l.Counter,
	} {
		if v != "" {
			q.Set(key, v)
		}
	}
	if l.Delay != 0 {
		q.Set("delay_s", strconv.FormatFloat(l.Delay, 'g', -1, 64))
	}
	if l.MarkDelay != 0 {
		q.Set("markers_delay_s", strconv.FormatFloat(l.MarkDelay, 'g', -1, 64))
	}
	if l.Modulus != 0 {
		q.Set("counter_modulus", strconv.FormatInt(l.Modulus, 10))
	}
	return "lsl://?" + q.Encode()
}

// check says what is wrong with the values.
func (l *LSL) check() error {
	u, err := url.Parse(l.url())
	if err == nil {
		_, err = lsl.ParseOptions(u.Query())
	}
	return err
}

// unmarked says how to name a stream of marks for a stream of LSL that has none, "" for all other sources.
func (s *Source) unmarked() string {
	switch s.Use {
	case "lsl":
		if s.Markers == "" {
			return `markers: "name='Cues'"`
		}
	case "live":
		if u, err := url.Parse(s.URL); err == nil && u.Scheme == "lsl" && u.Query().Get("markers") == "" { // what is no URL is refused elsewhere
			return `url: "lsl://?name=EEG&markers=name='Cues'"`
		}
	}
	return ""
}

// Name is what the stream is called in messages.
func (s *Source) Name() string {
	switch s.Use {
	case "nats":
		return s.Stream
	case "live":
		return s.URL
	case "lsl":
		return s.url()
	case "play":
		return filepath.Base(s.File)
	default:
		return s.Use
	}
}

// sources are the values of Source.Use with the keys that go with each.
var sources = map[string][]string{
	"live":  {"url", "timeout_s"},
	"lsl":   {"name", "type", "source_id", "predicate", "markers", "unit", "delay_s", "markers_delay_s", "counter", "counter_modulus", "timeout_s"},
	"nats":  {"stream", "timeout_s"},
	"play":  {"file", "speed", "chunk_s", "strict", "units_policy", "electrodes", "header_encoding"},
	"synth": {"seed", "task", "length_s", "speed", "chunk_s"},
}

// tasks are the values of Source.Task.
var tasks = []string{"imagery", "cursor", "person"}

// ConfigDefaults is a session file that says nothing.
func ConfigDefaults() Config {
	return Config{
		Session: "session", Decoder: "decoder", ValidForMS: 250, Watch: WatchDefaults(), Age: AgeDefaults(),
		Source: Source{Stream: "eeg", Task: "imagery", Speed: 1, Chunk: 0.05, Wait: 30, Length: 600},
	}
}

// ParseConfig reads a session file. Errors are *pipeline.SpecError; file is for messages, and relative paths count
// from its folder.
func ParseConfig(file string, data []byte) (*Config, error) {
	bad := func(line int, err error) error { return &pipeline.SpecError{File: file, Line: line, Err: err} }
	var root yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&root); errors.Is(err, io.EOF) {
		return nil, bad(0, errors.New("is empty, must name a bundle and a source"))
	} else if err != nil {
		return nil, bad(0, fmt.Errorf("not a session: %w", err))
	}
	if err := dec.Decode(new(yaml.Node)); err == nil {
		return nil, bad(0, errors.New("holds more than one YAML document, must hold one"))
	}
	top := registry.Resolve(root.Content[0])
	params, err := registry.YAML(top)
	if err != nil {
		return nil, bad(0, err)
	}
	c := ConfigDefaults()
	if line, err := checkSections(top); err != nil {
		return nil, bad(line, err)
	}
	if present(top, "adapt") {
		c.Adapt = &Adapt{Options: adapt.Defaults()}
	}
	if present(top, "calibrate") {
		cal := CalibrationDefaults()
		c.Calibrate = &cal
	}
	if present(top, "dashboard") {
		page := dashboard.Defaults()
		c.Dashboard = &page
	}
	if err := registry.Decode(&c, params); err != nil {
		return nil, bad(lineOf(top, err), err)
	}
	if c.Calibrate != nil && !slices.Contains(pipeline.Gallery(), c.Calibrate.Pipeline) && c.Calibrate.Pipeline != "" && !filepath.IsAbs(c.Calibrate.Pipeline) {
		c.Calibrate.Pipeline = filepath.Join(filepath.Dir(file), c.Calibrate.Pipeline)
	}
	if err := c.check(top); err != nil {
		return nil, bad(0, err)
	}
	paths := []*string{&c.Bundle, &c.Source.File, &c.Source.Electrodes, &c.Source.Mapping, &c.Bus.Credentials, &c.Bus.CA, &c.Bus.Operator}
	if c.Adapt != nil {
		paths = append(paths, &c.Adapt.Log, &c.Adapt.Save)
	}
	if c.Calibrate != nil {
		paths = append(paths, &c.Calibrate.Save)
	}
	if c.Dashboard != nil {
		paths = append(paths, &c.Dashboard.Token, &c.Dashboard.ViewToken, &c.Dashboard.Cert, &c.Dashboard.Key)
	}
	if c.Record != nil {
		paths = append(paths, &c.Record.File)
	}
	for _, p := range paths {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(filepath.Dir(file), *p)
		}
	}
	if c.Adapt != nil && c.Adapt.Save != "" && filepath.Clean(c.Adapt.Save) == filepath.Clean(c.Bundle) {
		return nil, bad(0, fmt.Errorf("adapt: save is %q, which is the bundle itself: name another file, so that there is a way back", c.Adapt.Save))
	}
	if c.Calibrate != nil && c.Bundle != "" && filepath.Clean(c.Calibrate.Save) == filepath.Clean(c.Bundle) {
		return nil, bad(0, fmt.Errorf("calibrate: save is %q, which is the bundle itself: name another file, so that there is a way back", c.Calibrate.Save))
	}
	return &c, nil
}

// check reports what the types of the keys cannot.
func (c *Config) check(top *yaml.Node) error {
	if err := bus.CheckToken("session", c.Session); err != nil {
		return err
	}
	if err := bus.CheckToken("decoder", c.Decoder); err != nil {
		return err
	}
	if c.Bundle == "" && c.Calibrate == nil {
		return errors.New("bundle is missing: the file that gyrus train -o wrote; or a section calibrate, which makes one")
	}
	if !(c.ValidForMS > 0 && c.ValidForMS <= 10_000) {
		return fmt.Errorf("valid_for_ms is %g, must be above 0 and at most 10000", c.ValidForMS)
	}
	if c.Adapt != nil {
		if err := c.Adapt.Check(); err != nil {
			return fmt.Errorf("adapt: %w", err)
		}
	}
	for _, section := range []struct {
		name  string
		check func() error
	}{{"watch", c.Watch.Check}, {"age", c.Age.Check}} {
		if err := section.check(); err != nil {
			return fmt.Errorf("%s: %w", section.name, err)
		}
	}
	if c.Record != nil && c.Record.File == "" {
		return errors.New("record: file is missing: the name of the recording, such as run1.arrow")
	}
	if c.Record != nil { // before a path that counts from another folder loses what shows that it is one
		if err := record.Named(c.Record.File); err != nil {
			return err
		}
	}
	if c.Metrics != nil {
		if err := c.Metrics.Check(); err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
	}
	if c.Dashboard != nil {
		if err := c.Dashboard.Check(); err != nil {
			return fmt.Errorf("dashboard: %w", err)
		}
	}
	if c.Calibrate != nil {
		if err := c.Calibrate.Check(); err != nil {
			return fmt.Errorf("calibrate: %w", err)
		}
		if c.Adapt != nil && c.Adapt.Save != "" {
			return errors.New("adapt: save: a model that is made in this session cannot be saved with what it learns: calibrate in one session, adapt in the next")
		}
		if shown := c.Calibrate.Cues == cuesShown; shown && c.Source.Use == "play" {
			return errors.New("calibrate: cues: show does nothing with a recording, whose person sees no cues: use cues: markers")
		} else if !shown {
			if how := c.Source.unmarked(); how != "" {
				return fmt.Errorf("calibrate: cues: markers waits for the events of the source, which an LSL stream has none of without a stream of marks: name it in the source, such as %s", how)
			}
		}
	}
	return c.checkSource(top)
}

// checkSource is check for the section source.
func (c *Config) checkSource(top *yaml.Node) error {
	keys, ok := sources[c.Source.Use]
	if !ok {
		return fmt.Errorf("source: %w", &registry.UnknownError{What: "use", Name: c.Source.Use, Known: slices.Sorted(maps.Keys(sources))})
	}
	for _, given := range keysOf(top, "source") {
		if given != "use" && !slices.Contains(keys, given) {
			return fmt.Errorf("source: key %q does nothing with use: %s, which has %v", given, c.Source.Use, keys)
		}
	}
	switch {
	case !(0.1 <= c.Source.Wait && c.Source.Wait <= 86_400):
		return fmt.Errorf("source: timeout_s is %g, must be 0.1 to 86400", c.Source.Wait)
	case c.Source.Use == "nats":
		return bus.CheckToken("source: stream", c.Source.Stream)
	case c.Source.Use == "lsl":
		if err := c.Source.check(); err != nil {
			return fmt.Errorf("source: %w", err)
		}
	case c.Source.Use == "live" && c.Source.URL == "":
		return errors.New("source: url is missing: which stream, such as lsl://?name=EEG")
	case !slices.Contains(tasks, c.Source.Task):
		return fmt.Errorf("source: %w", &registry.UnknownError{What: "task", Name: c.Source.Task, Known: tasks})
	case c.Source.Task != "person" && slices.Contains(keysOf(top, "source"), "length_s"):
		return fmt.Errorf("source: length_s does nothing with task: %s", c.Source.Task)
	case !(60 <= c.Source.Length && c.Source.Length <= 3600):
		return fmt.Errorf("source: length_s is %g, must be 60 to 3600", c.Source.Length)
	case c.Source.CheckWords() != nil:
		return fmt.Errorf("source: %w", c.Source.CheckWords())
	case c.Source.Use == "play" && c.Source.File == "":
		return errors.New("source: file is missing: the recording to play")
	case !(c.Source.Speed > 0 && c.Source.Speed <= 1000):
		return fmt.Errorf("source: speed is %g, must be above 0 and at most 1000", c.Source.Speed)
	case !(c.Source.Chunk > 0 && c.Source.Chunk <= 10):
		return fmt.Errorf("source: chunk_s is %g, must be above 0 and at most 10", c.Source.Chunk)
	}
	return nil
}

// sections are the keys that stand for a section, with what one can say.
var sections = map[string]string{
	"source": "source: {use: synth}", "bus": `bus: {url: "nats://127.0.0.1:4222"}`, "watch": "watch: {stalled_ms: 500, lost_ms: 3000}",
	"age": "age: {max_ms: 1000, policy: skip}", "calibrate": "calibrate: {pipeline: csp-lda, save: new.gyrus}", "metrics": `metrics: {listen: "127.0.0.1:9100"}`,
	"dashboard": `dashboard: {listen: "127.0.0.1:8080"}`, "record": "record: {file: run1.arrow}", "adapt": "adapt: {save: learned.gyrus}",
}

// checkSections refuses a section in which nothing stands, which would do nothing, and one that has its place elsewhere.
func checkSections(top *yaml.Node) (line int, err error) {
	for i := 0; i+1 < len(top.Content); i += 2 {
		key := top.Content[i]
		if key.Value == "safety" {
			return key.Line, errors.New("safety is no key of a session: limits, dead man and watchdog belong to each controller, which must be safe without the session: set them with gyrus control (see gyrus control -h and docs/live.md)")
		}
		if say, ok := sections[key.Value]; ok && registry.Resolve(top.Content[i+1]).Tag == "!!null" {
			return key.Line, fmt.Errorf("%s is empty: write what it does, such as %s, or leave the key out", key.Value, say)
		}
	}
	return 0, nil
}

// present says whether the mapping top has a key.
func present(top *yaml.Node, key string) bool {
	for i := 0; i+1 < len(top.Content); i += 2 {
		if top.Content[i].Value == key {
			return true
		}
	}
	return false
}

// keysOf lists the keys of the mapping under key, in order.
func keysOf(top *yaml.Node, key string) []string {
	var keys []string
	for i := 0; i+1 < len(top.Content); i += 2 {
		if top.Content[i].Value != key {
			continue
		}
		m := registry.Resolve(top.Content[i+1])
		for k := 0; k+1 < len(m.Content); k += 2 {
			keys = append(keys, m.Content[k].Value)
		}
	}
	return keys
}

// lineOf is the line of the key that err is about, 0 where it is unknown.
func lineOf(n *yaml.Node, err error) int {
	var unknown *registry.UnknownError
	if !errors.As(err, &unknown) || n.Kind != yaml.MappingNode {
		return 0
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == unknown.Name {
			return n.Content[i].Line
		}
	}
	return 0
}
