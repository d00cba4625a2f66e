# gyrus: `make demo` shows it, `make test` proves it; `make help` lists the rest.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
GO      ?= go
LDFLAGS := -s -w -X github.com/gyrus-bci/gyrus/cmd/internal/cli.Version=$(VERSION)
FUZZ    ?= 30s

# Real recordings and other programs' golden values, where they lie beside the checkout. Without them the demo simulates
# and the tests that need them say so and are skipped.
ifneq ($(wildcard ../shared/data),)
export GYRUS_DATA   ?= $(abspath ../shared/data)
export GYRUS_GOLDEN ?= $(abspath ../shared/golden)
endif

TOOLS    := $(CURDIR)/bin/tools
LINT     := $(TOOLS)/golangci-lint
LINT_VER := v2.15.0

# Every target that is a word is phony; what is built has a path.
.PHONY: $(shell sed -n 's/^\([a-z0-9-]*\):.*/\1/p' $(firstword $(MAKEFILE_LIST)))

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

build: ## bin/gyrus, static and stripped
	CGO_ENABLED=0 $(GO) build -tags arrow_json_stdlib -trimpath -ldflags '$(LDFLAGS)' -o bin/gyrus ./cmd/gyrus # Arrow brings a JSON of 1.3 MB otherwise

demo: build ## train on a recorded person, decode another run live over NATS, move a cursor
	bin/gyrus demo

test: ## all tests
	@test -d "$$GYRUS_DATA" || echo "No recordings at GYRUS_DATA=$$GYRUS_DATA: the tests that need them are skipped (-v names them)."
	$(GO) test ./...

# The packages between ingest and stream start no goroutines, but for the workers of a training: the linter sees to it, and
# the race detector, which makes them up to ten times slower, has nothing to find there. What only computes on recordings is
# left out for the same reason: RACE_NOT names it in the packages that are otherwise run whole, RACE_ONLY what is run of the others.
RACE_SESSION := ./stream/session
RACE_WHOLE   := ./stream/control ./stream/dashboard ./stream/bus ./stream/record ./ingest ./ingest/signal ./ingest/registry ./ingest/edf \
  ./ingest/lsl ./ingest/clock ./ingest/dataset/pull ./foundation/nn ./cmd/internal/doctor
RACE_NOT     := ^Test(Page.*|NetworksAdapt|Calibrate(Threshold|Conformal|Mute|LeastRest).*)$$
RACE_SOME    := ./cmd/internal/cli ./stream
RACE_ONLY    := ^Test(Live|Bus|Control|Ctl|Demo|Play|LSL|Record|Gap|DropOldest|RunEnds|SinkError|NotFiniteIsAGap|FollowGap)

# The longest runs beside all others, one package at a time on either side: as many at once as go test has on two cores.
race: ## the tests of everything that runs at the same time as something else, under the race detector, outages at full length (needs a C compiler)
	CGO_ENABLED=1 $(GO) build -race $(RACE_SESSION) $(RACE_WHOLE) $(RACE_SOME) # both sides would compile the same at once
	$(MAKE) -j2 race-session race-others

race-session:
	CGO_ENABLED=1 $(GO) test -p 1 -race -skip '$(RACE_NOT)' $(RACE_SESSION)

race-others:
	GYRUS_SLOW=1 CGO_ENABLED=1 $(GO) test -p 1 -race -skip '$(RACE_NOT)' $(RACE_WHOLE)
	CGO_ENABLED=1 $(GO) test -p 1 -race -run '$(RACE_ONLY)' $(RACE_SOME)

# Two are here whole as well: without the race detector the tests of ingest/lsl hold it to tighter numbers, and outages in those of
# stream/control are short. The command line's tests, one after the other, take as long as half of all others.
test-norace: # every test that race does not run
	@test -d "$$GYRUS_DATA" || echo "No recordings at GYRUS_DATA=$$GYRUS_DATA: the tests that need them are skipped (-v names them)."
	$(MAKE) -j2 norace-some norace-whole

norace-some:
	$(GO) test -p 1 -parallel 4 -skip '$(RACE_ONLY)' $(RACE_SOME)
	$(GO) test -p 1 -run '$(RACE_NOT)' $(RACE_SESSION) ./stream/dashboard

norace-whole:
	$(GO) test $$($(GO) list ./... | grep -vxF "$$($(GO) list $(RACE_SESSION) $(RACE_WHOLE) $(RACE_SOME))") ./ingest/lsl ./stream/control

test-arm64: ## the kernels for arm64, emulated (needs qemu-user-static)
	GOARCH=arm64 $(GO) test -short -exec qemu-aarch64-static ./foundation/nn/kernel

asm-check: ## fails where the assembly in foundation is not what its generators make
	$(GO) generate ./foundation/nn/kernel
	git diff --exit-code -- foundation/nn/kernel

test-slow: ## the tests of outages at their full length (the broker is gone for 10 s), of decoders on permuted labels, of intervals with 400 experiments each, and of seizure networks on six patients
	GYRUS_SLOW=1 GYRUS_SLOW_NETWORKS=1 $(GO) test -count=1 -timeout 60m -v -run 'TestNetworkPermuted|TestSupervisedPermuted' ./stream
	GYRUS_SLOW=1 $(GO) test -count=1 -timeout 60m -v -run 'TestSummaryCovers|TestAUCIntervalCovers' ./decoders/metrics
	GYRUS_SLOW=1 $(GO) test -count=1 -timeout 60m -v -run 'TestBrokerStopped|TestLinkStalls|TestDecoderKilled|TestDecoderPaused' ./stream/control
	GYRUS_SLOW=1 $(GO) test -count=1 -timeout 60m -v -run 'TestBetweenPatients|TestPatientByPatient' ./benchmarks/seizure

noise: ## the experiments on pure noise and permuted labels at their full length, the published recipe that leaks among them
	GYRUS_SLOW=1 $(GO) test -count=1 -timeout 60m -v -run 'Noise|Leaks|Permuted' ./decoders/dqn ./stream

fuzz: ## every fuzz target for $(FUZZ) each
	@set -e; for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "== $$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZ) -fuzzminimizetime 10x $$pkg; \
	  done; done

soak: ## a live session and what happens to it: processes killed, a cable pulled, clocks that jump, lost samples; half an hour, then 20 minutes of 128 and 512 channels
	$(GO) build -o bin/soak ./benchmarks/soak && bin/soak -minutes 30
	$(GO) run ./benchmarks/speed/live -seconds 600 scale

idle: ## false activations at rest, beside the rate asked for (needs EEGMMIDB, ssvep-exo and eegmat)
	$(GO) run ./benchmarks/idle

vet:
	$(GO) vet ./...

$(LINT): Makefile
	GOBIN=$(TOOLS) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VER)
	@touch $@

lint: $(LINT) ## golangci-lint with .golangci.yml, import rules included
	$(LINT) run ./...

bench: ## every benchmark, with allocations
	$(GO) test -run '^$$' -bench . -benchmem ./...

bench-smoke: ## each benchmark once, so that none rots
	$(GO) test -short -run '^$$' -bench . -benchtime 1x ./... > /dev/null

bars: build ## start-up, size, and the demo against their bars
	$(GO) run ./benchmarks/bars bin/gyrus

step-docs: # what gyrus docs steps says of each step: the Go documentation of its type
	$(GO) run ./stream/pipeline/stepdocs > stream/pipeline/steps.json.new && mv stream/pipeline/steps.json.new stream/pipeline/steps.json

docs: step-docs ## what in docs/ is made by commands
	$(MAKE) build
	bin/gyrus schema > docs/pipeline.schema.json
	bin/gyrus schema session > docs/session.schema.json
	bin/gyrus docs steps > docs/steps.md
	bin/gyrus docs simulators > docs/simulators.svg
	bin/gyrus plot synth:imagery:1:1 -o docs/traces.svg --channels C3,Cz,C4,Oz
	bin/gyrus plot synth:imagery:1:1 -o docs/scalp.svg --kind topo

parity: ## docs/parity.md: how close the numbers come to other programs (needs their golden values)
	$(GO) run ./benchmarks/parity > docs/parity.md.new && mv docs/parity.md.new docs/parity.md

PEERS := bin/peers
$(PEERS): benchmarks/oracle/requirements.txt
	python3 -m venv $(PEERS) && $(PEERS)/bin/pip install -q -r $<
	@touch $@

speed: $(PEERS) ## gyrus against the programs people use, one thread, in turn (needs Python)
	$(GO) run ./benchmarks/speed -python $(PEERS)/bin/python sosfilt fir resample welch csp-lda tangent riemann-mean fastica fbcca fft-256 fft-500 fft-1000 fft-1024 fft-1750 fft-2048 fft-4096

NETS := bin/nets
$(NETS): benchmarks/speed/peers/requirements-nets.txt
	python3 -m venv $(NETS) && $(NETS)/bin/pip install -q -r $<
	@touch $@

speed-nets: $(NETS) ## networks beside PyTorch and ONNX Runtime, 1 and 2 threads (needs Python; PyTorch is large)
	$(GO) run ./benchmarks/speed -python $(NETS)/bin/python -rounds 3 eegnet-step-1 eegnet-step-2 shallow-step-1 shallow-step-2 \
	  conformer-step-1 conformer-step-2 encoder-step-1 encoder-step-2 eegnet-one eegnet-one-ort encoder-one encoder-one-ort
	$(GO) run ./benchmarks/speed -python $(NETS)/bin/python latency

FORMATS := bin/formats
$(FORMATS): benchmarks/speed/peers/requirements-formats.txt
	python3 -m venv $(FORMATS) && $(FORMATS)/bin/pip install -q -r $<
	@touch $@

speed-formats: $(FORMATS) ## readers beside pyxdf, edfio and MNE, one thread, and that of XDF with all cores too (needs Python)
	$(GO) run ./benchmarks/speed -python $(FORMATS)/bin/python xdf xdf-cores edf-64 edf-64-mne edf-512 edf-512-mne

stream-formats: ## memory of playing files of 10 GB and of reading files whole, time of a window (10 GB of disk, and of its cache)
	$(GO) run ./benchmarks/speed big

interop-edf: $(FORMATS) ## what gyrus writes as EDF+ and BDF+, read by edfio, MNE and pyEDFlib (needs Python)
	GYRUS_EDF_PYTHON=$(abspath $(FORMATS))/bin/python $(GO) test -count=1 -v -run TestPeer ./ingest/edf

interop-brainvision: $(FORMATS) ## what gyrus writes as BrainVision, read by MNE (needs Python)
	GYRUS_BRAINVISION_PYTHON=$(abspath $(FORMATS))/bin/python $(GO) test -count=1 -v -run TestPeerReadsWritten ./ingest/brainvision

interop-xdf: $(FORMATS) ## what gyrus writes as XDF, and repairs, read by pyxdf (needs Python)
	GYRUS_XDF_PYTHON=$(abspath $(FORMATS))/bin/python $(GO) test -count=1 -v -run TestPeerReads ./ingest/xdf

ARROW := bin/arrow
$(ARROW): ingest/arrowfile/testdata/requirements.txt
	python3 -m venv $(ARROW) && $(ARROW)/bin/pip install -q -r $<
	@touch $@

interop-arrow: $(ARROW) ## what gyrus writes as Arrow and Parquet, read by pyarrow, polars and DuckDB, and the reverse (needs Python)
	GYRUS_ARROW_PYTHON=$(abspath $(ARROW))/bin/python $(GO) test -count=1 -v -run TestPeerReads ./ingest/arrowfile ./ingest/parquet ./ingest/parquetfile ./ingest/tablefile

BIDS := bin/bids
$(BIDS): ingest/bids/testdata/requirements.txt
	python3 -m venv $(BIDS) && $(BIDS)/bin/pip install -q -r $<
	@touch $@

interop-bids: $(BIDS) ## BIDS trees that gyrus writes, by the official validator and by mne-bids (needs Python)
	GYRUS_BIDS_PYTHON=$(abspath $(BIDS))/bin/python $(GO) test -count=1 -v -run TestPeer ./ingest/bids

interop-electrodes: $(FORMATS) ## electrodes files that MNE comes with, where MNE has them (needs Python)
	GYRUS_ELECTRODES_PYTHON=$(abspath $(FORMATS))/bin/python $(GO) test -count=1 -v -run TestPeersOwnFiles ./ingest/electrodes

NEO := bin/neo
$(NEO): ingest/blackrock/testdata/requirements.txt ingest/text/testdata/requirements.txt
	python3 -m venv $(NEO) && $(NEO)/bin/pip install -q $(addprefix -r ,$^)
	@touch $@

golden-neo: $(NEO) ## what Neo reads in Blackrock recordings, and pandas in tables: the golden values of their tests (needs Python)
	$(NEO)/bin/python ingest/blackrock/testdata/golden.py > /dev/null
	$(NEO)/bin/python ingest/text/testdata/golden.py > /dev/null

MOABB := bin/moabb
$(MOABB): ingest/dataset/testdata/requirements.txt
	python3 -m venv $(MOABB) && $(MOABB)/bin/pip install -q --no-deps -r $<
	@touch $@

golden-published: $(MOABB) ## what MOABB, eegdash, MNE and torcheeg say of data sets: what their published counts are compared with (needs Python)
	$(MOABB)/bin/python ingest/dataset/testdata/published.py

speed-kernels: $(PEERS) ## GFLOP/s of the kernels of networks beside OpenBLAS, one thread (needs Python and cc)
	$(GO) run ./benchmarks/speed -python $(PEERS)/bin/python -rounds 15 gemm
	$(GO) run ./benchmarks/speed -rounds 50 conv

ONNX := bin/onnx
$(ONNX): foundation/onnx/testdata/requirements.txt
	python3 -m venv $(ONNX) && $(ONNX)/bin/pip install -q -r $<
	@touch $@

interop-onnx: $(ONNX) ## ONNX models of every operator and network against onnx.checker and onnxruntime (needs Python)
	GYRUS_ONNX_PYTHON=$(abspath $(ONNX))/bin/python $(GO) test -count=1 -v -run 'TestOperators|ONNXRuntime' ./foundation/onnx ./foundation/nn ./decoders/deep ./decoders/dqn ./stream/pipeline

BRAINDECODE := bin/braindecode
$(BRAINDECODE): decoders/deep/testdata/requirements.txt
	python3 -m venv $(BRAINDECODE) && $(BRAINDECODE)/bin/pip install -q -r $<
	@touch $@

interop-braindecode: $(BRAINDECODE) ## exported weights in braindecode's own classes (needs Python; several GB of PyTorch)
	GYRUS_BRAINDECODE_PYTHON=$(abspath $(BRAINDECODE))/bin/python $(GO) test -count=1 -v -run TestWeightsInBraindecode ./decoders/deep

# The clients of the examples: a virtual environment, npm packages, and Debian packages that are unpacked, not installed.
# What cannot be had here is named, and its example is not tested.
CONTROLLERS := bin/controllers
controllers: ## the clients of docs/controllers, and their tests (Python, Node.js, a C compiler: those that are there)
	@mkdir -p $(CONTROLLERS)
	@python3 -m venv $(CONTROLLERS)/python && $(CONTROLLERS)/python/bin/pip install -q -r docs/controllers/python/requirements.txt \
	  || echo "controllers: no Python client: see the error above"
	@mkdir -p $(CONTROLLERS)/javascript && cp docs/controllers/javascript/package.json $(CONTROLLERS)/javascript/ && npm install --silent --prefix $(CONTROLLERS)/javascript \
	  || echo "controllers: no JavaScript client: see the error above"
	@mkdir -p $(CONTROLLERS)/c && cd $(CONTROLLERS)/c && apt-get -qq download libnats-dev $$(apt-cache depends libnats-dev | sed -n 's/.*Depends: \(libnats[0-9.]*\)$$/\1/p') \
	  libprotobuf-c1 libjansson-dev libjansson4 && for deb in *.deb; do dpkg -x $$deb .; done && rm -f *.deb \
	  || echo "controllers: no C client: nats.c and jansson are taken from Debian packages, see the error above"
	$(GO) test -count=1 -v -run TestExample ./docs/controllers

# A browser: that on PATH, else Debian's, unpacked with the libraries that are missing here, not installed.
page: ## the page of a session in a headless Chromium, and its pictures in docs/ (Debian, or a Chromium on PATH)
	@command -v chromium chromium-browser google-chrome google-chrome-stable > /dev/null || test -x bin/chromium/run || $(MAKE) bin/chromium/run
	GYRUS_PAGE_PICTURES=$(CURDIR)/docs $(GO) test -count=1 -v -run 'TestPage|Browsers' ./stream/dashboard

bin/chromium/run:
	mkdir -p bin/chromium && cd bin/chromium && apt-get -qq download $$(apt-get -s install --no-install-recommends chromium fonts-dejavu-core | sed -n 's/^Inst \([^ ]*\) .*/\1/p') \
	  && for deb in *.deb; do dpkg -x $$deb .; done && rm -f *.deb
	printf '#!/bin/sh\nd=$$(dirname "$$0")/usr/lib\nexport LD_LIBRARY_PATH=$$(find "$$d" -name "*.so*" -printf "%%h:" | tr ":" "\\n" | sort -u | tr "\\n" ":")\nexec "$$d/chromium/chromium" "$$@"\n' > $@
	chmod +x $@

LSL := bin/lsl
$(LSL): ingest/lsl/testdata/requirements.txt
	python3 -m venv $(LSL) && $(LSL)/bin/pip install -q -r $<
	@touch $@

speed-live: $(LSL) ## latency from outlet to subscriber beside liblsl and NumPy (needs Python), and 1,024 channels at 30 kHz
	$(LSL)/bin/pip install -q scipy
	$(GO) run ./benchmarks/speed/live -python $(LSL)/bin/python latency
	$(GO) run ./benchmarks/speed/live spikes

interop: $(LSL) ## outlets and inlets against the real liblsl, both directions (needs Python)
	GYRUS_LSL_PYTHON=$(abspath $(LSL))/bin/python $(GO) test -count=1 -v -run TestInterop ./ingest/lsl

speed-lsl: $(LSL) ## samples over LSL beside liblsl, one process to a side (needs Python)
	$(GO) run ./benchmarks/speed -python $(abspath $(LSL))/bin/python lsl

SOAK ?= 10m
soak-lsl: ## 128 and 512 channels at 2 kHz over LSL for $(SOAK) each: nothing lost, half a core at most
	GYRUS_SOAK=$(SOAK) $(GO) test -count=1 -v -timeout 0 -run TestScale ./ingest/lsl

docs-check: docs ## fails where docs/ is not what the commands make
	git diff --exit-code -- docs stream/pipeline/steps.json

check: vet build lint test-norace race bench-smoke bars docs-check ## what CI runs

clean:
	rm -rf bin
