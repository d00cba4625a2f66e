"""Is the flicker of the SSVEP exoskeleton set locked to its markers? Why TRCA is at chance there.

    python ssvep_phase.py DATA_DIR

TRCA averages trials, so each must begin at the same phase of the flicker. For each record and flicker (8 trials) this takes the
phase of the Fourier coefficient at the flicker's frequency, in the channel with the highest ratio of power to that of its
neighbours, and prints

  - the coherence of the phases between trials, against what random phases give;
  - that ratio of power, and the decisions of filter-bank CCA, by the second of the trial: when there is a response;
  - TRCA as it is, and TRCA without the need of locking: training trials are shifted by whole samples, up to one period, to
    the phase of their own (known) flicker; a test trial gets, for each class, the shift that correlates best. Labels of test
    trials are never used. If locking is the reason, this must be above chance where TRCA is not.
  - both on the same trials with the flicker's phase turned back to a common one by the true label. That looks at the answer
    and is no score; it only shows what the same program gives if markers were locked. To see how much of it is the looking,
    the last row turns background, the same trials at frequencies 1.5 Hz off the flickers, in the same way.
"""

import argparse
import json
import pathlib
import sys

import mne
import numpy as np
from scipy.signal import butter, sosfiltfilt
from scipy.stats import binomtest

HZ = {2: 13.0, 4: 17.0, 3: 21.0}
FREQS = [13.0, 17.0, 21.0]
RATE = 256
SAMPLES = 5 * RATE + 20  # and one period of the slowest flicker
mne.set_log_level("error")


def load(data_dir):
    """Trials [trials, channels, SAMPLES] from the marker on, with class and record."""
    sos = butter(4, (10, 80), "bandpass", fs=RATE, output="sos")
    x, y, record, r = [], [], [], 0
    for path in sorted(pathlib.Path(data_dir).glob("subject*/*_raw.fif")):
        raw = mne.io.read_raw_fif(path)
        data = sosfiltfilt(sos, raw.get_data() * 1e6)
        for onset, _, code in mne.read_events(str(path).replace("_raw.fif", "-eve.fif")):
            if code in HZ:
                at = onset - raw.first_samp
                x.append(data[:, at : at + SAMPLES])
                y.append(FREQS.index(HZ[code]))
                record.append(r)
        r += 1
    return np.array(x), np.array(y), np.array(record)


def coefficient(x, f):
    n = x.shape[-1]
    return x @ np.exp(-2j * np.pi * f * np.arange(n) / RATE) / n


def ratio(x, f):
    """Power at f over that of the neighbours, by channel, mean over trials [trials, channels, samples]."""
    df = RATE / x.shape[-1]
    near = np.mean([np.abs(coefficient(x, f + d * df)) ** 2 for d in (-3, -2, 2, 3)], axis=0)
    return (np.abs(coefficient(x, f)) ** 2).mean(axis=0) / near.mean(axis=0)


def coherence(x, y, record, start, stop):
    part = x[..., int(start * RATE) : int(stop * RATE)]
    out = {}
    for k, f in enumerate(FREQS):
        values = []
        for r in np.unique(record):
            trials = part[(record == r) & (y == k)]
            c = coefficient(trials, f)[:, ratio(trials, f).argmax()]
            values.append(abs((c / np.abs(c)).mean()))
        out[f] = np.array(values)
    return out


def trca_filter(trials):
    """First task-related component of [trials, channels, samples]."""
    trials = trials - trials.mean(axis=2, keepdims=True)
    total = trials.sum(axis=0)
    q = np.einsum("ict,idt->cd", trials, trials)
    s = total @ total.T - q
    w, v = np.linalg.eig(np.linalg.solve(q, s))
    return np.real(v[:, np.argmax(np.real(w))])


def correlate(a, b):
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))


def by_trca(x, y, record, start, seconds, lags, freqs):
    """Correct trials. With lags, training and test are shifted by up to one period of the class."""
    n, first, decided = round(seconds * RATE), round(start * RATE), np.zeros(len(y), int)
    cut = lambda trial, k: trial[..., first + k : first + k + n]
    for r in np.unique(record):
        train, test = record == (r ^ 1), np.flatnonzero(record == r)
        models = []
        for k, f in enumerate(freqs):
            trials, period = x[train & (y == k)], int(np.ceil(RATE / f))
            aligned = cut(trials, 0)
            if lags:
                c = coefficient(aligned, f)[:, ratio(aligned, f).argmax()]
                shift = np.round(((-np.angle(c)) % (2 * np.pi)) / (2 * np.pi) * RATE / f).astype(int)
                aligned = np.array([cut(t, s) for t, s in zip(trials, shift)])
            w = trca_filter(aligned)
            models.append((w, w @ aligned.mean(axis=0), range(period) if lags else (0,)))
        for i in test:
            decided[i] = np.argmax([max(correlate(w @ cut(x[i], s), m) for s in shifts) for w, m, shifts in models])
    return decided


def turned(x, y, record, start, seconds, freqs):
    """Trials shifted to a common phase by their true label, within one period."""
    first, n = round(start * RATE), round(seconds * RATE)
    out = np.array(x)
    for r in np.unique(record) // 2 * 2:
        for k, f in enumerate(freqs):
            own = (record // 2 == r // 2) & (y == k)
            part = x[own][..., first : first + n]
            c = coefficient(part, f)[:, ratio(part, f).argmax()]
            shift = np.round(((-np.angle(c)) % (2 * np.pi)) / (2 * np.pi) * RATE / f).astype(int)
            out[own] = [np.roll(t, -s, axis=-1) for t, s in zip(x[own], shift)]
    return out


def show(name, right):
    interval = binomtest(int(right.sum()), len(right)).proportion_ci(method="exact")
    sys.stdout.write(f"{name}: {right.sum()} of {len(right)}, 95 % interval [{interval.low:.3f}, {interval.high:.3f}]\n")


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("data_dir")
    x, y, record = load(args.parse_args().data_dir)
    rng = np.random.default_rng(0)
    random = np.abs(np.exp(2j * np.pi * rng.random((100000, 8))).mean(axis=1))
    sys.stdout.write(f"random phases, 8 trials: mean {random.mean():.3f}, 95th percentile {np.quantile(random, 0.95):.3f}\n")
    for start, stop in ((0, 5), (1, 5), (2, 5)):
        for f, v in coherence(x, y, record, start, stop).items():
            r2 = ((8 * v**2 - 1) / 7).mean()  # without the bias of few trials
            jitter = np.sqrt(-np.log(r2)) / (2 * np.pi * f) * 1e3 if r2 > 0 else float("nan")
            sys.stdout.write(
                f"{start}-{stop} s, {f:g} Hz: coherence between trials {v.mean():.3f} (12 records: {np.round(np.sort(v), 2).tolist()}), "
                f"{(v > np.quantile(random, 0.95)).sum()} above the 95th percentile; as jitter {jitter:.1f} ms\n"
            )
    for second in range(5):
        part = x[..., second * RATE : (second + 1) * RATE]
        values = [np.median([ratio(part[(record == r) & (y == k)], f).max() for r in np.unique(record)]) for k, f in enumerate(FREQS)]
        sys.stdout.write(f"second {second}-{second + 1}: power at the flicker over its neighbours, best channel, median of records: {np.round(values, 2).tolist()}\n")
    for start, seconds in ((0, 1), (0, 2), (0, 3), (0, 4), (0, 5), (2, 3)):
        name = f"{start}-{start + seconds} s"
        show(f"{name}, TRCA", by_trca(x, y, record, start, seconds, False, FREQS) == y)
        show(f"{name}, TRCA with shifts", by_trca(x, y, record, start, seconds, True, FREQS) == y)
    z = turned(x, y, record, 0, 5, FREQS)
    show("0-5 s, TRCA, turned by the true label (no score)", by_trca(z, y, record, 0, 5, False, FREQS) == y)
    off = [f + 1.5 for f in FREQS]
    z = turned(x, y, record, 0, 5, off)
    show("0-5 s, TRCA, background turned by the true label (no score)", by_trca(z, y, record, 0, 5, False, off) == y)


if __name__ == "__main__":
    main()
