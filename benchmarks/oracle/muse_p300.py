"""Decodes the visual P300 of one person across sessions with pyRiemann's xDAWN covariances: what gyrus must reach.

    python muse_p300.py DATA_DIR [--golden] [--export FOLDER]

DATA_DIR holds session1 … session3 of muse-p300 (Muse 2016, 256 Hz, gzipped CSV with a marker column: 1 non-target, 2
target; BSD-3). The four electrodes TP9, AF7, AF8 and TP10 are used, the auxiliary input is not.

Each run is filtered causally by a Butterworth band-pass of order 4, 1-24 Hz, from its first sample; windows [cue,
cue + 0.8 s) with the mean taken out; a window with more than 150 µV peak to peak in a channel is left out. Decoder:
XdawnCovariances(nfilter=4, oas), tangent space at the Riemannian mean, logistic regression with C = 1. Each session is
decoded from the two others. Prints JSON: ROC AUC of each session, with an interval from 2000 stratified bootstrap
samples of its windows (seed 1), and the mean over sessions with one from the same samples.

--golden also prints the programs' versions, the SHA-256 of the recordings, and the cue's sample and the decoder's log odds
of every window: golden/muse_p300.json was made so. These log odds are of the same logistic regression solved to the end
(newton-cholesky). scikit-learn's default, L-BFGS, which all else here comes from, stops where the objective no longer
changes in its last digits, which leaves the log odds wrong by what is printed as lbfgs_error.
--export writes the same windows: windows.f64, little-endian float64 [windows, channels, samples] in µV, and
windows.json with class, session, run, and the decoder's log odds.
"""

import argparse
import csv
import gzip
import hashlib
import json
import pathlib
import sys

import numpy as np
import pyriemann
import scipy
import sklearn
from eegmmidb import to_json
from pyriemann.estimation import XdawnCovariances
from pyriemann.tangentspace import TangentSpace
from scipy.signal import butter, sosfilt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline

RATE, LENGTH, LIMIT = 256.0, round(0.8 * 256), 150.0
CHANNELS = ("TP9", "AF7", "AF8", "TP10")


def load(data_dir):
    """Windows [windows, channels, samples] in µV, class (1: target), session, run and cue's sample of each; how many were
    left out; the recordings."""
    x, y, session, run, sample, left_out, paths = [], [], [], [], [], 0, []
    sos = butter(4, (1, 24), "bandpass", fs=RATE, output="sos")
    for s, folder in enumerate(sorted(pathlib.Path(data_dir).glob("session*"))):
        for r, path in enumerate(sorted(folder.glob("*.csv.gz"))):
            paths.append(path)
            with gzip.open(path, "rt") as file:
                rows = list(csv.DictReader(file))
            data = sosfilt(sos, np.array([[float(row[c]) for row in rows] for c in CHANNELS]))
            for at, row in enumerate(rows):
                mark = int(float(row["Marker"]))
                if mark == 0 or at + LENGTH > len(rows):
                    continue
                window = data[:, at : at + LENGTH] - data[:, at : at + LENGTH].mean(axis=1, keepdims=True)
                if np.ptp(window, axis=1).max() > LIMIT:
                    left_out += 1
                    continue
                x.append(window)
                y.append(mark - 1)
                session.append(s)
                run.append(r)
                sample.append(at)
    return np.array(x), np.array(y), np.array(session), np.array(run), sample, left_out, paths


def bootstrap(y, score, rng, samples=2000):
    groups = [np.flatnonzero(y == k) for k in (0, 1)]
    values = []
    for _ in range(samples):
        pick = np.concatenate([rng.choice(g, len(g)) for g in groups])
        values.append(roc_auc_score(y[pick], score[pick]))
    return np.array(values)


def interval(values):
    return [round(float(v), 4) for v in np.percentile(values, (2.5, 97.5))]


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("data_dir", help="folder that holds session1, session2, …")
    args.add_argument("--golden", action="store_true", help="print also what gyrus's test compares window by window")
    args.add_argument("--export", type=pathlib.Path, help="folder for windows.f64 and windows.json")
    opt = args.parse_args()

    x, y, session, run, sample, left_out, paths = load(opt.data_dir)
    rng = np.random.default_rng(1)
    odds, solved = np.empty(len(y)), np.empty(len(y))
    results, draws = [], []
    for s in np.unique(session):
        test = session == s
        model = make_pipeline(
            XdawnCovariances(nfilter=4, estimator="oas", xdawn_estimator="scm"),
            TangentSpace(metric="riemann"),
            LogisticRegression(C=1.0, max_iter=10000, tol=1e-10),
        )
        model.fit(x[~test], y[~test])
        odds[test] = model.decision_function(x[test])
        if opt.golden:
            model[-1].set_params(solver="newton-cholesky", tol=1e-12).fit(model[:-1].transform(x[~test]), y[~test])
            solved[test] = model.decision_function(x[test])
        draws.append(bootstrap(y[test], odds[test], rng))
        results.append(
            {
                "session": int(s) + 1,
                "windows": int(test.sum()),
                "targets": int(y[test].sum()),
                "auc": round(float(roc_auc_score(y[test], odds[test])), 4),
                "interval": interval(draws[-1]),
            }
        )
    if opt.export:
        opt.export.mkdir(parents=True, exist_ok=True)
        x.astype("<f8").tofile(opt.export / "windows.f64")
        (opt.export / "windows.json").write_text(
            json.dumps(
                {
                    "shape": x.shape,
                    "rate_hz": RATE,
                    "channels": CHANNELS,
                    "class": y.tolist(),
                    "session": session.tolist(),
                    "run": run.tolist(),
                    "log_odds": odds.tolist(),
                    "results": results,
                }
            )
        )
    exact = [float(roc_auc_score(y[session == s], odds[session == s])) for s in np.unique(session)]
    out = {
        "left_out": left_out,
        "mean_auc": round(float(np.mean(exact)), 4),
        "mean_interval": interval(np.mean(draws, axis=0)),
        "sessions": results,
    }
    if opt.golden:
        for r, auc in zip(results, exact):
            r["auc"] = auc
        out["mean_auc"] = float(np.mean(exact))
        out["lbfgs_error"] = float(np.max(np.abs(odds - solved) / np.maximum(1, np.abs(solved))))
        out["versions"] = {m.__name__: m.__version__ for m in (np, scipy, sklearn, pyriemann)}
        out["runs"] = []
        for i, path in enumerate(paths):
            s, r = int(path.parent.name.removeprefix("session")) - 1, sum(p.parent == path.parent for p in paths[:i])
            here = (session == s) & (run == r)
            out["runs"].append(
                {
                    "file": f"{path.parent.name}/{path.name}",
                    "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                    "sample": [at for at, h in zip(sample, here) if h],
                    "log_odds": solved[here].tolist(),
                }
            )
    sys.stdout.write(to_json(out))


if __name__ == "__main__":
    main()
