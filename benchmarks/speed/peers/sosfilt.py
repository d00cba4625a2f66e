"""Times SciPy's sosfilt, a Butterworth band-pass 8 to 30 Hz of order 4, on 22 channels of one hour at 250 Hz: the size of
BenchmarkBandpassHour in preprocess/filt. Prints one line of JSON. Run on an idle machine: python3 sosfilt.py [repetitions]"""
import json
import os
import statistics
import sys
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np
import scipy
from scipy import signal

sos = signal.butter(4, [8, 30], "bandpass", fs=250, output="sos")
x = np.random.default_rng(1).standard_normal((22, 900_000)) * 20
seconds = []
for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 5):
    begin = time.perf_counter()
    signal.sosfilt(sos, x)
    seconds.append(time.perf_counter() - begin)
print(json.dumps({"peer": "scipy " + scipy.__version__, "job": "causal band-pass 8-30 Hz, 4 sections, 22 ch x 1 h at 250 Hz",
                  "seconds": min(seconds), "median": statistics.median(seconds)}))
