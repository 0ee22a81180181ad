"""Recurrent layers written out in ONNX, between an input (1, T, I) and named outputs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper

from edge_agent.common.arrays import F32
from support.onnx_nets import Array, net, node

GATES = {"LSTM": 4, "GRU": 3}
OUTPUTS = {"LSTM": ("Y", "Y_h", "Y_c"), "GRU": ("Y", "Y_h")}


def uniform(*shape: int, seed: int) -> F32:
    """Numbers in [-1, 1) over the root of the last axis, as PyTorch draws weights."""
    drawn = np.random.default_rng(seed).uniform(-1, 1, shape) / np.sqrt(shape[-1])
    return np.asarray(drawn, np.float32)


def weights(op: str, inputs: int, hidden: int, directions: int = 1, seed: int = 0) -> list[F32]:
    """W (D, G * H, I), R (D, G * H, H) and B (D, 2 * G * H)."""
    rows = GATES[op] * hidden
    shapes = ((rows, inputs), (rows, hidden))
    drawn = [2 * uniform(directions, *s, seed=seed + i) for i, s in enumerate(shapes)]
    return [*drawn, uniform(directions, 2 * rows, 1, seed=seed + 2)[..., 0]]


def recurrent(
    op: str,
    steps: int,
    inputs: int,
    hidden: int,
    *,
    seed: int = 0,
    outputs: Sequence[str] | None = None,
    constants: Mapping[str, Array] | None = None,
    names: Sequence[str] = ("W", "R", "B"),
    opset: int = 17,
    **attributes: Any,
) -> onnx.ModelProto:
    """A model of one layer.

    Args:
        op: `LSTM` or `GRU`.
        steps: T; the input is (1, T, I).
        inputs: I.
        hidden: H.
        seed: of its weights.
        outputs: its outputs, "" for those that it does not return; all by default.
        constants: what `names` name beside W, R and B, or in place of them.
        names: the operator's inputs after the first.
        opset: of the model.
        attributes: of the operator.
    """
    directions = 2 if attributes.get("direction") == "bidirectional" else 1
    drawn = dict(zip("WRB", weights(op, inputs, hidden, directions, seed), strict=True))
    every = OUTPUTS[op] if outputs is None else tuple(outputs)
    first, source = [node("Transpose", "input", to="X", perm=[1, 0, 2])], "X"
    if attributes.get("layout"):
        first, source = [], "input"
    layer = helper.make_node(
        op, [source, *names], every, name="layer", hidden_size=hidden, **attributes
    )
    return net(
        [*first, layer],
        (1, steps, inputs),
        {**drawn, **(constants or {})},
        outputs=[o for o in every if o],
        opset=opset,
    )
