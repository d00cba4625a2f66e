"""Times MNE's resampling from 250 to 128 Hz, polyphase and FFT, on 22 channels of one hour: the sizes of
BenchmarkResample and BenchmarkResampleFFT in preprocess/resample. Prints a line of JSON for each. Run on an idle machine:
python3 resample.py [repetitions]"""
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
for method, options in (("polyphase", {}), ("fft", {"npad": "auto"})):
    seconds = []
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 5):
        begin = time.perf_counter()
        mne.filter.resample(x, 128, 250, method=method, n_jobs=1, **options)
        seconds.append(time.perf_counter() - begin)
    print(json.dumps({"peer": "mne " + mne.__version__, "job": f"{method} resampling 250 to 128 Hz, 22 ch x 1 h",
                      "seconds": min(seconds), "median": statistics.median(seconds)}))
