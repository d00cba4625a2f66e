"""Writes golden.json: what pyxdf makes of the XDF files of the shared recordings, and of those written by the Go test.

    python golden.py DATA > golden.json            # DATA: the folder with xdf/
    python golden.py --check FILE                  # prints the same of one file
    python golden.py --differ FILE FILE            # prints how two files differ: [] where streams, stamps and samples are the same
    python golden.py --behind FILE FILE            # the same of stamps as stored, where the second file may have samples behind those of the first

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


def differ(a, b):
    if [s["info"]["stream_id"] for s in a] != [s["info"]["stream_id"] for s in b]:
        return ["streams"]
    found = []
    for s, t in zip(a, b):
        if not np.array_equal(s["time_stamps"], t["time_stamps"]):
            found.append(s["info"]["name"][0] + ": stamps")
        same = s["time_series"] == t["time_series"] if isinstance(s["time_series"], list) else np.array_equal(s["time_series"], t["time_series"])
        if not same:
            found.append(s["info"]["name"][0] + ": samples")
    return found


def main():
    if sys.argv[1] == "--differ":
        print(json.dumps(differ(*(pyxdf.load_xdf(f)[0] for f in sys.argv[2:4]))))
        return
    if sys.argv[1] == "--behind":
        a, b = (pyxdf.load_xdf(f, synchronize_clocks=False, dejitter_timestamps=False)[0] for f in sys.argv[2:4])
        for s, t in zip(a, b):
            for what in "time_stamps", "time_series":
                t[what] = t[what][: len(s[what])]
        print(json.dumps(differ(a, b)))
        return
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
