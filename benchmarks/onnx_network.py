"""The network in ONNX."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def build(weights: Mapping[str, np.ndarray]) -> bytes:
    """Give the network as an ONNX model: input ``flux`` of shape (n, 1, 140), output ``logits``."""
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants, x = [], [], "flux"

    def constant(name: str, array: np.ndarray) -> str:
        constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def add(kind: str, inputs: list[str], **attributes: object) -> str:
        output = f"{kind}-{len(nodes)}"
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    names = sorted(name[:-7] for name in weights if name.endswith(".kernel"))
    for number, name in enumerate(one for one in names if one.startswith("convolutions.")):
        kernel = constant(f"{name}.kernel", weights[f"{name}.kernel"].transpose(2, 1, 0))
        x = add("Relu", [add("Conv", [x, kernel, constant(f"{name}.bias", weights[f"{name}.bias"])])])
        if number % 2:
            x = add("MaxPool", [x], kernel_shape=[2], strides=[2])
    x = add("Flatten", [add("Transpose", [x], perm=[0, 2, 1])], axis=1)
    for name in [*(one for one in names if one.startswith("hidden.")), "output"]:
        parts = [constant(f"{name}.{kind}", weights[f"{name}.{kind}"]) for kind in ("kernel", "bias")]
        x = add("Gemm", [x, *parts])
        x = add("Relu", [x]) if name != "output" else x
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("flux", TensorProto.FLOAT, ["n", 1, 140])],
        [helper.make_tensor_value_info(x, TensorProto.FLOAT, ["n", 3])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    content: bytes = model.SerializeToString()
    return content
