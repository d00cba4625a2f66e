"""Times scipy.signal.sosfilt on 1 s of 250 Hz signal, band-pass 8 to 30 Hz of order 4. Run: python3 time_sosfilt.py"""
import time

import numpy as np
from scipy import signal

sos = signal.butter(4, [8, 30], "bandpass", fs=250, output="sos")
for channels in (8, 64, 256):
    x = np.random.default_rng(1).standard_normal((channels, 250)) * 20
    zi = np.zeros((len(sos), channels, 2))
    best = np.inf
    for _ in range(15):
        calls = max(1, 12800 // channels)
        begin = time.perf_counter()
        for _ in range(calls):
            _, zi = signal.sosfilt(sos, x, zi=zi)
        best = min(best, (time.perf_counter() - begin) / calls)
    print(f"ch={channels}: {best / x.size * 1e9:.2f} ns per channel and sample, x_realtime {1 / best:.0f}")
