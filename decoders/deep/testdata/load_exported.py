"""Loads exported weights into braindecode's own classes and compares their outputs.

    python load_exported.py FOLDER

For each FOLDER/NAME.json, {"class": "EEGNet", "arguments": {...}, "x": [shape, values], "want": [shape, values]}, the
weights beside it as NAME.safetensors. The parametrisations with which braindecode limits norms are taken off first: the
weights are within the limits. Prints one JSON object: per network the largest difference of the logits and the largest
logit, or what was wrong.
"""
import json
import pathlib
import sys
import warnings

warnings.filterwarnings("ignore")

import numpy as np
import torch

torch.version.cuda = None  # torchaudio, which braindecode imports, refuses a torch of another CUDA; none is used here
import braindecode.models
from safetensors.torch import load_file
from torch.nn.utils import parametrize


def array(v):
    return torch.from_numpy(np.array(v[1], np.float32).reshape(v[0]))


def compare(path, case):
    net = getattr(braindecode.models, case["class"])(**case["arguments"])
    for m in net.modules():
        for name in list(getattr(m, "parametrizations", {})):
            parametrize.remove_parametrizations(m, name)
    state = load_file(path)
    mean, sd = state.pop("input.mean"), state.pop("input.sd")
    net.load_state_dict(state, strict=True)
    net.eval()
    x = ((array(case["x"]).double() - mean[:, None]) / sd[:, None]).float()
    with torch.no_grad():
        got = net(x)
    want = array(case["want"])
    if got.shape != want.shape or not torch.isfinite(got).all():
        raise ValueError(f"the output is {tuple(got.shape)}, want {tuple(want.shape)} finite numbers")
    return {"difference": float((got - want).abs().max()), "largest": float(want.abs().max())}


result = {}
for f in sorted(pathlib.Path(sys.argv[1]).glob("*.json")):
    try:
        result[f.stem] = compare(f.with_suffix(".safetensors"), json.loads(f.read_text()))
    except Exception as e:  # each network gets its line
        result[f.stem] = {"error": f"{type(e).__name__}: {e}"[:2000]}
print(json.dumps(result))
