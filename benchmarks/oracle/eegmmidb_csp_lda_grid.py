"""How much the outcome of eegmmidb_csp_lda.py hangs on the choices in it: a Markdown table.

    python eegmmidb_csp_lda_grid.py DATA_DIR

Shows robustness. It is no way to choose settings: these are the test scores, and the best of many is too good.
"""

import argparse
import itertools

import mne
from eegmmidb import load_trials
from eegmmidb_csp_lda import TASKS, leave_one_run_out

BANDS = ((7.0, 30.0), (8.0, 30.0), (8.0, 35.0))
WINDOWS = ((0.5, 2.5), (0.5, 3.5), (0.0, 4.0))


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("data_dir", help="folder that holds S001 and S002")
    opt = args.parse_args()
    mne.set_log_level("error")

    columns = list(itertools.product(("S001", "S002"), ("fists-feet", "left-right")))
    print("| average reference | band (Hz) | window (s) | CSP covariance | components |", *(f"{s} {t} |" for s, t in columns))
    print("|---" * (5 + len(columns)) + "|")
    for car, band, window in itertools.product((False, True), BANDS, WINDOWS):
        data = [load_trials(opt.data_dir, s, TASKS[t][0], *window, band_hz=band, car=car)[:3] for s, t in columns]
        for reg, cov_est, components in itertools.product((None, "ledoit_wolf"), ("concat", "epoch"), (4, 6, 8)):
            scores = [
                f"{(leave_one_run_out(x, y, group, components, reg, cov_est) == y).sum()}/{len(y)} |" for x, y, group in data
            ]
            print(
                f"| {'yes' if car else 'no'} | {band[0]:g}-{band[1]:g} | {window[0]:g}-{window[1]:g} |",
                f"{cov_est}, {reg or 'no shrinkage'} | {components} |",
                *scores,
                flush=True,
            )


if __name__ == "__main__":
    main()
