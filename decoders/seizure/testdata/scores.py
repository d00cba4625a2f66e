# Makes scores.json: what timescoring (https://github.com/esl-epfl/timescoring) says of random seizures and alarms.
#   pip download --no-deps timescoring==0.0.5; pip download --no-deps timescoring==0.0.7
#   python scores.py timescoring-0.0.5-py3-none-any.whl timescoring-0.0.7-py3-none-any.whl > scores.json
# (needs numpy and nptyping). Up to 0.0.5 an alarm was false where any part of it lay outside, from 0.0.6 on where all of it does.
import json
import random
import sys

import numpy as np


def load(wheel):
    for name in [m for m in sys.modules if m.startswith("timescoring")]:
        del sys.modules[name]
    sys.path.insert(0, wheel)
    from timescoring import annotations, scoring
    sys.path.pop(0)
    return annotations.Annotation, scoring.EventScoring


def spans(rng, n, most, longest):
    mask = np.zeros(n, dtype=bool)
    for _ in range(rng.randrange(most + 1)):
        at = rng.randrange(n)
        mask[at:at + 1 + rng.randrange(longest)] = True
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(int), [0]])))
    return [[a / 10, b / 10] for a, b in zip(edges[::2].tolist(), edges[1::2].tolist())]


versions = [load(w) for w in sys.argv[1:3]]
rng = random.Random(1)
cases = []
for i in range(60):
    n = rng.choice([6000, 18000, 36001])
    case = {"seconds": n / 10, "seizures": spans(rng, n, 5, rng.choice([300, 4000])), "alarms": spans(rng, n, 8, rng.choice([50, 1000, 5000]))}
    if i % 3 == 0:  # alarms near seizures
        for a, b in case["seizures"]:
            at = round(max(0, a - 40 + 60 * rng.random()), 1)
            case["alarms"].append([at, round(min(n / 10, at + 1 + 150 * rng.random()), 1)])
        mask = np.zeros(n, dtype=bool)
        for a, b in case["alarms"]:
            mask[round(a * 10):round(b * 10)] = True
        edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(int), [0]])))
        case["alarms"] = [[a / 10, b / 10] for a, b in zip(edges[::2].tolist(), edges[1::2].tolist())]
    for (Annotation, EventScoring), key in zip(versions, ["false_part", "false_whole"]):
        s = EventScoring(Annotation([tuple(e) for e in case["seizures"]], 10, n), Annotation([tuple(e) for e in case["alarms"]], 10, n))
        case.update({"events": int(s.refTrue), "detected": int(s.tp), key: int(s.fp)})
        if key == "false_part":
            for name, v in [("sensitivity", s.sensitivity), ("precision", s.precision), ("f1", s.f1), ("per_day", s.fpRate)]:
                case[name] = None if np.isnan(v) else float(v)
        elif case["f1"] is None and not np.isnan(s.f1):  # 0.0.5 has none without hits, 0.0.7 has 0
            assert s.f1 == 0 and s.tp == 0
            case["f1"] = 0.0
    cases.append(case)
print(json.dumps(cases, indent=None, separators=(",", ":")).replace('},{', '},\n{'))
