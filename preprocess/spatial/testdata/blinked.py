"""The signals of spatial.py and bads.py, by a formula that the Go test has too."""

import math

import numpy as np

CHANNELS, SAMPLES, RATE = 6, 6000, 200.0


def signals():
    """Six sources: a 10 Hz rhythm, heavy tails, uniform, …, blinks in the last; mixed, in µV, with little noise."""
    state = 12345

    def draw():
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (state >> 11) / 2**53 - 0.5

    mix = np.array([[draw() for _ in range(CHANNELS)] for _ in range(CHANNELS)])
    s = np.zeros((CHANNELS, SAMPLES))
    x = np.zeros((CHANNELS, SAMPLES))
    rho, cos = 0.98, math.cos(2 * math.pi * 10 / RATE)
    for t in range(SAMPLES):
        for i in range(CHANNELS):
            v = draw()
            if i == 0:
                s[i, t] = 2 * rho * cos * s[i, t - 1] - rho * rho * s[i, t - 2] + v if t > 1 else v
            elif i == CHANNELS - 1:
                d = (t % 700 - 350) / 20
                s[i, t] = 10 * math.exp(-d * d / 2) + 0.2 * v
            else:
                s[i, t] = v if i % 2 else 20 * v * v * v
        for ch in range(CHANNELS):
            x[ch, t] = sum(20 * mix[ch, i] * s[i, t] for i in range(CHANNELS)) + 50 * ch + draw()
    return x
