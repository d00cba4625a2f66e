"""PyTorch and ONNX Runtime on transformers: a training step, and one window at a time.

    python transformers.py encoder-step --threads 1
    python transformers.py encoder-one [--runtime onnx]
    python transformers.py conformer-step --threads 2

encoder: 88 tokens of 200 values, 4 pre-norm blocks of 8 heads and 800 hidden values (GELU with erf), mean over the
tokens, 4 classes, no dropout; batch 16. conformer: the EEG Conformer (Song et al. 2023, doi:10.1109/TNSRE.2022.3230250)
with its usual sizes on 22 x 1000, 4 classes, dropout 0.5 and 0.3; batch 32. A step is forward, backward and Adam. Prints one
line of JSON: the median of the repetitions, in seconds.
"""

import argparse
import json
import os
import statistics
import tempfile
import time

import torch
from torch import nn


class Attention(nn.Module):
    """Multi-head attention by PyTorch's fused function, which is its fastest on a CPU."""

    def __init__(self, width, heads, dropout):
        super().__init__()
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.heads, self.dropout = heads, dropout

    def forward(self, x):
        n, t, d = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        y = nn.functional.scaled_dot_product_attention(q, k, v, dropout_p=self.dropout if self.training else 0.0)
        return self.out(y.transpose(1, 2).reshape(n, t, d))


class Block(nn.Module):
    def __init__(self, width, heads, hidden, dropout):
        super().__init__()
        self.norm1, self.attention, self.drop1 = nn.LayerNorm(width), Attention(width, heads, dropout), nn.Dropout(dropout)
        self.norm2 = nn.LayerNorm(width)
        self.dense = nn.Sequential(
            nn.Linear(width, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, width), nn.Dropout(dropout)
        )

    def forward(self, x):
        x = x + self.drop1(self.attention(self.norm1(x)))
        return x + self.dense(self.norm2(x))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(*[Block(200, 8, 800, 0.0) for _ in range(4)])
        self.norm, self.out = nn.LayerNorm(200), nn.Linear(200, 4)

    def forward(self, x):
        return self.out(self.norm(self.blocks(x)).mean(1))


class Conformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch = nn.Sequential(
            nn.Conv2d(1, 40, (1, 25)), nn.Conv2d(40, 40, (22, 1)), nn.BatchNorm2d(40), nn.ELU(),
            nn.AvgPool2d((1, 75), (1, 15)), nn.Dropout(0.5), nn.Conv2d(40, 40, 1),
        )  # fmt: skip
        self.blocks = nn.Sequential(*[Block(40, 10, 160, 0.5) for _ in range(6)])
        self.head = nn.Sequential(
            nn.Flatten(), nn.Linear(2440, 256), nn.ELU(), nn.Dropout(0.5), nn.Linear(256, 32), nn.ELU(), nn.Dropout(0.3), nn.Linear(32, 4)
        )

    def forward(self, x):
        return self.head(self.blocks(self.patch(x.unsqueeze(1)).squeeze(2).transpose(1, 2)))


def step(net, x):
    target = torch.arange(x.shape[0]) % 4
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-4, fused=True)
    loss = nn.CrossEntropyLoss()

    def run():
        optimiser.zero_grad(set_to_none=True)
        loss(net(x), target).backward()
        optimiser.step()

    return run


def onnx_session(net, x, threads):
    import onnxruntime

    path = os.path.join(tempfile.mkdtemp(), "net.onnx")
    torch.onnx.export(net, (x,), path, opset_version=17, dynamo=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name, value = session.get_inputs()[0].name, x.numpy()
    return (lambda: session.run(None, {name: value})), f"ONNX Runtime {onnxruntime.__version__}"


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("job", choices=("encoder-step", "encoder-one", "conformer-step"))
    args.add_argument("--threads", type=int, default=1)
    args.add_argument("--runtime", choices=("torch", "onnx"), default="torch")
    args.add_argument("--seconds", type=float, default=2.0)
    opt = args.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(opt.threads)
    net, shape = (Encoder(), (16, 88, 200)) if opt.job.startswith("encoder") else (Conformer(), (32, 22, 1000))
    peer = f"PyTorch {torch.__version__}"
    if opt.job.endswith("step"):
        run = step(net.train(), torch.randn(shape))
    else:
        net.eval()
        x = torch.randn((1, *shape[1:]))
        if opt.runtime == "onnx":
            run, peer = onnx_session(net, x, opt.threads)
        else:
            with torch.inference_mode():
                run = lambda: net(x)  # noqa: E731
    with torch.inference_mode(mode=not opt.job.endswith("step")):
        for _ in range(3):
            run()
        times, end = [], time.perf_counter() + opt.seconds
        while time.perf_counter() < end or len(times) < 5:
            begin = time.perf_counter()
            run()
            times.append(time.perf_counter() - begin)
    print(json.dumps({"peer": peer, "job": opt.job, "threads": opt.threads, "median": statistics.median(times), "repetitions": len(times)}))


if __name__ == "__main__":
    main()
