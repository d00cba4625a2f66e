"""The support vector machine in float64: libsvm keeps its kernel in float32. Used by classifiers.py and recorded.py."""

import numpy as np
from sklearn.svm import SVC


def refined(x, y, test, kernel, c, gamma):
    """Decision values (above 0 for the lower class) with libsvm's active set, the rest solved in float64: libsvm keeps kernels in float32."""
    def k(a, b):
        return a @ b.T if kernel == "linear" else np.exp(-gamma * ((a[:, None] - b[None]) ** 2).sum(axis=2))

    s = np.where(y == y.min(), 1.0, -1.0)
    svc = SVC(kernel=kernel, C=c, gamma=gamma, tol=1e-10).fit(x, s)
    alpha = np.zeros(len(y))
    alpha[svc.support_] = np.abs(svc.dual_coef_[0])
    free, bound = np.flatnonzero((alpha > 0) & (alpha < c * (1 - 1e-9))), np.flatnonzero(alpha >= c * (1 - 1e-9))
    gram = k(x, x)
    f = len(free)
    lhs = np.zeros((f + 1, f + 1))
    lhs[:f, :f], lhs[:f, f], lhs[f, :f] = gram[np.ix_(free, free)] * s[free], 1, s[free]
    rhs = np.append(s[free] - gram[np.ix_(free, bound)] @ (s[bound] * c), -c * s[bound].sum())
    solution = np.linalg.lstsq(lhs, rhs, rcond=None)[0]
    alpha = np.zeros(len(y))
    alpha[free], alpha[bound] = solution[:f], c
    bias = solution[f]
    if f == 0:  # the middle of what is allowed, as libsvm
        at = s - gram @ (alpha * s)
        below = (alpha > 0) == (s > 0)
        bias = (at[below].min() + at[~below].max()) / 2
    margin = s * (gram @ (alpha * s) + bias)
    assert (alpha[free] > 0).all() and (alpha[free] < c).all() and (np.abs(margin[free] - 1) < 1e-9).all(), "not solved"
    assert (margin[bound] < 1 + 1e-9).all() and (np.delete(margin, np.append(free, bound)) > 1 - 1e-9).all(), "not optimal"
    return k(test, x) @ (alpha * s) + bias
