"""Checks models with onnx.checker and runs them with onnxruntime.

    python interop.py FOLDER

For each FOLDER/*.json, {"input": {"name": [shape, values]}, "want": {"name": [shape, values]}}, the model beside it
with the ending .onnx. Prints one JSON object: per model the largest difference and the largest value, or what was wrong.
"""
import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime


def array(v):
    return np.array(v[1], np.float32).reshape(v[0])


def difference(path, case):
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    got = session.run(list(case["want"]), {k: array(v) for k, v in case["input"].items()})
    worst = largest = 0.0
    for (name, want), g in zip(case["want"].items(), got):
        want = array(want)
        if g.shape != want.shape:
            raise ValueError(f"{name} has shape {g.shape}, want {want.shape}")
        if not np.all(np.isfinite(g)):
            raise ValueError(f"{name} is not finite")
        if g.size:
            worst = max(worst, float(np.max(np.abs(g.astype(np.float64) - want))))
            largest = max(largest, float(np.max(np.abs(want))))
    return {"difference": worst, "largest": largest}


result = {}
for f in sorted(pathlib.Path(sys.argv[1]).glob("*.json")):
    try:
        result[f.stem] = difference(f.with_suffix(".onnx"), json.loads(f.read_text()))
    except Exception as e:  # each model gets its line
        result[f.stem] = {"error": f"{type(e).__name__}: {e}"}
print(json.dumps(result))
