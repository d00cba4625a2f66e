"""Golden quantiles: numpy.quantile(method="inverted_cdf") on a sequence that both sides can make exactly."""
import json
import sys

import numpy as np

cases = []
for n in (1, 2, 3, 10, 99, 100, 101, 1000, 4999):
    x = np.array([(i * 7919) % 10007 / 8 for i in range(n)])  # exact in binary
    p = [0.0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0]
    cases.append({"n": n, "p": p, "q": np.quantile(x, p, method="inverted_cdf").tolist()})
json.dump({"numpy": np.__version__, "cases": cases}, sys.stdout, indent=1)
sys.stdout.write("\n")
