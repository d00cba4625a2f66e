"""The loop that people write: liblsl through mne-lsl, SciPy and NumPy. An outlet in a process of its own pushes 25 samples
of 22 channels every 100 ms, stamped with the time of the push; the loop pulls, filters, cuts the newest second, applies
CSP and LDA, and takes the time. Prints one line of JSON: the delays in ms, without the first 2 s."""

import json
import os
import subprocess
import sys
import time

import mne_lsl
import numpy as np
from mne_lsl.lsl import StreamInfo, StreamInlet, StreamOutlet, local_clock, resolve_streams
from scipy.signal import butter, sosfilt

RATE, CHANNELS, CHUNK, WINDOW = 250, 22, 25, 250


def push(name, seconds):
    info = StreamInfo(name, "EEG", CHANNELS, RATE, "float32", name)
    outlet = StreamOutlet(info, chunk_size=CHUNK)
    while not outlet.has_consumers:
        time.sleep(0.01)
    x = np.random.default_rng(1).standard_normal((CHUNK, CHANNELS)).astype(np.float32)
    due = time.monotonic()
    for _ in range(int(seconds * RATE / CHUNK)):
        due += CHUNK / RATE
        time.sleep(max(0, due - time.monotonic()))
        outlet.push_chunk(x, timestamp=local_clock())
    time.sleep(1)


def main():
    seconds = float(sys.argv[1])
    name = f"peer-latency-{os.getpid()}"
    child = subprocess.Popen([sys.executable, __file__, name, str(seconds), "push"])
    found = []
    while not found:
        found = resolve_streams(timeout=1, name=name)
    inlet = StreamInlet(found[0], max_buffered=60)
    inlet.open_stream(timeout=5)
    sos = butter(4, [8, 30], "bandpass", fs=RATE, output="sos")
    zi = np.zeros((sos.shape[0], 2, CHANNELS))
    rng = np.random.default_rng(2)
    csp, coef, bias = rng.standard_normal((6, CHANNELS)), rng.standard_normal(6), 0.1
    ring = np.zeros((WINDOW, CHANNELS))
    late, have = [], 0
    chunks = int(seconds * RATE / CHUNK)
    for _ in range(chunks - 1):
        x, stamps = inlet.pull_chunk(timeout=5, max_samples=CHUNK)
        if len(stamps) == 0:
            break
        y, zi = sosfilt(sos, x, axis=0, zi=zi)
        ring = np.concatenate((ring[len(y):], y))
        have += 1
        if have * CHUNK < WINDOW:
            continue
        v = np.log(np.var(csp @ ring.T, axis=1))
        p = 1 / (1 + np.exp(-(coef @ v + bias)))
        now = local_clock()
        if have > 20 and p >= 0:
            late.append((now - stamps[-1]) * 1e3)
    child.wait()
    print(json.dumps({"peer": f"mne-lsl {mne_lsl.__version__}, NumPy {np.__version__}", "ms": late}))


if __name__ == "__main__":
    if sys.argv[-1] == "push":
        push(sys.argv[1], float(sys.argv[2]))
    else:
        main()
