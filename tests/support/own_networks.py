"""Networks of a user's own, as tests build with them: a class in a file, and small ONNX files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edge_agent.common.arrays import F32
from pipeline.data.readers.digits import read_digits
from quantization.graph.graph import Array

# Its classifier is written first and computed last, and its dense layer is a hidden one.
NETS = """
import torch
from torch import nn
from blocks import block


class Tiny(nn.Module):
    def __init__(self, num_classes, width=8):
        super().__init__()
        self.head = nn.Linear(16, num_classes)
        self.maps = nn.Sequential(block(1, width), nn.MaxPool2d(2), block(width, 2 * width))
        self.hidden = nn.Linear(2 * width * 4, 16)

    def forward(self, x):
        x = nn.functional.max_pool2d(self.maps(x), 2).flatten(1)
        return self.head(torch.relu(self.hidden(x)))
"""
BLOCKS = """
from torch import nn


def block(inputs, outputs):
    conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())
"""


def write_nets(folder: Path, nets: str = NETS, blocks: str = BLOCKS) -> None:
    """A module with a network in `folder`, and another module that it imports."""
    (folder / "nets.py").write_text(nets)
    (folder / "blocks.py").write_text(blocks)


def template_network(
    templates: Array,
    *,
    last: str = "",
    channels_last: bool = False,
    batch: int | str = 1,
    opset: int = 17,
) -> onnx.ModelProto:
    """A network of one convolution that answers with the nearest template.

    Args:
        templates: (K, C, H, W), one for each class, normalised as the network wants its pictures.
        last: an operator behind the scores: `Softmax`.
        channels_last: whether it takes (1, H, W, C), as Keras has it.
        batch: what is stated of the first axis.
        opset: of its operators.
    """
    count, channels, height, width = templates.shape
    # |x - t|^2 less |x|^2, which is the same for all; what is added keeps it above 0.
    bias = 64 - np.square(templates).sum(axis=(1, 2, 3)) / 2
    shape = (height, width, channels) if channels_last else (channels, height, width)
    nodes, source = [], "picture"
    if channels_last:
        nodes.append(helper.make_node("Transpose", [source], ["maps"], perm=[0, 3, 1, 2]))
        source = "maps"
    nodes += [
        helper.make_node("Conv", [source, "w", "b"], ["near"]),
        helper.make_node("Relu", ["near"], ["positive"]),
        helper.make_node("Flatten", ["positive"], ["flat"]),
        helper.make_node("Gemm", ["flat", "g", "h"], ["scores"], transB=1),
    ]
    arrays = {"w": templates, "b": bias, "g": np.eye(count), "h": np.zeros(count)}
    return network(nodes, shape, arrays, count, last=last, batch=batch, opset=opset)


def digit_templates() -> F32:
    """(10, 1, 8, 8): the mean of each digit, from -1 to 1."""
    split = read_digits().train.split
    images = np.stack([split.images[i] for i in range(len(split.images))])
    means = [images[split.labels == k].mean(axis=0) for k in range(10)]
    return np.asarray(means, np.float32)[:, None] / 127.5 - 1


def network(
    nodes: Sequence[onnx.NodeProto],
    shape: Sequence[int],
    arrays: Mapping[str, Array],
    count: int,
    *,
    last: str = "",
    batch: int | str = 1,
    opset: int = 17,
) -> onnx.ModelProto:
    """A model from `picture` (batch, *shape) to `count` scores, which nodes call `scores`."""
    out = "scores"
    if last:
        nodes, out = [*nodes, helper.make_node(last, ["scores"], ["shares"])], "shares"
    graph = helper.make_graph(
        nodes,
        "own",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [batch, *shape])],
        [helper.make_tensor_value_info(out, TensorProto.FLOAT, [batch, count])],
        [numpy_helper.from_array(a.astype(np.float32), name) for name, a in arrays.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(made)
    return made
