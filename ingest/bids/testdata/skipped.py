"""skipped/: a tree that mne-bids writes of a recording that was interrupted, once as BrainVision and once as EDF.

    python skipped.py

Two channels of 1000 samples at 100 Hz: noise, seeded, with pulses of 500 uV at the samples 100, 450 and 800, where Cz has an event each. Nothing was
measured from 2.5 s on for 1.25 s, and from 9 s on: MNE has zeros there under its annotation BAD_ACQ_SKIP, and mne-bids writes the zeros into the
file and what they are into events.tsv. Nothing of it was measured.
"""

import datetime
import pathlib
import shutil

import mne
import mne_bids
import numpy as np

here = pathlib.Path(__file__).parent / "skipped"
shutil.rmtree(here, ignore_errors=True)
x = np.round(np.random.default_rng(1).uniform(-20, 20, (2, 1000)))
x[0, [100, 450, 800]] = 500
x[1, 50] = -500  # so that 0 is a number that EDF has
x[:, 250:375] = x[:, 900:] = 0
raw = mne.io.RawArray(x * 1e-6, mne.create_info(["Cz", "Pz"], 100.0, "eeg"), verbose="ERROR")
raw.info["line_freq"] = 50
raw.set_meas_date(datetime.datetime(2021, 3, 4, 5, 6, 7, tzinfo=datetime.timezone.utc))
raw.set_annotations(mne.Annotations([1.0, 2.5, 4.5, 8.0, 9.0], [0, 1.25, 0, 0, 1.0], ["a", "BAD_ACQ_SKIP", "b", "c", "BAD_ACQ_SKIP"]))
for subject, form in [("01", "BrainVision"), ("02", "EDF")]:
    path = mne_bids.BIDSPath(subject=subject, task="odd", datatype="eeg", root=here)
    mne_bids.write_raw_bids(raw.copy(), path, format=form, allow_preload=True, overwrite=True, verbose="ERROR")
for extra in ["README", "participants.json", "sub-01/eeg/sub-01_task-odd_events.json", "sub-02/eeg/sub-02_task-odd_events.json"]:
    (here / extra).unlink()  # prose of mne-bids, and what columns are
