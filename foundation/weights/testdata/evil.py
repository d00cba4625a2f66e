"""Writes checkpoints that must be refused: in Python, some of them would run a program.

    python evil.py    # the standard library is enough

evil.json: per name the file in base64 and, where an opcode is at fault, which one and at which byte of data.pkl, by the
disassembly of pickletools.
"""
import base64
import io
import json
import pathlib
import pickletools
import struct
import zipfile

here = pathlib.Path(__file__).parent
P = b"\x80\x02"


def s(text):
    b = text.encode()
    return b"X" + struct.pack("<I", len(b)) + b


def storage(key="0", cls=b"ctorch\nFloatStorage\n", n=b"K\x04", kind="storage"):
    return b"(" + s(kind) + cls + s(key) + s("cpu") + n + b"tQ"


def tensor(store=None, offset=b"K\x00", size=b"K\x04\x85", stride=b"K\x01\x85"):
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + (store or storage()) + offset + size + stride + b"\x89ccollections\nOrderedDict\n)RtR"


def archive(pkl, members=None, method=zipfile.ZIP_STORED, version=b"3\n"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        put = lambda name, data: z.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, method)
        put("a/data.pkl", pkl)
        put("a/byteorder", b"little")
        for name, data in (members or {"a/data/0": struct.pack("<4f", 1, 2, 3, 4)}).items():
            put(name, data)
        put("a/version", version)
    return out.getvalue()


# name: (pickle, the opcode that must be refused: its name, and which of that name, from 0; None: not an opcode)
run = b"cposix\nsystem\n(" + s("touch /tmp/owned") + b"tR."
pickles = {
    "os-system": (P + run, ("GLOBAL", 0)),
    "os-system-named": (P + b"cos\nsystem\n(" + s("true") + b"tR.", ("GLOBAL", 0)),
    "eval": (P + b"c__builtin__\neval\n(" + s("1+1") + b"tR.", ("GLOBAL", 0)),
    "builtins-eval": (b"\x80\x04" + b"\x8c\x08builtins\x8c\x04eval\x93" + b"\x8c\x031+1\x85R.", ("STACK_GLOBAL", 0)),
    "numpy-scalar": (P + b"cnumpy.core.multiarray\nscalar\n.", ("GLOBAL", 0)),
    "nested": (P + b"}(" + s("model") + b"}(" + s("w") + tensor() + s("hook") + b"](K\x01csubprocess\nPopen\n" + s("sh") + b"\x85Reuu.", ("GLOBAL", 3)),
    "attribute": (b"\x80\x04" + b"\x8c\x05torch\x8c\x0ahub.system\x93.", ("STACK_GLOBAL", 0)),
    "torch-load": (P + b"ctorch\nload\n" + s("/etc/passwd") + b"\x85R.", ("GLOBAL", 0)),
    "build-tensor": (P + tensor() + b"}" + s("__setstate__") + b"K\x01sb.", ("BUILD", 0)),
    "build-dict": (P + b"}}b.", ("BUILD", 0)),
    "build-state": (P + b"ccollections\nOrderedDict\n)R(NK\x01tb.", ("BUILD", 0)),
    "reduce-string": (P + s("print") + b")R.", ("REDUCE", 0)),
    "reduce-storage": (P + b"ctorch\nFloatStorage\nK\x01\x85R.", ("REDUCE", 0)),
    "reduce-list": (P + b"ccollections\nOrderedDict\n]\x85R.", ("REDUCE", 0)),
    "newobj": (P + b"ccollections\nOrderedDict\n)\x81.", ("NEWOBJ", 0)),
    "inst": (P + b"(iposix\nsystem\n.", ("INST", 0)),
    "obj": (P + b"(ccollections\nOrderedDict\no.", ("OBJ", 0)),
    "ext1": (P + b"\x82\x01.", ("EXT1", 0)),
    "ext4": (P + b"\x84\x01\x00\x00\x00.", ("EXT4", 0)),
    "persid": (P + b"P0\n.", ("PERSID", 0)),
    "persistent-number": (P + b"K\x01Q.", ("BINPERSID", 0)),
    "persistent-kind": (P + storage(kind="module") + b".", ("BINPERSID", 0)),
    "persistent-class": (P + storage(cls=b"ccollections\nOrderedDict\n") + b".", ("BINPERSID", 0)),
    "persistent-key": (P + storage(key="../version") + b".", ("BINPERSID", 0)),
    "persistent-count": (P + tensor(storage(n=b"J\xff\xff\xff\x7f")) + b".", ("BINPERSID", 0)),
    "persistent-type": (P + tensor(storage(cls=b"ctorch\nDoubleStorage\n")) + b".", ("BINPERSID", 0)),
    "beyond": (P + tensor(size=b"K\x05\x85") + b".", ("REDUCE", 1)),
    "offset": (P + tensor(offset=b"K\x01") + b".", ("REDUCE", 1)),
    "negative-offset": (P + tensor(offset=b"J\xff\xff\xff\xff") + b".", ("REDUCE", 1)),
    "negative-size": (P + tensor(size=b"J\xff\xff\xff\xff\x85") + b".", ("REDUCE", 1)),
    "negative-stride": (P + tensor(stride=b"J\xff\xff\xff\xff\x85") + b".", ("REDUCE", 1)),
    "overflow": (P + tensor(size=b"\x8a\x08" + b"\xff" * 7 + b"\x7f" + b"K\x04\x86", stride=b"K\x01K\x00\x86") + b".", ("REDUCE", 1)),
    "overflow-stride": (P + tensor(size=b"K\x02K\x03\x86", stride=(b"\x8a\x08" + b"\xff" * 7 + b"\x7f") * 2 + b"\x86") + b".", ("REDUCE", 1)),
    "stride-count": (P + tensor(stride=b")") + b".", ("REDUCE", 1)),
    "huge-string": (P + b"X\xff\xff\xff\xff" + b"abc.", ("BINUNICODE", None)),
    "huge-long": (P + b"\x8b\x00\x00\x00\x7f" + b"abc.", ("LONG4", None)),
    "huge-memo": (P + b"}r\xff\xff\xff\xff.", ("LONG_BINPUT", 0)),
    "unknown-memo": (P + b"h\x07.", ("BINGET", 0)),
    "marks": (P + b"(" * 2000 + b".", ("MARK", 1024)),
    "underflow": (P + b"K\x01(\x85.", ("TUPLE1", 0)),
    "text-protocol": (b"(dp0\n.", ("DICT", 0)),
    "list-key": (P + b"}]K\x01s.", ("SETITEM", 0)),
    "no-stop": (P + b"}", None),
    "two-values": (P + b"}}.", ("STOP", 0)),
    "trailing": (P + b"}.cos\nsystem\n", ("STOP", 0)),
    # these run to the end, and are refused when they are unfolded
    "itself": (P + b"}q\x00" + s("a") + b"h\x00s.", None),
    "expanded": (P + b"}" + s("w") + tensor(size=b"J\x00\x00\x00\x70\x85", stride=b"K\x00\x85") + b"s.", None),
    "class-as-value": (P + b"}" + s("w") + b"ctorch\nFloatStorage\ns.", None),
    "same-name": (P + b"}(" + s("a.b") + tensor() + s("a") + b"}" + s("b") + tensor() + b"su.", None),
}
# each dictionary holds the one before it twice
laughs = P + b"(" + b"}q\x00" + s("a") + b"K\x01s"
for i in range(1, 40):
    laughs += b"}q" + bytes([i]) + b"(" + s("a") + b"h" + bytes([i - 1]) + s("b") + b"h" + bytes([i - 1]) + b"u"
pickles["laughs"] = (laughs + b"t.", None)


def place(pkl, op):
    """The byte offset of an opcode."""
    name, which = op
    if which is None:
        return 2  # right behind PROTO: pickletools cannot read its argument either
    found = [pos for o, _, pos in pickletools.genops(io.BytesIO(pkl + b".")) if o.name == name]
    return found[which]


def text(data):
    return base64.b64encode(data).decode()


def main():
    places = {}
    for name, (pkl, op) in pickles.items():
        places[name] = {"file": text(archive(pkl)), **({"op": op[0], "offset": place(pkl, op)} if op else {})}
    good = P + b"}" + s("w") + tensor() + b"s."
    four = struct.pack("<4f", 1, 2, 3, 4)
    files = {
        "deflated": archive(good, {"a/data/0": bytes(1 << 22)}, zipfile.ZIP_DEFLATED),
        "crc": archive(good).replace(four, struct.pack("<4f", 1, 2, 3, 5)),
        "cut": archive(good)[:-30],
        "no-storage": archive(good, {"a/data/1": four}),
        "no-pickle": archive(good).replace(b"data.pkl", b"data.pk_"),
        "torchscript": archive(good, {"a/data/0": four, "a/constants.pkl": b"."}),
        "version": archive(good, version=b"99\n"),
    }
    # two members on the same bytes: the directory's second storage points at the first
    two = archive(P + b"}.", {"a/data/0": four, "a/data/1": four})
    first = two.index(b"a/data/0", two.index(b"PK\x01\x02"))
    second = two.index(b"a/data/1", first)
    files["overlap"] = two[:second - 4] + two[first - 4:first] + two[second:]
    # a directory that claims 2 GiB
    big = bytearray(archive(good))
    at = big.index(b"a/data/0", big.index(b"PK\x01\x02"))
    big[at - 26:at - 18] = struct.pack("<II", 0x7fffffff, 0x7fffffff)
    files["claims"] = bytes(big)
    for name, data in files.items():
        places[name] = {"file": text(data)}
    (here / "evil.json").write_text(json.dumps(places, indent=1) + "\n")


main()
