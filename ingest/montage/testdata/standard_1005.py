"""Writes standard_1005.txt: the channel names of MNE's montage standard_1005, one a line, in MNE's order."""

import pathlib
import warnings

import mne

warnings.simplefilter("ignore", FutureWarning)  # newer MNE calls the same montage colin27_1005
names = mne.channels.make_standard_montage("standard_1005").ch_names
pathlib.Path(__file__).with_name("standard_1005.txt").write_text("\n".join(names) + "\n")
