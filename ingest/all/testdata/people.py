"""Makes recordings whose headers say who was recorded: people_raw.fif with MNE-Python, people.set with SciPy.

python people.py
"""

import datetime
import pathlib

import mne
import numpy as np
import scipy.io

HERE = pathlib.Path(__file__).parent
mne.set_log_level("ERROR")
rng = np.random.default_rng(1)

info = mne.create_info(["Fp1", "Cz"], 100, "eeg")
info["experimenter"] = "DrWho"
info["description"] = "Recording of SECRETNAME"
info["subject_info"] = {
    "his_id": "X99", "last_name": "SECRETNAME", "first_name": "Zed", "birthday": datetime.date(1970, 1, 2), "sex": 2, "weight": 71.5,
}
mne.io.RawArray(rng.normal(0, 2e-5, (2, 300)), info).save(HERE / "people_raw.fif", overwrite=True)

none = np.zeros((0, 0))
eeg = {
    "setname": "third visit", "subject": "SECRETNAME", "comments": np.array(["Patient Zed ", "born in 1970"]), "filepath": "/home/drwho/", "nbchan": 2.0, "trials": 1.0,
    "pnts": 300.0, "srate": 100.0, "xmin": 0.0, "xmax": 2.99, "data": rng.normal(0, 20, (2, 300)).astype("f4"),
    "chanlocs": np.array([("Fp1",), ("Cz",)], dtype=[("labels", object)]), "event": np.array([], dtype=[("type", object), ("latency", object)]),
    "icaweights": none, "icasphere": none, "icawinv": none, "icachansind": none,
}
scipy.io.savemat(HERE / "people.set", {"EEG": eeg}, appendmat=False)
