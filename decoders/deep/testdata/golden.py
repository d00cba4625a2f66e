"""Outputs of trained EEGNets and one training step of EEGNet, ShallowConvNet and Deep4Net in PyTorch.

    pip install torch==2.15.0
    python golden.py DATA > golden.json     # DATA: the folder that has weights/eegnet-loso

The networks are written from their descriptions, with the names of braindecode's parameters. Inputs and first weights
are numbers that the Go test makes again: see uniform.
"""
import json
import sys
from collections import OrderedDict

import torch
from torch import nn

torch.set_num_threads(1)


def uniform(n, seed):
    """n numbers in [-1, 1), multiples of 2**-23: a multiplicative hash of the position."""
    i = torch.arange(n, dtype=torch.int64) + seed * 1000003
    h = (i * 2654435761) % 2**32
    h = ((h ^ (h >> 15)) * 2246822519) % 2**32
    h = h ^ (h >> 13)
    return (h >> 8).to(torch.float64) / 2**23 - 1


class Reshape(nn.Module):
    def __init__(self, f):
        super().__init__()
        self.f = f

    def forward(self, x):
        return self.f(x)


def image():
    return Reshape(lambda x: x[:, None])


def deeptransfer(classes):
    """EEGNet-4,2 of github.com/sylyoung/DeepTransferEEG for 22 channels x 1001 samples at 250 Hz."""
    k = 125
    block1 = nn.Sequential(
        nn.ZeroPad2d((k // 2 - 1, k - k // 2, 0, 0)), nn.Conv2d(1, 4, (1, k), bias=False), nn.BatchNorm2d(4),
        nn.Conv2d(4, 8, (22, 1), groups=4, bias=False), nn.BatchNorm2d(8), nn.ELU(), nn.AvgPool2d((1, 4)), nn.Dropout(0.25))
    block2 = nn.Sequential(
        nn.ZeroPad2d((7, 8, 0, 0)), nn.Conv2d(8, 8, (1, 16), groups=8, bias=False), nn.Conv2d(8, 8, 1, bias=False),
        nn.BatchNorm2d(8), nn.ELU(), nn.AvgPool2d((1, 8)), nn.Dropout(0.25))
    features = nn.Sequential(OrderedDict(image=image(), block1=block1, block2=block2, flatten=nn.Flatten()))
    return nn.Sequential(OrderedDict([("0", features), ("1", nn.Sequential(OrderedDict(fc=nn.Linear(248, classes))))]))


def eegnet():
    norm = dict(eps=1e-3, momentum=0.01)
    return nn.Sequential(OrderedDict(
        image=image(),
        conv_temporal=nn.Conv2d(1, 8, (1, 64), padding="same", bias=False), bnorm_temporal=nn.BatchNorm2d(8, **norm),
        conv_spatial=nn.Conv2d(8, 16, (22, 1), groups=8, bias=False), bnorm_1=nn.BatchNorm2d(16, **norm), elu_1=nn.ELU(),
        pool_1=nn.AvgPool2d((1, 4)),
        conv_separable_depth=nn.Conv2d(16, 16, (1, 16), padding="same", groups=16, bias=False),
        conv_separable_point=nn.Conv2d(16, 16, 1, bias=False), bnorm_2=nn.BatchNorm2d(16, **norm), elu_2=nn.ELU(),
        pool_2=nn.AvgPool2d((1, 8)), final_layer=nn.Sequential(OrderedDict(conv_classifier=nn.Conv2d(16, 4, (1, 8)))),
        flatten=nn.Flatten()))


def front(filters, taps):
    return nn.Sequential(OrderedDict(conv_time=nn.Conv2d(1, filters, (1, taps)), conv_spat=nn.Conv2d(filters, filters, (22, 1), bias=False)))


def shallow():
    return nn.Sequential(OrderedDict(
        image=image(), conv_time_spat=front(40, 25), bnorm=nn.BatchNorm2d(40), square=Reshape(torch.square),
        pool=nn.AvgPool2d((1, 75), stride=(1, 15)), log=Reshape(lambda x: torch.log(torch.clamp(x, min=1e-6))),
        final_layer=nn.Sequential(OrderedDict(conv_classifier=nn.Conv2d(40, 4, (1, 21)))), flatten=nn.Flatten()))


def deep4():
    layers = OrderedDict(image=image(), conv_time_spat=front(25, 10), bnorm=nn.BatchNorm2d(25), elu=nn.ELU(), pool=nn.MaxPool2d((1, 3)))
    for b, width in ((2, 25), (3, 50), (4, 100)):
        layers[f"conv_{b}"] = nn.Conv2d(width, 2 * width, (1, 10), bias=False)
        layers[f"bnorm_{b}"] = nn.BatchNorm2d(2 * width)
        layers[f"nonlin_{b}"] = nn.ELU()
        layers[f"pool_{b}"] = nn.MaxPool2d((1, 3))
    layers["final_layer"] = nn.Sequential(OrderedDict(conv_classifier=nn.Conv2d(200, 4, (1, 1))))
    layers["flatten"] = nn.Flatten()
    return nn.Sequential(layers)


def rounded(x):
    return [float(f"{v:.9g}") for v in x]


def step(net, batch, samples):
    """One step of Adam in float64. The values of each tensor are taken at positions spread over it."""
    net.double().train()
    with torch.no_grad():
        for seed, (name, w) in enumerate(sorted(net.named_parameters())):
            u = uniform(w.numel(), seed + 1).reshape(w.shape)
            if "bnorm" in name:
                w.copy_(u * 0.2 + (1 if name.endswith("weight") else 0))
            else:
                w.copy_(u * (0.5 / (w[0].numel() if w.dim() > 1 else 10) ** 0.5))
    x = uniform(batch * 22 * samples, 0).reshape(batch, 22, samples) * 2
    y = torch.arange(batch) * 7 % 4
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)
    loss = nn.functional.cross_entropy(net(x), y)
    loss.backward()
    adam.step()
    out = {"batch": batch, "samples": samples, "loss": loss.item(), "tensors": {}}
    for name, w in sorted(net.state_dict().items()):
        if name.endswith("num_batches_tracked"):
            continue
        at = torch.arange(24) * (w.numel() - 1) // 23
        entry = {"after": rounded(w.flatten()[at].tolist())}
        g = dict(net.named_parameters()).get(name)
        if g is not None:
            entry["gradient"] = rounded(g.grad.flatten()[at].tolist())
            entry["largest"] = float(f"{g.grad.abs().max().item():.9g}")
        out["tensors"][name] = entry
    return out


def checkpoint(path, classes):
    net = deeptransfer(classes)
    net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    net.eval()
    x = (uniform(2 * 22 * 1001, 9) * 2).float().reshape(2, 22, 1001)
    with torch.no_grad():
        return {"classes": classes, "logits": rounded(net(x).flatten().tolist())}


runs = {f"BNCI2014001/EEGNet_S{s}_seed1.ckpt": 2 for s in (0, 4, 8)} | {f"BNCI2014001-4/EEGNet_S{s}_seed1.ckpt": 4 for s in (0, 4, 8)}
json.dump({
    "torch": torch.__version__,
    "steps": {"EEGNet": step(eegnet(), 16, 256), "ShallowConvNet": step(shallow(), 8, 400), "Deep4Net": step(deep4(), 8, 441)},
    "checkpoints": {name: checkpoint(f"{sys.argv[1]}/weights/eegnet-loso/runs/{name}", k) for name, k in runs.items()},
}, sys.stdout, indent=0)
