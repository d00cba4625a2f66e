"""CSP and LDA written out with NumPy and SciPy alone: golden values for the steps of gyrus.

    python eegmmidb_csp_lda_golden.py DATA_DIR > golden/eegmmidb_s001_csp_lda.json

Every definition stands here as a formula, so that a difference can be found by reading. The LDA is checked against
scikit-learn's before anything is printed.
"""

import argparse
import hashlib
import sys
from pathlib import Path

import numpy as np
from eegmmidb import CUES, load_trials, to_json
from scipy.linalg import eigh
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

SUBJECT, RUNS = "S001", ("R06", "R10", "R14")
COMPONENTS = 6


def covariance(x):
    """Covariance of one trial (channels, samples): the mean of each channel is taken out, the sum is divided by n."""
    x = x - x.mean(axis=1, keepdims=True)
    return x @ x.T / x.shape[1]


def csp(x, y):
    """Spatial filters (COMPONENTS, channels) and their eigenvalues, the largest |lambda - 1/2| first.

    Solves S0 w = lambda (S0 + S1) w, where Sk is the mean over the trials of class k of their covariances;
    w is normalised to w' (S0 + S1) w = 1. The sign of w is free: log-variance does not see it.
    """
    s = [np.mean([covariance(trial) for trial in x[y == k]], axis=0) for k in (0, 1)]
    lam, w = eigh(s[0], s[0] + s[1])
    order = np.argsort(-np.abs(lam - 0.5), kind="stable")[:COMPONENTS]
    return w[:, order].T, lam[order]


def log_variance(w, x):
    """Rows (trials, COMPONENTS): log of the variance (mean taken out, divided by n) of each filtered trial, in µV²."""
    return np.log(np.var(w @ x, axis=2))


def ledoit_wolf(x):
    """Covariance of the rows of x, shrunk to mu I by the amount of Ledoit & Wolf 2004 (doi:10.1016/S0047-259X(03)00096-4)."""
    n, p = x.shape
    x = x - x.mean(axis=0)
    s = x.T @ x / n
    mu = np.trace(s) / p
    delta = np.sum((s - mu * np.eye(p)) ** 2) / p
    beta = np.sum([np.sum((np.outer(row, row) - s) ** 2) for row in x]) / n**2 / p
    amount = min(beta, delta) / delta
    return (1 - amount) * s + amount * mu * np.eye(p), amount


def lda(x, y):
    """Weights and offset of the log odds of class 1 (T2): w'x + b, with the priors of the training set.

    The covariance is the prior-weighted mean of the classes' covariances. Each is shrunk on the scale on which its own
    features have unit variance (divided by n), and brought back: what scikit-learn's shrinkage="auto" does.
    """
    prior = [np.mean(y == k) for k in (0, 1)]
    mean = [x[y == k].mean(axis=0) for k in (0, 1)]
    pooled, amounts = 0, []
    for k in (0, 1):
        scale = x[y == k].std(axis=0)
        shrunk, amount = ledoit_wolf((x[y == k] - mean[k]) / scale)
        pooled = pooled + prior[k] * scale[:, None] * shrunk * scale
        amounts.append(amount)
    w = np.linalg.solve(pooled, mean[1] - mean[0])
    b = -0.5 * w @ (mean[0] + mean[1]) + np.log(prior[1] / prior[0])
    return w, b, amounts


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("data_dir", help="folder that holds S001")
    opt = args.parse_args()

    x, y, group, sample = load_trials(opt.data_dir, SUBJECT, RUNS)
    folds, trials = [], []
    for fold, run in enumerate(RUNS):
        train, test = group != fold, group == fold
        filters, lam = csp(x[train], y[train])
        rows = log_variance(filters, x[test])
        w, b, amounts = lda(log_variance(filters, x[train]), y[train])
        log_odds = rows @ w + b

        sk = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(log_variance(filters, x[train]), y[train])
        np.testing.assert_allclose(log_odds, sk.decision_function(rows), rtol=1e-9, atol=1e-9)

        predicted = (log_odds > 0).astype(int)
        folds.append(
            {
                "run": run,
                "trials": int(test.sum()),
                "correct": int((predicted == y[test]).sum()),
                "eigenvalues": lam.tolist(),
                "shrinkage": amounts,
                "weights": w.tolist(),
                "offset": b,
            }
        )
        for i, t in enumerate(np.flatnonzero(test)):
            trials.append(
                {
                    "run": run,
                    "sample": int(sample[t]),
                    "true": CUES[y[t]],
                    "predicted": CUES[predicted[i]],
                    "features": rows[i].tolist(),
                    "log_odds_T2": log_odds[i],
                    "p_T2": 1 / (1 + np.exp(-log_odds[i])),
                }
            )
    sys.stdout.write(
        to_json(
            {
                "files": {
                    f"{SUBJECT}{run}.edf": hashlib.sha256((Path(opt.data_dir) / SUBJECT / f"{SUBJECT}{run}.edf").read_bytes()).hexdigest()
                    for run in RUNS
                },
                "definition": "butter(4, 8-30 Hz) causal from sample 0; [cue+0.5 s, cue+3.5 s) = 480 samples; 64 channels, no re-reference; "
                "CSP 6 of 64; log variance (µV²); LDA, Ledoit-Wolf per class, empirical priors; leave one run out",
                "correct": sum(f["correct"] for f in folds),
                "trials_total": len(trials),
                "folds": folds,
                "trials": trials,
            }
        )
    )


if __name__ == "__main__":
    main()
