"""One window after another in PyTorch and ONNX Runtime, one thread: how regular the times are.

    python latency.py eegnet | encoder

The networks are those of convnets.py and transformers.py; PyTorch runs the frozen, optimised script, ONNX Runtime the exported
model. As many windows as gyrus takes, the first tenth left out. Prints a line of JSON for each: median, 99 %, 99.9 %, maximum.
"""
import gc
import json
import os
import sys
import time

import torch

from convnets import EEGNet
from transformers import Encoder, onnx_session

torch.set_num_threads(1)
torch.manual_seed(0)
net, shape, count = {"eegnet": (EEGNet, (1, 1, 22, 500), 20000), "encoder": (Encoder, (1, 88, 200), 1500)}[sys.argv[1]]
net, x = net().eval(), torch.randn(shape)
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def report(peer, run):
    times = []
    gc.disable()
    for i in range(count // 10 + count):
        os.sched_yield()
        begin = time.perf_counter()
        run()
        times.append((time.perf_counter() - begin) * 1e3)
    times = sorted(times[count // 10:])
    at = lambda p: times[min(int(p * count), count - 1)]  # noqa: E731
    print(json.dumps({
        "peer": peer, "p50_ms": at(0.5), "p99_ms": at(0.99), "p99_9_ms": at(0.999), "max_ms": times[-1],
        "p99_over_p50": at(0.99) / at(0.5)}), flush=True)


with torch.inference_mode():
    script = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(net, x)))
    report(f"PyTorch {torch.__version__}", lambda: script(x))
run, peer = onnx_session(net, x, 1)
report(peer, run)
