"""What has to be changed in other programs so that they do what gyrus does."""

import math

import numpy as np
from mne.utils.numerics import _PCA
from scipy.signal import butter, sosfiltfilt


class Whitened(_PCA):
    """MNE's whitening, to a variance of 1 by division by the number of samples; MNE divides by one less."""

    def fit_transform(self, x, y=None):
        return super().fit_transform(x, y) * math.sqrt(len(x) / (len(x) - 1))


class PCG(np.random.RandomState):
    """rand.NewPCG(seed, 0) of Go, so that both programs draw the same numbers (O'Neill 2014, PCG-DXSM)."""

    state = 0

    def next(self):
        self.state = (self.state * (2549297995355413924 << 64 | 4865540595714422341) + (6364136223846793005 << 64 | 1442695040888963407)) % 2**128
        hi, lo = self.state >> 64, self.state % 2**64
        hi ^= hi >> 32
        hi = hi * 0xDA942042E4DD58B5 % 2**64
        hi ^= hi >> 48
        return (hi * (lo | 1) % 2**64) % 2**53 / 2**53

    def uniform(self, low=0.0, high=1.0, size=None):
        return np.array([self.next() for _ in range(int(size))])


def pcg(seed):
    """It with this seed."""
    r = PCG(0)
    r.state = seed << 64
    return r


def zero_phase(data, sfreq, l_freq, h_freq, **_):
    """In the place of MNE's filter_data."""
    return sosfiltfilt(butter(2, [l_freq, h_freq], "bandpass", fs=sfreq, output="sos"), data)
