"""The shapes that operators give, by the rules of the runtimes' kernels (`tflite/kernels`).

A kernel takes sizes, axes, paddings and indices from a file as they are: it divides by strides,
reads where indices point and writes as much as its options say. Here the same is worked out
beforehand, in integers that cannot overflow; what has no sound answer is a ValueError.
"""

from collections.abc import Callable
from typing import TypeAlias

from edge_agent.bundle.tflite import moves, windows
from edge_agent.bundle.tflite.call import KernelCall, Shape, broadcast

Rule: TypeAlias = Callable[[KernelCall], list[Shape]]


def given_shapes(name: str, call: KernelCall) -> list[Shape]:
    """The shapes of what operator `name` writes.

    Raises:
        ValueError: it has no sound answer; the message says what was expected and found.
    """
    return RULES[name](call)


def _unary(call: KernelCall) -> list[Shape]:
    return [call.shape()]


def _broadcast(call: KernelCall) -> list[Shape]:
    return [broadcast(call.shape(0), call.shape(1))]


def _like(rule: Rule, names: str) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


RULES: dict[str, Rule] = {
    **_like(
        _unary,
        "DEQUANTIZE L2_NORMALIZATION LOGISTIC RELU RELU_N1_TO_1 RELU6 RELU_0_TO_1 SOFTMAX TANH EXP "
        "LOG_SOFTMAX NEG SQRT RSQRT SQUARE LEAKY_RELU ABS ELU QUANTIZE HARD_SWISH GELU",
    ),
    **_like(_broadcast, "ADD SUB MUL DIV MAXIMUM MINIMUM PRELU SQUARED_DIFFERENCE"),
    **_like(windows.pool, "AVERAGE_POOL_2D MAX_POOL_2D"),
    **_like(moves.resize, "RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR"),
    **_like(moves.pad, "PAD PADV2"),
    **_like(moves.reduced, "MEAN SUM REDUCE_MAX REDUCE_MIN"),
    "CONV_2D": windows.conv,
    "DEPTHWISE_CONV_2D": windows.depthwise,
    "TRANSPOSE_CONV": windows.transpose_conv,
    "FULLY_CONNECTED": windows.fully_connected,
    "BATCH_MATMUL": windows.matmul,
    "CONCATENATION": moves.concatenation,
    "SPLIT": moves.parts,
    "RESHAPE": moves.reshape,
    "SQUEEZE": moves.squeeze,
    "EXPAND_DIMS": moves.expand_dims,
    "SPACE_TO_DEPTH": moves.space_to_depth,
    "DEPTH_TO_SPACE": moves.depth_to_space,
    "MIRROR_PAD": moves.mirror_pad,
    "GATHER": moves.gather,
    "TRANSPOSE": moves.transpose,
    "ARG_MAX": moves.best,
    "SLICE": moves.part,
    "STRIDED_SLICE": moves.strided_slice,
}
