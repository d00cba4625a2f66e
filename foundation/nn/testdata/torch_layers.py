"""Outputs, gradients and optimiser steps of PyTorch, for the tests of package nn.

    python torch_layers.py > torch_layers.json        # PyTorch 2.15.0

Nothing is random: value k of array number j is sin(1.7 k + j) / 2, and the loss is Σ y·cos(0.9 k), k the position in y.
"""

import json

import torch

torch.manual_seed(0)


def wave(shape, j):
    n = int(torch.tensor(shape).prod())
    return (torch.sin(1.7 * torch.arange(n, dtype=torch.float64) + j) / 2).to(torch.float32).reshape(shape)


def run(module, names, in_shape, call):
    """Output, gradient by the input and by the parameters in the order of names."""
    params = dict(module.named_parameters())
    with torch.no_grad():
        for j, name in enumerate(names):
            params[name].copy_(wave(tuple(params[name].shape), j + 1))
    x = wave((2, *in_shape), 0).requires_grad_()
    y = call(module, x)
    (y.reshape(-1) * torch.cos(0.9 * torch.arange(y.numel()))).sum().backward()
    return {
        "y": y.detach().reshape(-1).tolist(),
        "dx": x.grad.reshape(-1).tolist(),
        "grads": [params[n].grad.reshape(-1).tolist() for n in names],
    }


def attention():
    """torch.nn.MultiheadAttention keeps the three maps in one array: here they are set from three."""
    m = torch.nn.MultiheadAttention(6, 2, batch_first=True)
    w = [wave((6, 6), 2 * j + 1) for j in range(4)]
    b = [wave((6,), 2 * j + 2) for j in range(4)]
    with torch.no_grad():
        m.in_proj_weight.copy_(torch.cat(w[:3]))
        m.in_proj_bias.copy_(torch.cat(b[:3]))
        m.out_proj.weight.copy_(w[3])
        m.out_proj.bias.copy_(b[3])
    x = wave((2, 5, 6), 0).requires_grad_()
    y, _ = m(x, x, x)
    (y.reshape(-1) * torch.cos(0.9 * torch.arange(y.numel()))).sum().backward()
    dw, db = m.in_proj_weight.grad.chunk(3), m.in_proj_bias.grad.chunk(3)
    grads = []
    for j in range(3):
        grads += [dw[j].reshape(-1).tolist(), db[j].tolist()]
    grads += [m.out_proj.weight.grad.reshape(-1).tolist(), m.out_proj.bias.grad.tolist()]
    return {"y": y.detach().reshape(-1).tolist(), "dx": x.grad.reshape(-1).tolist(), "grads": grads}


def steps(make):
    """Weights after each of 4 steps with the gradients wave(10 + step)."""
    w = wave((7,), 1).clone().requires_grad_()
    opt = make([w])
    out = []
    for s in range(4):
        w.grad = wave((7,), 10 + s)
        opt.step()
        out.append(w.detach().tolist())
    return out


rnn = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]
json.dump(
    {
        "torch": torch.__version__,
        "lstm": run(torch.nn.LSTM(3, 4, batch_first=True), rnn, (5, 3), lambda m, x: m(x)[0]),
        "gru": run(torch.nn.GRU(3, 4, batch_first=True), rnn, (5, 3), lambda m, x: m(x)[0]),
        "layer_norm": run(torch.nn.LayerNorm(6), ["weight", "bias"], (5, 6), lambda m, x: m(x)),
        "attention": attention(),
        "adam": steps(lambda p: torch.optim.Adam(p, lr=0.1)),
        "adamw": steps(lambda p: torch.optim.AdamW(p, lr=0.05, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1)),
        "sgd": steps(lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01)),
        "nesterov": steps(lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True)),
    },
    open(1, "w"),
)
