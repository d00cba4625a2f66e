"""Writes golden.json: scikit-learn's LinearDiscriminantAnalysis(solver="lsqr") on seeded data, inputs included.

Run: python golden.py > golden.json
"""

import json
import sys

import numpy as np
import sklearn
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

sets = []
for seed, (classes, features, counts) in enumerate([
    (2, 3, [12, 12]), (2, 6, [25, 9]), (3, 4, [8, 14, 11]), (4, 5, [10, 10, 10, 10]), (2, 1, [7, 6]), (2, 12, [5, 4]), (3, 3, [6, 1, 9]),
]):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(np.arange(classes), counts))
    mix = rng.normal(size=(features, features)) * 10.0 ** rng.integers(-2, 3, features)
    x = rng.normal(size=(len(y), features)) @ mix + y[:, None] * rng.normal(size=features) * np.abs(mix).max(axis=0) + 3
    test = x[:4] + rng.normal(size=(4, features)) * np.abs(mix).max(axis=0)
    x, test = x.round(6), test.round(6)
    results = []
    for shrinkage in ("auto", 0, 0.3, 1):
        if shrinkage == 0 and features >= len(y) - classes:
            continue  # singular: scikit-learn returns the solution of least norm, gyrus an error
        for priors in ("empirical", "equal"):
            lda = LinearDiscriminantAnalysis(
                solver="lsqr", shrinkage="auto" if shrinkage == "auto" else float(shrinkage),
                priors=None if priors == "empirical" else np.full(classes, 1 / classes))
            lda.fit(x, y)
            results.append(dict(
                shrinkage=shrinkage, priors=priors,
                coef=lda.coef_.tolist(), intercept=np.atleast_1d(lda.intercept_).tolist(), proba=lda.predict_proba(test).tolist()))
    sets.append(dict(classes=classes, x=x.tolist(), y=y.tolist(), test=test.tolist(), results=results))
json.dump(dict(program=f"scikit-learn {sklearn.__version__}", sets=sets), sys.stdout, separators=(",", ":"))
