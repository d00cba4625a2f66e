package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/lsl"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// The work: 64 channels of float32 in chunks of 32 samples from an outlet in one process to an inlet in another.
const (
	lslChannels = 64
	lslChunk    = 32
	lslRate     = 1e6 // nominal, so that no reader thinks that samples are late
	lslSeconds  = 2.0 // of each run
	lslBar      = 2.0
)

// lslOffered are the rates that samples are offered at, in samples a second; 0 is as fast as the outlet takes them. What an
// outlet is offered beyond what gets through costs both sides time, so each side is judged by its best.
var lslOffered = []float64{100_000, 200_000, 400_000, 800_000, 1_200_000, 1_600_000, 2_400_000, 0}

// lslResult is a row of the table.
type lslResult struct {
	Offered float64   `json:"offered_hz"`
	Gyrus   []float64 `json:"gyrus_hz"`
	Peer    []float64 `json:"peer_hz"`
	CPU     []float64 `json:"gyrus_cpu_s"` // for each sample that came out, both sides together
	PeerCPU []float64 `json:"peer_cpu_s"`
	Dropped uint64    `json:"gyrus_dropped"` // and counted, by the outlet, of all rounds
	Silent  int64     `json:"gyrus_silently_lost"`
}

func init() {
	var err error
	switch { // the two sides of gyrus
	case len(os.Args) == 4 && os.Args[1] == "lsl-flood":
		err = lslFlood(os.Args[2], os.Args[3])
	case len(os.Args) == 3 && os.Args[1] == "lsl-count":
		err = lslCount(os.Args[2])
	default:
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "speed:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// labStreams measures samples per second over LSL, gyrus and liblsl in turn.
func labStreams(ctx context.Context, python string, rounds int, asJSON bool) error {
	dir, err := os.MkdirTemp("", "gyrus-speed-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "lsl_api.cfg")
	text := "[ports]\nIPv6 = disable\nMulticastPort = 46571\nBasePort = 46572\n[multicast]\nResolveScope = machine\nListenAddress = 127.0.0.1\n[lab]\nKnownPeers = {127.0.0.1}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	if err := os.Setenv("LSLAPICFG", file); err != nil {
		return err
	}
	version := ""
	var rows []lslResult
	best := func(f func(lslResult) []float64) (v float64) {
		for _, r := range rows {
			v = max(v, median(f(r)))
		}
		return v
	}
	if !asJSON {
		fmt.Printf("%14s %14s %14s %8s  %-26s %s\n", "offered (1/s)", "gyrus (1/s)", "liblsl (1/s)", "ratio", "µs of processor, a sample", "gyrus dropped and counted, lost in silence")
	}
	for _, offered := range lslOffered {
		r := lslResult{Offered: offered}
		for range rounds {
			ours, err := lslOurs(ctx, offered)
			if err != nil {
				return err
			}
			r.Gyrus, r.CPU, r.Dropped, r.Silent = append(r.Gyrus, ours.rate), append(r.CPU, ours.cpu), r.Dropped+ours.dropped, r.Silent+ours.silent
			theirs, v, err := lslTheirs(ctx, python, offered)
			if err != nil {
				return err
			}
			r.Peer, r.PeerCPU, version = append(r.Peer, theirs.rate), append(r.PeerCPU, theirs.cpu), v
		}
		rows = append(rows, r)
		if asJSON {
			if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
				return err
			}
			continue
		}
		name := "all it takes"
		if offered > 0 {
			name = strconv.FormatFloat(offered, 'f', 0, 64)
		}
		fmt.Printf("%14s %14.0f %14.0f %8.2f  %-26s %d, %d\n", name, median(r.Gyrus), median(r.Peer), median(r.Gyrus)/median(r.Peer),
			fmt.Sprintf("%.2f and %.2f", 1e6*median(r.CPU), 1e6*median(r.PeerCPU)), r.Dropped, r.Silent)
	}
	ours, theirs := best(func(r lslResult) []float64 { return r.Gyrus }), best(func(r lslResult) []float64 { return r.Peer })
	ratio := ours / theirs
	silent := int64(0)
	for _, r := range rows {
		silent += r.Silent
	}
	const mb = lslChannels * 4 / 1e6
	cpu := 1 / best(func(r lslResult) []float64 { return inverse(r.CPU) }) // where other programs run it says more than the rates do
	peerCPU := 1 / best(func(r lslResult) []float64 { return inverse(r.PeerCPU) })
	line := fmt.Sprintf("best against best: %.0f and %.0f samples/s (%.0f and %.0f MB/s), ratio %.2f, bar %g; least processor time for a sample: %.2f and %.2f µs, ratio %.2f; peer %s; medians of %d rounds of %g s",
		ours, theirs, ours*mb, theirs*mb, ratio, lslBar, 1e6*cpu, 1e6*peerCPU, peerCPU/cpu, version, rounds, lslSeconds)
	if asJSON {
		if err := json.NewEncoder(os.Stdout).Encode(map[string]any{"ratio": ratio, "cpu_ratio": peerCPU / cpu, "bar": lslBar, "met": ratio >= lslBar && silent == 0, "peer": version}); err != nil {
			return err
		}
	} else {
		fmt.Println(line)
	}
	if silent != 0 {
		return fmt.Errorf("%d samples were lost in silence", silent)
	}
	if ratio < lslBar {
		return errors.New("the bar is missed")
	}
	return nil
}

func inverse(x []float64) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = 1 / v
	}
	return y
}

// lslRun is what one run of one side showed.
type lslRun struct {
	rate    float64 // samples a second out of the inlet
	cpu     float64 // seconds of the processor for a sample that came out, both sides together
	dropped uint64
	silent  int64
}

// lslCounted is what the receiving side of gyrus prints.
type lslCounted struct {
	Samples int64         `json:"samples"`
	First   int64         `json:"first"`   // of them in the first chunk
	Seconds float64       `json:"seconds"` // from the first chunk to the last one
	Health  signal.Health `json:"health"`
}

// lslOurs runs gyrus.
func lslOurs(ctx context.Context, offered float64) (r lslRun, err error) {
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	source := "speed-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	send := exec.CommandContext(ctx, self, "lsl-flood", source, strconv.FormatFloat(offered, 'f', -1, 64))
	receive := exec.CommandContext(ctx, self, "lsl-count", source)
	var out [2]bytes.Buffer
	for k, c := range []*exec.Cmd{send, receive} {
		c.Stderr, c.Stdout = os.Stderr, &out[k]
		if err := c.Start(); err != nil {
			return r, err
		}
	}
	if err := errors.Join(send.Wait(), receive.Wait()); err != nil {
		return r, err
	}
	var sent lsl.OutletStats
	var got lslCounted
	if err := errors.Join(json.Unmarshal(out[0].Bytes(), &sent), json.Unmarshal(out[1].Bytes(), &got)); err != nil {
		return r, err
	}
	for _, c := range []*exec.Cmd{send, receive} {
		r.cpu += (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds() / float64(got.Samples)
	}
	r.dropped = got.Health.Dropped + sent.Left.Dropped
	for _, s := range sent.Readers {
		r.dropped += s.Dropped
	}
	r.silent = int64(sent.Pushed) - got.Samples - int64(r.dropped)
	r.rate = float64(got.Samples-got.First) / got.Seconds
	return r, nil
}

// lslCount reads until nothing has come for 5 s, which a busy machine may well take, and prints what it got.
func lslCount(source string) error {
	ctx := context.Background()
	in, err := lsl.Open(ctx, lsl.InletOptions{SourceID: source, Wait: 20 * time.Second, BufferS: 1})
	if err != nil {
		return err
	}
	var r lslCounted
	var began, last time.Time
	for {
		idle, cancel := context.WithTimeout(ctx, 5*time.Second)
		c, err := in.Next(idle)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) && r.Samples > 0 {
			break
		}
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		if last = time.Now(); began.IsZero() {
			began, r.First = last, int64(c.Len())
		}
		r.Samples += int64(c.Len())
		r.Seconds = last.Sub(began).Seconds()
	}
	r.Health = in.Health()
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		return err
	}
	return in.Close()
}

// lslFlood pushes for a while, as soon as somebody reads, and prints what became of it.
func lslFlood(source, offered string) error {
	rate, err := strconv.ParseFloat(offered, 64)
	if err != nil {
		return err
	}
	o, err := lsl.NewOutlet(lsl.StreamInfo{Name: "flood", Type: "EEG", Channels: lslChannels, Rate: lslRate, Format: lsl.Float32, SourceID: source}, lsl.OutletOptions{})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := o.WaitReaders(ctx, 1); err != nil {
		return err
	}
	time.Sleep(500 * time.Millisecond) // it asks for the clock before it reads: what waits for it would come in a burst and look like a higher rate
	before := o.Stats().Pushed
	x := make([]float32, lslChannels*lslChunk)
	for i := range x {
		x[i] = float32(i)
	}
	began := time.Now()
	for k := 1; ; k++ {
		past := time.Since(began).Seconds()
		if past > lslSeconds {
			break
		}
		for rate > 0 && float64(k*lslChunk) > past*rate {
			time.Sleep(100 * time.Microsecond)
			past = time.Since(began).Seconds()
		}
		if err := lsl.PushChunk(o, x, 1000+float64(k*lslChunk-1)/lslRate); err != nil {
			return err
		}
	}
	if err := o.Flush(ctx); err != nil {
		return err
	}
	s := o.Stats()
	s.Pushed -= before
	if err := json.NewEncoder(os.Stdout).Encode(s); err != nil {
		return err
	}
	time.Sleep(500 * time.Millisecond) // the reader takes the rest
	return o.Close()
}

// lslPeer is one process of liblsl: see ingest/lsl/testdata/peer.py.
type lslPeer struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

type lslAnswer struct {
	Error   string  `json:"error"`
	Samples float64 `json:"samples"`
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu"`
	Version int     `json:"version"`
	MNELSL  string  `json:"mne_lsl"`
	OK      bool    `json:"ok"`
}

func newLSLPeer(ctx context.Context, python string) (*lslPeer, error) {
	p := &lslPeer{cmd: exec.CommandContext(ctx, python, filepath.Join("ingest", "lsl", "testdata", "peer.py"))}
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	return p, p.cmd.Start()
}

func (p *lslPeer) post(q map[string]any) error { return json.NewEncoder(p.in).Encode(q) }

func (p *lslPeer) get() (a lslAnswer, err error) {
	line, err := p.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &a)
	}
	if err == nil && a.Error != "" {
		err = errors.New(a.Error)
	}
	return a, err
}

func (p *lslPeer) do(q map[string]any) (lslAnswer, error) {
	if err := p.post(q); err != nil {
		return lslAnswer{}, err
	}
	return p.get()
}

// lslTheirs runs liblsl.
func lslTheirs(ctx context.Context, python string, offered float64) (r lslRun, version string, err error) {
	var sides [2]*lslPeer
	for k := range sides {
		if sides[k], err = newLSLPeer(ctx, python); err != nil {
			return r, "", err
		}
		defer func() { err = errors.Join(err, sides[k].in.Close(), sides[k].cmd.Wait()) }()
	}
	send, receive := sides[0], sides[1]
	v, err := receive.do(map[string]any{"cmd": "version"})
	if err != nil {
		return r, "", fmt.Errorf("%s needs mne-lsl (make interop sets it up): %w", python, err)
	}
	version = fmt.Sprintf("liblsl %d.%d of mne-lsl %s", v.Version/100, v.Version%100, v.MNELSL)
	for _, step := range []struct {
		p *lslPeer
		q map[string]any
	}{
		{send, map[string]any{"cmd": "outlet", "id": "o", "name": "flood", "type": "EEG", "channels": lslChannels, "rate": lslRate, "format": "float32", "source_id": "flood", "buffer_s": 1}},
		{receive, map[string]any{"cmd": "inlet", "id": "i", "channels": lslChannels, "format": "float32", "predicate": "name='flood'", "buffer": 1}},
		{send, map[string]any{"cmd": "wait_consumers", "id": "o"}},
	} {
		if _, err := step.p.do(step.q); err != nil {
			return r, "", err
		}
	}
	if err := receive.post(map[string]any{"cmd": "count", "id": "i", "seconds": lslSeconds - 0.2, "chunk": 1024}); err != nil {
		return r, "", err
	}
	sent, err := send.do(map[string]any{"cmd": "flood", "id": "o", "seconds": lslSeconds, "rate": offered})
	if err != nil {
		return r, "", err
	}
	got, err := receive.get()
	return lslRun{rate: got.Samples / got.Seconds, cpu: (sent.CPU + got.CPU) / got.Samples}, version, err
}
