"""Times Welch's method of MNE and SciPy on one hour of 64 channels at 160 Hz.

    python welch.py [--seg 256,512] [--repeats 5]

The Go side is BenchmarkWelch in preprocess/dsp: Hann window, half overlap, all bins. MNE takes the mean out of each
segment and averages, as SciPy does with its defaults. Prints one line of JSON per peer and segment length.
"""

import argparse
import json
import os
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # before NumPy is loaded

import mne  # noqa: E402
import numpy as np  # noqa: E402
import scipy  # noqa: E402
from scipy import signal  # noqa: E402

CHANNELS, RATE = 64, 160


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seg", default="256,512")
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    mne.set_log_level("ERROR")
    x = np.random.default_rng(1).standard_normal((CHANNELS, 3600 * RATE))
    for seg in map(int, args.seg.split(",")):
        peers = {
            f"mne {mne.__version__}": lambda: mne.time_frequency.psd_array_welch(
                x, RATE, n_fft=seg, n_overlap=seg // 2, window="hann", n_jobs=1),
            f"scipy {scipy.__version__}": lambda: signal.welch(x, RATE, nperseg=seg),
        }
        for peer, job in peers.items():
            took = []
            for _ in range(args.repeats):
                begin = time.perf_counter()
                job()
                took.append(time.perf_counter() - begin)
            print(json.dumps({"peer": peer, "job": f"welch ch={CHANNELS} 1 h at {RATE} Hz seg={seg}",
                              "seconds": min(took), "median": float(np.median(took))}))


if __name__ == "__main__":
    main()
