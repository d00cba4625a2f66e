"""Writes golden.json: features of the time course by numpy, SciPy, antropy, mne-features and statsmodels. Run: python3 golden.py"""
import json
import warnings

import antropy
import mne_features
import numpy as np
import scipy
import statsmodels
from mne_features import univariate
from scipy import stats
from statsmodels.regression import linear_model

warnings.simplefilter("ignore")


def finite(values):
    """None where nothing repeats itself: antropy has infinity there, which JSON has not."""
    return [float(v) if np.isfinite(v) else None for v in values]


def channels(count, n, rate, seed):
    """Coloured noise with a rhythm and an offset: golden_test.go makes the same from the same generator."""
    state = seed
    x = np.zeros((count, n))
    for ch in range(count):
        last = 0.0
        for t in range(n):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            last = (0.5 + 0.1 * ch) * last + 20 * ((state >> 11) * 2.0**-53 - 0.5)
            x[ch, t] = last + (3 + ch) * np.sin(2 * np.pi * 10 * t / rate) + 7 * ch
    return x


cases = []
for n, rate, seed in [(250, 250, 1), (481, 160, 2), (1000, 500, 3), (40, 128, 4)]:
    x = channels(4, n, rate, seed)
    case = dict(n=n, rate=rate, seed=seed)
    case["statistics"] = np.stack([x.mean(1), x.std(1), stats.skew(x, axis=1), stats.kurtosis(x, axis=1), np.ptp(x, axis=1),
                                   univariate.compute_rms(x), antropy.num_zerocross(x - x.mean(1, keepdims=True))], 1).ravel().tolist()
    mobility, complexity = antropy.hjorth_params(x, sf=rate)
    case["hjorth"] = np.stack([x.var(1), mobility, complexity], 1).ravel().tolist()
    case["line_length"] = univariate.compute_line_length(x).tolist()
    case["sample_entropy"] = finite(antropy.sample_entropy(row) for row in x)
    case["sample_entropy_3"] = finite(antropy.sample_entropy(row, order=3, tolerance=0.5 * float(row.std())) for row in x)
    case["permutation_entropy"] = [float(antropy.perm_entropy(row, normalize=True)) for row in x]
    case["permutation_entropy_5"] = [float(antropy.perm_entropy(row, order=5, delay=2)) for row in x]
    whole = np.round(x / 4)  # with many ties
    case["permutation_entropy_ties"] = [float(antropy.perm_entropy(row, order=4)) for row in whole]
    case["burg"] = np.concatenate([linear_model.burg(row, order=6)[0] for row in x]).tolist()
    case["yule_walker"] = np.concatenate([linear_model.yule_walker(row, order=5, method="mle")[0] for row in x]).tolist()
    cases.append(case)

with open("golden.json", "w", encoding="ascii") as out:
    out.write("[" + ",\n".join(json.dumps(c) for c in cases) + "]\n")
print("numpy", np.__version__, "scipy", scipy.__version__, "antropy", antropy.__version__, "mne-features", mne_features.__version__,
      "statsmodels", statsmodels.__version__)
