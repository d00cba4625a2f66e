"""Decodes imagined movement with MNE's CSP and scikit-learn's LDA: the number that gyrus train must reach.

    python eegmmidb_csp_lda.py DATA_DIR [--subject S001] [--task fists-feet]

Causal Butterworth band-pass 8-30 Hz over each whole run, windows [cue + 0.5 s, cue + 3.5 s), leave one run out.
Prints JSON: every trial with its true and predicted class, and the correct ones of each fold.
"""

import argparse
import sys

import mne
from eegmmidb import CUES, load_trials, to_json
from mne.decoding import CSP
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import balanced_accuracy_score

TASKS = {
    "left-right": (("R04", "R08", "R12"), ("left_fist", "right_fist")),
    "fists-feet": (("R06", "R10", "R14"), ("fists", "feet")),
}


def leave_one_run_out(x, y, group, components, reg, cov_est):
    """Predictions, each from the other runs. CSP and LDA see the training trials only."""
    predicted = y.copy()
    for fold in sorted(set(group)):
        train, test = group != fold, group == fold
        csp = CSP(n_components=components, reg=reg, log=True, cov_est=cov_est, norm_trace=False)
        lda = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
        lda.fit(csp.fit_transform(x[train], y[train]), y[train])
        predicted[test] = lda.predict(csp.transform(x[test]))
    return predicted


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("data_dir", help="folder that holds S001, S002, …")
    args.add_argument("--subject", default="S001")
    args.add_argument("--task", choices=TASKS, default="fists-feet")
    args.add_argument("--components", type=int, default=6)
    args.add_argument("--band", type=float, nargs=2, default=(8.0, 30.0), metavar=("LOW_HZ", "HIGH_HZ"))
    args.add_argument("--window", type=float, nargs=2, default=(0.5, 3.5), metavar=("TMIN_S", "TMAX_S"))
    args.add_argument("--car", action="store_true", help="subtract the mean of all channels first")
    args.add_argument("--reg", default=None, help="shrinkage of CSP's covariances: none or ledoit_wolf")
    args.add_argument("--cov-est", choices=("concat", "epoch"), default="epoch")
    opt = args.parse_args()
    mne.set_log_level("error")

    runs, classes = TASKS[opt.task]
    x, y, group, sample = load_trials(opt.data_dir, opt.subject, runs, *opt.window, band_hz=tuple(opt.band), car=opt.car)
    predicted = leave_one_run_out(x, y, group, opt.components, opt.reg, opt.cov_est)
    correct = predicted == y
    sys.stdout.write(
        to_json(
            {
                "subject": opt.subject,
                "classes": dict(zip(CUES, classes)),
                "options": {k: v for k, v in vars(opt).items() if k not in ("data_dir", "subject")},
                "channels": x.shape[1],
                "window_samples": x.shape[2],
                "trials": len(y),
                "correct": int(correct.sum()),
                "balanced_accuracy": balanced_accuracy_score(y, predicted),
                "folds": [
                    {"run": run, "trials": int((group == g).sum()), "correct": int(correct[group == g].sum())}
                    for g, run in enumerate(runs)
                ],
                "decisions": [
                    {"run": runs[group[i]], "sample": int(sample[i]), "true": CUES[y[i]], "predicted": CUES[predicted[i]]}
                    for i in range(len(y))
                ],
            }
        )
    )


if __name__ == "__main__":
    main()
