"""What mne.Epochs makes of a stream with offsets and drifts, with detrend and baseline: see README.md."""
import json
import os

import mne
import numpy as np

RATE, N, CHANNELS = 100.0, 600, ["Fp1", "Cz", "STI"]
EVENTS = [60, 151, 300, 333, 480]


def stream():
    """The formula of signals in mne_test.go: a linear congruential generator on offset and drift."""
    state, mask = 11, (1 << 64) - 1
    x = np.zeros((3, N))
    for ch in range(3):
        for t in range(N):
            state = (state * 6364136223846793005 + 1442695040888963407) & mask
            x[ch, t] = 20 * ((state >> 11) * 2.0**-53 - 0.5) + 1000 * (ch + 1) + 0.3 * (ch + 1) * t
    return x


mne.set_log_level("error")
x = stream()
info = mne.create_info(CHANNELS, RATE, ["eeg", "eeg", "stim"])
scale = np.array([[1e-6], [1e-6], [1.0]])
raw = mne.io.RawArray(x * scale, info)
events = np.array([[s, 0, 1] for s in EVENTS])
cases = []
for tmin, tmax, baseline, detrend in [
    (-0.2, 0.3, (-0.2, 0), None), (-0.2, 0.3, (-0.2, 0), 0), (-0.2, 0.3, (-0.2, 0), 1), (-0.5, 0.2, (-0.45, -0.05), 1),
    (0, 0.4, None, 0), (0, 0.4, None, 1), (-0.1, 0.4, (0, 0), None), (-0.1, 0.4, (-0.1, 0.39), 1),
]:
    epochs = mne.Epochs(raw, events, tmin=tmin, tmax=tmax - 1 / RATE, baseline=baseline, detrend=detrend, preload=True,
                        picks="all", reject_by_annotation=False)
    assert len(epochs) == len(EVENTS)
    cases.append({
        "tmin": tmin, "tmax": tmax, "baseline": baseline, "detrend": {None: "none", 0: "constant", 1: "linear"}[detrend],
        "epochs": (epochs.get_data() / scale).tolist(),
    })
out = {"program": "mne " + mne.__version__, "rate": RATE, "samples": N, "events": EVENTS, "cases": cases}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "epochs.json"), "w") as f:
    json.dump(out, f)
