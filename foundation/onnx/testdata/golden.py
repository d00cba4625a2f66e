"""Writes with the onnx package the models that TestGoldenBytes writes with gyrus: every byte must be the same.

    python golden.py    # in a virtual environment with requirements.txt
"""
import pathlib

import numpy as np
from onnx import TensorProto, checker, helper

here = pathlib.Path(__file__).parent


def const(name, values, dims, kind=TensorProto.FLOAT):
    a = np.array(values, "<i8" if kind == TensorProto.INT64 else "<f4")
    return helper.make_tensor(name, kind, dims, a.tobytes(), raw=True)


def write(name, nodes, inputs, outputs, consts):
    value = lambda v: helper.make_tensor_value_info(v[0], TensorProto.FLOAT, v[1])
    graph = helper.make_graph(nodes, name, [value(v) for v in inputs], [value(v) for v in outputs], consts)
    model = helper.make_model(graph, producer_name="gyrus", ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    checker.check_model(model, full_check=True)
    (here / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))


write("gemm",
      [helper.make_node("Gemm", ["x", "w", "b"], ["z"], transB=1, alpha=0.5),
       helper.make_node("Softmax", ["z"], ["y"], axis=-1)],
      [("x", ["batch", 3])], [("y", ["batch", 2])],
      [const("w", [1, -2, 3, 0.25, 1e-9, 7], [2, 3]), const("b", [0.5, -0.5], [2])])
write("conv",
      [helper.make_node("Conv", ["x", "w"], ["c"], auto_pad="VALID", strides=[1, 2]),
       helper.make_node("Slice", ["c", "begin", "end", "", "step"], ["y"])],
      [("x", [1, 1, 3, 300])], [("y", [1, 2, 1, "time"])],
      [const("w", np.arange(12) / 4, [2, 1, 3, 2]), const("begin", [0, 0, 0, 0], [4], TensorProto.INT64),
       const("end", [1, 2, 1, -3], [4], TensorProto.INT64), const("step", [1, 1, 1, 2], [4], TensorProto.INT64)])
