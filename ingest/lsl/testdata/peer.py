"""The real liblsl, on a leash: reads one command in JSON per line from standard input and answers with one line.

It is the other side of the interoperability tests (make interop): they start it, tell it to make outlets and inlets, and
compare what arrives. It calls the C functions of the library that comes with mne-lsl, so that no wrapper stands between.
LSLAPICFG says which ports it uses.

The values of sample k, channel c are value(k, c, format), here and in interop_test.go.
"""
import ctypes
import glob
import json
import os
import sys
import time

import mne_lsl

lib = ctypes.CDLL(glob.glob(os.path.join(os.path.dirname(mne_lsl.__file__), "lsl", "lib", "liblsl.so*"))[0])
c_double, c_int, c_void_p, c_char_p, c_ulong = ctypes.c_double, ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_ulong

for name, result in {
    "lsl_create_streaminfo": c_void_p, "lsl_create_outlet": c_void_p, "lsl_create_inlet": c_void_p, "lsl_get_desc": c_void_p,
    "lsl_append_child": c_void_p, "lsl_append_child_value": c_void_p, "lsl_get_fullinfo": c_void_p, "lsl_local_clock": c_double,
    "lsl_time_correction": c_double, "lsl_get_name": c_char_p, "lsl_get_type": c_char_p, "lsl_get_source_id": c_char_p, "lsl_get_uid": c_char_p,
    "lsl_get_xml": c_char_p, "lsl_get_nominal_srate": c_double, "lsl_library_info": c_char_p, "lsl_pull_chunk_f": c_ulong,
    "lsl_pull_chunk_d": c_ulong, "lsl_pull_chunk_l": c_ulong, "lsl_pull_chunk_i": c_ulong, "lsl_pull_chunk_s": c_ulong,
    "lsl_pull_chunk_c": c_ulong, "lsl_pull_chunk_str": c_ulong,
}.items():
    getattr(lib, name).restype = result

#         number, letter, C type, bits
FORMATS = {
    "float32": (1, "f", ctypes.c_float), "double64": (2, "d", c_double), "string": (3, "str", c_char_p), "int32": (4, "i", ctypes.c_int32),
    "int16": (5, "s", ctypes.c_int16), "int8": (6, "c", ctypes.c_int8), "int64": (7, "l", ctypes.c_int64),
}


def value(k, c, fmt):
    n = k * 7919 + c * 104729
    if fmt == "float32":
        return (n % 100003 - 50001) / 8
    if fmt == "double64":
        return (n % 100003 - 50001) / 3
    if fmt == "string":
        if n % 11 == 0:
            return ""
        return f"<{k}&{c} µ>" + "x" * (300 if n % 7 == 0 else 0)
    if fmt == "int64":
        return (n * 1000000007 * 9176263) % (1 << 63) * (-1 if n % 2 else 1)
    span = {"int32": 1 << 31, "int16": 1 << 15, "int8": 1 << 7}[fmt]
    return (n * 9176263) % (2 * span) - span


def block(first, n, channels, fmt):
    kind = FORMATS[fmt][2]
    flat = [value(k, c, fmt) for k in range(first, first + n) for c in range(channels)]
    if fmt == "string":
        flat = [v.encode() for v in flat]
    return (kind * len(flat))(*flat)


things = {}


def make_outlet(q):
    info = c_void_p(lib.lsl_create_streaminfo(q["name"].encode(), q["type"].encode(), q["channels"], c_double(q["rate"]),
                                              FORMATS[q["format"]][0], q["source_id"].encode()))
    if q.get("labels"):
        channels = c_void_p(lib.lsl_append_child(c_void_p(lib.lsl_get_desc(info)), b"channels"))
        for label in q["labels"]:
            ch = c_void_p(lib.lsl_append_child(channels, b"channel"))
            lib.lsl_append_child_value(ch, b"label", label.encode())
            lib.lsl_append_child_value(ch, b"unit", q["unit"].encode())
            lib.lsl_append_child_value(ch, b"type", b"EEG")
    out = c_void_p(lib.lsl_create_outlet(info, 0, q.get("buffer_s", 360)))
    things[q["id"]] = ("outlet", out, q)
    return {}


def push(q):
    _, out, o = things[q["id"]]
    letter, n, ch = FORMATS[o["format"]][1], q["n"], o["channels"]
    data = block(q["first"], n, ch, o["format"])
    if q["how"] == "sample":
        width = ctypes.sizeof(FORMATS[o["format"]][2]) * ch
        f = getattr(lib, f"lsl_push_sample_{letter}tp")
        for i in range(n):
            f(out, ctypes.byref(data, i * width), c_double(q["stamps"][i]), 1)
    elif q["how"] == "chunk":
        getattr(lib, f"lsl_push_chunk_{letter}tp")(out, data, c_ulong(n * ch), c_double(q["stamps"][0]), 1)
    else:
        getattr(lib, f"lsl_push_chunk_{letter}tnp")(out, data, c_ulong(n * ch), (c_double * n)(*q["stamps"]), 1)
    return {"clock": lib.lsl_local_clock()}


def make_inlet(q):
    found = (c_void_p * 16)()
    for _ in range(3):
        n = lib.lsl_resolve_bypred(found, 16, q["predicate"].encode(), 1, c_double(q.get("timeout", 10)))
        if n != -4:  # lsl_internal_error: its resolver throws, now and then, where an answer ends it while it still asks
            break    # (mended behind 1.17.7: the comment in send_next_query, resolve_attempt_udp.cpp)
        print("liblsl's resolver has thrown: asked again", file=sys.stderr)
    if n != 1:
        return {"error": f"{n} streams found"}
    inlet = c_void_p(lib.lsl_create_inlet(c_void_p(found[0]), q.get("buffer", 360), 0, 1))
    ec = c_int(0)
    lib.lsl_open_stream(inlet, c_double(10), ctypes.byref(ec))
    full = c_void_p(lib.lsl_get_fullinfo(inlet, c_double(10), ctypes.byref(ec)))
    things[q["id"]] = ("inlet", inlet, q)
    if ec.value:
        return {"error": f"liblsl says {ec.value}"}
    return {"xml": lib.lsl_get_xml(full).decode()}


def pull(q):
    _, inlet, i = things[q["id"]]
    letter, ch, n = FORMATS[i["format"]][1], i["channels"], q["n"]
    kind = FORMATS[i["format"]][2]
    values, stamps = [], []
    ec = c_int(0)
    until = time.monotonic() + q.get("timeout", 10)
    while len(stamps) < n and time.monotonic() < until and not ec.value:
        m = n - len(stamps)
        data, ts = (kind * (m * ch))(), (c_double * m)()
        got = getattr(lib, f"lsl_pull_chunk_{letter}")(inlet, data, ts, c_ulong(m * ch), c_ulong(m), c_double(0), ctypes.byref(ec))
        values += [v.decode() for v in data[:got]] if letter == "str" else data[:got]
        stamps += ts[:got // ch]
        if got == 0:
            time.sleep(0.002)
    return {"values": [repr(v) if isinstance(v, float) else v if isinstance(v, str) else str(v) for v in values], "stamps": stamps, "ec": ec.value}


def count(q):
    """Receives for a while and says how many samples came and at which rate. Looks at every value where check is set."""
    _, inlet, i = things[q["id"]]
    letter, ch = FORMATS[i["format"]][1], i["channels"]
    kind = FORMATS[i["format"]][2]
    n = q.get("chunk", 1024)
    data, ts = (kind * (n * ch))(), (c_double * n)()
    ec = c_int(0)
    pull = getattr(lib, f"lsl_pull_chunk_{letter}")
    pull(inlet, data, ts, c_ulong(n * ch), c_ulong(n), c_double(5), ctypes.byref(ec))
    total, began, cpu = 0, time.monotonic(), time.process_time()
    while time.monotonic() < began + q["seconds"]:
        got = pull(inlet, data, ts, c_ulong(n * ch), c_ulong(n), c_double(0), ctypes.byref(ec))
        total += got // ch
        if got == 0:
            time.sleep(0.0002)
    return {"samples": total, "seconds": time.monotonic() - began, "cpu": time.process_time() - cpu}


def flood(q):
    """Pushes chunks of 32 samples for a while, as fast as it can or at a rate of so many samples a second."""
    _, out, o = things[q["id"]]
    ch, n = o["channels"], 32
    data = block(0, n, ch, o["format"])
    push = getattr(lib, f"lsl_push_chunk_{FORMATS[o['format']][1]}tp")
    elements = c_ulong(n * ch)
    began, cpu, k = time.monotonic(), time.process_time(), 0
    while (now := time.monotonic()) < began + q["seconds"]:
        if q["rate"] and k * n > (now - began) * q["rate"]:
            time.sleep(0.0001)
            continue
        k += 1
        push(out, data, elements, c_double(1000 + k * n / o["rate"]), 1)
    return {"samples": k * n, "seconds": time.monotonic() - began, "cpu": time.process_time() - cpu}


def correction(q):
    ec = c_int(0)
    return {"offset": lib.lsl_time_correction(things[q["id"]][1], c_double(5), ctypes.byref(ec)), "ec": ec.value}


def resolve(q):
    found = (c_void_p * 256)()
    n = lib.lsl_resolve_all(found, 256, c_double(q["wait"]))
    return {"names": sorted(lib.lsl_get_name(c_void_p(f)).decode() for f in found[:n])}


def wait_consumers(q):
    return {"ok": bool(lib.lsl_wait_for_consumers(things[q["id"]][1], c_double(q.get("timeout", 10))))}


def close(q):
    what, thing, _ = things.pop(q["id"])
    (lib.lsl_destroy_outlet if what == "outlet" else lib.lsl_destroy_inlet)(thing)
    return {}


COMMANDS = {
    "outlet": make_outlet, "push": push, "inlet": make_inlet, "pull": pull, "count": count, "flood": flood, "correction": correction, "resolve": resolve,
    "wait_consumers": wait_consumers, "close": close, "clock": lambda q: {"clock": lib.lsl_local_clock()},
    "version": lambda q: {"version": lib.lsl_library_version(), "info": lib.lsl_library_info().decode(), "mne_lsl": mne_lsl.__version__},
}

if __name__ == "__main__":
    for line in sys.stdin:
        q = json.loads(line)
        try:
            answer = COMMANDS[q["cmd"]](q)
        except Exception as e:  # the test wants to know, not the terminal
            answer = {"error": f"{type(e).__name__}: {e}"}
        print(json.dumps(answer), flush=True)
