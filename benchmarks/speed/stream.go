package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	_ "github.com/gyrus-bci/gyrus/ingest/all" // as the program has them
	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/xdf"
)

// What the files are read in. The processes are this program again: "speed play FILE" and so on.
const (
	byPlaying = "play"    // from begin to end in chunks of 0.1 s
	whole     = "whole"   // in one call
	windows   = "windows" // 200 times 10 s, here and there
)

const (
	streamMB   = 200 // that a process may take to play a file, whatever its size
	wholeTimes = 1.2 // of the samples as float64, that it may take to read a file whole
	windowMS   = 1
)

// big is one file to be read. What is not written of a file is a hole, which reads as zeros: only the reader is of interest.
type big struct {
	name  string
	how   string
	what  string
	write func(dir string, size int64) (file string, samples int64, err error)
	size  int64 // 0 stands for what was asked for
}

// pass is what a process says about its reading.
type pass struct {
	Samples  int64   `json:"samples"`
	Channels int     `json:"channels"`
	OpenS    float64 `json:"open_s"`
	ReadS    float64 `json:"read_s"`    // of the wall; of one window the median
	WindowMS float64 `json:"window_ms"` // of the processor: on a busy machine it is all that tells
}

func bigs() []big {
	hour, minutes := edfOf(64, 160, 2, false), edfOf(512, 2000, 2, false)
	return []big{
		{name: "edf", how: byPlaying, what: "EDF, 64 channels × 160 Hz", write: edfOf(64, 160, 2, false)},
		{name: "edf+", how: byPlaying, what: "EDF+C, 512 channels × 2 kHz, a list of annotations in each record", write: edfOf(512, 2000, 2, true)},
		{name: "bdf", how: byPlaying, what: "BDF, 256 channels × 2048 Hz and Status", write: edfOf(256, 2048, 3, false)},
		{name: "brainvision", how: byPlaying, what: "BrainVision, 64 channels × 1 kHz, int16, multiplexed", write: brainVision},
		{name: "xdf", how: byPlaying, what: "XDF, 64 channels × 500 Hz, float32, chunks of 32 samples", write: xdfFile},
		{name: "edf-64", how: whole, what: "EDF, 64 channels × 160 Hz × 1 h", write: hour, size: 64 * 160 * 2 * 3600},
		{name: "edf-512", how: whole, what: "EDF, 512 channels × 2 kHz × 5 min", write: minutes, size: 512 * 2000 * 2 * 300},
		{name: "edf-64", how: windows, what: "EDF, 64 channels × 160 Hz × 1 h", write: hour, size: 64 * 160 * 2 * 3600},
		{name: "edf-512", how: windows, what: "EDF, 512 channels × 2 kHz × 5 min", write: minutes, size: 512 * 2000 * 2 * 300},
	}
}

// bigFiles reads files that do not fit into memory, or fill it, each in a process of its own, and prints the memory that it took.
func bigFiles(ctx context.Context, gb float64, asJSON bool) error {
	if !(gb > 0 && gb <= 1000) {
		return fmt.Errorf("-gb is %g, must be above 0 and at most 1000", gb)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if !asJSON {
		fmt.Printf("%-12s %-8s %10s %10s %10s %12s %14s  %s\n", "file", "read", "MB", "open (s)", "read (s)", "memory (MB)", "bar", "work")
	}
	missed, n := 0, 0
	for _, b := range bigs() {
		met, err := b.run(ctx, self, gb, asJSON)
		if err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
		n++
		if !met {
			missed++
		}
	}
	if missed > 0 {
		return fmt.Errorf("%d of %d bars are missed", missed, n)
	}
	return nil
}

func (b big) run(ctx context.Context, self string, gb float64, asJSON bool) (met bool, err error) {
	dir, err := os.MkdirTemp("", "gyrus-big-")
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	size := b.size
	if size == 0 {
		size = int64(gb * 1e9)
	}
	file, samples, err := b.write(dir, size)
	if err != nil {
		return false, err
	}
	cmd := exec.CommandContext(ctx, self, b.how, file)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return false, fmt.Errorf("%s %s: %w", b.how, file, err)
	}
	var p pass
	if err := json.Unmarshal(out, &p); err != nil {
		return false, err
	}
	if p.Samples != samples && b.how != windows {
		return false, fmt.Errorf("%d samples were read of %d", p.Samples, samples)
	}
	rss := float64(maxRSS(cmd.ProcessState)) / 1e6
	limit, bar := 0.0, ""
	switch b.how {
	case byPlaying:
		limit, bar, met = streamMB, "MB", rss <= streamMB
	case whole:
		limit = wholeTimes * 8 * float64(p.Channels) * float64(p.Samples) / 1e6
		bar, met = "MB", rss <= limit
	case windows:
		limit, bar, met = windowMS, "ms", p.WindowMS <= windowMS
	}
	if asJSON {
		return met, json.NewEncoder(os.Stdout).Encode(struct {
			File     string  `json:"file"`
			How      string  `json:"read"`
			MB       float64 `json:"file_mb"`
			MemoryMB float64 `json:"memory_mb"`
			Limit    float64 `json:"limit"`
			Unit     string  `json:"limit_unit"`
			Met      bool    `json:"met"`
			pass
		}{b.name, b.how, float64(size) / 1e6, rss, limit, bar, met, p})
	}
	tail := ""
	if b.how == windows {
		tail = fmt.Sprintf("; a window takes %.3f ms", p.WindowMS)
	}
	if !met {
		tail += "  MISSED"
	}
	fmt.Printf("%-12s %-8s %10.0f %10.3f %10.3f %12.0f %11.0f %s  %s%s\n", b.name, b.how, float64(size)/1e6, p.OpenS, p.ReadS, rss, limit, bar, b.what, tail)
	return met, nil
}

// read is what the process does.
func read(ctx context.Context, how, file string) error {
	begin := time.Now()
	rec, err := ingest.Open(os.DirFS(filepath.Dir(file)), filepath.Base(file))
	if err != nil {
		return err
	}
	for _, d := range rec.Deviations {
		return fmt.Errorf("the file breaks its format: %+v", d)
	}
	p := pass{OpenS: time.Since(begin).Seconds(), Channels: len(rec.Info.Channels)}
	begin = time.Now()
	switch how {
	case byPlaying:
		src := ingest.Play(rec, ingest.PlayOptions{})
		for err == nil {
			var c signal.Chunk
			c, err = src.Next(ctx)
			p.Samples += int64(c.Len())
		}
		if !errors.Is(err, io.EOF) {
			return err
		}
	case whole:
		c := signal.NewChunk(rec.Info, 0, int(rec.Len))
		if err := rec.Data.ReadSamples(c.X, 0); err != nil {
			return err
		}
		p.Samples = int64(c.Len())
	case windows:
		rng := rand.New(rand.NewPCG(1, 2))
		c := signal.NewChunk(rec.Info, 0, int(rec.Info.Samples(10)))
		var took []time.Duration
		for range 200 {
			from := cpuTime()
			if err := rec.Data.ReadSamples(c.X, rng.Int64N(rec.Len-int64(c.Len()))); err != nil {
				return err
			}
			took = append(took, cpuTime()-from)
		}
		slices.Sort(took)
		p.WindowMS = 1e3 * took[len(took)/2].Seconds()
		p.Samples = int64(len(took) * c.Len())
	}
	p.ReadS = time.Since(begin).Seconds()
	if err := rec.Close(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(p)
}

// edfOf writes records of one second, with samples of width bytes.
func edfOf(channels, rate, width int, plus bool) func(dir string, size int64) (string, int64, error) {
	return func(dir string, size int64) (string, int64, error) {
		f := edftest.File{}
		file := filepath.Join(dir, "x.edf")
		one := edftest.Signal{Dim: "uV", Samples: rate}
		if width == 3 {
			file = filepath.Join(dir, "x.bdf")
			f.Version, f.Reserved = "\xffBIOSEMI", "24BIT"
			one.DigMin, one.DigMax, one.PhysMin, one.PhysMax = "-8388608", "8388607", "-262144", "262143"
		}
		for ch := range channels {
			one.Label = "EEG " + strconv.Itoa(ch+1)
			f.Signals = append(f.Signals, one)
		}
		record := int64(channels) * int64(rate) * int64(width)
		if width == 3 {
			one.Label, one.Dim, one.PhysMin, one.PhysMax = "Status", "Boolean", one.DigMin, one.DigMax
			f.Signals = append(f.Signals, one)
			record += int64(rate) * int64(width)
		}
		text := record
		if plus {
			f.Reserved = "EDF+C"
			f.Signals = append(f.Signals, edftest.Annotations(60, nil))
			record += 120
		}
		n := size / record
		f.Records = strconv.FormatInt(n, 10)
		head := f.Bytes()
		out, err := os.Create(file)
		if err != nil {
			return "", 0, err
		}
		_, err = out.Write(head)
		for r := range n {
			if plus && err == nil {
				_, err = out.WriteAt([]byte(edftest.TAL("+"+strconv.FormatInt(r, 10), "")), int64(len(head))+r*record+text)
			}
		}
		return file, n * int64(rate), errors.Join(err, out.Truncate(int64(len(head))+n*record), out.Close())
	}
}

func brainVision(dir string, size int64) (string, int64, error) {
	const channels, rate = 64, 1000
	var head strings.Builder
	head.WriteString("Brain Vision Data Exchange Header File Version 1.0\n[Common Infos]\nCodepage=UTF-8\nDataFile=x.eeg\nDataFormat=BINARY\nDataOrientation=MULTIPLEXED\n" +
		"NumberOfChannels=" + strconv.Itoa(channels) + "\nSamplingInterval=" + strconv.Itoa(1_000_000/rate) + "\n[Binary Infos]\nBinaryFormat=INT_16\n[Channel Infos]\n")
	for ch := range channels {
		fmt.Fprintf(&head, "Ch%d=E%d,,0.1,µV\n", ch+1, ch+1)
	}
	file := filepath.Join(dir, "x.vhdr")
	if err := os.WriteFile(file, []byte(head.String()), 0o600); err != nil {
		return "", 0, err
	}
	out, err := os.Create(filepath.Join(dir, "x.eeg"))
	if err != nil {
		return "", 0, err
	}
	n := size / (2 * channels)
	return file, n, errors.Join(out.Truncate(n*2*channels), out.Close())
}

// xdfFile writes all bytes: the format has no holes.
func xdfFile(dir string, size int64) (string, int64, error) {
	const channels, rate, chunk = 64, 500, 32
	file := filepath.Join(dir, "x.xdf")
	out, err := os.Create(file)
	if err != nil {
		return "", 0, err
	}
	n, err := xdfChunks(out, size, channels, rate, chunk)
	return file, n, errors.Join(err, out.Close())
}

func xdfChunks(out io.Writer, size int64, channels, rate, chunk int) (int64, error) {
	w, err := xdf.NewWriter(out, time.Time{})
	if err != nil {
		return 0, err
	}
	chs, x := make([]signal.Channel, channels), make([][]float64, channels)
	for ch := range chs {
		name := "E" + strconv.Itoa(ch+1)
		chs[ch] = signal.Channel{Name: name, Original: name, Kind: signal.EEG, Unit: signal.Microvolt}
		x[ch] = make([]float64, chunk)
	}
	id, err := w.AddStream(xdf.StreamHeader{Name: "EEG", Type: "EEG", Format: "float32", Rate: float64(rate), Channels: chs})
	if err != nil {
		return 0, err
	}
	if err := w.ClockOffset(id, 1000, -990); err != nil {
		return 0, err
	}
	n := size / int64(4*channels*chunk)
	for k := range n {
		if err := w.Samples(id, []float64{1000 + float64(k)*float64(chunk)/float64(rate)}, x); err != nil {
			return 0, err
		}
	}
	return n * int64(chunk), w.Close()
}
