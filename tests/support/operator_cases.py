"""One small network for each operator and form of one, and what it should be lowered to.

Longer than other files because it is a table: a row is read alone, and whoever asks whether
a form of an operator is covered has one place to look. The rows stand by subject.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx

from support.onnx_nets import Array, net, node, normal


@dataclass(frozen=True)
class Case:
    """A network and its lowering.

    Args:
        name: unique.
        nodes: from "input" to the outputs.
        shape: of the input, without the batch.
        operators: the TFLite operators it becomes, in order.
        constants: what the nodes read.
        quanta: how far LiteRT may be from ONNX Runtime on the QDQ model.
        outputs: the names of the outputs.
        opset: of the ONNX model.
        reference: how far the reference kernels may be, where that is more.
        in_float: the TFLite operators of its float32 form, where they are others.
    """

    name: str
    nodes: Sequence[onnx.NodeProto]
    shape: tuple[int, ...]
    operators: str
    constants: Mapping[str, Array] = field(default_factory=dict)
    quanta: int = 1
    outputs: tuple[str, ...] = ("output",)
    opset: int = 17
    reference: int = 0
    in_float: str = ""

    def model(self) -> onnx.ModelProto:
        """The ONNX model."""
        return net(
            self.nodes, (1, *self.shape), self.constants, outputs=self.outputs, opset=self.opset
        )


def ints(*values: int) -> Array:
    return np.array(values, np.int64)


def reals(*values: float) -> Array:
    return np.array(values, np.float32)


def scalar(value: float) -> Array:
    return np.array(value, np.float32)


def unary(op: str, operators: str, quanta: int = 1, **attributes: Any) -> Case:
    return Case(op, [node(op, "input", **attributes)], (3, 4, 5), operators, quanta=quanta)


def conv(to: str, source: str = "input", weights: str = "w") -> onnx.NodeProto:
    return node("Conv", source, weights, to=to)


W = {"w": normal(4, 3, 1, 1)}

ACTIVATIONS = [
    unary("Relu", "RELU"),
    unary("LeakyRelu", "LEAKY_RELU", alpha=0.1),
    unary("HardSwish", "HARD_SWISH", 2),
    unary("Sigmoid", "LOGISTIC"),
    unary("Tanh", "TANH"),
    unary("HardSigmoid", "ADD MUL", alpha=1 / 6, beta=0.5),
    Case(
        "HardSigmoid 0.2",
        [node("HardSigmoid", "input")],
        (3, 4, 5),
        "ADD QUANTIZE MUL",
        in_float="ADD MAXIMUM MINIMUM MUL",
    ),
    Case(
        "HardSwish by parts",
        [node("HardSigmoid", "input", to="g", alpha=1 / 6), node("Mul", "input", "g")],
        (3, 4, 5),
        "HARD_SWISH",
        quanta=2,
    ),
    Case(
        "Silu",
        [node("Sigmoid", "input", to="g"), node("Mul", "input", "g")],
        (3, 4, 5),
        "LOGISTIC MUL",
    ),
    Case("PRelu", [node("PRelu", "input", "s")], (3, 4, 5), "PRELU", {"s": normal(3, 1, 1)}),
    Case(
        "Clip",
        [node("Clip", "input", "low", "high")],
        (3, 4, 5),
        "QUANTIZE",
        {"low": scalar(-0.5), "high": scalar(1.25)},
        in_float="MAXIMUM MINIMUM",
    ),
    Case(
        "Clip not around 0",
        [node("Clip", "input", "low", "high")],
        (3, 4, 5),
        "QUANTIZE MAXIMUM",
        {"low": scalar(0.5), "high": scalar(1.25)},
        in_float="MAXIMUM MINIMUM",
    ),
    Case(
        "Clip below",
        [node("Clip", "input", "", "high")],
        (3, 4, 5),
        "QUANTIZE MINIMUM",
        {"high": scalar(-0.25)},
        in_float="MINIMUM",
    ),
    Case(
        "Clip at one",
        [node("Clip", "input", "low", "high")],
        (3, 4, 5),
        "RELU_N1_TO_1",
        {"low": scalar(-1), "high": scalar(1)},
    ),
    Case(
        "Conv and clip at one",
        [conv("a"), node("Clip", "a", "low", "high")],
        (3, 4, 5),
        "CONV_2D",
        {"low": scalar(-1), "high": scalar(1), **W},
    ),
    Case("Softmax of channels", [node("Softmax", "input", axis=1)], (6, 2, 2), "SOFTMAX"),
    Case(
        "Softmax of a width",
        [node("Softmax", "input", axis=3)],
        (6, 2, 3),
        "TRANSPOSE SOFTMAX TRANSPOSE",
    ),
    Case("LogSoftmax", [node("LogSoftmax", "input")], (6,), "LOG_SOFTMAX"),
]

ARITHMETIC = [
    Case("Add a constant", [node("Add", "input", "c")], (3, 4, 5), "ADD", {"c": normal(3, 1, 1)}),
    Case(
        "Sub a constant", [node("Sub", "input", "c")], (3, 4, 5), "SUB", {"c": normal(1, 3, 4, 5)}
    ),
    Case("Sub from a constant", [node("Sub", "c", "input")], (3, 4, 5), "SUB", {"c": scalar(1)}),
    Case("Mul by a constant", [node("Mul", "input", "c")], (3, 4, 5), "MUL", {"c": normal(5)}),
    Case(
        "Div by a constant",
        [node("Div", "input", "c")],
        (3, 4, 5),
        "MUL",
        {"c": 1 + np.abs(normal(3, 1, 1))},
    ),
    Case("Neg", [node("Neg", "input")], (3, 4, 5), "MUL"),
    Case(
        "Normalise",
        [node("Sub", "input", "m", to="a"), node("Div", "a", "s")],
        (3, 4, 5),
        "SUB MUL",
        {"m": normal(1, 3, 1, 1), "s": 1 + np.abs(normal(1, 3, 1, 1))},
    ),
    Case(
        "Add with Relu",
        [node("Add", "input", "c", to="a"), node("Relu", "a")],
        (3, 4, 5),
        "ADD",
        {"c": normal(3, 1, 1)},
    ),
    Case(
        "Squeeze and excite",
        [
            conv("a"),
            node("GlobalAveragePool", "a", to="m"),
            node("Sigmoid", "m", to="g"),
            node("Mul", "a", "g"),
        ],
        (3, 4, 5),
        "CONV_2D MEAN LOGISTIC MUL",
        W,
        quanta=2,
    ),
    Case(
        "Add of a smaller rank",
        [node("ReduceMean", "input", to="m", axes=[0, 1], keepdims=0), node("Add", "input", "m")],
        (3, 4, 5),
        "MEAN RESHAPE ADD",
        quanta=2,
    ),
    Case(
        "BatchNormalization alone",
        [node("BatchNormalization", "input", *"abcd")],
        (3, 4, 5),
        "MUL ADD",
        {name: np.abs(normal(3, seed=i)) + 0.1 for i, name in enumerate("abcd")},
        quanta=2,
    ),
    Case(
        "MatMul of two values",
        [node("Transpose", "input", to="t", perm=[0, 2, 1]), node("MatMul", "input", "t")],
        (4, 5),
        "TRANSPOSE BATCH_MATMUL",
    ),
    Case(
        "MatMul of rows",
        [node("MatMul", "input", "w", to="a"), node("Add", "a", "b")],
        (6, 5),
        "RESHAPE CONV_2D RESHAPE",
        {"w": normal(5, 3), "b": normal(3)},
    ),
    Case(
        "MatMul of rows of a map",
        [node("MatMul", "input", "w")],
        (2, 6, 5),
        "CONV_2D",
        {"w": normal(5, 3)},
    ),
    Case(
        "MatMul from the left",
        [node("MatMul", "w", "input")],
        (6, 5),
        "BATCH_MATMUL",
        {"w": normal(3, 6)},
    ),
]

REDUCTIONS = [
    Case("ReduceMean of channels", [node("ReduceMean", "input", axes=[1])], (3, 4, 5), "MEAN"),
    Case(
        "ReduceMean of height",
        [node("ReduceMean", "input", axes=[2], keepdims=0)],
        (3, 4, 5),
        "MEAN TRANSPOSE",
    ),
    Case("ReduceMean of all", [node("ReduceMean", "input", keepdims=0)], (3, 4, 5), "MEAN"),
    Case("ReduceMax", [node("ReduceMax", "input", axes=[2, 3])], (3, 4, 5), "REDUCE_MAX"),
    Case("ReduceMax of channels", [node("ReduceMax", "input", axes=[1])], (3, 4, 5), "REDUCE_MAX"),
    Case(
        "ReduceSum",
        [node("ReduceSum", "input", "axes", keepdims=0)],
        (3, 4, 5),
        "MEAN MUL",
        {"axes": ints(2, 3)},
    ),
    Case("GlobalMaxPool", [node("GlobalMaxPool", "input")], (3, 4, 5), "REDUCE_MAX"),
    Case("ArgMax", [node("ArgMax", "input", axis=1)], (7,), "ARG_MAX RESHAPE", quanta=0),
    Case(
        "ArgMax of channels",
        [node("ArgMax", "input", axis=1, keepdims=0)],
        (7, 3, 2),
        "ARG_MAX",
        quanta=0,
    ),
]

POOLS = [
    Case(
        "MaxPool",
        [node("MaxPool", "input", kernel_shape=[3, 2], strides=[2, 1])],
        (3, 7, 5),
        "MAX_POOL_2D",
    ),
    Case(
        "MaxPool of a sequence",
        [node("MaxPool", "input", kernel_shape=[2], strides=[2])],
        (3, 8),
        "RESHAPE MAX_POOL_2D RESHAPE TRANSPOSE",
    ),
    Case(
        "AveragePool padded as torch does",
        [node("AveragePool", "input", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])],
        (3, 8, 8),
        "AVERAGE_POOL_2D STRIDED_SLICE",
    ),
    Case(
        "AveragePool within SAME",
        [node("AveragePool", "input", kernel_shape=[5, 5], pads=[1, 1, 1, 1])],
        (3, 8, 8),
        "AVERAGE_POOL_2D SLICE",
    ),
]

SELECTIONS = [
    Case(
        "Concat of a height",
        [conv("a"), conv("b", weights="v"), node("Concat", "a", "b", axis=2)],
        (3, 4, 4),
        "CONV_2D CONV_2D CONCATENATION",
        {**W, "v": 9 * normal(4, 3, 1, 1, seed=3)},
    ),
    Case(
        "Concat of a fixed scale",
        [node("Sigmoid", "input", to="a"), node("Concat", "a", "input", axis=1)],
        (3, 4, 4),
        "LOGISTIC QUANTIZE CONCATENATION",
        quanta=1,
        in_float="LOGISTIC CONCATENATION",
    ),
    Case(
        "Concat of two fixed scales",
        [
            node("Sigmoid", "input", to="a"),
            node("Tanh", "input", to="b"),
            node("Concat", "a", "b", axis=1),
        ],
        (3, 4, 4),
        "LOGISTIC TANH QUANTIZE QUANTIZE CONCATENATION",
        quanta=2,
        in_float="LOGISTIC TANH CONCATENATION",
    ),
    Case(
        "Concat of one fixed scale",
        [node("Sigmoid", "input", to="a"), node("Concat", "a", "a", axis=1)],
        (3, 4, 4),
        "LOGISTIC CONCATENATION",
    ),
    Case(
        "Concat with a constant",
        [node("Concat", "input", "c", axis=1)],
        (3, 4, 4),
        "CONCATENATION",
        {"c": normal(1, 2, 4, 4)},
    ),
    Case(
        "Split",
        [
            onnx.helper.make_node("Split", ["input", "sizes"], ["a", "b"], name="split", axis=1),
            node("Relu", "b", to="c"),
            node("Concat", "c", "a", axis=1),
        ],
        (3, 4, 4),
        "SLICE SLICE RELU CONCATENATION",
        {"sizes": ints(1, 2)},
    ),
    Case(
        "Slice",
        [node("Slice", "input", "starts", "ends", "axes")],
        (3, 6, 6),
        "SLICE",
        {"starts": ints(1, -3), "ends": ints(3, 100), "axes": ints(1, 3)},
    ),
    Case(
        "Slice by steps",
        [node("Slice", "input", "starts", "ends", "axes", "steps")],
        (3, 7, 6),
        "STRIDED_SLICE",
        {"starts": ints(1, 0), "ends": ints(7, 6), "axes": ints(2, 3), "steps": ints(2, 3)},
    ),
    Case(
        "Focus",
        [
            node("Slice", "input", "zero", "end", "three", "two", to="a"),
            node("Slice", "input", "one", "end", "three", "two", to="b"),
            node("Concat", "a", "b", axis=1),
        ],
        (3, 4, 6),
        "STRIDED_SLICE STRIDED_SLICE CONCATENATION",
        {"zero": ints(0), "one": ints(1), "two": ints(2), "three": ints(3), "end": ints(99)},
    ),
    Case(
        "Pad",
        [node("Pad", "input", "pads")],
        (2, 3, 3),
        "PAD",
        {"pads": ints(0, 1, 2, 0, 0, 0, 0, 3)},
    ),
    Case(
        "Pad by a value",
        [node("Pad", "input", "pads", "value")],
        (2, 3, 3),
        "PADV2",
        {"pads": ints(0, 0, 2, 0, 0, 0, 0, 3), "value": scalar(0.75)},
    ),
    Case(
        "Pad by reflection",
        [node("Pad", "input", "pads", mode="reflect")],
        (2, 4, 4),
        "MIRROR_PAD",
        {"pads": ints(0, 0, 1, 2, 0, 0, 1, 0)},
    ),
    Case(
        "Gather", [node("Gather", "input", "i", axis=1)], (4, 3, 3), "GATHER", {"i": ints(2, 0, -1)}
    ),
    Case(
        "Gather of one",
        [node("Gather", "input", "i", axis=2)],
        (4, 3, 5),
        "GATHER TRANSPOSE",
        {"i": np.array(1)},
    ),
]

SHAPES = [
    Case(
        "Transpose to channels last and reshape",
        [conv("a"), node("Transpose", "a", to="b", perm=[0, 2, 3, 1]), node("Reshape", "b", "s")],
        (3, 4, 5),
        "CONV_2D RESHAPE",
        {"s": ints(1, -1, 2), **W},
    ),
    Case(
        "Flatten a map and transpose",
        [conv("a"), node("Reshape", "a", "s", to="b"), node("Transpose", "b", perm=[0, 2, 1])],
        (3, 4, 5),
        "CONV_2D RESHAPE",
        {"s": ints(1, 4, 20), **W},
    ),
    Case(
        "Shuffle of channels",
        [
            conv("a"),
            node("Reshape", "a", "s", to="b"),
            node("Transpose", "b", to="c", perm=[0, 2, 1, 3, 4]),
            node("Reshape", "c", "t", to="d"),
            node("Conv", "d", "v"),
        ],
        (3, 4, 5),
        "CONV_2D RESHAPE TRANSPOSE RESHAPE CONV_2D",
        {"s": ints(1, 2, 2, 4, 5), "t": ints(1, 4, 4, 5), "v": normal(2, 4, 1, 1), **W},
        reference=2,
    ),
    Case(
        "Channels last from outside",
        [
            node("Transpose", "input", to="a", perm=[0, 3, 1, 2]),
            node("Conv", "a", "w", to="b"),
            node("Transpose", "b", perm=[0, 2, 3, 1]),
        ],
        (4, 5, 3),
        "CONV_2D",
        W,
    ),
    Case(
        "A detector's head",
        [
            node("Conv", "input", "v", to="a"),
            node("Reshape", "a", "s", to="b"),
            node("Transpose", "b", to="c", perm=[0, 1, 3, 4, 2]),
            node("Sigmoid", "c", to="d"),
            node("Reshape", "d", "t"),
        ],
        (3, 4, 5),
        "CONV_2D RESHAPE LOGISTIC TRANSPOSE RESHAPE",
        {"v": normal(21, 3, 1, 1), "s": ints(1, 3, 7, 4, 5), "t": ints(1, -1, 7)},
        reference=4,
    ),
    Case(
        "A line of text",
        [
            node("Conv", "input", "v", to="a"),
            node("Squeeze", "a", "two", to="b"),
            node("Transpose", "b", to="c", perm=[0, 2, 1]),
            node("MatMul", "c", "m", to="d"),
            node("LogSoftmax", "d"),
        ],
        (1, 4, 9),
        "CONV_2D RESHAPE RESHAPE CONV_2D RESHAPE LOG_SOFTMAX",
        {"v": normal(6, 1, 4, 1), "two": ints(2), "m": normal(6, 5)},
        quanta=2,
        reference=3,
    ),
    Case(
        "Unsqueeze",
        [node("Unsqueeze", "input", "axes", to="a"), node("Relu", "a")],
        (5,),
        "RESHAPE RELU",
        {"axes": ints(1)},
    ),
    Case("Flatten at another axis", [node("Flatten", "input", axis=2)], (3, 4), "RESHAPE"),
    Case(
        "A transpose of the model's own",
        [node("Transpose", "input", perm=[0, 2, 1])],
        (3, 4),
        "TRANSPOSE",
    ),
]

SPACE = [
    Case("DepthToSpace", [node("DepthToSpace", "input", blocksize=2)], (8, 3, 2),
         "DEPTH_TO_SPACE"),
    Case("DepthToSpace CRD", [node("DepthToSpace", "input", blocksize=2, mode="CRD")], (8, 3, 2),
         "GATHER DEPTH_TO_SPACE"),
    Case("SpaceToDepth", [node("SpaceToDepth", "input", blocksize=2)], (3, 4, 6),
         "SPACE_TO_DEPTH"),
    *(
        Case(f"Resize {mode} {transform} {nearest}",
             [node("Resize", "input", "", "", "sizes", mode=mode,
                   coordinate_transformation_mode=transform,
                   **({"nearest_mode": nearest} if nearest else {}))],
             (2, 4, 6),
             "RESIZE_NEAREST_NEIGHBOR" if mode == "nearest" else "RESIZE_BILINEAR",
             {"sizes": ints(1, 2, 8, 9)})
        for mode, transform, nearest in [
            ("nearest", "asymmetric", "floor"),
            ("nearest", "half_pixel", "round_prefer_ceil"),
            ("nearest", "align_corners", "round_prefer_ceil"),
            ("linear", "half_pixel", ""),
            ("linear", "pytorch_half_pixel", ""),
            ("linear", "align_corners", ""),
            ("linear", "asymmetric", ""),
        ]
    ),
    Case("Resize by scales", [node("Resize", "input", "", "scales", mode="nearest",
                                   coordinate_transformation_mode="asymmetric",
                                   nearest_mode="floor")],
         (2, 3, 4), "RESIZE_NEAREST_NEIGHBOR", {"scales": reals(1, 1, 2, 2)}),
]  # fmt: skip

# Forms of ConvTranspose: name, kernel, attributes, and the operators that each becomes.
TRANSPOSED: list[tuple[str, tuple[int, int], dict[str, Any], str]] = [
    ("2x2", (2, 2), {}, "TRANSPOSE_CONV"),
    ("4x4", (4, 4), {"pads": [1, 1, 1, 1]}, "TRANSPOSE_CONV"),
    ("3x3", (3, 3), {"pads": [1, 1, 1, 1], "output_padding": [1, 1]}, "TRANSPOSE_CONV SLICE"),
    ("3x3 odd", (3, 3), {"pads": [1, 1, 1, 1]}, "TRANSPOSE_CONV SLICE"),
    ("automatic", (3, 3), {"auto_pad": "SAME_UPPER"}, "TRANSPOSE_CONV"),
]

CONVOLUTIONS = [
    Case("Conv of a sequence", [node("Conv", "input", "v", to="a", pads=[1, 1]),
                                node("Relu", "a", to="b"), node("Conv", "b", "u", strides=[2])],
         (3, 9), "RESHAPE CONV_2D CONV_2D RESHAPE TRANSPOSE",
         {"v": normal(4, 3, 3), "u": normal(2, 4, 3)}),
    Case("Depthwise Conv of a sequence", [node("Conv", "input", "v", group=3, pads=[2, 0])],
         (3, 9), "RESHAPE PAD DEPTHWISE_CONV_2D RESHAPE TRANSPOSE", {"v": normal(3, 1, 3)}),
    *(
        Case(f"ConvTranspose {name}",
             [node("ConvTranspose", "input", "v", "b", strides=[2, 2], **attributes)],
             (3, 4, 5), operators, {"v": normal(3, 4, *kernel), "b": normal(4)})
        for name, kernel, attributes, operators in TRANSPOSED
    ),
    Case("ConvTranspose of a sequence",
         [node("ConvTranspose", "input", "v", strides=[2])], (3, 5),
         "RESHAPE TRANSPOSE_CONV RESHAPE TRANSPOSE", {"v": normal(3, 4, 2)}),
    Case("ConvTranspose and BatchNormalization",
         [node("ConvTranspose", "input", "v", to="y", strides=[2, 2]),
          node("BatchNormalization", "y", *"abcd"),],
         (3, 4, 5), "TRANSPOSE_CONV",
         {"v": normal(3, 4, 2, 2),
          **{name: np.abs(normal(4, seed=i)) + 0.1 for i, name in enumerate("abcd")}}),
]  # fmt: skip

SEVERAL = [
    Case("Two outputs", [conv("first"), node("GlobalAveragePool", "first", to="m"),
                         node("Flatten", "m", to="second")],
         (3, 4, 5), "CONV_2D MEAN RESHAPE", W, outputs=("first", "second"), quanta=2),
    Case("Scores and their best",
         [node("Gemm", "input", "w", to="scores"), node("ArgMax", "scores", to="best", axis=1)],
         (5,), "FULLY_CONNECTED ARG_MAX RESHAPE", {"w": normal(5, 4)},
         outputs=("scores", "best")),
]  # fmt: skip

CASES = (
    *ACTIVATIONS, *ARITHMETIC, *REDUCTIONS, *POOLS, *SELECTIONS, *SHAPES, *SPACE, *CONVOLUTIONS,
    *SEVERAL,
)  # fmt: skip
