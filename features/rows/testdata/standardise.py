"""Writes standardise.json: scikit-learn's StandardScaler on rows that the Go test makes too. Run: python3 standardise.py"""

import json
import sys

import numpy as np
import sklearn
from sklearn.preprocessing import StandardScaler

x = np.array([[(7 * i * i + 31 * j) % 101 * 10.0 ** (3 * j - 3) + 5 * j for j in range(4)] + [7.25] for i in range(40)])
s = StandardScaler().fit(x[:30])
json.dump({"program": f"scikit-learn {sklearn.__version__}", "rows": s.transform(x[30:]).tolist()}, sys.stdout)
