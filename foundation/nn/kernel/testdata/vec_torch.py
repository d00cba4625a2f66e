"""Times PyTorch on what BenchmarkVec does: ns per number, the best and the median of 31 rounds, one thread, memory given.
Needs torch (figures quoted: 2.15.0, with MKL and AVX-512). Run: OMP_NUM_THREADS=1 python3 vec_torch.py
"""

import time

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(1)
N = 88 * 200
x, y, out = (3 * torch.randn(N) for _ in range(3))
pos = y * y
a = torch.ops.aten


def parameters(shape):
    p = torch.nn.Parameter(torch.randn(shape))
    p.grad = torch.randn(shape)
    return torch.optim.AdamW([p], lr=1e-3, weight_decay=1e-2, fused=True)


opt = parameters((N,))
r88, r125, r200 = x.view(-1, 88), x[: N // 125 * 125].view(-1, 125), x.view(-1, 200)
o88, o200 = out.view(-1, 88), out.view(-1, 200)
y88 = torch.softmax(r88, 1)
w, b = torch.randn(200), torch.randn(200)
ln, mean, rstd = a.native_layer_norm(r200, [200], w, b, 1e-5)
drop = torch.rand(N)
tests = {
    "add": lambda: torch.add(x, y, out=out),
    "axpy": lambda: out.add_(x, alpha=1e-9),
    "affine": lambda: torch.mul(x, 2, out=out).add_(3),
    "dot": lambda: torch.dot(x, y),
    "sum": lambda: torch.sum(x),
    "max": lambda: torch.max(x),
    "finite": lambda: torch.isfinite(x).all(),
    "exp": lambda: torch.exp(x, out=out),
    "log": lambda: torch.log(pos, out=out),
    "sqrt": lambda: torch.sqrt(pos, out=out),
    "relu": lambda: torch.clamp_min(x, 0, out=out),
    "elu": lambda: a.elu.out(x, 1, 1, 1, out=out),
    "elu grad": lambda: a.elu_backward.grad_input(x, 1, 1, 1, True, y, grad_input=out),
    "gelu": lambda: a.gelu.out(x, out=out),
    "gelu grad": lambda: a.gelu_backward.grad_input(x, y, grad_input=out),
    "silu": lambda: a.silu.out(x, out=out),
    "silu grad": lambda: a.silu_backward.grad_input(x, y, grad_input=out),
    "sigmoid": lambda: torch.sigmoid(x, out=out),
    "tanh": lambda: torch.tanh(x, out=out),
    "softmax 88": lambda: torch.softmax(r88, 1, out=o88),
    "softmax 125": lambda: torch.softmax(r125, 1),
    "softmax grad 88": lambda: a._softmax_backward_data(o88, y88, 1, torch.float32),
    "layernorm 200": lambda: F.layer_norm(r200, [200], w, b),
    "layernorm grad 200": lambda: a.native_layer_norm_backward(o200, r200, [200], mean, rstd, w, b, [True, True, True]),
    "adam": lambda: opt.step(),
    "pool 4": lambda: F.avg_pool2d(x.view(1, 1, 1, N), (1, 4)),
    "pool 8": lambda: F.avg_pool2d(x.view(1, 1, 1, N), (1, 8)),
    "pool 75-15": lambda: F.avg_pool2d(x.view(1, 1, 1, N), (1, 75), (1, 15)),
    "pool grad 4": lambda: a.avg_pool2d_backward(y.view(1, 1, 1, N)[..., : N // 4], x.view(1, 1, 1, N), [1, 4], [1, 4], [0, 0], False, True, None),
    "pool grad 75-15": lambda: a.avg_pool2d_backward(
        y.view(1, 1, 1, N)[..., : (N - 75) // 15 + 1], x.view(1, 1, 1, N), [1, 75], [1, 15], [0, 0], False, True, None
    ),
    "mask": lambda: drop.bernoulli_(0.9),
    "mask scale": lambda: torch.mul(x, drop, out=out),
}
times = {k: [] for k in tests}
with torch.no_grad():
    for _ in range(31):
        for k, f in tests.items():
            f()
            t = time.thread_time_ns()
            for _ in range(30):
                f()
            times[k].append((time.thread_time_ns() - t) / 30 / N)
for k, v in times.items():
    print(f"{k:20s} {min(v):.3f} {np.median(v):.3f}")
