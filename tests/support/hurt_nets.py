"""Networks that int8 hurts, each in one way, beside the healthy one of the same function.

Channels are scaled up in one layer and down in the next, so that in float nothing changes.
"""

from dataclasses import dataclass

import numpy as np
import onnx

from edge_agent.common.arrays import F32
from quantization.doctor import Diagnosis, diagnose
from quantization.quantize import quantize
from quantization.recipe import QuantRecipe
from support.onnx_nets import Array, graph_of, net, node, normal

MINMAX = QuantRecipe()
SHAPE = (1, 3, 16, 16)
# The channel that is made to stand out, and by how much.
CHANNEL, TIMES = 5, 100.0


@dataclass(frozen=True)
class Hurt:
    """A network, samples for it, and the layer that int8 hurts."""

    model: onnx.ModelProto
    samples: F32
    layer: str


def weights(outputs: int, inputs: int, size: int, seed: int) -> F32:
    """Of a convolution, so that its outputs are about as large as its inputs."""
    drawn = normal(outputs, inputs, size, size, seed=seed)
    return drawn * np.float32((2 / (inputs * size * size)) ** 0.5)


def samples(count: int = 32) -> F32:
    """Smooth images: noise at a quarter of the size."""
    return normal(count, 3, 4, 4, seed=9).repeat(4, axis=2).repeat(4, axis=3)


def _head(value: str) -> list[onnx.NodeProto]:
    return [
        node("GlobalAveragePool", value, to="pooled"),
        node("Flatten", "pooled", to="flat"),
        node("Gemm", "flat", "w4", "b4", transB=1),
    ]


def _head_weights() -> dict[str, Array]:
    return {"w4": normal(5, 8, seed=4), "b4": normal(5, seed=5)}


def _chain(first: F32, second: F32, third: F32, group: int = 1) -> onnx.ModelProto:
    """Three convolutions with ReLUs, the middle one maybe depthwise, then mean and dense."""
    nodes = [
        node("Conv", "input", "w1", to="c1", pads=[1, 1, 1, 1]),
        node("Relu", "c1", to="r1"),
        node("Conv", "r1", "w2", to="c2", pads=[1, 1, 1, 1], group=group),
        node("Relu", "c2", to="r2"),
        node("Conv", "r2", "w3", to="c3"),
        node("Relu", "c3", to="r3"),
        *_head("r3"),
    ]
    return net(nodes, SHAPE, {"w1": first, "w2": second, "w3": third, **_head_weights()})


def healthy(group: int = 1) -> Hurt:
    """Nothing stands out."""
    first, third = weights(8, 3, 3, 1), weights(8, 8, 1, 3)
    return Hurt(_chain(first, weights(8, 8 // group, 3, 2), third, group), samples(), "")


def outlier_channel() -> Hurt:
    """One channel of the first ReLU is 100 times as large as the others."""
    first, second = weights(8, 3, 3, 1), weights(8, 8, 3, 2)
    first[CHANNEL] *= TIMES
    second[:, CHANNEL] /= TIMES
    return Hurt(_chain(first, second, weights(8, 8, 1, 3)), samples(), "r1")


def depthwise_spread(only: int | None = None) -> Hurt:
    """The channels of the depthwise convolution differ 100 times, evenly in the logarithm.

    Or only one of them from all others.
    """
    spread = np.geomspace(1, TIMES, 8).astype(np.float32)
    if only is not None:
        spread = np.where(np.arange(8) == only, np.float32(TIMES), np.float32(1))
    second, third = weights(8, 1, 3, 2), weights(8, 8, 1, 3)
    second *= spread[:, None, None, None]
    third /= spread[None, :, None, None]
    return Hurt(_chain(weights(8, 3, 3, 1), second, third, group=8), samples(), "r2")


def silu_concat() -> Hurt:
    """A SiLU's output shares the scale of one 100 times as large, for a Concat of both."""
    wide, third = weights(4, 8, 3, 2), weights(8, 8, 1, 3)
    third[:, 4:] /= TIMES
    nodes = [
        node("Conv", "input", "w1", to="c1", pads=[1, 1, 1, 1]),
        node("Relu", "c1", to="r1"),
        node("Conv", "r1", "wa", to="narrow", pads=[1, 1, 1, 1]),
        node("Sigmoid", "narrow", to="gate"),
        node("Mul", "narrow", "gate", to="silu"),
        node("Conv", "r1", "wb", to="wide", pads=[1, 1, 1, 1]),
        node("Concat", "silu", "wide", to="joined", axis=1),
        node("Conv", "joined", "w3", to="c3"),
        node("Relu", "c3", to="r3"),
        *_head("r3"),
    ]
    constants = {
        "w1": weights(8, 3, 3, 1), "wa": weights(4, 8, 3, 6), "wb": wide * np.float32(TIMES),
        "w3": third, **_head_weights(),
    }  # fmt: skip
    return Hurt(net(nodes, SHAPE, constants), samples(), "silu")


def low_padding(constant: float = -50.0) -> Hurt:
    """A Pad before a max pooling fills with -50 where 0 would do, after a ReLU of up to 0.5."""
    nodes = [
        node("Conv", "input", "w1", to="c1", pads=[1, 1, 1, 1]),
        node("Relu", "c1", to="r1"),
        node("Pad", "r1", "pads", "fill", to="padded"),
        node("MaxPool", "padded", to="pooled1", kernel_shape=[3, 3], strides=[2, 2]),
        node("Conv", "pooled1", "w2", to="c2", pads=[1, 1, 1, 1]),
        node("Relu", "c2", to="r3"),
        *_head("r3"),
    ]
    constants = {
        "w1": weights(8, 3, 3, 1) / np.float32(10), "w2": weights(8, 8, 3, 2) * np.float32(10),
        "pads": np.array([0, 0, 1, 1, 0, 0, 0, 0], np.int64),
        "fill": np.array(constant, np.float32), **_head_weights(),
    }  # fmt: skip
    return Hurt(net(nodes, SHAPE, constants), samples(), "r1")


def diagnosed(hurt: Hurt, recipe: QuantRecipe = MINMAX) -> Diagnosis:
    """What the doctor finds, the network quantised and measured on its own samples."""
    folded = graph_of(hurt.model)
    return diagnose(folded, quantize(folded, [hurt.samples], recipe).qdq, hurt.samples)
