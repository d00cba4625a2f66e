"""Outputs of trained EEGNets, and one training step of every network in PyTorch.

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


class Attention(nn.Module):
    """Multi-head attention, each head scaled by the root of its width; names are those of its four linear maps."""

    def __init__(self, width, heads, head, names):
        super().__init__()
        self.heads, self.head, self.names = heads, head, names
        for i, name in enumerate(names):
            self.add_module(name, nn.Linear(width, heads * head) if i < 3 else nn.Linear(heads * head, width))

    def forward(self, x):
        n, t, _ = x.shape
        q, k, v = (getattr(self, name)(x).reshape(n, t, self.heads, self.head).transpose(1, 2) for name in self.names[:3])
        a = torch.softmax(q @ k.transpose(2, 3) / self.head**0.5, dim=-1)
        return getattr(self, self.names[3])((a @ v).transpose(1, 2).reshape(n, t, -1))


class Add(nn.Module):
    """x + what the parts make of it, one behind the other. One part keeps its own name."""

    def __init__(self, **parts):
        super().__init__()
        self.order = list(parts)
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x):
        y = x
        for name in self.order:
            y = getattr(self, name)(y)
        return x + y


def conformer():
    f, heads = 8, 2
    shallownet = nn.Sequential(
        nn.Conv2d(1, f, (1, 15)), nn.Conv2d(f, f, (22, 1)), nn.BatchNorm2d(f), nn.ELU(), nn.AvgPool2d((1, 30), stride=(1, 10)))

    def block():
        attention = Attention(f, heads, f // heads, ["queries", "keys", "values", "projection"])
        dense = nn.Sequential(nn.Linear(f, 2 * f), nn.GELU(), nn.Identity(), nn.Linear(2 * f, f))
        return nn.Sequential(
            Add(fn=nn.Sequential(nn.LayerNorm(f), attention)), Add(fn=nn.Sequential(nn.LayerNorm(f), dense)))

    tokens = (200 - 15 + 1 - 30) // 10 + 1
    return nn.Sequential(OrderedDict(
        image=image(),
        patch_embedding=nn.Sequential(OrderedDict(shallownet=shallownet, projection=nn.Sequential(nn.Conv2d(f, f, 1)))),
        tokens=Reshape(lambda x: x[:, :, 0].transpose(1, 2)), transformer=nn.Sequential(block(), block()), flatten=nn.Flatten(),
        fc=nn.Sequential(OrderedDict(fc=nn.Sequential(
            nn.Linear(f * tokens, 256), nn.ELU(), nn.Identity(), nn.Linear(256, 32), nn.ELU()))),
        final_layer=nn.Linear(32, 4)))


class ATCNet(nn.Module):
    def __init__(self, windows=2, depth=2):
        super().__init__()
        f, d, taps, w = 4, 2, 4, 8
        self.conv_block = nn.Sequential(OrderedDict(
            image=image(), conv1=nn.Conv2d(1, f, (1, 16), padding="same", bias=False), bn1=nn.BatchNorm2d(f, eps=1e-4),
            conv2=nn.Conv2d(f, w, (22, 1), groups=f, bias=False), bn2=nn.BatchNorm2d(w, eps=1e-4), elu=nn.ELU(),
            pool=nn.AvgPool2d((1, 8)), conv3=nn.Conv2d(w, w, (1, 8), padding="same", bias=False), bn3=nn.BatchNorm2d(w, eps=1e-4),
            elu2=nn.ELU(), pool2=nn.AvgPool2d((1, 4))))
        self.windows = windows
        self.attention_blocks = nn.ModuleList(
            Add(ln=nn.LayerNorm(w, eps=1e-6), mha=Attention(w, 2, 3, ["fc_q", "fc_k", "fc_v", "fc_o"])) for _ in range(windows))

        def tcn(dilation):
            parts = {}
            for i in (1, 2):
                parts[f"pad{i}"] = nn.ZeroPad1d(((taps - 1) * dilation, 0))
                parts[f"conv{i}"] = nn.Conv1d(w, w, taps, dilation=dilation)
                parts[f"bn{i}"] = nn.BatchNorm1d(w)
                parts[f"elu{i}"] = nn.ELU()
            return Add(**parts)

        self.temporal_conv_nets = nn.ModuleList(nn.ModuleList(tcn(2**i) for i in range(depth)) for _ in range(windows))
        self.final_layer = nn.ModuleList(nn.Linear(w, 4) for _ in range(windows))

    def forward(self, x):
        x = self.conv_block(x)[:, :, 0]
        logits = []
        for w in range(self.windows):
            y = x[:, :, w:x.shape[2] - (self.windows - 1 - w)]
            y = self.attention_blocks[w](y.transpose(1, 2)).transpose(1, 2)
            for net in self.temporal_conv_nets[w]:
                y = nn.functional.elu(net(y))
            logits.append(self.final_layer[w](y[:, :, -1]))
        return torch.stack(logits).mean(0)


class EEGTCNet(nn.Module):
    def __init__(self):
        super().__init__()
        f, d, taps, out = 4, 2, 4, 6
        w = f * d
        self.eegnet_tc = nn.Sequential(OrderedDict(
            image=image(), conv1=nn.Conv2d(1, f, (1, 16), padding=(0, 8), bias=False), bn1=nn.BatchNorm2d(f),
            depthwise_conv=nn.Conv2d(f, w, (22, 1), groups=f, bias=False), bn2=nn.BatchNorm2d(w), elu2=nn.ELU(),
            pool1=nn.AvgPool2d((1, 8)), separable_conv_depthwise=nn.Conv2d(w, w, (1, w), padding=(0, w // 2), groups=w, bias=False),
            separable_conv_pointwise=nn.Conv2d(w, w, 1, bias=False), bn3=nn.BatchNorm2d(w), elu3=nn.ELU(), pool2=nn.AvgPool2d((1, f))))

        def unit(width, dilation):
            parts = OrderedDict()
            for at, wide in ((0, width), (5, out)):
                parts[f"pad{at}"] = nn.ZeroPad1d(((taps - 1) * dilation, 0))
                parts[str(at)] = nn.Conv1d(wide, out, taps, dilation=dilation, bias=False)
                parts[str(at + 2)] = nn.BatchNorm1d(out, eps=1e-3, momentum=0.01)
                parts[str(at + 3)] = nn.ELU()
            return nn.Sequential(parts)

        self.tcn_block = nn.ModuleDict({
            "layers": nn.ModuleList([unit(w, 1), unit(out, 2)]), "downsample": nn.Conv1d(w, out, 1)})
        self.final_layer = nn.Linear(out, 4)

    def forward(self, x):
        x = self.eegnet_tc(x)[:, :, 0]
        x = nn.functional.elu(self.tcn_block["layers"][0](x) + self.tcn_block["downsample"](x))
        x = nn.functional.elu(self.tcn_block["layers"][1](x) + x)
        return self.final_layer(x[:, :, -1])


class FBCNet(nn.Module):
    """The filters are numbers of no meaning here: their design is compared elsewhere. lengths are those of the design."""

    def __init__(self, lengths, spatial=4, segments=3):
        super().__init__()
        bands, width = len(lengths), len(lengths) * spatial
        self.spectral_filtering = nn.Module()
        self.spectral_filtering.fir_list = nn.Module()
        for i, n in enumerate(lengths):
            self.spectral_filtering.fir_list.register_buffer(str(i), uniform(n, 500 + i) * 0.2)
        self.bands, self.segments = bands, segments
        self.spatial_conv = nn.Sequential(nn.Conv2d(bands, width, (22, 1), groups=bands), nn.BatchNorm2d(width), nn.SiLU())
        self.final_layer = nn.Linear(width * segments, 4)

    def forward(self, x):
        n, c, t = x.shape
        filtered = []
        for i in range(self.bands):
            h = getattr(self.spectral_filtering.fir_list, str(i))
            filtered.append(nn.functional.conv1d(x.reshape(n * c, 1, t), h.flip(0)[None, None], padding=len(h) // 2).reshape(n, c, t))
        x = self.spatial_conv(torch.stack(filtered, 1))[:, :, 0]
        x = nn.functional.pad(x, (0, -t % self.segments))
        x = x.reshape(n, x.shape[1], self.segments, -1).var(-1, unbiased=True)
        return self.final_layer(torch.log(torch.clamp(x, 1e-6, 1e6)).flatten(1))


class CNNLSTM(nn.Module):
    def __init__(self):
        super().__init__()
        f, h = 6, 5
        self.conv1, self.prelu1, self.norm1 = nn.Conv1d(22, f, 5), nn.PReLU(f), nn.GroupNorm(1, f)
        self.conv2, self.norm2, self.prelu2 = nn.Conv1d(f, f, 5), nn.GroupNorm(1, f), nn.PReLU(f)
        self.lstm, self.norm3 = nn.LSTM(f, h, batch_first=True), nn.LayerNorm(h)
        self.dense, self.norm4, self.out = nn.Linear(h, 7), nn.LayerNorm(7), nn.Linear(7, 4)

    def forward(self, x):
        x = self.norm1(nn.functional.avg_pool1d(self.prelu1(self.conv1(x)), 4))
        x = self.prelu2(self.norm2(self.conv2(x)))
        x = self.lstm(x.transpose(1, 2))[0].amax(1)
        return self.out(self.norm4(torch.relu(self.dense(self.norm3(x)))))


class SignalJEPA(nn.Module):
    def __init__(self):
        super().__init__()
        self.spatial_conv = nn.ModuleDict({"1": nn.Conv1d(22, 3, 1)})
        blocks, width = OrderedDict(), 1
        for i, (f, taps, stride) in enumerate(((8, 32, 8), (16, 2, 2), (32, 2, 2), (64, 2, 2), (64, 2, 2))):
            parts = OrderedDict({"0": nn.Conv1d(width, f, taps, stride=stride, bias=False)})
            if i == 0:
                parts["2"] = nn.GroupNorm(f, f)
            parts["gelu"] = nn.GELU()
            blocks[str(i + 1)], width = nn.Sequential(parts), f
        self.feature_encoder = nn.Sequential(blocks)
        self.final_layer = nn.ModuleDict({"1": nn.Linear(3 * 2 * 64, 4)})

    def forward(self, x):
        x = self.spatial_conv["1"](x)
        n, c, t = x.shape
        x = self.feature_encoder(x.reshape(n * c, 1, t))  # [n·c, 64, 2]
        return self.final_layer["1"](x.reshape(n, c, 64, -1).transpose(2, 3).flatten(1))


class Encoder(nn.Module):
    """The pre-norm transformer encoder that the speed of transformers is measured with, on [22 tokens, samples]."""

    def __init__(self, width, depth=2, heads=4, hidden=24):
        super().__init__()

        def block():
            names = ["query", "key", "value", "projection"]
            m = nn.Module()
            m.norm1, m.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            m.attention = Attention(width, heads, width // heads, names)
            m.dense1, m.dense2 = nn.Linear(width, hidden), nn.Linear(hidden, width)
            return m

        self.blocks = nn.ModuleList(block() for _ in range(depth))
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, 4)

    def forward(self, x):
        for m in self.blocks:
            x = x + m.attention(m.norm1(x))
            x = x + m.dense2(nn.functional.gelu(m.dense1(m.norm2(x))))
        return self.out(self.norm(x).mean(1))


def rounded(x):
    return [float(f"{v:.9g}") for v in x]


def one_step(net, batch, samples, dtype):
    """One step of Adam with first weights and examples that the Go test makes again."""
    net.to(dtype).train()
    with torch.no_grad():
        for seed, (name, w) in enumerate(sorted(net.named_parameters())):
            u = uniform(w.numel(), seed + 1).reshape(w.shape)
            if "bnorm" in name:
                w.copy_(u * 0.2 + (1 if name.endswith("weight") else 0))
            elif w.dim() == 1 and name.endswith("weight"):  # of other norms, and slopes
                w.copy_(u * 0.2 + 1)
            else:
                w.copy_(u * (0.5 / (w[0].numel() if w.dim() > 1 else 10) ** 0.5))
    x = (uniform(batch * 22 * samples, 0).reshape(batch, 22, samples) * 2).to(dtype)
    y = torch.arange(batch) * 7 % 4
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)
    loss = nn.functional.cross_entropy(net(x), y)
    loss.backward()
    adam.step()
    return loss.item(), {name: w.grad.flatten().double() for name, w in net.named_parameters()}


def step(make, batch, samples, places=12):
    """One step in float64. The values of each tensor are taken at places spread over it. The step is made in float32, too:
    where a gradient is the small difference of large terms, that says how much of it rounding leaves."""
    _, single = one_step(make(), batch, samples, torch.float32)
    net = make()
    loss, gradients = one_step(net, batch, samples, torch.float64)
    out = {"batch": batch, "samples": samples, "loss": loss, "tensors": {}}
    for name, w in sorted(net.state_dict().items()):
        if name.endswith("num_batches_tracked"):
            continue
        at = torch.arange(places) * (w.numel() - 1) // (places - 1)
        entry = {"after": rounded(w.flatten()[at].tolist())}
        g = gradients.get(name)
        if g is not None:
            entry["gradient"] = rounded(g[at].tolist())
            entry["largest"] = rounded([g.abs().max().item()])[0]
            # All values count in this one, also those that are not listed.
            entry["product"] = rounded([(g * uniform(w.numel(), 777)).sum().item()])[0]
            entry["single"] = float(f"{(single[name] - g).abs().max().item():.2g}")
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
    "steps": {
        "EEGNet": step(eegnet, 16, 256, 24), "ShallowConvNet": step(shallow, 8, 400, 24), "Deep4Net": step(deep4, 8, 441, 24),
        "EEGConformer": step(conformer, 8, 200), "ATCNet": step(ATCNet, 8, 192), "EEGTCNet": step(EEGTCNet, 8, 192),
        "FBCNet": step(lambda: FBCNet([165, 83, 49]), 6, 100), "CNNLSTM": step(CNNLSTM, 8, 120),
        "SignalJEPA": step(SignalJEPA, 6, 300), "Encoder": step(lambda: Encoder(16), 8, 16),
    },
    "checkpoints": {name: checkpoint(f"{sys.argv[1]}/weights/eegnet-loso/runs/{name}", k) for name, k in runs.items()},
}, sys.stdout, indent=0)
