"""Reads runs of the EEG Motor Movement/Imagery data set as the tests of gyrus need them.

Everything is causal: the filter starts at sample 0 of a run with a zero state and never sees the future.
"""

import json
from pathlib import Path

import mne
import numpy as np
from scipy.signal import butter, sosfilt

CUES = ("T1", "T2")  # in this order everywhere: class 0, class 1


def read_run(data_dir, subject, run, band_hz=(8.0, 30.0), order=4, car=False):
    """One run, band-passed.

    Returns the signal in µV, shape (channels, samples), the rate in Hz and the cues as (sample, "T1" or "T2").
    order is SciPy's argument of butter: its band-pass has twice as many poles.
    """
    path = Path(data_dir) / subject / f"{subject}{run}.edf"
    raw = mne.io.read_raw_edf(path, preload=True, verbose="error")
    x = raw.get_data() * 1e6
    rate = raw.info["sfreq"]
    cues = [
        (int(round(a["onset"] * rate)), str(a["description"]))
        for a in raw.annotations
        if a["description"] in CUES
    ]
    if {label for _, label in cues} != set(CUES):
        raise ValueError(f"{path}: has the cues {sorted({c for _, c in cues})}, must have {CUES}: R03 to R14 have them")
    if car:
        x = x - x.mean(axis=0)
    sos = butter(order, band_hz, btype="bandpass", fs=rate, output="sos")
    return sosfilt(sos, x, axis=1), rate, cues


def load_trials(data_dir, subject, runs, tmin_s=0.5, tmax_s=3.5, **kwargs):
    """All trials of the runs: windows [cue + tmin, cue + tmax).

    Returns x (trials, channels, samples), y (0 for T1, 1 for T2), run (position in runs) and the cues' samples. Both
    ends are rounded to samples once: from 0.5 s to 3.5 s are exactly 480 samples at 160 Hz.
    """
    x, y, group, samples = [], [], [], []
    for g, run in enumerate(runs):
        data, rate, cues = read_run(data_dir, subject, run, **kwargs)
        n = round(tmax_s * rate) - round(tmin_s * rate)
        for sample, label in cues:
            start = sample + round(tmin_s * rate)
            if start + n > data.shape[1]:
                raise ValueError(f"{subject}{run}: the window of the cue at sample {sample} ends behind the data")
            x.append(data[:, start : start + n])
            y.append(CUES.index(label))
            group.append(g)
            samples.append(sample)
    return np.array(x), np.array(y), np.array(group), np.array(samples)


def to_json(value):
    """A JSON object, one key to a line and one trial or fold to a line. Floats are written so that they read back exactly."""
    lines = []
    for key, v in value.items():
        if isinstance(v, list) and v and isinstance(v[0], dict):
            v = "[\n" + ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in v) + "\n ]"
        else:
            v = json.dumps(v, ensure_ascii=False)
        lines.append(f" {json.dumps(key)}: {v}")
    return "{\n" + ",\n".join(lines) + "\n}\n"
