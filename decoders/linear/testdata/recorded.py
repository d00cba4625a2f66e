"""Writes recorded.json: scikit-learn's classifiers on imagined movements of EEGMMIDB S001 and S002 (ODC-By 1.0), cut and filtered as
../../../benchmarks/oracle/eegmmidb.py does; of the recordings only what was derived is kept.

A row is the log-variance of every 8th channel, standardised by the training rows: the first two runs of each task. The third
is tested. Two classes are fists and feet, four these and the left and the right hand.
Run: OMP_NUM_THREADS=1 python3 recorded.py DATA/eegmmidb > recorded.json"""

import json
import pathlib
import sys
import warnings

import numpy as np
import sklearn
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.svm import SVC

from svm import refined

sys.path.append(str(pathlib.Path(__file__).parents[3] / "benchmarks" / "oracle"))
from eegmmidb import load_trials  # noqa: E402

warnings.simplefilter("error", sklearn.exceptions.ConvergenceWarning)


def digits(a):
    """14 of them: the file stays small, and 1e-9 can be told."""
    return [digits(v) for v in a] if np.ndim(a) else float(f"{a:.14g}")


def machine(x, y, test, kernel, gamma):
    """Decision values of libsvm, one column a pair of classes, above 0 for the lower of the two."""
    svc = SVC(kernel=kernel, C=1, gamma=gamma, tol=1e-10, decision_function_shape="ovo").fit(x, y)
    raw = np.reshape(svc.decision_function(test), (len(test), -1)) * (-1 if len(svc.classes_) == 2 else 1)
    return raw, svc._gamma


def exact_in_float32(k):
    assert np.array_equal(k.astype(np.float32).astype(np.float64), k)


sets = []
for subject in ("S001", "S002"):
    fists, y, run, _ = load_trials(sys.argv[1], subject, ("R06", "R10", "R14"))
    hands, z, other, _ = load_trials(sys.argv[1], subject, ("R04", "R08", "R12"))
    for classes in (2, 4):
        trials = fists if classes == 2 else np.concatenate([fists, hands])
        labels = y if classes == 2 else np.concatenate([y, z + 2])
        of = run if classes == 2 else np.concatenate([run, other])
        v = np.log(np.var(trials[:, ::8], axis=2))
        train = of < 2
        x = (v - v[train].mean(axis=0)) / v[train].std(axis=0)
        out = dict(subject=subject, classes=classes, check=float(np.abs(v).sum()))
        a, b, t = x[train], labels[train], x[~train]

        for name, model in {
            "LDA by SVD": LinearDiscriminantAnalysis(solver="svd"),
            "LDA with shrinkage": LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
            "logistic regression, l2": LogisticRegression(solver="newton-cg", C=1, tol=1e-11, max_iter=100000),
            "logistic regression, elasticnet": LogisticRegression(solver="saga", l1_ratio=0.5, C=1, tol=1e-13, max_iter=2000000, random_state=0),
        }.items():
            out[name] = digits(model.fit(a, b).predict_proba(t))
        out["ridge classifier"] = digits(np.reshape(RidgeClassifier(alpha=1, solver="svd").fit(a, b).decision_function(t), (len(t), -1)))
        target = np.log(np.var(trials[:, 4:12:4], axis=2))  # of two other channels
        out["ridge regression"] = digits(Ridge(alpha=1, solver="svd").fit(a, target[train]).predict(t))

        out["svm linear"], gamma = (digits(m) if np.ndim(m) else m for m in machine(a, b, t, "linear", "scale"))
        out["svm rbf"], gamma = (digits(m) if np.ndim(m) else m for m in machine(a, b, t, "rbf", "scale"))
        for kernel in ("linear", "rbf"):
            out["svm " + kernel + ", refined"] = digits(np.transpose([
                refined(a[(b == i) | (b == j)], b[(b == i) | (b == j)], t, kernel, 1, gamma) for i in range(classes) for j in range(i + 1, classes)]))
        # What libsvm's float32 holds without rounding: whole sixteenths, and powers of two, as exp(-ln 2 d^2) is of whole numbers.
        g = np.round(v * 16) / 16
        exact_in_float32(g @ g.T)
        out["svm linear, exact"] = digits(machine(g[train], b, g[~train], "linear", "scale")[0])
        g = np.round(v)
        exact_in_float32(2.0 ** -((g[:, None] - g[None]) ** 2).sum(axis=2))
        out["svm rbf, exact"] = digits(machine(g[train], b, g[~train], "rbf", float(np.log(2)))[0])
        sets.append(out)
json.dump(dict(program=f"scikit-learn {sklearn.__version__}", sets=sets), sys.stdout)
