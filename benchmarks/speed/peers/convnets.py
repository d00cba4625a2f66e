"""Convolutional networks for EEG in PyTorch and ONNX Runtime: a training step, and the answer to one window.

    python convnets.py eegnet-step | shallow-step | eegnet-one | eegnet-one-ort

Threads are what OMP_NUM_THREADS says, time is the processor's with SPEED_CLOCK=cpu; needs requirements-nets.txt. The networks are those of decoders/deep/bench_test.go:
22 channels, 4 classes, batch 32; EEGNet-8,2 with 64 taps on 500 samples, ShallowConvNet on 1000. Where PyTorch has more than
one way, all are timed in turn and the fastest counts: ShallowConvNet as two convolutions and with its kernels composed
into one (as braindecode does), one window eagerly and as a frozen, optimised script; each with and without oneDNN's
layout (channels_last). Prints the seconds of one call as a line of JSON.
"""
import json
import os
import statistics
import sys
import time
from collections import OrderedDict

import torch
from torch import nn

THREADS = int(os.environ.get("OMP_NUM_THREADS", "1"))
torch.set_num_threads(THREADS)
torch.manual_seed(0)
BATCH = 32
clock = time.process_time if os.environ.get("SPEED_CLOCK") == "cpu" else time.perf_counter


class EEGNet(nn.Sequential):
    def __init__(self, samples=500, classes=4):
        norm = dict(eps=1e-3, momentum=0.01)
        super().__init__(OrderedDict(
            conv_temporal=nn.Conv2d(1, 8, (1, 64), padding=(0, 32), bias=False), bnorm_temporal=nn.BatchNorm2d(8, **norm),
            conv_spatial=nn.Conv2d(8, 16, (22, 1), groups=8, bias=False), bnorm_1=nn.BatchNorm2d(16, **norm), elu_1=nn.ELU(),
            pool_1=nn.AvgPool2d((1, 4)), drop_1=nn.Dropout(0.25),
            conv_separable_depth=nn.Conv2d(16, 16, (1, 16), padding=(0, 8), groups=16, bias=False),
            conv_separable_point=nn.Conv2d(16, 16, 1, bias=False), bnorm_2=nn.BatchNorm2d(16, **norm), elu_2=nn.ELU(),
            pool_2=nn.AvgPool2d((1, 8)), drop_2=nn.Dropout(0.25), flatten=nn.Flatten(), classifier=nn.Linear(16 * 15, classes)))


class Front(nn.Module):
    """Temporal and spatial filters, in two steps or composed into one convolution."""

    def __init__(self, composed):
        super().__init__()
        self.time, self.space, self.composed = nn.Conv2d(1, 40, (1, 25)), nn.Conv2d(40, 40, (22, 1), bias=False), composed

    def forward(self, x):
        if not self.composed:
            return self.space(self.time(x))
        kernel = torch.einsum("ofc,fk->ock", self.space.weight[..., 0], self.time.weight[:, 0, 0])
        bias = torch.einsum("ofc,f->o", self.space.weight[..., 0], self.time.bias)
        return nn.functional.conv1d(x[:, 0], kernel, bias)[:, :, None]


class Shallow(nn.Module):
    def __init__(self, composed, classes=4):
        super().__init__()
        self.front, self.norm, self.pool = Front(composed), nn.BatchNorm2d(40), nn.AvgPool2d((1, 75), stride=(1, 15))
        self.drop, self.out = nn.Dropout(0.5), nn.Linear(40 * 61, classes)

    def forward(self, x):
        x = torch.log(torch.clamp(self.pool(torch.square(self.norm(self.front(x)))), min=1e-6))
        return self.out(self.drop(x).flatten(1))


def stepper(net, samples, layout):
    net = net.train().to(memory_format=layout)
    x = torch.randn(BATCH, 1, 22, samples).to(memory_format=layout)
    y = torch.arange(BATCH) % 4
    adam = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)

    def step():
        adam.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(net(x), y).backward()
        adam.step()
    return step


def best(ways, blocks):
    """The seconds of one call in the fastest way. All take turns of at least 0.2 s, whose mean counts, as in a Go benchmark:
    what the machine does besides delays both alike. The median over turns is taken."""
    calls = {}
    for name, f in ways.items():
        f()
        t = clock()
        f()
        calls[name] = max(1, round(0.2 / (clock() - t)))
    times = {name: [] for name in ways}
    for _ in range(blocks):
        for name, f in ways.items():
            t = clock()
            for _ in range(calls[name]):
                f()
            times[name].append((clock() - t) / calls[name])
    medians = {name: statistics.median(t) for name, t in times.items()}
    name = min(medians, key=medians.get)
    return name, medians[name]


def report(peer, way, seconds):
    print(json.dumps({"peer": f"{peer}, {way}, {THREADS} thread{'s' * (THREADS > 1)}", "median": seconds}))


def steps(make, samples):
    ways = {}
    for what, net in make.items():
        for layout in (torch.contiguous_format, torch.channels_last):
            ways[f"{what}{'channels_last' if layout == torch.channels_last else 'eager'}"] = stepper(net(), samples, layout)
    report(f"PyTorch {torch.__version__}", *best(ways, 3))


def one():
    net, x = EEGNet().eval(), torch.randn(1, 1, 22, 500)
    with torch.inference_mode():
        script = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(EEGNet().eval(), x)))
        for _ in range(50):
            net(x), script(x)
        report(f"PyTorch {torch.__version__}", *best({"eager": lambda: net(x), "frozen script": lambda: script(x)}, 5))


def one_ort():
    import numpy as np
    import onnx
    import onnxruntime
    from onnx import helper, numpy_helper

    net = EEGNet().eval()
    nodes, weights, value = [], [], "x"

    def node(kind, params=(), **attributes):
        nonlocal value
        names = []
        for p in params:
            names.append(f"w{len(weights)}")
            weights.append(numpy_helper.from_array(np.ascontiguousarray(p.detach().numpy()), names[-1]))
        nodes.append(helper.make_node(kind, [value, *names], [f"v{len(nodes)}"], **attributes))
        value = nodes[-1].output[0]

    for layer in net:
        if isinstance(layer, nn.Conv2d):
            top, left = layer.padding
            node("Conv", [layer.weight], group=layer.groups, pads=[top, left, top, left])
        elif isinstance(layer, nn.BatchNorm2d):
            node("BatchNormalization", [layer.weight, layer.bias, layer.running_mean, layer.running_var], epsilon=layer.eps)
        elif isinstance(layer, nn.ELU):
            node("Elu")
        elif isinstance(layer, nn.AvgPool2d):
            node("AveragePool", kernel_shape=list(layer.kernel_size), strides=list(layer.kernel_size))
        elif isinstance(layer, nn.Flatten):
            node("Flatten")
        elif isinstance(layer, nn.Linear):
            node("Gemm", [layer.weight, layer.bias], transB=1)
        elif not isinstance(layer, nn.Dropout):
            sys.exit(f"convnets.py: {layer} is not translated")
    tensor = lambda name, shape: helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, "eegnet", [tensor("x", [1, 1, 22, 500])], [tensor(value, [1, 4])], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = THREADS, 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    x = torch.randn(1, 1, 22, 500)
    with torch.inference_mode():
        np.testing.assert_allclose(session.run(None, {"x": x.numpy()})[0], net(x).numpy(), atol=1e-5)
    feed = {"x": x.numpy()}
    bound = session.io_binding()
    bound.bind_cpu_input("x", x.numpy())
    bound.bind_output(value)
    ways = {"run": lambda: session.run(None, feed), "bound": lambda: session.run_with_iobinding(bound)}
    report(f"ONNX Runtime {onnxruntime.__version__}", *best(ways, 5))


if __name__ == "__main__":
    {
        "eegnet-step": lambda: steps({"": EEGNet}, 500),
        "shallow-step": lambda: steps({"two convolutions, ": lambda: Shallow(False), "composed, ": lambda: Shallow(True)}, 1000),
        "eegnet-one": one,
        "eegnet-one-ort": one_ort,
    }[sys.argv[1]]()
