"""Makes published.json: what each source says of each data set, which the test of the published counts compares with ours.

    python published.py        (with requirements.txt; make golden-published)

No package is imported: MOABB's class attributes and loaders are read from their source text, the tables of the others
as tables. "metadata" is METADATA of a class of MOABB, "summary" its row in MOABB's tables, "loader" what its code asks for,
the other keys are packages. A number stands there as the source has it, or as the line that takes it says.
"""

import ast
import csv
import json
import pathlib
import sysconfig

HERE = pathlib.Path(__file__).parent
SITE = pathlib.Path(sysconfig.get_paths()["purelib"])
DATASETS = SITE / "moabb" / "datasets"


def literal(node):
    """The value of an expression; a call is a dict of its keyword arguments."""
    match node:
        case ast.Call(func=ast.Name(id="list")):
            return list(range(*[a.value for a in node.args[0].args]))
        case ast.Call():
            return {k.arg: literal(k.value) for k in node.keywords}
        case ast.Dict():
            return {literal(k): literal(v) for k, v in zip(node.keys, node.values)}
        case ast.List() | ast.Tuple():
            return [literal(e) for e in node.elts]
        case ast.Name():
            return node.id
    return ast.literal_eval(node)


def source(file):
    return ast.parse((DATASETS / file).read_text())


def moabb(file, name):
    """METADATA of a class, and what its constructor is given."""
    cls = next(n for n in source(file).body if isinstance(n, ast.ClassDef) and n.name == name)
    meta = next(literal(n.value) for n in cls.body if isinstance(n, ast.Assign) and n.targets[0].id == "METADATA")
    init = next(n for n in cls.body if isinstance(n, ast.FunctionDef) and n.name == "__init__")
    call = next(n for n in ast.walk(init) if isinstance(n, ast.Call) and ast.unparse(n.func) == "super().__init__")
    return meta, literal(call)


def files(file, name, cls=None, **names):
    """A function of MOABB that lists the files of a subject, run by itself with everything that fetches left out."""
    body = source(file).body
    if cls:
        body = next(n for n in body if isinstance(n, ast.ClassDef) and n.name == cls).body
    f = next(n for n in body if isinstance(n, ast.FunctionDef) and n.name == name)
    f.decorator_list = []
    space = dict(names)
    exec(compile(ast.Module([f], []), file, "exec"), space)
    return space[name]


def summary(paradigm, name):
    with open(DATASETS / f"summary_{paradigm}.csv", newline="") as f:
        return next(r for r in csv.DictReader(f) if r["Dataset"] == name)


def units(file, *functions):
    """The unit that samples have before MOABB makes volts of them."""
    found = set()
    for n in ast.walk(source(file)):
        if isinstance(n, ast.FunctionDef) and n.name in functions:
            for c in ast.walk(n):
                if isinstance(c, ast.Call) and ast.unparse(c.func) == "convert_units":
                    found |= {k.value.value for k in c.keywords if k.arg == "from_unit"}
                if isinstance(c, ast.BinOp) and isinstance(c.op, ast.Mult) and ast.unparse(c.left) == "1e-06":
                    found.add("uV")
    assert found == {"uV"}, found
    return "µV"


def eegdash(name):
    with open(SITE / "eegdash" / "dataset" / "dataset_summary.csv", newline="") as f:
        r = next(r for r in csv.DictReader(f) if r["dataset"] == name)
    return {
        "subjects": int(r["n_subjects"]),
        "recordings": int(r["n_records"]),
        "rates_hz": [c["val"] for c in json.loads(r["sampling_freqs"])],
        "all_channels": [int(c["val"]) for c in json.loads(r["nchans_set"])],
    }


def eeg(meta):
    """The channels of EEG: MOABB lists all, those of EOG under these names."""
    return [c for c in meta["acquisition"]["sensors"] if not c.startswith("EOG")]


def common(file, name, paradigm):
    meta, call = moabb(file, name)
    row = summary(paradigm, name)
    a = meta["acquisition"]
    out = {
        "metadata": {
            "subjects": meta["participants"]["n_subjects"],
            "sessions": meta["sessions_per_subject"],
            "rates_hz": [a["sampling_rate"]],
            "eeg": a["channel_types"]["eeg"],
            "channels": eeg(meta),
        },
        "summary": {
            "subjects": int(row["#Subj"]),
            "sessions": int(row["#Sessions"]),
            "rates_hz": [float(row["Freq (Hz)"])],
            "eeg": int(row["#Chan"]),
        },
        "loader": {
            "subjects": len(call["subjects"]),
            "names": [str(k) for k in call["subjects"]],
            "sessions": call["sessions_per_subject"],
            "events": {k: str(v) for k, v in call["events"].items()},
        },
    }
    if "eog" in a["channel_types"]:
        out["metadata"]["eog"] = a["channel_types"]["eog"]
    if meta["runs_per_session"]:
        out["metadata"]["runs"] = meta["runs_per_session"]
    assert len(out["metadata"]["channels"]) == out["metadata"]["eeg"]
    return out, meta, row


sets = {}

# BNCI2014_001: 288 trials of four classes in each of two sessions; the table counts those of a class in both sessions.
s, meta, row = common("bnci/bnci_2014.py", "BNCI2014_001", "imagery")
n = meta["data_structure"]["n_trials"]
assert n["training"] == n["test"]
s["metadata"]["trials"] = {c: n["training"] // meta["experiment"]["n_classes"] for c in meta["experiment"]["class_labels"]}
s["summary"]["trials"] = {c: int(row["#Trials / class"]) // int(row["#Sessions"]) for c in meta["experiment"]["class_labels"]}
s["summary"]["runs"] = int(row["#Runs"])
s["loader"]["unit"] = units("bnci/base.py", "_convert_run")
s["eegdash"] = eegdash("nm000139")
sets["bnci2014-001"] = s

# BNCI2014_004: two sessions for screening and three with feedback; the table counts those of a class in all of them.
s, meta, row = common("bnci/bnci_2014.py", "BNCI2014_004", "imagery")
n = meta["data_structure"]["n_trials"]
classes = meta["experiment"]["class_labels"]
s["metadata"]["trials_of_subject"] = {c: (2 * n["screening"] + 3 * n["feedback"]) // len(classes) for c in classes}
s["summary"]["trials_of_subject"] = {c: int(row["#Trials / class"]) for c in classes}
s["loader"]["unit"] = units("bnci/base.py", "_convert_run")
sets["bnci2014-004"] = s

# BNCI2014_008: characters x repetitions x flashes of rows and columns, two of twelve with the character; one session.
s, meta, row = common("bnci/bnci_2014.py", "BNCI2014_008", "p300")
n = meta["data_structure"]["n_trials"] * meta["paradigm_specific"]["n_repetitions"]
s["metadata"]["trials"] = {"Target": 2 * n, "NonTarget": 10 * n}
few, many = row["#Trials / class"].split(" / ")[::-1]
s["summary"]["trials"] = {"Target": int(few.removesuffix(" T")), "NonTarget": int(many.removesuffix(" NT"))}
s["loader"]["unit"] = units("bnci/base.py", "_convert_run_p300_sl")
s["eegdash"] = eegdash("nm000169")
sets["bnci2014-008"] = s

# BNCI2014_009: the same, in each session.
s, meta, row = common("bnci/bnci_2014.py", "BNCI2014_009", "p300")
n = meta["data_structure"]["n_trials"] * meta["paradigm_specific"]["n_repetitions"]
s["metadata"]["trials"] = {"Target": 2 * n, "NonTarget": 10 * n}
few, many = row["#Trials / class"].split(" / ")[::-1]
s["summary"]["trials"] = {"Target": int(few.removesuffix(" T")), "NonTarget": int(many.removesuffix(" NT"))}
s["loader"]["unit"] = units("bnci/base.py", "_convert_run_p300_sl")
s["eegdash"] = eegdash("nm000188")
sets["bnci2014-009"] = s

# BNCI2015_001: one file a session, and some subjects have one more.
s, meta, row = common("bnci/bnci_2015.py", "BNCI2015_001", "imagery")
listed = files("bnci/bnci_2015.py", "_load_data_001_2015", BNCI_URL="", validate_subject=lambda *a: None, data_path=lambda url, *a: [url])
counts = {str(k): len(listed(k, only_filenames=True)) for k in range(1, 13)}
s["loader"]["sessions"] = 2
s["loader"]["sessions_except"] = {k: v for k, v in counts.items() if v != 2}
s["metadata"]["trials"] = meta["data_structure"]["n_trials_per_class"]
s["summary"]["trials"] = {c: int(row["#Trials / class"]) for c in meta["experiment"]["class_labels"]}
s["loader"]["unit"] = units("bnci/base.py", "_convert_run")
s["eegdash"] = eegdash("nm000140")
sets["bnci2015-001"] = s

# Nakanishi2015: one file a subject, cut into trials already.
s, meta, row = common("ssvep_nakanishi.py", "Nakanishi2015", "ssvep")
frequencies = [f"{v:g}" for v in meta["paradigm_specific"]["stimulus_frequencies_hz"]]
s["metadata"]["trials"] = {f: meta["data_structure"]["n_trials"] // meta["experiment"]["n_classes"] for f in frequencies}
s["summary"]["trials"] = {f: int(row["#Trials / class"]) for f in frequencies}
s["loader"]["unit"] = units("ssvep_nakanishi.py", "_get_single_subject_data")
s["eegdash"] = eegdash("nm000118")
sets["nakanishi2015"] = s

# Kalunga2016: one session of two to five runs; a "session" of its METADATA is a run of MOABB's: one recording.
s, meta, row = common("ssvep_exo.py", "Kalunga2016", "ssvep")
assert "8 per visual stimulus, 8 for resting class" in meta["data_structure"]["n_trials"]
s["metadata"]["trials_of_run"] = {c: 8 for c in ("13", "17", "21", "rest")}


class Fetch:
    @staticmethod
    def data_dl(url, *a):
        return url


class Kalunga:
    subject_list = range(1, 13)


listed = files("ssvep_exo.py", "data_path", "Kalunga2016", SSVEPEXO_URL="", dl=Fetch)
counts = {str(k): len(listed(Kalunga, k)) for k in Kalunga.subject_list}
s["loader"]["runs"] = 2
s["loader"]["runs_except"] = {k: v for k, v in counts.items() if v != 2}
sets["ssvep-exo"] = s

# PhysionetMI: all of its runs, executed and imagined.
s, meta, row = common("physionet_mi.py", "PhysionetMI", "imagery")


class Physionet:
    subject_list = [1]
    hand_runs = [4, 8, 12, 3, 7, 11]
    feet_runs = [6, 10, 14, 5, 9, 13]

    @staticmethod
    def _load_data(subject, runs, **kw):
        return runs


lists = {}
for n in ast.walk(source("physionet_mi.py")):
    if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Attribute):
        lists.setdefault(n.target.attr, []).extend(literal(n.value))
assert lists == {"feet_runs": Physionet.feet_runs, "hand_runs": Physionet.hand_runs}, lists
listed = files("physionet_mi.py", "data_path", "PhysionetMI", get_dataset_path=lambda *a: None)
s["loader"]["runs"] = len(listed(Physionet, 1))
s["eegdash"] = eegdash("ds004362")
sets["eegmmidb"] = s

sets["chb-mit"] = {"eegdash": eegdash("nm000110")}
sets["things-eeg2"] = {"eegdash": eegdash("nm000232")}
sets["eegmat"] = {"eegdash": eegdash("nm000109")}

# Sleep-EDFx: MNE's tables of the files; a night is a session.
nights = {}
with open(SITE / "mne" / "datasets" / "sleep_physionet" / "age_records.csv", newline="") as f:
    for r in csv.DictReader(f):
        if r["record type"] == "PSG":
            nights[r["fname"][:5]] = nights.get(r["fname"][:5], 0) + 1
with open(SITE / "mne" / "datasets" / "sleep_physionet" / "temazepam_records.csv", newline="") as f:
    for r in csv.DictReader(f):
        nights[r["fname_PSG"][:5]] = nights.get(r["fname_PSG"][:5], 0) + 1
sets["sleep-edfx"] = {
    "eegdash": eegdash("nm000185"),
    "mne": {
        "subjects": len(nights),
        "recordings": sum(nights.values()),
        "names": sorted(nights),
        "sessions": 2,
        "sessions_except": {k: v for k, v in nights.items() if v != 2},
    },
}

# SEED: 15 people, three times each, at 200 Hz, says the text of torcheeg; its list of channels is a list.
torcheeg = SITE / "torcheeg" / "datasets"
text = (torcheeg / "module" / "emotion_recognition" / "seed.py").read_text()
assert "(62 channels at 200Hz) of 15 subjects" in text and "totally 15 people x 3 times = 45" in text
constants = ast.parse((torcheeg / "constants" / "emotion_recognition" / "seed.py").read_text())
sets["seed"] = {
    "torcheeg": {
        "subjects": 15,
        "sessions": 3,
        "recordings": 45,
        "rates_hz": [200.0],
        "channels": next(literal(n.value) for n in constants.body if isinstance(n, ast.Assign) and n.targets[0].id == "SEED_CHANNEL_LIST"),
    }
}
sets["seed"]["torcheeg"]["eeg"] = len(sets["seed"]["torcheeg"]["channels"])

lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in sets.items())
(HERE / "published.json").write_text(f"{{\n{lines}\n}}\n")
