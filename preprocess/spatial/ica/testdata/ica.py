"""Writes ica.json: unmixing matrices of scikit-learn's fastica, MNE-Python's infomax and python-picard, all from the same
white data and the same starts. The signals are made by a formula that the Go test has too. Run: python3 ica.py"""

import json
import sys

import mne
import numpy as np
import picard
import sklearn
from mne.preprocessing.infomax_ import infomax
from sklearn.decomposition import fastica

mne.set_log_level("ERROR")


class Lcg(np.random.RandomState):
    """A generator that is easy to write again in another language."""

    state = 1

    def next(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 11) / 2**53

    def uniform(self, low=0.0, high=1.0, size=None):
        return np.array([self.next() for _ in range(int(size))])


def signals(channels, samples, seed):
    """Sources: heavy tails, uniform, heavy tails, uniform, … mixed, in µV."""
    g = Lcg()
    g.state = seed
    mix = np.array([[g.next() - 0.5 for _ in range(channels)] for _ in range(channels)])
    s = np.zeros((channels, samples))
    for t in range(samples):
        for i in range(channels):
            v = g.next() - 0.5
            s[i, t] = v if i % 3 == 1 else v * v * v * 20
    return 20 * mix @ s + 100 * np.arange(channels)[:, None], g


def whiten(x):
    x = x - x.mean(1, keepdims=True)
    u, d, _ = np.linalg.svd(x, full_matrices=False)
    k = (u / d).T * np.sqrt(x.shape[1])
    for row in k:
        if row[np.argmax(np.abs(row))] < 0:
            row *= -1
    return k, k @ x


cases = []
for channels, samples, seed, rate in ((6, 3000, 7, None), (9, 6101, 11, 0.003)):
    x, g = signals(channels, samples, seed)
    k, z = whiten(x)
    init = np.array([[g.next() - 0.5 for _ in range(channels)] for _ in range(channels)])
    w0, _, w0t = np.linalg.svd(init)
    orthogonal = w0 @ w0t
    case = dict(channels=channels, samples=samples, seed=seed, k=k.tolist(), init=init.tolist(), orthogonal=orthogonal.tolist(), results=[])

    def add(name, w, iterations, **more):
        case["results"].append(dict(name=name, w=np.asarray(w).tolist(), iterations=int(iterations), **more))

    for tol in (1e-4, 1e-12):
        _, w, _, n = fastica(z.T, algorithm="parallel", fun="logcosh", whiten=False, w_init=init, tol=tol, max_iter=500, return_n_iter=True)
        add("fastica", w, n, tol=tol)
    for ortho in (True, False):
        for tol, most in ((0, 6), (1e-9, 500)):  # the first steps, and the end
            if most > 6 and not ortho and channels > 6:
                continue  # slow
            _, w, _, n = picard.picard(z, ortho=ortho, extended=True, whiten=False, centering=False, w_init=orthogonal, tol=tol, max_iter=most, return_n_iter=True)
            add("picard", w, n, tol=tol, ortho=ortho, passes=most)
    for passes, started in ((2, True), (4 if channels > 6 else 20, False)):
        rng = Lcg()
        rng.state = 99
        w, n = infomax(z.T, weights=init.copy() if started else None, extended=True, max_iter=passes, l_rate=rate, random_state=rng, return_n_iter=True)
        add("infomax", w, n, passes=passes, rate=rate or 0, started=started)
    # All samples in one step: no random order, so it goes on to the maximum of the likelihood, from any start.
    if channels == 6:  # slow
        w, n = infomax(z.T, extended=True, block=samples, l_rate=0.3 / samples, max_iter=20000, n_small_angle=None, w_change=1e-22, random_state=1, return_n_iter=True)
        add("infomax to the end", w, n, tol=1e-22, passes=20000, rate=0.3 / samples)
    cases.append(case)
json.dump(dict(programs=f"scikit-learn {sklearn.__version__}, mne {mne.__version__}, python-picard {picard.__version__}", cases=cases), sys.stdout)
