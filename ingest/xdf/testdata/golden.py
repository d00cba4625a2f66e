"""Writes golden.json: what pyxdf makes of the XDF files of the shared recordings, and of those written by the Go test.

    python golden.py DATA > golden.json            # DATA: the folder with xdf/
    python golden.py --check FILE                  # prints the same of one file

Needs pyxdf 1.17.5 and numpy.
"""

import glob
import hashlib
import json
import logging
import os
import sys

import numpy as np
import pyxdf

logging.disable(logging.CRITICAL)


def stream(s):
    info = s["info"]
    t = np.asarray(s["time_stamps"], dtype=np.float64)
    out = {
        "name": info["name"][0],
        "type": info["type"][0],
        "format": info["channel_format"][0],
        "nominal_hz": float(info["nominal_srate"][0]),
        "effective_hz": float(info["effective_srate"]),
        "samples": len(t),
        "segments": [list(x) for x in info["segments"]],
        "segment_times_s": [[t[a], t[b]] for a, b in info["segments"]],
    }
    x = s["time_series"]
    if isinstance(x, list):
        out["times_s"] = t.tolist()
        out["labels_sha256"] = hashlib.sha256("\n".join(",".join(r) for r in x).encode()).hexdigest()
    elif len(t):
        v = np.ascontiguousarray(x, dtype=np.float64)  # sample by sample, as stored
        out["values_sha256"] = hashlib.sha256(v.astype("<f8").tobytes()).hexdigest()
    return out


def main():
    if sys.argv[1] == "--check":
        streams, _ = pyxdf.load_xdf(sys.argv[2])
        print(json.dumps([stream(s) for s in streams]))
        return
    out = {"pyxdf": "1.17.5", "files": {}}
    for f in sorted(glob.glob(os.path.join(sys.argv[1], "xdf/*/*.xdf"))):
        streams, _ = pyxdf.load_xdf(f)
        out["files"][os.path.relpath(f, sys.argv[1])] = [stream(s) for s in streams]
    print(json.dumps(out, indent=1))


main()
