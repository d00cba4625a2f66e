"""Writes small checkpoints with PyTorch, and what PyTorch reads from them and from trained checkpoints.

    python golden.py $GYRUS_DATA    # in a virtual environment with torch and numpy

golden.json:  per file of this folder: tensors (name, dtype, shape, SHA-256 of the little-endian row-major values as they
              are, and as float32 where that holds them), and the other values.
eegnet.json:  per trained checkpoint: name, shape and SHA-256 of the little-endian float32 values of each tensor.
"""
import collections
import hashlib
import io
import json
import pathlib
import sys
import zipfile

import numpy as np
import torch

here = pathlib.Path(__file__).parent
DTYPES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
          torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL"}


def sha(raw):
    return hashlib.sha256(raw).hexdigest()


def raw(t):
    t = t.detach().contiguous()
    if t.dtype == torch.bfloat16:
        return t.view(torch.int16).numpy().astype("<i2").tobytes()
    a = t.numpy()
    return a.astype(a.dtype.newbyteorder("<")).tobytes()


def float32(t):
    f = t.detach().to(torch.float32).contiguous()
    exact = torch.equal(torch.nan_to_num(f.to(torch.float64)), torch.nan_to_num(t.detach().to(torch.float64)))
    if t.dtype == torch.int64:
        exact = all(int(a) == int(b) for a, b in zip(f.flatten().tolist(), t.flatten().tolist()))
    return sha(f.numpy().astype("<f4").tobytes()) if exact else ""


def leaves(v, name=""):
    if isinstance(v, dict):
        for k, w in v.items():
            yield from leaves(w, f"{name}.{k}" if name else str(k))
    elif isinstance(v, (list, tuple)):
        for i, w in enumerate(v):
            yield from leaves(w, f"{name}.{i}" if name else str(i))
    else:
        yield name, v


def describe(path, own=False):
    tensors, values = [], []
    for name, v in leaves(torch.load(path, weights_only=not own, map_location="cpu")):
        if isinstance(v, torch.Tensor):
            tensors.append({"name": name or "tensor", "dtype": DTYPES[v.dtype], "shape": list(v.shape), "raw": sha(raw(v)), "f32": float32(v)})
        else:
            values.append({"name": name, "value": str(v)})
    return {"tensors": tensors, "values": values}


def rewritten(name, change):
    """Packs a checkpoint again, with other members."""
    src = zipfile.ZipFile(here / name)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for n in src.namelist():
            data = change(n, src.read(n))
            if data is not None:
                z.writestr(zipfile.ZipInfo(n, (1980, 1, 1, 0, 0, 0)), data)
    return out.getvalue()


def main():
    torch.manual_seed(7)
    save = lambda name, v, **kw: torch.save(v, here / name, **kw)
    special = [0.0, -0.0, 1.0, -2.5, float("inf"), float("-inf"), float("nan"), 65504.0, 6e-8, 6.1e-5, 1 / 3]
    save("float16.pt", {"w": torch.tensor(special, dtype=torch.float16), "m": torch.randn(3, 5).half()})
    save("bfloat16.pt", {"w": torch.tensor(special + [3e38, 1e-40], dtype=torch.bfloat16), "m": torch.randn(4, 2).bfloat16()})
    save("ints.pt", {
        "i64": torch.tensor([0, -1, 2**53, 2**53 + 1, -2**63, 2**63 - 1]), "i64_small": torch.tensor([[1, -2], [3, 40000]]),
        "i32": torch.tensor([-2**31, 2**31 - 1, 5], dtype=torch.int32), "i16": torch.tensor([-2**15, 2**15 - 1], dtype=torch.int16),
        "i8": torch.tensor([-128, 127], dtype=torch.int8), "u8": torch.tensor([0, 255], dtype=torch.uint8),
        "bool": torch.tensor([True, False, True]), "f64": torch.tensor([1 / 3, 0.5, 1e300], dtype=torch.float64)})
    base = torch.arange(60, dtype=torch.float32).reshape(3, 4, 5)
    save("views.pt", collections.OrderedDict(
        base=base, transposed=base.transpose(0, 2), permuted=base.permute(1, 0, 2), step=base[:, ::2, 1::3], offset=base[1:, 2],
        one=base[2, 3, 4], expanded=torch.tensor([[1.0], [2.0]]).expand(2, 1000), column=base[:, :1, :], flat=base.view(-1)[7:23],
        channels_last=torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)))
    net = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 2))
    opt = torch.optim.Adam(net.parameters(), lr=1e-3, betas=(0.9, 0.99))
    net(torch.randn(8, 4)).square().sum().backward()
    opt.step()
    save("optimiser.pt", {"epoch": 12, "loss": 0.25, "best": None, "done": True, "tag": "früh µV", "seed": 2**63 + 11, "history": [1.5, [2, 3]],
                          "size": torch.Size([2, 3]), "dtype": torch.float32, "model": net.state_dict(), "optimizer": opt.state_dict()})
    save("parameter.pt", {"p": torch.nn.Parameter(torch.randn(2, 2)), "tied": [net[0].weight, net[0].weight]})
    save("empty.pt", {"e": torch.zeros(0), "e2": torch.zeros(3, 0, 2), "nothing": {}, "s": torch.tensor(3.5)})
    save("scalar.pt", torch.tensor(-7.25))
    save("protocol4.pt", {"w": torch.randn(3), "p": torch.nn.Parameter(torch.randn(2)), "n": 2**40}, pickle_protocol=4)
    torch.save({"w": torch.randn(3)}, here / "legacy.pt", _use_new_zipfile_serialization=False)

    save("big.pt", {"f32": torch.randn(2, 3), "i64": torch.tensor([1, -2]), "u8": torch.tensor([9], dtype=torch.uint8), "t": torch.randn(3, 2).T})
    widths = {"0": 4, "1": 8, "2": 1, "3": 4}

    def swap(n, data):
        head, _, tail = n.partition("/")
        if tail == "byteorder":
            return b"big"
        if tail.startswith("data/"):
            return np.frombuffer(data, f"V{widths[tail[5:]]}").view(np.uint8).reshape(-1, widths[tail[5:]])[:, ::-1].tobytes()
        return data
    big = rewritten("big.pt", swap)
    (here / "big.pt").write_bytes(big)
    # as torch before 2.1 wrote: no byteorder, nothing hidden
    (here / "old.pt").write_bytes(rewritten("views.pt", lambda n, d: d if n.endswith(("/data.pkl", "/version")) or "/data/" in n and "/.data" not in n else None))

    files = sorted(p.name for p in here.glob("*.pt") if p.name != "legacy.pt")
    all16 = np.arange(65536, dtype=np.uint16)
    f16 = all16.view(np.float16).astype("<f4")
    bf16 = torch.from_numpy(all16.view(np.int16)).view(torch.bfloat16).float().numpy().astype("<f4")
    golden = {"torch": torch.__version__,
              # all 65536 patterns as float32, NaN as 0
              "float16": sha(np.where(np.isnan(f16), np.float32(0), f16).tobytes()),
              "bfloat16": sha(np.where(np.isnan(bf16), np.float32(0), bf16).tobytes()),
              "files": {f: describe(here / f, own=True) for f in files}}
    (here / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")

    data = pathlib.Path(sys.argv[1])
    trained = {}
    for p in sorted((data / "weights/eegnet-loso").rglob("*.ckpt")):
        trained[p.relative_to(data).as_posix()] = [[t["name"], t["shape"], t["f32"]] for t in describe(p)["tensors"]]
    text = json.dumps(trained, separators=(",", ":")).replace('"weights/', '\n"weights/').replace("]],[[", "]],\n[[")
    (here / "eegnet.json").write_text(text + "\n")


main()
