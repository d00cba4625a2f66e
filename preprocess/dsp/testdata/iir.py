"""Writes iir.json: filter designs, zero-phase filtering, comb filters and group delays of SciPy. Run: python3 iir.py"""
import json

import numpy as np
import scipy
from scipy import signal

EDGES = [(250, 8, 30), (512, 48, 52), (1000, 1, 450)]
KINDS = ("lowpass", "highpass", "bandpass", "bandstop")


def designs(rates=EDGES):
    for rate, low, high in rates:
        for order in (1, 2, 3, 4, 7, 12):
            for kind in KINDS:
                edges = {"lowpass": high, "highpass": low}.get(kind, [low, high])
                yield dict(order=order, kind=kind, rate=rate, low=low, high=high), edges


cheby1, cheby2, ellip, bessel = [], [], [], []
for d, edges in designs():
    rp = (0.1, 3)[d["order"] % 2]
    sos = signal.cheby1(d["order"], rp, edges, d["kind"], fs=d["rate"], output="sos")
    cheby1.append(dict(d, rp=rp, sos=sos.tolist()))
    rs = (20, 60)[d["order"] % 2]
    sos = signal.cheby2(d["order"], rs, edges, d["kind"], fs=d["rate"], output="sos")
    cheby2.append(dict(d, rs=rs, sos=sos.tolist()))
    rp, rs = ((0.1, 40), (1, 80))[d["order"] % 2]
    sos = signal.ellip(d["order"], rp, rs, edges, d["kind"], fs=d["rate"], output="sos")
    ellip.append(dict(d, rp=rp, rs=rs, sos=sos.tolist()))
    sos = signal.bessel(d["order"], edges, d["kind"], fs=d["rate"], norm="phase", output="sos")
    bessel.append(dict(d, sos=sos.tolist()))

# A signal of whole numbers, so that it can be written down again anywhere: x[t] = 7919 t mod 1009 - 504.
x = np.array([(7919 * t) % 1009 - 504 for t in range(600)], dtype=float)
zerophase = []
for name, sos in [
    ("butter", signal.butter(4, [8, 30], "bandpass", fs=250, output="sos")),
    ("butter", signal.butter(3, 40, "lowpass", fs=250, output="sos")),
    ("butter", signal.butter(1, 40, "lowpass", fs=250, output="sos")),
    ("butter", signal.butter(2, 1, "highpass", fs=250, output="sos")),
    ("ellip", signal.ellip(5, 0.5, 40, [8, 30], "bandstop", fs=250, output="sos")),
]:
    y = signal.sosfiltfilt(sos, x)
    zerophase.append(dict(name=name, sos=sos.tolist(), zi=signal.sosfilt_zi(sos).tolist(), y=y[::5].tolist()))

combs = []
for freq, q, rate in [(50, 30, 250), (60, 5, 480), (25, 35, 1000), (50, 10, 500)]:
    b, a = signal.iircomb(freq, q, "notch", fs=rate)
    combs.append(dict(freq=freq, q=q, rate=rate, b=b.tolist(), a=a.tolist(), y=signal.lfilter(b, a, x)[::5].tolist()))

delays = []
for sos in (
    signal.butter(4, [8, 30], "bandpass", fs=250, output="sos"),
    signal.cheby2(5, 40, 30, "lowpass", fs=250, output="sos"),
    signal.bessel(3, [8, 30], "bandpass", fs=250, output="sos"),
):
    w = np.array([1.0, 9, 12, 15, 20, 29, 60, 110])
    total = np.zeros(len(w))  # section by section: the polynomials of the whole cascade lose digits
    for s in sos:
        total += signal.group_delay((s[:3], s[3:]), w=w, fs=250)[1]
    delays.append(dict(sos=sos.tolist(), rate=250, hz=w.tolist(), delay=total.tolist()))

groups = dict(cheby1=cheby1, cheby2=cheby2, ellip=ellip, bessel=bessel, zerophase=zerophase, combs=combs, delays=delays)
with open("iir.json", "w", encoding="ascii") as f:
    body = ",\n".join('"%s": [\n%s\n]' % (k, ",\n".join(json.dumps(v) for v in vs)) for k, vs in groups.items())
    f.write('{"scipy": "%s", "numpy": "%s",\n%s}\n' % (scipy.__version__, np.__version__, body))
