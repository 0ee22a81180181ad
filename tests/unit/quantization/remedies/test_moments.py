"""Sums over a layer's inputs, beside what NumPy makes of the same patches."""

from typing import Any

import numpy as np
import pytest
from support.onnx_nets import Array, graph_of, net, node, normal, run_onnx

from edge_agent.common.arrays import F32
from quantization.remedies.layers import WeightedLayer, weighted_layers
from quantization.remedies.moments import Moments, patches, places

# Name -> (shape of the input, shape of the weights, attributes).
CONVS: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "a window": ((3, 6, 7), (4, 3, 3, 2), {}),
    "strides": ((3, 8, 9), (4, 3, 3, 3), {"strides": [2, 3]}),
    "dilations": ((3, 9, 9), (4, 3, 3, 3), {"dilations": [2, 3], "pads": [2, 3, 2, 3]}),
    "uneven padding": ((2, 5, 6), (4, 2, 3, 3), {"pads": [0, 1, 2, 1], "strides": [2, 2]}),
    "groups": ((6, 4, 4), (4, 3, 3, 3), {"group": 2, "pads": [1, 1, 1, 1]}),
    "depthwise": ((5, 4, 4), (10, 1, 3, 3), {"group": 5}),
    "one dimension": ((3, 12), (4, 3, 5), {"strides": [2], "dilations": [2], "pads": [4, 0]}),
}


def conv(name: str) -> tuple[WeightedLayer, Array, Array]:
    """A convolution, samples of its input and what ONNX Runtime makes of them."""
    shape, weight, attributes = CONVS[name]
    model = graph_of(
        net([node("Conv", "input", "w", **attributes)], (1, *shape), {"w": normal(*weight)})
    )
    x = normal(3, *shape, seed=1)
    (layer,) = weighted_layers(model)
    return layer, x, np.concatenate([run_onnx(model, one[None]) for one in x])


@pytest.mark.parametrize("name", CONVS)
def test_rows_times_patches_are_the_convolution(name: str) -> None:
    """Every output of every channel is its row of weights by the patch at its place."""
    layer, x, wanted = conv(name)
    at = places(layer, wanted.shape, len(x), 10**6, np.random.default_rng(0))
    assert len(at[0]) == wanted[:, 0].size
    found = patches(layer, x, at) @ layer.rows.transpose(0, 2, 1)  # (G, P, O)
    chosen = np.moveaxis(wanted, 1, -1)[at]  # (P, G * O)
    np.testing.assert_allclose(found.transpose(1, 0, 2).reshape(len(at[0]), -1), chosen, atol=1e-4)


def test_rows_times_inputs_are_the_dense_layer() -> None:
    """A dense layer has one output of each channel for each sample."""
    model = graph_of(net([node("Gemm", "input", "w", transB=1)], (1, 6), {"w": normal(4, 6)}))
    (layer,) = weighted_layers(model)
    x = normal(3, 6)
    at = places(layer, (1, 4), 3, 100, np.random.default_rng(0))
    found = patches(layer, x, at) @ layer.rows.transpose(0, 2, 1)
    wanted = np.concatenate([run_onnx(model, one[None]) for one in x])
    np.testing.assert_allclose(found[0], wanted, atol=1e-5)


def test_places_are_drawn_from_every_sample_alike() -> None:
    """Of 36 outputs 5 are drawn of each sample, inside the map, the same by the same seed."""
    layer, _, wanted = conv("groups")
    at = places(layer, wanted.shape, 3, 5, np.random.default_rng(7))
    assert at[0].tolist() == [0] * 5 + [1] * 5 + [2] * 5
    for axis, size in zip(at[1:], wanted.shape[2:], strict=True):
        assert axis.min() >= 0
        assert axis.max() < size
    again = places(layer, wanted.shape, 3, 5, np.random.default_rng(7))
    for one, two in zip(at, again, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("name", ["a window", "groups", "depthwise"])
def test_moments_are_means_over_all_that_was_seen(name: str) -> None:
    """However the samples are parted, they are NumPy's means over the patches."""
    layer, x, wanted = conv(name)
    xq: F32 = np.round(x, 1).astype(np.float32)
    at = places(layer, wanted.shape, 3, 10**6, np.random.default_rng(0))
    both: tuple[F32, F32] = (x, xq)
    real, seen = (patches(layer, array, at).astype(np.float64) for array in both)
    off = (real - seen) @ layer.rows.transpose(0, 2, 1)
    moments = Moments(layer, second=True)
    for part in (slice(0, 1), slice(1, 3)):
        size = len(x[part])
        moments.add(
            x[part], xq[part], places(layer, wanted.shape, size, 10**6, np.random.default_rng(0))
        )
    count = len(at[0])
    expected = {
        "mean": seen.mean(axis=1),
        "mean_off": off.mean(axis=1),
        "second": seen.transpose(0, 2, 1) @ seen / count,
        "cross": off.transpose(0, 2, 1) @ seen / count,
    }
    for attribute, array in expected.items():
        np.testing.assert_allclose(getattr(moments, attribute), array, atol=1e-5, rtol=1e-4)
