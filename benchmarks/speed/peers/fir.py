"""Times MNE's zero-phase FIR filter, 8 to 30 Hz, on 22 channels of one hour at 250 Hz: the size of BenchmarkFIRZeroPhase
in preprocess/filt. Prints one line of JSON. Run on an idle machine: python3 fir.py [repetitions]"""
import json
import os
import statistics
import sys
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import mne
import numpy as np

mne.set_log_level("ERROR")
x = np.random.default_rng(1).standard_normal((22, 900_000)) * 20
seconds = []
for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 5):
    begin = time.perf_counter()
    mne.filter.filter_data(x, 250, 8, 30, n_jobs=1)
    seconds.append(time.perf_counter() - begin)
print(json.dumps({"peer": "mne " + mne.__version__, "job": "zero-phase FIR 8-30 Hz, 22 ch x 1 h at 250 Hz",
                  "seconds": min(seconds), "median": statistics.median(seconds)}))
