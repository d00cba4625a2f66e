"""Writes timecourse.json: features of the time course by other programs on a stretch of four recordings (README.md), of which
only what was derived is kept. Run: python3 timecourse.py DATA > timecourse.json"""

import gzip
import json
import pathlib
import sys
import warnings

import antropy
import mne
import mne_features
import mpmath
import numpy as np
import scipy
import statsmodels
from mne_features import univariate
from scipy import stats
from statsmodels.regression import linear_model

mne.set_log_level("ERROR")
warnings.simplefilter("ignore")
root = pathlib.Path(sys.argv[1])


def edf(path):
    raw = mne.io.read_raw_edf(root / path, preload=True)
    return raw.get_data() * 1e6, raw.info["sfreq"]


def fif(path):
    raw = mne.io.read_raw_fif(root / path, preload=True)
    return raw.get_data(picks="eeg") * 1e6, raw.info["sfreq"]


def muse(path):
    with gzip.open(root / path, "rt") as file:
        return np.loadtxt(file, delimiter=",", skiprows=1).T[1:5], 256.0


def digits(a):
    """14 of them: the file stays small, and 1e-9 can be told."""
    return [float(f"{v:.14g}") for v in np.ravel(a)]


def burg(x, order):
    """The recursion in 50 digits: statsmodels updates a sum of squares instead of taking it anew, which costs half of its digits
    where the samples foretell one another, as at 500 Hz."""
    mpmath.mp.dps = 50
    x = [mpmath.mpf(float(v)) for v in x]
    mean = mpmath.fsum(x) / len(x)
    f = [v - mean for v in x]
    b, a = list(f), []
    for k in range(1, order + 1):
        ahead, behind = f[k:], b[k - 1:-1]
        r = 2 * mpmath.fdot(ahead, behind) / (mpmath.fdot(ahead, ahead) + mpmath.fdot(behind, behind))
        a = [a[i] - r * a[k - 2 - i] for i in range(k - 1)] + [r]
        f[k:], b[k:] = [u - r * v for u, v in zip(ahead, behind)], [v - r * u for u, v in zip(ahead, behind)]
    return [float(v) for v in a]


cases = []
for name, path, read, start, length in [
    ("EEGMMIDB S001 R04", "eegmmidb/S001/S001R04.edf", edf, 1000, 640),
    ("eegmat Subject00_1", "eegmat/Subject00_1.edf", edf, 5000, 1000),
    ("muse-p300 session1", "muse-p300/session1/data_2017-02-04-15_45_13.csv.gz", muse, 2560, 512),
    ("SSVEP exoskeleton set, subject01", "ssvep-exo/subject01/record-[2012.07.06-19.02.16]_raw.fif", fif, 10000, 512),
]:
    x, rate = read(path)
    channels = list(range(0, len(x), max(1, len(x) // 8)))[:8]
    x = np.ascontiguousarray(x[channels, start:start + length])
    mobility, complexity = antropy.hjorth_params(x, sf=rate)
    cases.append(dict(
        name=name, path=path, channels=channels, start=start, length=length, check=float(np.abs(x).sum()),
        statistics=digits(np.stack([x.mean(1), x.std(1), stats.skew(x, axis=1), stats.kurtosis(x, axis=1), np.ptp(x, axis=1),
                                    univariate.compute_rms(x), antropy.num_zerocross(x - x.mean(1, keepdims=True))], 1)),
        hjorth=digits(np.stack([x.var(1), mobility, complexity], 1)),
        line_length=digits(univariate.compute_line_length(x)),
        sample_entropy=digits([antropy.sample_entropy(row) for row in x]),
        sample_entropy_3=digits([antropy.sample_entropy(row, order=3, tolerance=0.5 * float(row.std())) for row in x]),
        permutation_entropy=digits([antropy.perm_entropy(row, normalize=True) for row in x]),
        permutation_entropy_5=digits([antropy.perm_entropy(row, order=5, delay=2) for row in x]),
        burg=digits([linear_model.burg(row, order=6)[0] for row in x]),
        burg_50=digits([burg(row, 6) for row in x]),
        yule_walker=digits([linear_model.yule_walker(row, order=5, method="mle")[0] for row in x]),
    ))
json.dump(dict(programs={m.__name__: m.__version__ for m in (np, scipy, antropy, mne_features, statsmodels, mpmath)}, cases=cases), sys.stdout)
