package main

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
)

const module = "github.com/gyrus-bci/gyrus/"

// jobs are the rows of the table. Sizes are those of the scripts in peers/, where each says what it does.
var jobs = append([]job{
	{
		name: "sosfilt", pkg: module + "preprocess/filt", bench: "^BenchmarkBandpassHour$", peer: []string{"sosfilt.py"}, bar: 1.5,
		what: "causal band-pass of 4 sections, 22 channels × 1 h at 250 Hz",
	},
	{
		name: "fir", pkg: module + "preprocess/filt", bench: "^BenchmarkFIRZeroPhase$", peer: []string{"fir.py"}, bar: 3,
		what: "zero-phase FIR 8–30 Hz, 22 channels × 1 h at 250 Hz",
	},
	{
		name: "resample", pkg: module + "preprocess/resample", bench: "^BenchmarkResample$", peer: []string{"resample.py"}, bar: 2,
		key: "polyphase resampling 250 to 128 Hz, 22 ch x 1 h", what: "polyphase resampling 250 → 128 Hz, 22 channels × 1 h",
	},
	{
		name: "welch", pkg: module + "preprocess/dsp", bench: "^BenchmarkWelch$/^ch=64$/^seg=256$", peer: []string{"welch.py", "--seg", "256"}, bar: 4,
		what: "Welch, segments of 256, 64 channels × 1 h at 160 Hz",
	},
	{
		name: "csp-lda", pkg: module + "benchmarks/speed/peers", bench: "^BenchmarkCSPLDA$/^classes=4$", peer: []string{"csp_lda.py"}, bar: 20,
		what: "CSP and LDA, 5 folds of 288 × 22 × 1000, four classes",
	},
	{
		name: "tangent", pkg: module + "decoders/riemann", bench: "^BenchmarkTangentLR$", peer: []string{"tangent.py"}, key: "tangent", bar: 5,
		what: "OAS covariances, tangent space, logistic regression, 5 folds of 288 × 22 × 1000",
	},
	{
		name: "xdf", pkg: module + "ingest/xdf", bench: "^BenchmarkRead$", peer: []string{"xdf.py", "--repeats", "5"}, cpu: true, loops: 5, fresh: "^rows=64$/^n=390624$", bar: 10,
		what: "XDF of 100 MB, 64 channels, whole, to float64, one thread",
	},
	{ // with one thread there is little room above the bar: the memory of the result takes half of it, so that it is met by some processors alone
		name: "xdf-cores", pkg: module + "ingest/xdf", bench: "^BenchmarkRead$", peer: []string{"xdf.py", "--repeats", "5"}, cores: runtime.NumCPU(), loops: 5, bar: 10,
		what: "XDF of 100 MB, 64 channels, whole, to float64, threads: " + strconv.Itoa(runtime.NumCPU()),
	},
	{
		name: "riemann-mean", pkg: module + "preprocess/spd", bench: "^BenchmarkMeanRiemann$", peer: []string{"riemann_mean.py"}, bar: 3,
		what: "Riemannian mean of 1000 matrices of 22 × 22",
	},
	{
		name: "fastica", pkg: module + "preprocess/spatial/ica", bench: "^BenchmarkFastICA$", peer: []string{"ica.py", "fastica"}, bar: 1,
		what: "whitening and FastICA of 64 × 96,000",
	},
	{
		name: "fbcca", pkg: module + "features/ssvep", bench: "^BenchmarkFBCCA$", peer: []string{"fbcca.py"}, bar: 5,
		what: "filter-bank CCA, 40 targets, 9 channels × 1 s at 250 Hz, 5 bands",
	},
}, slices.Concat(edfs(), ffts(), convnets(), transformers())...)

// edfs are the rows of EDF, beside edfio and MNE. Both sides do it five times, each time into fresh memory, and give the median.
func edfs() []job {
	var rows []job
	for _, size := range []struct{ name, what, fresh string }{
		{"64", "64 channels × 160 Hz × 1 h", "^rows=64$/^n=576000$"}, {"512", "512 channels × 2 kHz × 5 min", "^rows=512$/^n=600000$"},
	} {
		for _, peer := range []struct {
			name, suffix string
			bar          float64
		}{{"edfio", "", 1}, {"mne", "-mne", 3}} {
			rows = append(rows, job{
				name: "edf-" + size.name + peer.suffix, pkg: module + "ingest/edf", bench: "^BenchmarkWhole$/^ch=" + size.name + "$",
				peer: []string{"edf.py", "--channels", size.name, "--with", peer.name, "--repeats", "5"}, cpu: true, loops: 5, fresh: size.fresh, bar: peer.bar,
				what: "EDF, " + size.what + ", whole, to float64",
			})
		}
	}
	return rows
}

// ffts are the rows of the real Fourier transform, one to a length.
func ffts() []job {
	var rows []job
	for _, n := range []int{256, 500, 1000, 1024, 1750, 2048, 4096} {
		rows = append(rows, job{
			name: fmt.Sprintf("fft-%d", n), pkg: module + "preprocess/dsp", bench: fmt.Sprintf("^BenchmarkRealFFT$/^n=%d$/^batch=64$", n),
			peer: []string{"fft.py", "--n", strconv.Itoa(n)}, times: 64, bar: 1, what: fmt.Sprintf("real FFT of %d points, 64 at once", n),
		})
	}
	return rows
}

// convnets are the rows of convolutional networks. Their peers need benchmarks/speed/peers/requirements-nets.txt.
func convnets() []job {
	var rows []job
	for _, cores := range []int{1, 2} {
		rows = append(rows, job{
			name: fmt.Sprintf("eegnet-step-%d", cores), pkg: module + "decoders/deep", bench: fmt.Sprintf("^BenchmarkEEGNetStep$/^threads=%d$", cores),
			peer: []string{"convnets.py", "eegnet-step"}, cores: cores, cpu: cores == 1, bar: 3, what: "EEGNet, training step, 32 × 22 × 500, threads: " + strconv.Itoa(cores),
		}, job{
			name: fmt.Sprintf("shallow-step-%d", cores), pkg: module + "decoders/deep", bench: fmt.Sprintf("^BenchmarkShallowStep$/^threads=%d$", cores),
			peer: []string{"convnets.py", "shallow-step"}, cores: cores, cpu: cores == 1, bar: 2, what: "ShallowConvNet, training step, 32 × 22 × 1000, threads: " + strconv.Itoa(cores),
		})
	}
	one := job{pkg: module + "decoders/deep", bench: "^BenchmarkEEGNetOne$", cpu: true, what: "EEGNet, one window of 22 × 500"}
	for _, peer := range []struct {
		name string
		bar  float64
	}{{"eegnet-one", 5}, {"eegnet-one-ort", 3}} {
		one.name, one.peer, one.bar = peer.name, []string{"convnets.py", peer.name}, peer.bar
		rows = append(rows, one)
	}
	return rows
}

// transformers are the rows of the encoder and the EEG Conformer. Their peers need the same.
func transformers() []job {
	const encoder = "encoder of 4 blocks on 88 × 200"
	var rows []job
	for _, cores := range []int{1, 2} {
		threads := strconv.Itoa(cores)
		rows = append(rows, job{
			name: "encoder-step-" + threads, pkg: module + "benchmarks/speed/nets", bench: "^BenchmarkEncoderStep$/^threads=" + threads + "$",
			peer: []string{"transformers.py", "encoder-step", "--threads", threads}, cores: cores, bar: 1, what: encoder + ", training step, batch 16, threads: " + threads,
		}, job{
			name: "conformer-step-" + threads, pkg: module + "decoders/deep", bench: "^BenchmarkConformerStep$/^threads=" + threads + "$",
			peer: []string{"transformers.py", "conformer-step", "--threads", threads}, cores: cores, bar: 1, what: "EEG Conformer, training step, 32 × 22 × 1000, threads: " + threads,
		})
	}
	one := job{pkg: module + "benchmarks/speed/nets", bench: "^BenchmarkEncoderOne$", what: encoder + ", one window"}
	one.name, one.peer, one.bar = "encoder-one", []string{"transformers.py", "encoder-one"}, 1.2
	rows = append(rows, one)
	one.name, one.peer, one.bar = "encoder-one-ort", []string{"transformers.py", "encoder-one", "--runtime", "onnx"}, 0.9
	return append(rows, one)
}
