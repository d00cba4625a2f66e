"""The formula of braindecode's exponential_moving_standardize, by pandas: see README.md."""
import json
import os

import numpy as np
import pandas as pd

N, CH = 300, 2


def stream():
    """signals in ema_test.go."""
    state, mask = 5, (1 << 64) - 1
    x = np.zeros((CH, N))
    for ch in range(CH):
        for t in range(N):
            state = (state * 6364136223846793005 + 1442695040888963407) & mask
            x[ch, t] = 30 * ((state >> 11) * 2.0**-53 - 0.5) * (1 + t / 100) + 500 * (ch + 1)
    return x


def standardise(x, factor, init_block, eps):
    df = pd.DataFrame(x.T)
    demeaned = df - df.ewm(alpha=factor).mean()
    square = (demeaned * demeaned).ewm(alpha=factor).mean()
    y = np.array(demeaned / np.maximum(eps, np.sqrt(np.array(square))))
    if init_block:
        first = x.T[:init_block]
        y[:init_block] = (first - first.mean(axis=0)) / np.maximum(eps, first.std(axis=0))
    return y.T


if __name__ == "__main__":
    x = stream()
    cases = [{"factor": f, "init_block": b, "eps": e, "y": standardise(x, f, b, e).tolist()}
             for f, b, e in [(0.001, 0, 1e-4), (0.02, 50, 1e-4), (0.1, 0, 6.0), (0.001, 1000, 1e-4)]]
    out = {"program": "pandas " + pd.__version__, "samples": N, "channels": CH, "cases": cases}
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "ema.json"), "w") as f:
        json.dump(out, f)
