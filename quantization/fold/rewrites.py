"""The rewrites of `fold`: each turns one form of a node into the form the quantiser reads.

A rewrite takes the graph and one of its nodes and returns the equal graph, or None where
it does not apply. `REWRITES` is their order: later ones rely on the form earlier ones left.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import onnx

from quantization.fold.decompositions import (
    any_batch,
    batch_norm_alone,
    constant_division,
    hard_sigmoid,
    hard_sigmoid_product,
    joined_reshapes,
    rows_to_conv,
    split_to_slices,
    sum_to_mean,
)
from quantization.fold.moves import batch_first_product, batch_stays_in_front
from quantization.fold.recurrent import unroll
from quantization.graph.graph import Array, Graph, Node
from quantization.operators.rules import Moves, Scale, Trait
from quantization.operators.table import OPERATORS

FLOAT = int(onnx.TensorProto.FLOAT)

Rewrite: TypeAlias = Callable[[Graph, Node], Graph | None]


def drop_identity(graph: Graph, node: Node) -> Graph | None:
    """Remove a node that returns its input unchanged at inference."""
    shape = graph.shapes.get(node.inputs[0]) if node.inputs else None
    pads = graph.constant(node, 1)
    if (
        node.op == "Identity"
        or (node.op == "Dropout" and not _is_training(graph, node))
        or (node.op == "Cast" and node.integer("to", 0) == FLOAT and _is_float(graph, node))
        or (node.op == "Flatten" and node.integer("axis", 1) == 1 and shape and len(shape) == 2)
        or (
            node.op == "Reshape"
            and shape
            and -1 not in shape
            and shape == graph.shapes.get(node.output)
        )
        or (node.op == "Pad" and pads is not None and not pads.any())
        or (node.op == "Transpose" and shape and _keeps_axes(node, len(shape)))
    ):
        ends = (*graph.inputs, *graph.outputs)
        if node.output in graph.outputs and node.inputs[0] in ends:
            return None  # each of the two names must stay
        return graph.bypass(node)
    return None


def matmul_to_gemm(graph: Graph, node: Node) -> Graph | None:
    """MatMul of a (1, K) value by a constant (K, N), with the Add after it, is a Gemm."""
    weight = graph.constant(node, 1) if node.op == "MatMul" else None
    if weight is None or weight.ndim != 2 or len(graph.shapes.get(node.inputs[0], ())) != 2:
        return None
    inputs, old = node.inputs[:2], [node]
    add = graph.sole_consumer(node.output)
    if add is not None and add.op == "Add":
        name = add.inputs[1] if add.inputs[0] == node.output else add.inputs[0]
        bias = graph.constants.get(name)
        if bias is not None and bias.ndim <= 2 and bias.shape[-1:] == weight.shape[1:]:
            inputs, old = (*inputs, name), [node, add]
    gemm = Node("Gemm", node.name, inputs, old[-1].outputs)
    return graph.swap(old, gemm)


def plain_gemm(graph: Graph, node: Node) -> Graph | None:
    """Gemm as ``x @ W.T + b``: W (N, K) and b (N,), with transB, alpha and beta folded in."""
    weight = graph.constant(node, 1) if node.op == "Gemm" else None
    if weight is None or node.integer("transA", 0):
        return None
    weight = weight if node.integer("transB", 0) else weight.T  # (N, K)
    bias = graph.constant(node, 2)
    if len(node.inputs) > 2 and (bias is None or bias.size not in (1, weight.shape[0])):
        return None
    bias = np.zeros(1, weight.dtype) if bias is None else bias
    weight = weight * weight.dtype.type(node.real("alpha", 1.0))
    bias = np.broadcast_to(bias.reshape(-1), weight.shape[:1]) * bias.dtype.type(
        node.real("beta", 1.0)
    )
    plain = replace(node, attributes={"transB": 1})
    return _with_weights(graph, [node], plain, weight, bias)


def explicit_pads(graph: Graph, node: Node) -> Graph | None:
    """`auto_pad` as the pads it stands for, which a static shape makes known."""
    mode = node.text("auto_pad", "NOTSET")
    shape = graph.shapes.get(node.inputs[0]) if _is_windowed(node) else None
    if shape is None or "auto_pad" not in node.attributes:
        return None
    pads = node.integers("pads", (0,) * (2 * len(shape[2:])))
    if mode.startswith("SAME"):
        kernel = node.integers("kernel_shape", graph.shapes.get(node.inputs[-1], ())[2:])
        ones = (1,) * len(kernel)
        strides, dilations = node.integers("strides", ones), node.integers("dilations", ones)
        total = [
            max((-(-size // s) - 1) * s + (k - 1) * d + 1 - size, 0)
            for size, k, s, d in zip(shape[2:], kernel, strides, dilations, strict=True)
        ]
        less, more = [t // 2 for t in total], [t - t // 2 for t in total]
        pads = (*less, *more) if mode == "SAME_UPPER" else (*more, *less)
    attributes = {k: v for k, v in node.attributes.items() if k != "auto_pad"} | {"pads": pads}
    return graph.swap([node], replace(node, attributes=attributes))


def pad_into_conv(graph: Graph, node: Node) -> Graph | None:
    """Zero padding of height and width before a convolution becomes the convolution's own."""
    conv = graph.sole_consumer(node.output) if node.op == "Pad" else None
    pads, value = graph.constant(node, 1), graph.constant(node, 2)
    if conv is None or conv.op != "Conv" or pads is None or len(node.inputs) > 3:
        return None
    rank = len(pads) // 2
    begin, end = pads[:rank], pads[rank:]
    spatial_zeros = node.text("mode", "constant") == "constant" and not (
        (value is not None and value.any()) or begin[:2].any() or end[:2].any() or (pads < 0).any()
    )
    if not spatial_zeros:
        return None
    own = conv.integers("pads", (0,) * (2 * (rank - 2)))
    both = tuple(int(p) + o for p, o in zip((*begin[2:], *end[2:]), own, strict=True))
    new = replace(
        conv,
        inputs=(node.inputs[0], *conv.inputs[1:]),
        attributes={**conv.attributes, "pads": both},
    )
    return graph.swap([node, conv], new)


def zero_bias(graph: Graph, node: Node) -> Graph | None:
    """A convolution without a bias has one of zeros: then there is one form of it."""
    weight = graph.constant(node, 1) if node.op in ("Conv", "ConvTranspose") else None
    if weight is None or (len(node.inputs) > 2 and node.inputs[2]):
        return None
    outputs = weight.shape[0]
    if node.op == "ConvTranspose":
        outputs = weight.shape[1] * node.integer("group", 1)
    return _with_weights(graph, [node], node, weight, np.zeros(outputs, weight.dtype))


def explicit_transposed_pads(graph: Graph, node: Node) -> Graph | None:
    """A transposed convolution's `auto_pad` or `output_shape` as the pads it stands for."""
    named = {"auto_pad", "output_shape"} & set(node.attributes)
    if node.op != "ConvTranspose" or not named:
        return None
    before, after = graph.shapes.get(node.inputs[0], ()), graph.shapes.get(node.output, ())
    weight = graph.constant(node, 1)
    mode = node.text("auto_pad", "NOTSET")
    if weight is None or -1 in (*before, *after) or not before or not after:
        return None
    attributes = {k: v for k, v in node.attributes.items() if k not in named}
    if mode.startswith("SAME") or "output_shape" in named:
        ones = (1,) * (weight.ndim - 2)
        strides, dilations = node.integers("strides", ones), node.integers("dilations", ones)
        total = [
            max((n - 1) * s + (k - 1) * d + 1 - m, 0)
            for n, m, s, k, d in zip(
                before[2:], after[2:], strides, weight.shape[2:], dilations, strict=True
            )
        ]
        less, more = [t // 2 for t in total], [t - t // 2 for t in total]
        attributes["pads"] = (*less, *more) if mode == "SAME_UPPER" else (*more, *less)
        attributes.pop("output_padding", None)
    return graph.swap([node], replace(node, attributes=attributes))


def batch_norm_into_weights(graph: Graph, node: Node) -> Graph | None:
    """BatchNormalization at inference scales the output channels of the layer before it.

    ``gamma * (y - mean) / sqrt(var + eps) + beta`` with ``y = W x + b`` is
    ``(W * s) x + (b - mean) * s + beta`` with ``s = gamma / sqrt(var + eps)`` (Jacob et al.,
    arXiv:1712.05877, section 3.2).
    """
    layer = graph.producer(node.inputs[0]) if node.op == "BatchNormalization" else None
    foldable = ("Conv", "ConvTranspose", "Gemm")
    if layer is None or layer.op not in foldable or node.integer("training_mode", 0):
        return None
    weight, bias = graph.constant(layer, 1), graph.constant(layer, 2)
    statistics = [graph.constant(node, i) for i in range(1, 5)]
    if weight is None or bias is None or graph.sole_consumer(layer.output) is not node:
        return None
    if any(s is None for s in statistics):
        return None
    transposed = layer.op == "ConvTranspose"  # its output channels are its second axis
    if transposed and layer.integer("group", 1) != 1:
        return None
    # In float64: the fold must not cost what the int8 grid has not cost yet.
    gamma, beta, mean, var = (np.asarray(s, np.float64) for s in statistics)
    scale = gamma / np.sqrt(var + node.real("epsilon", 1e-5))  # (O,)
    scaled = weight * scale.reshape(-1, *(1,) * (weight.ndim - (2 if transposed else 1)))
    shifted = (bias - mean) * scale + beta
    new = replace(layer, outputs=node.outputs[:1])
    dtype = weight.dtype
    return _with_weights(graph, [layer, node], new, scaled.astype(dtype), shifted.astype(dtype))


def reshape_to_flatten(graph: Graph, node: Node) -> Graph | None:
    """Reshapes that turn (1, ...) into (1, K) are one Flatten, which holds for any batch."""
    chain = [node]
    before = graph.producer(node.inputs[0]) if _reshapes(node) else None
    while before and _reshapes(before) and graph.sole_consumer(before.output) is chain[0]:
        chain.insert(0, before)
        before = graph.producer(before.inputs[0])
    value = chain[0].inputs[0]
    source, target = graph.shapes.get(value, ()), graph.shapes.get(node.output, ())
    if not _reshapes(node) or value in graph.constants:
        return None
    if len(target) != 2 or source[:1] != (1,) or target[0] != 1:
        return None
    return graph.swap(chain, Node("Flatten", node.name, (value,), node.outputs, {"axis": 1}))


REWRITES: tuple[Rewrite, ...] = (
    drop_identity,
    hard_sigmoid_product,
    hard_sigmoid,
    constant_division,
    sum_to_mean,
    split_to_slices,
    batch_first_product,
    matmul_to_gemm,
    rows_to_conv,
    plain_gemm,
    explicit_pads,
    explicit_transposed_pads,
    pad_into_conv,
    zero_bias,
    batch_norm_into_weights,
    batch_norm_alone,
    unroll,  # after those of Gemm and Conv: its steps share their weights by name
    batch_stays_in_front,
    reshape_to_flatten,
    any_batch,
    joined_reshapes,
)

# Those that take batch norms up.
OF_NORMS: tuple[Rewrite, ...] = (batch_norm_into_weights, batch_norm_alone)


def _with_weights(graph: Graph, old: list[Node], layer: Node, weight: Array, bias: Array) -> Graph:
    """The graph with `layer` and its new weights, under names of its own, in place of `old`."""
    names = (f"{layer.output}:weight", f"{layer.output}:bias")
    new = replace(layer, inputs=(layer.inputs[0], *names))
    return graph.swap(old, new, dict(zip(names, (weight, bias), strict=True)))


def _keeps_axes(node: Node, rank: int) -> bool:
    return node.integers("perm", tuple(reversed(range(rank)))) == tuple(range(rank))


def _is_training(graph: Graph, node: Node) -> bool:
    flag = graph.constant(node, 2)
    return flag is not None and bool(flag.any())


def _is_float(graph: Graph, node: Node) -> bool:
    """Whether what a node reads is float32 in any case, as all that these operators compute is."""
    before = graph.producer(node.inputs[0])
    if before is None:
        return node.inputs[0] in graph.inputs
    entry = OPERATORS.get(before.op)
    return entry is not None and entry.scale is not Scale.INDEX


def _is_windowed(node: Node) -> bool:
    entry = OPERATORS.get(node.op)
    return entry is not None and Trait.WINDOWED in entry.traits


def _reshapes(node: Node) -> bool:
    entry = OPERATORS.get(node.op)
    return entry is not None and entry.moves is Moves.RESHAPES
