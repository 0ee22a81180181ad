"""Write heads.tflite: a small network with three outputs, each of its own shape, type and scale.

It looks at a grey picture of 6 x 10 pixels, 10 wide: `scores` (1, 2) say whether it is dark or
bright, `map` (1, 6, 10, 3) holds each pixel's brightness, twice that less one, and one less
twice that, `best` (1, 1) is the place of the highest score. So every output can be told from
the picture. Run it again only to change the model:
``PYTHONPATH=.:tests python tests/data/make_heads.py``.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edge_agent.common.arrays import F32
from quantization.convert import convert

HEIGHT, WIDTH = 6, 10


def network() -> onnx.ModelProto:
    """Conv 1 x 1 to three maps; their means to two scores, 40 times as large; ArgMax."""
    # What is at 0.5 is neither dark nor bright.
    maps = {"gain": np.array([1, 2, -2], np.float32), "shift": np.array([0, -1, 1], np.float32)}
    scores = np.array([[0, -20, 20], [0, 20, -20]], np.float32)
    nodes = [
        helper.make_node("Conv", ["input", "gain", "shift"], ["map"], name="maps"),
        helper.make_node("GlobalAveragePool", ["map"], ["pooled"], name="pool"),
        helper.make_node("Flatten", ["pooled"], ["means"], name="flat"),
        helper.make_node("Gemm", ["means", "mix"], ["scores"], name="scores", transB=1),
        helper.make_node("ArgMax", ["scores"], ["best"], name="best", axis=1),
    ]
    outputs = [
        helper.make_tensor_value_info("scores", 1, [1, 2]),
        helper.make_tensor_value_info("map", 1, [1, 3, HEIGHT, WIDTH]),
        helper.make_tensor_value_info("best", 7, [1, 1]),
    ]
    weights = [
        numpy_helper.from_array(maps["gain"].reshape(3, 1, 1, 1), "gain"),
        numpy_helper.from_array(maps["shift"], "shift"),
        numpy_helper.from_array(scores, "mix"),
    ]
    ends = [helper.make_tensor_value_info("input", 1, [1, 1, HEIGHT, WIDTH])]
    graph = helper.make_graph(nodes, "heads", ends, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def samples() -> F32:
    """Every level: what the ranges are calibrated on; (N, 1, H, W)."""
    flat = np.linspace(0, 1, 65, dtype=np.float32)
    return np.broadcast_to(flat[:, None, None, None], (65, 1, HEIGHT, WIDTH)).copy()


def main() -> None:
    """Build the model, write it beside this file, and say its ports."""
    made = convert(network(), [samples()])
    Path(__file__).with_name("heads.tflite").write_bytes(made.tflite)
    for port in (made.lowered.source, *made.lowered.results):
        sys.stdout.write(f"{port.name} {port.shape} {port.dtype} {port.affine}\n")


if __name__ == "__main__":
    main()
