"""Writes recorded_channels.json: what pyprep says of the channels of two runs of EEGMMIDB (S001R04, S002R01; ODC-By 1.0), and MNE's
regression of Fp1 and Fp2 on the others, behind a causal high-pass at 1 Hz from the 2nd to the 41st second; of the recordings only what
was derived is kept. Run: python3 recorded_channels.py DATA/eegmmidb > recorded_channels.json"""

import json
import os
import pathlib
import sys

os.environ["OMP_NUM_THREADS"] = "1"
import mne
import numpy as np
import pyprep
from pyprep import ransac
from pyprep.find_noisy_channels import NoisyChannels
from scipy.signal import butter, sosfilt

mne.set_log_level("ERROR")
SHOWN = ["Fz", "C3", "Cz", "T9", "Pz", "Oz"]  # of the regression, every 1000th sample


def digits(a):
    """14 of them: the file stays small, and 1e-9 can be told."""
    return [digits(v) for v in a] if np.ndim(a) else float(f"{a:.14g}")


def of_run(path):
    raw = mne.io.read_raw_edf(path, preload=True)
    mne.datasets.eegbci.standardize(raw)
    raw.set_montage("standard_1005")
    rate = raw.info["sfreq"]
    x = sosfilt(butter(4, 1, "highpass", fs=rate, output="sos"), raw.get_data() * 1e6)[:, int(rate):41 * int(rate)]
    raw = mne.io.RawArray(x * 1e-6, raw.info)
    n = NoisyChannels(raw, do_detrend=False, random_state=7)
    n.find_bad_by_deviation()
    n.find_bad_by_hfnoise()
    n.find_bad_by_correlation()
    picks, real = [], ransac._get_random_subset
    ransac._get_random_subset = lambda *a: picks.append(sorted(int(i) for i in real(*a))) or picks[-1]
    n.find_bad_by_ransac(sample_prop=0.25, corr_thresh=0.75)
    ransac._get_random_subset = real
    e = n._extra_info

    eyes = raw.copy().set_channel_types({"Fp1": "eog", "Fp2": "eog"})
    eyes.set_eeg_reference([])
    model = mne.preprocessing.EOGRegression(picks="eeg", picks_artifact="eog").fit(eyes)
    cleaned = model.apply(eyes).get_data(picks=SHOWN) * 1e6
    return dict(
        channels=raw.ch_names, positions=digits([c["loc"][:3] for c in raw.info["chs"]]), check=float(np.abs(x).sum()),
        flat=n.bad_by_flat, deviation=n.bad_by_deviation, noisy=n.bad_by_hf_noise, correlation=n.bad_by_correlation,
        dropout=n.bad_by_dropout, ransac=n.bad_by_ransac,
        deviation_z=digits(e["bad_by_deviation"]["robust_channel_deviations"]), noise_z=digits(e["bad_by_hf_noise"]["hf_noise_zscores"]),
        correlations=digits(e["bad_by_correlation"]["max_correlations"][:, :4]), picks=picks,
        ransac_correlations=digits(e["bad_by_ransac"]["ransac_correlations"][:6]),
        shown=SHOWN, coefficients=digits(model.coef_), cleaned=digits(cleaned[:, ::1000]),
    )


root = pathlib.Path(sys.argv[1])
json.dump(dict(program="pyprep " + pyprep.__version__, mne="MNE " + mne.__version__,
               runs={f"{s} {r}": of_run(root / s / f"{s}{r}.edf") for s, r in (("S001", "R04"), ("S002", "R01"))}), sys.stdout)
