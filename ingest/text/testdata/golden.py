"""Makes the tables in this folder, and golden.json: what pandas reads in them.

    python golden.py        (with requirements.txt)

Every sample is taken from pandas, times the factor and plus the offset of the mapping, in
microvolts. Rows are placed by their stamps, at the rate; rows without a value are missing.
"""

import gzip
import hashlib
import json
import pathlib

import numpy as np
import pandas as pd

HERE = pathlib.Path(__file__).parent
golden = {"pandas": pd.__version__, "files": {}}
rng = np.random.default_rng(3)


def text(v, digits=4):
    return f"{v:.{digits}f}"


def expect(name, frame, stamps, rate, channels, markers, begin=""):
    """channels: name in gyrus, column, what comes to a number. markers: column, labels; events begin where the code changes."""
    x = np.array([convert(frame[column].to_numpy("f8")) for _, column, convert in channels])
    t = np.asarray(stamps, "f8")
    at = np.rint((t - t[0]) * rate).astype(int)
    there = ~np.isnan(x).any(axis=0)
    spans = []
    for k in at[there]:
        if spans and spans[-1][0] + spans[-1][1] == k:
            spans[-1][1] += 1
        else:
            spans.append([int(k), 1])
    events = []
    for column, labels in markers:
        codes = [labels.get(c, c) if c not in ("", "0", "n/a") else "" for c in frame[column].fillna("").astype(str)]
        for i, c in enumerate(codes):
            if c and (i == 0 or codes[i - 1] != c):
                end = next((j for j in range(i, len(codes)) if codes[j] != c), len(codes))
                last = t[end] if end < len(codes) else t[-1] + 1 / rate
                events.append([int(at[i]), float(t[i] - t[0]), float(last - t[i]) if end > i + 1 else 0.0, c])
    golden["files"][name] = {
        "rate_hz": rate, "begin": begin, "channels": [c[0] for c in channels], "spans": spans, "events": sorted(events),
        "sha256": hashlib.sha256(np.ascontiguousarray(x[:, there] + 0.0).astype("<f8").tobytes()).hexdigest(),
    }


def save(name, content, mapping):
    data = content.encode("utf-8")
    (HERE / name).write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)
    if mapping:
        (HERE / (name + ".gyrus.yaml")).write_text(mapping)


# milliseconds, several units, a factor and an offset, a word for no value, markers that stay, columns that are ignored or not mentioned
n = 500
rows = [[str(4 * i), text(rng.normal(0, 20)), text(rng.normal(0, 20)), text(rng.normal(0, 0.02), 6), str(8192 + int(rng.integers(-400, 400))), str(90 - i // 100),
         "1" if 100 <= i < 150 else "2" if 300 <= i < 301 else "0", "note" if i == 7 else ""] for i in range(n)]
rows[40][2] = "n/a"
rows[41][1] = ""
save("comma.csv", "Time [ms],AF3,F7,EOG,raw,charge,cue,comment\n" + "".join(",".join(r) + "\n" for r in rows), """\
time: {column: "Time [ms]", unit: ms}
rate_hz: 250
unit: uV
missing: [n/a]
reference: linked mastoids
channels:
  - {column: AF3}
  - {column: F7, name: T3}
  - {column: EOG, unit: mV, kind: eog}
  - {column: raw, name: Oz, factor: 0.51, offset: -4177.92}
markers:
  - {column: cue, labels: {"1": left, "2": right}}
ignore: [comment]
""")
f = pd.read_csv(HERE / "comma.csv", na_values=["n/a"], dtype={"cue": str})
expect("comma.csv", f, f["Time [ms]"] * 1e-3, 250.0,
       [("AF3", "AF3", lambda v: v), ("T7", "F7", lambda v: v), ("EOG", "EOG", lambda v: v * 1e3), ("Oz", "raw", lambda v: v * 0.51 + -4177.92)], [("cue", {"1": "left", "2": "right"})])

# semicolons and decimal commas, comments, two lines of header, stamps in milliseconds since 1970, rows missing
lines = ["# recorded in Graz", "device;x;;", "Zeit;C3;C4;Marke"]
for i in [k for k in range(400) if not 200 <= k < 210]:
    lines.append(";".join([str(1614834367250 + 5 * i), text(rng.normal(0, 20)).replace(".", ","), text(rng.normal(0, 20)).replace(".", ","), "Start" if i == 20 else "7,0" if i in (300, 301) else ""]))
    if i == 100:
        lines.append("# paused for a sip of water")
save("semicolon.csv", "\n".join(lines) + "\n", """\
decimal: ","
comment: "#"
header_rows: 2
time: {column: Zeit, unit: unix_ms}
unit: uV
markers: [{column: Marke, each_row: false}]
""")
f = pd.read_csv(HERE / "semicolon.csv", sep=";", decimal=",", comment="#", header=1, dtype={"Marke": str})
f["Marke"] = f["Marke"].replace("7,0", "7")
expect("semicolon.csv", f, f["Zeit"] * 1e-3, 200.0, [("C3", "C3", lambda v: v), ("C4", "C4", lambda v: v)], [("Marke", {})], "2021-03-04T05:06:07.25Z")

# spaces, no header, no stamps
lines = ["   ".join(text(rng.normal(0, 2e-5), 9) for _ in range(3)) for _ in range(300)]
save("spaces.txt", "\n".join(lines) + "\n", """\
delimiter: space
header_rows: 0
rate_hz: 128
channels:
  - {column: 1, name: Fp1, unit: V}
  - {column: 3, name: Fp2, unit: V}
""")
f = pd.read_csv(HERE / "spaces.txt", sep=r"\s+", header=None)
expect("spaces.txt", f, np.arange(len(f)) / 128, 128.0, [("Fp1", 0, lambda v: v * 1e6), ("Fp2", 2, lambda v: v * 1e6)], [])

# dates and times, cells in quotes with the delimiter in them, packed, without a mapping
lines = ['Timestamp,"C3 (uV)",C4 [nV],event']
for i in [k for k in range(300) if k not in (150, 151)]:
    lines.append(f'2021-03-04T05:06:{7 + i / 100:09.6f}Z,"{text(rng.normal(0, 20))}",{text(rng.normal(0, 20000))},{chr(34) + "left, then right" + chr(34) if i == 30 else ""}')
save("iso.csv.gz", "\r\n".join(lines) + "\r\n", "")
f = pd.read_csv(HERE / "iso.csv.gz")
t = pd.to_datetime(f["Timestamp"]).astype("datetime64[ns, UTC]").astype("int64").to_numpy()
expect("iso.csv.gz", f, (t - t[0]) / 1e9, 100.0, [("C3", "C3 (uV)", lambda v: v), ("C4", "C4 [nV]", lambda v: v / 1e3)], [("event", {})], "2021-03-04T05:06:07Z")

(HERE / "golden.json").write_text(json.dumps(golden).replace('}, "', '},\n"') + "\n")
print(json.dumps(golden, indent=1)[:3000])
