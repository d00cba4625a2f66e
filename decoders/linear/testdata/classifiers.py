"""Writes classifiers.json: scikit-learn's linear classifiers, support vector machines and ridge regression on seeded data.

Run: OMP_NUM_THREADS=1 python classifiers.py > classifiers.json
"""

import json
import sys
import warnings

import numpy as np
import sklearn
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.svm import SVC

from svm import refined

warnings.simplefilter("error", sklearn.exceptions.ConvergenceWarning)


def logistic(x, y, test):
    out = []
    for penalty, c, ratio in [("l2", 1, 0), ("l2", 0.01, 0), ("l2", 100, 0), ("none", 1, 0),
                              ("elasticnet", 1, 0.5), ("elasticnet", 0.1, 1), ("elasticnet", 3, 0.1)]:
        if penalty == "none" and len(x) < 60:
            continue  # separable
        if penalty == "elasticnet":
            lr = LogisticRegression(solver="saga", l1_ratio=ratio, C=c, tol=1e-13, max_iter=2000000, random_state=0)
        else:
            lr = LogisticRegression(solver="newton-cg", C=np.inf if penalty == "none" else c, tol=1e-11, max_iter=100000)
        try:
            lr.fit(x, y)
        except sklearn.exceptions.ConvergenceWarning as w:
            print(penalty, c, ratio, w, file=sys.stderr)
            continue
        if penalty == "none" and np.abs(lr.coef_).max() > 20:
            continue  # some classes are separable: there is no optimum
        out.append(dict(penalty=penalty, c=c, l1_ratio=ratio, coef=lr.coef_.tolist(), intercept=lr.intercept_.tolist(), proba=lr.predict_proba(test).tolist()))
    return out


def lda_svd(x, y, test, classes):
    out = []
    for priors in ("empirical", "equal"):
        lda = LinearDiscriminantAnalysis(solver="svd", priors=None if priors == "empirical" else np.full(classes, 1 / classes)).fit(x, y)
        out.append(dict(priors=priors, proba=lda.predict_proba(test).tolist(), coef=lda.coef_.tolist(), intercept=lda.intercept_.tolist()))
    return out


def svm(x, y, test):
    out = []
    for kernel, c, gamma in [("linear", 1, "scale"), ("linear", 0.01, "scale"), ("rbf", 1, "scale"), ("rbf", 10, "auto"), ("rbf", 0.5, 0.03)]:
        svc = SVC(kernel=kernel, C=c, gamma=gamma, tol=1e-10, decision_function_shape="ovo").fit(x, y)
        raw = np.reshape(svc.decision_function(test), (len(test), -1)) * (-1 if len(svc.classes_) == 2 else 1)
        number = svc._gamma
        exact = [refined(x[(y == a) | (y == b)], y[(y == a) | (y == b)], test, kernel, c, number) for a in svc.classes_ for b in svc.classes_ if a < b]
        out.append(dict(kernel=kernel, c=c, gamma=gamma, decision=raw.tolist(), refined=np.transpose(exact).tolist()))
    return out


def ridge(x, y, test):
    out = []
    for alpha in (1, 0.01, 300):
        rc = RidgeClassifier(alpha=alpha, solver="svd").fit(x, y)
        target = np.stack([x[:, 0] ** 2, np.sin(np.arange(len(y)))], axis=1)
        rr = Ridge(alpha=alpha, solver="svd").fit(x, target)
        out.append(dict(alpha=alpha, decision=np.reshape(rc.decision_function(test), (len(test), -1)).tolist(),
                        target=target.tolist(), predicted=rr.predict(test).tolist()))
    return out


sets = []
for seed, (classes, features, counts) in enumerate([(2, 4, [40, 32]), (3, 6, [30, 22, 41]), (4, 5, [20, 20, 15, 25]), (2, 30, [12, 9]), (3, 20, [8, 7, 6])]):
    rng = np.random.default_rng(100 + seed)
    y = rng.permutation(np.repeat(np.arange(classes), counts))
    x = rng.normal(size=(len(y), features)) @ (np.eye(features) + 0.3 * rng.normal(size=(features, features))) * rng.uniform(0.5, 2, features)
    x[np.arange(len(y)), y % features] += 1.2
    x += rng.normal(size=features)
    test = x[:5] + rng.normal(size=(5, features))
    x, test = x.round(5), test.round(5)
    sets.append(dict(classes=classes, x=x.tolist(), y=y.tolist(), test=test.tolist(),
                     logistic=logistic(x, y, test), lda_svd=lda_svd(x, y, test, classes), svm=svm(x, y, test), ridge=ridge(x, y, test)))
json.dump(dict(program=f"scikit-learn {sklearn.__version__}", sets=sets), sys.stdout, separators=(",", ":"))
