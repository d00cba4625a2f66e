"""Makes the recordings in this folder, and golden.json: what MNE-Python reads in them and in the SSVEP exoskeleton set.

    python golden.py $GYRUS_DATA

MNE writes every file; where MNE has no way to write what the format allows (a skip, packed 16-bit integers), the script
changes the tags of a file that MNE wrote, and MNE reads it again. Values are in volts, as MNE hands them out.
"""

import datetime
import hashlib
import json
import math
import pathlib
import struct
import sys

import mne
import numpy as np

HERE = pathlib.Path(__file__).parent
RATE, SAMPLES, FIRST = 100.0, 150, 1000
NAMES = ["Fp1", "Fz", "Cz", "Pz", "Oz", "HEOG", "EKG", "STI 014", "temp"]
KINDS = ["eeg"] * 5 + ["eog", "ecg", "stim", "misc"]
mne.set_log_level("error")


def make(names=NAMES, kinds=KINDS):
    rng = np.random.default_rng(1)
    info = mne.create_info(names, RATE, kinds)
    x = 2e-5 * rng.standard_normal((len(names), SAMPLES)).round(3)
    for i, kind in enumerate(kinds):
        if kind == "stim":
            x[i] = 0
            for at, code in ((0, 2), (20, 3), (21, 7), (22, 4), (60, 1), (61, 1), (100, 300), (149, 9)):
                x[i, at] = code
        else:
            info["chs"][i]["cal"] = 1e-9 * (i + 1)
    raw = mne.io.RawArray(x, info, first_samp=FIRST)
    raw.set_montage("standard_1020", on_missing="ignore")
    raw.set_meas_date(datetime.datetime(2021, 3, 4, 5, 6, 7, 250000, tzinfo=datetime.timezone.utc))
    return raw


def save(raw, name, fmt="short", change=None):
    path = HERE / name
    raw.save(path, fmt=fmt, buffer_size_sec=0.5, overwrite=True)
    if change:
        path.write_bytes(change(path.read_bytes()))


def split(raw, name):
    """In parts of one buffer each: MNE keeps 1 MiB of each part for what is behind the samples. The folder that it writes in front of
    the name of the part before is taken out: it is that of the machine."""
    raw.save(HERE / name, fmt="short", buffer_size_sec=0.5, split_size=2**20 + 3600, overwrite=True)
    for path in HERE.glob(name.replace(".fif", "*.fif")):
        out = b""
        for kind, _, head, body in tags(path.read_bytes()):
            if kind == 118:
                body = body.rsplit(b"/", 1)[-1]
                head = head[:8] + struct.pack(">i", len(body)) + head[12:]
            out += head + body
        path.write_bytes(out)


def tags(data):
    at = 0
    while at < len(data):
        kind, typ, size, nxt = struct.unpack(">iIii", data[at : at + 16])
        yield kind, typ, data[at : at + 16], data[at + 16 : at + 16 + size]
        at += 16 + size


def skip(data):
    """Two buffers are missing before the first one, and one before the third."""
    out, seen = b"", 0
    for kind, _, head, body in tags(data):
        if kind == 300:
            if seen in (0, 2):
                out += struct.pack(">iIiii", 301, 3, 4, 0, 2 if seen == 0 else 1)
            seen += 1
        out += head + body
    return out


def pack16(data):
    out = b""
    for kind, _, head, body in tags(data):
        out += (struct.pack(">iI", 300, 16) + head[8:] if kind == 300 else head) + body
    return out


def make_all():
    save(make(), "short_raw.fif")
    save(make(), "int_raw.fif", "int")
    save(make(), "single_raw.fif", "single")
    save(make(), "double_raw.fif", "double")
    save(make(), "skip_raw.fif", "short", skip)
    save(make(), "pack16_raw.fif", "short", pack16)
    # MNE reads a skip as zeros under BAD_ACQ_SKIP, and writes them where they are no whole buffer any more.
    save(mne.io.read_raw_fif(HERE / "skip_raw.fif", preload=True).crop(0.13), "skipped_raw.fif")

    raw = make()
    raw.info["bads"] = ["Fz", "Oz"]
    raw.set_eeg_reference("average", projection=True)
    raw.set_annotations(
        mne.Annotations([10.05, 10.5, 11.2], [0, 0.25, 0], ["T1", "BAD_move: left", "T2"], orig_time=raw.info["meas_date"])
    )
    save(raw, "notes_raw.fif")
    split(raw, "split_raw.fif")
    raw.apply_proj()
    save(raw, "average_raw.fif", "single")

    raw = make(["the left eye, lower lid", "the left eye, upper lid", "Cz"], ["eog", "eog", "eeg"])
    raw.set_meas_date(None)
    raw.set_annotations(mne.Annotations([0.5], [0.1], ["note"]))
    save(raw, "names_raw.fif")
    # Annotations of single channels: one of two with a name that was too long for the file, one over what is filled up in one channel.
    raw = make(["the left eye, lower lid", "A:1", "Cz"], ["eog", "eog", "eeg"])
    raw.set_annotations(
        mne.Annotations(
            [0.2, 0.2, 0.5, 0.7],
            [0, 0.1, 0.1, 0.2],
            ["all", "spike", "spike", "BAD_ACQ_SKIP"],
            orig_time=raw.info["meas_date"] + datetime.timedelta(seconds=FIRST / RATE),
            ch_names=[(), ("A:1", "the left eye, lower lid"), ("Cz",), ("Cz",)],
        )
    )
    save(raw, "channels_raw.fif")
    mne.write_events(HERE / "channels-eve.fif", np.array([[1003, 0, 5]]), overwrite=True)
    mne.write_events(HERE / "names-eve.fif", np.array([[1003, 0, 5], [1077, 0, 6], [1149, 6, 7]]), overwrite=True)
    # The same events, but for one, in a file beside a recording with a stimulus channel.
    events = mne.find_events(mne.io.read_raw_fif(HERE / "int_raw.fif"), shortest_event=1)
    events[1, 2] = 77
    mne.write_events(HERE / "int-eve.fif", events, overwrite=True)


def skips(a):
    return a["description"] == "BAD_ACQ_SKIP" and not a.get("ch_names")


def runs(raw):
    """What MNE rejects by none of its own annotations BAD_ACQ_SKIP: sample numbers from the first one."""
    raw = raw.copy()
    raw.set_annotations(raw.annotations[[skips(a) for a in raw.annotations]])
    there = np.isfinite(raw.get_data(reject_by_annotation="NaN")).all(axis=0)
    edges = np.flatnonzero(np.diff(np.r_[False, there, False].astype(int)))
    return edges.reshape(-1, 2).tolist()


def describe(path, values):
    raw = mne.io.read_raw_fif(path)
    x, first = raw.get_data(), int(raw.first_samp)
    date = raw.info["meas_date"]
    if "stim" in raw.get_channel_types():
        events = mne.find_events(raw, shortest_event=1)
    else:
        events = mne.read_events(str(path).replace("_raw.fif", "-eve.fif"))
    out = {
        "rate_hz": raw.info["sfreq"],
        "samples": x.shape[1],
        "runs": runs(raw),
        "begin": (date + datetime.timedelta(seconds=first / raw.info["sfreq"])).isoformat() if date else "",
        "channels": raw.ch_names,
        "kinds": raw.get_channel_types(),
        "bads": raw.info["bads"],
        "positions": [[0 if np.isnan(v) else float(v) for v in c["loc"][:3]] for c in raw.info["chs"]] if values else [],
        "events": [[int(e[0] - first), int(e[2])] for e in events],
        "annotations": [
            [float(a["onset"] - raw.first_time), float(a["duration"]), str(a["description"])] + ([sorted(a["ch_names"])] if "ch_names" in a else [])
            for a in raw.annotations
            if not skips(a)
        ],
    }
    if values:
        at = sorted({0, 1, 49, 50, 99, x.shape[1] // 2, x.shape[1] - 1})
        out |= {
            "at": at,
            "volts": x[:, at].T.tolist(),
            "sums": [math.fsum(row) for row in x],
        }
    else:  # channel after channel, little-endian float64, in µV: the calibration is 1
        assert all(c["range"] * c["cal"] == 1 for c in raw.info["chs"])
        out["sha256_microvolt"] = hashlib.sha256((x * 1e6).astype("<f8").tobytes()).hexdigest()
    return out


make_all()
root = pathlib.Path(sys.argv[1])
golden = {"mne": mne.__version__, "files": {}}
for path in sorted(HERE.glob("*_raw.fif")):
    golden["files"][path.name] = describe(path, True)
for path in sorted(root.glob("ssvep-exo/subject*/*_raw.fif")):
    golden["files"][path.relative_to(root).as_posix()] = describe(path, False)
text = json.dumps(golden).replace('}, "', '},\n"').replace(']], "', ']],\n"')
(HERE / "golden.json").write_text(text + "\n")
for name, f in golden["files"].items():
    print(f"{name}: {f['samples']} samples, {len(f['events'])} events, runs {f['runs']}, {f['annotations']}")
