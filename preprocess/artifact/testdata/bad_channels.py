"""What pyprep finds in a signal that script and test compute alike: see README.md."""
import json
import os

os.environ["OMP_NUM_THREADS"] = "1"
import mne
import numpy as np
import pyprep
from pyprep import ransac
from pyprep.find_noisy_channels import NoisyChannels

mne.set_log_level("error")
RATE, N, C, SOURCES = 200.0, 10 * 1000 + 150, 18, 5


class Noise:
    def __init__(self, seed):
        self.state = seed

    def __call__(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) & ((1 << 64) - 1)
        return (self.state >> 11) * 2.0**-53 - 0.5


def positions():
    """A spiral over the upper part of a head of 9 cm."""
    p = np.zeros((C, 3))
    for k in range(C):
        z = 0.05 + 0.9 * k / (C - 1)
        r, a = np.sqrt(1 - z * z), 2.4 * k
        p[k] = 0.09 * r * np.cos(a), 0.09 * r * np.sin(a), 0.09 * z
    return p


def signals(pos):
    """Slow sources under the scalp, seen through a smooth map, and noise; then one fault each."""
    u = Noise(21)
    src = np.array([[np.cos(1.3 * s), np.sin(1.3 * s), 0.6] for s in range(SOURCES)])
    x = np.zeros((C, N))
    state = [0.0] * SOURCES
    for t in range(N):
        for s in range(SOURCES):
            state[s] = 0.9 * state[s] + 40 * u()
        for c in range(C):
            v = 0.0
            for s in range(SOURCES):
                d = sum(pos[c][i] / 0.09 * src[s][i] for i in range(3))
                v += np.exp(d) * state[s]
            x[c, t] = v + 4 * u()
    for t in range(N):
        x[2, t] *= 12          # deviation
        x[5, t] = 7.0          # flat
        x[8, t] += 400 * u()   # noisy, and alone
        if 2000 <= t < 3000:
            x[11, t] = 3.0     # dropout
        x[16, t] *= -1         # the wrong way round: ransac
    y = 0.0
    for t in range(N):         # slow, and nobody else's
        y = 0.9 * y + 60 * u()
        x[14, t] = y
    return x


pos = positions()
x = signals(pos)
names = [f"E{k + 1}" for k in range(C)]
info = mne.create_info(names, RATE, "eeg")
raw = mne.io.RawArray(x * 1e-6, info)
raw.set_montage(mne.channels.make_dig_montage(dict(zip(names, pos)), coord_frame="head"))
out = {"program": "pyprep " + pyprep.__version__}
n = NoisyChannels(raw, do_detrend=False, random_state=7)
n.find_bad_by_deviation()
n.find_bad_by_hfnoise()
n.find_bad_by_correlation()
picks = []
real = ransac._get_random_subset
ransac._get_random_subset = lambda *a: picks.append(sorted(int(i) for i in real(*a))) or picks[-1]
n.find_bad_by_ransac(sample_prop=0.3, corr_thresh=0.7)
e = n._extra_info
raw.info["bads"] = [c for c in names if c in n.bad_by_flat + n.bad_by_deviation + n.bad_by_hf_noise + n.bad_by_correlation + n.bad_by_dropout + n.bad_by_ransac]
interpolated = {c: (row[::150] * 1e6).tolist() for c, row in zip(raw.info["bads"], raw.copy().interpolate_bads(origin=(0, 0, 0), reset_bads=False).get_data(raw.info["bads"]))}
out |= {
    "flat": n.bad_by_flat, "deviation": n.bad_by_deviation, "noisy": n.bad_by_hf_noise, "correlation": n.bad_by_correlation,
    "dropout": n.bad_by_dropout, "ransac": n.bad_by_ransac,
    "deviation_z": e["bad_by_deviation"]["robust_channel_deviations"].tolist(),
    "noise_z": e["bad_by_hf_noise"]["hf_noise_zscores"].tolist(),
    "correlations": e["bad_by_correlation"]["max_correlations"][:, :4].tolist(),
    "interpolated": interpolated, "mne": "MNE " + mne.__version__, "picks": picks, "ransac_correlations": e["bad_by_ransac"]["ransac_correlations"].tolist(),
}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "bad_channels.json"), "w") as f:
    json.dump(out, f)
print({k: v for k, v in out.items() if k in ("flat", "deviation", "noisy", "correlation", "dropout", "ransac")})
print(np.median(np.array(out["ransac_correlations"]), 0))
