"""Writes vec.json: forward passes and gradients by PyTorch's automatic differentiation in float64, of float32 inputs.
Needs torch (made with 2.15.0). Run: python3 vec.py > vec.json
"""

import json

import torch
import torch.nn.functional as F

torch.manual_seed(7)
out = {}
N = 21


def draw(n=N):
    return (2 * torch.randn(n)).double().requires_grad_()


def numbers(t):
    return [float(v) for v in t.detach().reshape(-1)]


def case(name, f, *inputs):
    dy = None
    y = f(*inputs)
    dy = torch.randn(y.shape).double()
    grads = torch.autograd.grad(y, inputs, dy)
    out[name] = {"in": [numbers(v) for v in inputs], "y": numbers(y), "dy": numbers(dy), "grad": [numbers(g) for g in grads]}


case("relu", F.relu, draw())
case("elu", F.elu, draw())
case("gelu", F.gelu, draw())
case("silu", F.silu, draw())
case("sigmoid", torch.sigmoid, draw())
case("tanh", torch.tanh, draw())
case("softmax", lambda x: torch.softmax(x, 0), draw())
case("layernorm", lambda x, g, b: F.layer_norm(x, [N], g, b, 1e-5), draw(), draw(), draw())
for p, s in ((4, 4), (8, 8), (5, 3), (3, 5)):
    case(f"pool {p} {s}", lambda x: F.avg_pool1d(x[None], p, s)[0], draw(67))

w = draw(N)
start = numbers(w)
opt = torch.optim.AdamW([w], lr=0.01, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.1)
gradients = []
for _ in range(5):
    w.grad = torch.randn(N).double()
    gradients.append(numbers(w.grad))
    opt.step()
out["adam"] = {"in": [start, *gradients], "y": numbers(w), "dy": [], "grad": []}
print(json.dumps(out))
