"""Makes the recordings in this folder, and golden.json: what Neo (BlackrockRawIO) reads in them.

    python golden.py        (with requirements.txt)

The bytes are written here field by field, after "File Format for .nev and .nsx" (LB-0023). Neo's behaviour that differs is
undone here and named, see docs/formats/blackrock.md.
"""

import datetime
import hashlib
import json
import pathlib
import struct
import warnings
from fractions import Fraction

import neo
import numpy as np
from neo.rawio import BlackrockRawIO

HERE = pathlib.Path(__file__).parent
ORIGIN = datetime.datetime(2021, 3, 4, 5, 6, 7, 250000)
LABELS = ["elec1", "elec2", "Cz", "ainp1"]
IDS = [1, 2, 3, 129]
RANGES = [(-32764, 32764, -8191, 8191, "uV"), (-32768, 32767, -5000, 5000, "mV"), (0, 1000, -100, 150, "uV"), (-32767, 32767, -5000, 5000, "mV")]
ALWAYS = 0.0, 4e9  # s: without limits Neo leaves out the last event where its float64 of a stamp is rounded down
FACTORS = [250, 500, 1000, 21516]  # nV; the last one is what 16 bits leave of 152592.547


def time8(t):
    return struct.pack("<8H", t.year, t.month, (t.weekday() + 1) % 7, t.day, t.hour, t.minute, t.second, t.microsecond // 1000)


def pad(text, n):
    b = text if isinstance(text, bytes) else text.encode("latin-1")
    assert len(b) <= n
    return b.ljust(n, b"\0")


def nsx(name, version, period, blocks, resolution=30000, ptp=False):
    """blocks: (stamp, samples [n, channels])."""
    n = len(LABELS)
    if version == (2, 1):
        head = b"NEURALSG" + pad("30 kS/s", 16) + struct.pack("<II", period, n) + struct.pack(f"<{n}I", *IDS)
        (HERE / name).write_bytes(head + blocks[0][1].tobytes())
        return
    head = (b"BRSMPGRP" if version[0] == 3 else b"NEURALCD") + bytes(version) + struct.pack("<I", 314 + 66 * n)
    head += pad("1 kS/s", 16) + pad("made by golden.py", 256) + struct.pack("<II", period, resolution) + time8(ORIGIN) + struct.pack("<I", n)
    for i in range(n):
        head += b"CC" + struct.pack("<H", IDS[i]) + pad(LABELS[i], 16) + bytes([1, i + 1]) + struct.pack("<4h", *RANGES[i][:4])
        head += pad(RANGES[i][4], 16) + struct.pack("<IIH", 300, 1, 1) + struct.pack("<IIH", 7500000, 3, 1)
    stamp = "<BQI" if version[0] == 3 else "<BII"
    for at, x in blocks:
        if ptp:
            head += b"".join(struct.pack(stamp, 1, int(t), 1) + row.tobytes() for t, row in zip(at, x))
        else:
            head += struct.pack(stamp, 1, at, len(x)) + x.tobytes()
    (HERE / name).write_bytes(head)


def nev(name, version, packets, resolution=30000, size=104):
    """packets: (stamp, packet ID, what follows)."""
    ext = []
    for i, e in enumerate(IDS):
        ext.append(b"NEUEVWAV" + struct.pack("<HBBHHhhBBH", e, 1, i + 1, FACTORS[i], 0, 100, -100, 2, 2, 0 if version == (2, 1) else 46) + bytes(8))
        if version >= (2, 2):
            ext.append(b"NEUEVLBL" + struct.pack("<H", e) + pad(LABELS[i], 16) + bytes(6))
    ext += [b"ARRAYNME" + pad("A", 24), b"ECOMMENT" + pad("first piece and", 24), b"CCOMMENT" + pad(" second", 24)]
    head = (b"BREVENTS" if version[0] == 3 else b"NEURALEV") + bytes(version) + struct.pack("<H", 1)
    head += struct.pack("<IIII", 336 + 32 * len(ext), size, resolution, 30000) + time8(ORIGIN) + pad("golden.py", 32) + pad("nobody", 256)
    head += struct.pack("<I", len(ext)) + b"".join(ext)
    wide = version[0] == 3
    for stamp, number, rest in packets:
        head += pad(struct.pack("<QH" if wide else "<IH", stamp, number) + rest, size)
    (HERE / name).write_bytes(head)


def digital(stamp, value):
    return stamp, 0, struct.pack("<BBH", 1, 0, value)


def serial(stamp, value):
    return stamp, 0, struct.pack("<BBH", 129, 0, value)


def spike(stamp, electrode, unit):
    return stamp, electrode, bytes([unit, 0]) + np.arange(46, dtype="<i2").tobytes()


def comment(stamp, text, charset=0):
    raw = text.encode("utf-16-le") if charset == 1 else text.encode("latin-1")
    return stamp, 0xFFFF, struct.pack("<BBI", charset, 0, 0) + raw


def some(rng, n):
    x = rng.integers(-32768, 32768, (n, len(LABELS)), dtype=np.int64).astype("<i2")
    return x


def make_all():
    rng = np.random.default_rng(7)
    cases = {}
    basic = [digital(90, 5), spike(300, 1, 0), spike(330, 2, 3), serial(900, 65), spike(1500, 1, 255), spike(1490, 2, 1), digital(5000, 65535)]
    nsx("v21.ns2", (2, 1), 30, [(0, some(rng, 200))])
    nev("v21.nev", (2, 1), basic)
    cases["v21.ns2"] = [0]
    nsx("v22.ns5", (2, 2), 1, [(102, some(rng, 700))])
    nev("v22.nev", (2, 2), basic)
    cases["v22.ns5"] = [0]
    # a pause (the second block is 0.3 samples off the grid of the first), an empty block, and comments; behind a pause Neo takes
    # packets of one kind only
    nsx("v23pause.ns3", (2, 3), 15, [(30, some(rng, 300)), (9034, some(rng, 0)), (9034, some(rng, 200)), (30030, some(rng, 100))])
    nev("v23pause.nev", (2, 3), [digital(90, 5), comment(400, "right hand"), spike(1000, 1, 1), comment(1100, "Gr\u00f6\u00dfe \u03a9", 1), (1200, 0xFFFD, bytes(8)),
                                 (1201, 0xFFFD, bytes(8)), (1202, 0xFFFB, bytes(8)), serial(9200, 7), digital(30300, 8)])
    cases["v23pause.ns3"] = [0]
    # the clock is set to 0
    nsx("v23reset.ns5", (2, 3), 1, [(50, some(rng, 4000)), (10, some(rng, 500))])
    nev("v23reset.nev", (2, 3), [digital(200, 1), spike(3900, 1, 1), comment(0, "critical load restart"), digital(20, 2), spike(400, 2, 1)])
    cases["v23reset.ns5"] = [0, 1]
    nsx("v30.ns6", (3, 0), 1, [(2**33, some(rng, 600)), (2**33 + 30000, some(rng, 50))])
    nev("v30.nev", (3, 0), [digital(2**33 + 100, 5), comment(2**33 + 200, "left"), spike(2**33 + 30010, 1, 2)], size=108)
    cases["v30.ns6"] = [0]
    # nanoseconds since 1970: 20 ppm too fast, 3 samples missing before sample 1,500, jitter of 0.5 microseconds
    base, k = 1_700_000_000 * 10**9, np.arange(3200.0)
    t = base + np.rint((k + 3 * (k >= 1500)) * 1e9 / 30000 * (1 - 20e-6) + rng.integers(-500, 501, k.size)).astype(np.uint64)
    nsx("ptp.ns6", (3, 0), 1, [(t, some(rng, k.size))], resolution=10**9, ptp=True)
    at = [int(t[10]) + 1000, int(t[1499]) + 30_000, int(t[1502]) - 2000, int(t[2400])]
    nev("ptp.nev", (3, 0), [digital(at[0], 5), spike(at[1], 1, 1), spike(at[2], 2, 1), digital(at[3], 6)], resolution=10**9, size=108)
    cases["ptp.ns6"] = [0]
    nev("alone.nev", (2, 3), [digital(90, 5), comment(400, "right hand"), spike(1000, 1, 1), serial(9200, 7)])
    cases["alone.nev"] = [0]
    return cases


def events(r, eras):
    """Labels as gyrus writes them, and seconds from the first sample of the era, by Neo's stamps."""
    found = []
    res = float(r._nev_basic_header["timestamp_resolution"])
    sampled = bool(r._avail_nsx)
    starts = [r.get_signal_t_start(0, s, 0) if sampled else 0.0 for s in range(r.segment_count(0))]
    first = [round(starts[e] * res) for e in eras]
    if res == 1e9:  # more digits than a float64 of seconds has: the stamp itself, as Neo maps it
        kw = r._nsx_data_header[6][0]["timestamps_memmap_kwargs"]
        first = [int(r._create_mmap_view(r._get_nsx_fid(6), kw["dtype"], kw["offset"], 1, packet_size=kw["packet_size"], item_offset=kw["item_offset"])[0])]
    labels = r._nev_ext_header.get(b"NEUEVLBL", np.array([]))
    names = {int(e["electrode_id"]): e["label"].decode() for e in labels} if len(labels) else {}
    for seg in range(r.segment_count(0)):
        era = max(i for i, e in enumerate(eras) if e <= seg)

        def add(stamps, label):
            for s, lab in zip(stamps, label):
                found.append([era, (int(s) - first[era]) / res, lab])

        for c, (name, unit) in enumerate(r.internal_unit_ids):
            kind = {0: "unsorted", 255: "noise"}.get(unit, str(unit))
            stamps = r.get_spike_timestamps(0, seg, c, *ALWAYS)
            add(stamps, [f"spike/{names.get(name, name)}/{kind}"] * len(stamps))
        for c, channel in enumerate(r.header["event_channels"]["name"]):
            stamps, _, texts = r.get_event_timestamps(0, seg, c, *ALWAYS)
            if channel == "comments":
                add(stamps, ["comment/" + x.strip("\0") for x in texts])
            elif channel in ("digital_input_port", "serial_input_port"):
                add(stamps, [channel.split("_")[0] + "/" + x for x in texts])
    return sorted(found)


def describe(name, eras):
    r = BlackrockRawIO(filename=str(HERE / name.split(".")[0]), gap_tolerance_ms=0)
    r.parse_header()
    if name.endswith(".nev"):
        return {"rate_hz": 0, "samples": 0, "begin": ORIGIN.isoformat() + "Z", "channels": [], "scale": [], "offset": [], "float": False,
                "sha256_stored": "", "events": events(r, eras), "starts": []}
    parts, starts = [], []
    for s in range(r.segment_count(0)):
        parts.append(np.asarray(r.get_analogsignal_chunk(0, s, None, None, 0)))
        starts.append(float(r.get_signal_t_start(0, s, 0)))
    x = np.concatenate(parts).astype("<f8")
    if name.startswith("v21"):  # Neo leaves out the last sample of version 2.1
        raw = (HERE / name).read_bytes()
        parts[0] = x = np.vstack([x, np.frombuffer(raw[-2 * x.shape[1]:], "<i2").astype("<f8")])
    c = r.header["signal_channels"]
    unit = np.array([{"uV": 1e-6, "mV": 1e-3}[u] for u in c["units"]])
    offset = c["offset"] * unit
    if not name.startswith("v21"):  # Neo subtracts large numbers: the same from the whole numbers in the header
        better = np.array([float(Fraction(lo * dhi - hi * dlo, dhi - dlo)) for dlo, dhi, lo, hi, _ in RANGES]) * unit
        assert np.abs(better - offset).max() < 1e-15 * 5000
        offset = better
    when = r.raw_annotations["blocks"][0]["rec_datetime"]
    assert when == ORIGIN, when
    if not name.startswith("ptp"):  # whose stamps do not count from the time origin
        when += datetime.timedelta(seconds=round(starts[0] * 1e6) / 1e6)
    stored = x.T + 0.0
    return {
        "rate_hz": r.get_signal_sampling_rate(0), "samples": x.shape[0], "begin": when.isoformat() + "Z", "channels": [str(x) for x in c["name"]],
        "scale": (c["gain"] * unit).tolist(), "offset": offset.tolist(), "float": False,
        "sha256_stored": hashlib.sha256(np.ascontiguousarray(stored).tobytes()).hexdigest(),
        "events": events(r, eras), "starts": [[len(p), s] for p, s in zip(parts, starts)],
    }


warnings.simplefilter("ignore")
golden = {"neo": neo.__version__, "files": {}}
for case, begins in make_all().items():
    golden["files"][case] = describe(case, begins)
    print(case, golden["files"][case])
(HERE / "golden.json").write_text(json.dumps(golden).replace('}, "', '},\n"') + "\n")
