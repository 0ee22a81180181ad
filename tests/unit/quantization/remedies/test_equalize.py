"""Equalisation: what may stand between two layers, what may not, and how alike channels become.

Most networks here are two convolutions whose channels between them are up to 100 times apart:

    input (1, 3, 6, 6) --Conv wa, ba--> a (4 channels, spread) --...--> y --Conv wb--> output

`WRITES_A` is the first, `READS_Y` the second, which has its weights as much smaller, so that the
network computes the same as one without a spread. What stands between `a` and `y` differs.
"""

import tracemalloc
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import onnx
import pytest
from support.onnx_nets import Array, graph_of, net, node, normal, run_onnx, run_onnx_all

from edge_agent.common.arrays import F32
from quantization.errors import CalibrationError
from quantization.graph.graph import Graph, write
from quantization.remedies.equalize import equalize
from quantization.remedies.layers import weighted_layers

CHANNELS = 4
SHAPE = (3, 6, 6)
SAMPLES = normal(16, *SHAPE, seed=1)
# The scales that make the channels between two layers unlike, and the network no other.
SPREAD = 10 ** np.linspace(0, 2, CHANNELS).astype(np.float32)


def writer(channels: int = CHANNELS, seed: int = 0) -> dict[str, Array]:
    """The weights of the convolution "a" that writes unlike channels."""
    scale = np.resize(SPREAD, channels)
    weight = normal(channels, 3, 3, 3, seed=seed) * scale[:, None, None, None]
    return {"wa": weight, "ba": 0.1 * scale}


def reader(outputs: int = 5, size: int = 1, channels: int = CHANNELS) -> dict[str, Array]:
    """The weights of the convolution "b" that reads them, as much smaller."""
    scale = np.resize(SPREAD, channels)
    weight = normal(outputs, channels, size, size, seed=2) / scale[:, None, None]
    return {"wb": weight.astype(np.float32)}


WRITES_A = node("Conv", "input", "wa", "ba", to="a", pads=[1, 1, 1, 1])
READS_Y = node("Conv", "y", "wb")
WEIGHTS = {**writer(), **reader()}
PLAIN = [WRITES_A, node("Relu", "a", to="y"), READS_Y]


def made(nodes: Sequence[onnx.NodeProto], constants: dict[str, Array]) -> Graph:
    return graph_of(net(nodes, (1, *SHAPE), constants))


def largest(model: Graph, value: str) -> Array:
    """The largest magnitude of each channel of a value, over the samples."""
    returning = replace(model, outputs=(*model.outputs, value))
    array = np.concatenate([run_onnx_all(returning, x[None])[1] for x in SAMPLES])
    return np.asarray(np.abs(array).max(axis=tuple(a for a in range(array.ndim) if a != 1)))


def unlikeness(model: Graph, value: str) -> float:
    """The largest channel of a value by the smallest."""
    channels = largest(model, value)
    return float(channels.max() / channels.min())


def first_weight(model: Graph) -> Array:
    return next(iter(weighted_layers(model))).weight


def same(model: Graph, other: Graph, samples: F32 = SAMPLES) -> None:
    for x in samples:
        wanted = run_onnx(model, x[None])
        np.testing.assert_allclose(
            run_onnx(other, x[None]), wanted, atol=1e-5 * float(np.abs(wanted).max())
        )


def ints(*values: int) -> Array:
    return np.array(values, np.int64)


DEPTHWISE = normal(CHANNELS, 1, 3, 3)
# What may stand between a and y.
BETWEEN: dict[str, tuple[list[onnx.NodeProto], dict[str, Array]]] = {
    "Relu": ([node("Relu", "a", to="y")], {}),
    "LeakyRelu": ([node("LeakyRelu", "a", to="y", alpha=0.2)], {}),
    "PRelu": ([node("PRelu", "a", "s", to="y")], {"s": normal(CHANNELS, 1, 1)}),
    "a Clip from 0": ([node("Clip", "a", "zero", to="y")], {"zero": np.zeros((), np.float32)}),
    "MaxPool": ([node("MaxPool", "a", to="y", kernel_shape=[2, 2])], {}),
    "AveragePool": (
        [node("AveragePool", "a", to="y", kernel_shape=[3, 3], pads=[1, 1, 1, 1])],
        {},
    ),
    "GlobalAveragePool": ([node("GlobalAveragePool", "a", to="y")], {}),
    "GlobalMaxPool": ([node("GlobalMaxPool", "a", to="y")], {}),
    "ReduceMean": ([node("ReduceMean", "a", to="y", axes=[2, 3])], {}),
    "zero padding": (
        [node("MaxPool", "a", to="p", kernel_shape=[2, 2]), node("Pad", "p", "pads", to="y")],
        {"pads": ints(0, 0, 1, 1, 0, 0, 1, 1)},
    ),
    "Mul by a constant": ([node("Mul", "a", "f", to="y")], {"f": np.float32(0.5).reshape(1)}),
    "two Transposes": (
        [
            node("Transpose", "a", to="t", perm=[0, 2, 3, 1]),
            node("Relu", "t", to="r"),
            node("Transpose", "r", to="y", perm=[0, 3, 1, 2]),
        ],
        {},
    ),
    "a Slice of each map": (
        [node("Slice", "a", "starts", "ends", "axes", to="y")],
        {"starts": ints(1), "ends": ints(4), "axes": ints(2)},
    ),
    "Resize": (
        [
            node(
                "Resize",
                "a",
                "",
                "scales",
                to="y",
                mode="nearest",
                coordinate_transformation_mode="asymmetric",
                nearest_mode="floor",
            )
        ],
        {"scales": np.array([1, 1, 2, 2], np.float32)},
    ),
    "Add of itself": ([node("Add", "a", "a", to="y")], {}),
    "a product with a gate": (
        [
            node("GlobalAveragePool", "input", to="g"),
            node("Conv", "g", "wg", to="h"),
            node("Sigmoid", "h", to="i"),
            node("Mul", "a", "i", to="y"),
        ],
        {"wg": normal(CHANNELS, 3, 1, 1)},
    ),
}


@pytest.mark.parametrize("name", BETWEEN)
def test_channels_become_alike_and_the_function_stays(name: str) -> None:
    """Whatever scales with its input may stand between two layers; fresh samples agree too."""
    nodes, constants = BETWEEN[name]
    model = made([WRITES_A, *nodes, READS_Y], {**WEIGHTS, **constants})
    equal = equalize(model, [SAMPLES])
    same(model, equal)
    same(model, equal, 3 * normal(8, *SHAPE, seed=9))
    assert unlikeness(model, "a") > 30
    assert unlikeness(equal, "a") < 10


# What may not: the nodes between a and y.
APART: dict[str, tuple[list[onnx.NodeProto], dict[str, Array]]] = {
    "Sigmoid": ([node("Sigmoid", "a", to="y")], {}),
    "HardSwish": ([node("HardSwish", "a", to="y")], {}),
    "Silu": ([node("Sigmoid", "a", to="g"), node("Mul", "a", "g", to="y")], {}),
    "a square": ([node("Mul", "a", "a", to="y")], {}),
    "Softmax": ([node("Softmax", "a", to="y", axis=1)], {}),
    "Add of a constant": ([node("Add", "a", "c", to="y")], {"c": normal(1, CHANNELS, 1, 1)}),
    "a Clip above 0": ([node("Clip", "a", "low", to="y")], {"low": np.array(0.1, np.float32)}),
    "padding with ones": (
        [node("Pad", "a", "pads", "one", to="y")],
        {"pads": ints(0, 0, 1, 1, 0, 0, 1, 1), "one": np.ones((), np.float32)},
    ),
    "another reader that minds": (
        [
            node("Relu", "a", to="r"),
            node("Tanh", "r", to="t"),
            node("Concat", "r", "t", to="y", axis=1),
        ],
        {"wb": np.concatenate([reader()["wb"]] * 2, axis=1)},
    ),
    "DepthToSpace": (
        [node("DepthToSpace", "a", to="y", blocksize=2)],
        {"wb": normal(5, 1, 1, 1)},
    ),
    "channels that become rows": (
        [node("Transpose", "a", to="t", perm=[0, 2, 1, 3]), node("Relu", "t", to="y")],
        {"wb": normal(5, 6, 1, 1)},
    ),
    "a pool over channels that became rows": (
        [
            node("Reshape", "a", "rows", to="r"),
            node("MaxPool", "r", to="p", kernel_shape=[2, 1], pads=[0, 0, 1, 0]),
            node("Reshape", "p", "maps", to="y"),
        ],
        {"rows": ints(1, 2, 12, 6), "maps": ints(1, CHANNELS, 6, 6)},
    ),
    "a mean of neighbours in a flattened map": (
        [
            node("Reshape", "a", "rows", to="r"),
            node("AveragePool", "r", to="p", kernel_shape=[1, 3], pads=[0, 1, 0, 1]),
            node("Reshape", "p", "maps", to="y"),
        ],
        {"rows": ints(1, 1, 1, 36 * CHANNELS), "maps": ints(1, CHANNELS, 6, 6)},
    ),
    "zeros put among the channels": (
        [node("Pad", "a", "pads", to="y")],
        {"pads": ints(0, 1, 0, 0, 0, 0, 0, 0), "wb": reader(channels=CHANNELS + 1)["wb"]},
    ),
    "a Softmax of channels that came last": (
        [
            node("Transpose", "a", to="t", perm=[0, 2, 3, 1]),
            node("Softmax", "t", to="s", axis=3),
            node("Transpose", "s", to="y", perm=[0, 3, 1, 2]),
        ],
        {},
    ),
    "a mean over channels": (
        [node("ReduceMean", "a", to="y", axes=[1])],
        {"wb": normal(5, 1, 1, 1)},
    ),
}


@pytest.mark.parametrize("name", APART)
def test_what_does_not_scale_keeps_its_weights(name: str) -> None:
    """Where scaling would change the function, not a bit of a weight changes."""
    nodes, constants = APART[name]
    model = made([WRITES_A, *nodes, READS_Y], {**WEIGHTS, **constants})
    before, after = weighted_layers(model), weighted_layers(equalize(model, [SAMPLES]))
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old.weight, new.weight)
        np.testing.assert_array_equal(old.bias, new.bias)


@pytest.mark.parametrize(
    ("start", "end", "axis", "step", "kept"),
    [
        (0, 4, 1, 2, (0, 2)),
        (1, 4, 1, 2, (1, 3)),
        (1, 99, -3, 2, (1, 3)),
        (0, 99, 1, 3, (0, 3)),
        (1, 3, 1, 1, (1, 2)),
        (-2, 99, 1, 1, (2, 3)),
        (-3, -1, -3, 1, (1, 2)),
    ],
)
def test_a_slice_takes_the_scales_of_the_channels_that_it_takes(
    start: int, end: int, axis: int, step: int, kept: tuple[int, int]
) -> None:
    """By steps, from either end: the function stays, and what it reads becomes alike."""
    # Of which the one that is read second is a hundred times the other.
    scale = np.ones(CHANNELS, np.float32)
    scale[kept[1]] = 100
    constants = {
        "wa": normal(CHANNELS, 3, 3, 3) * scale[:, None, None, None],
        "ba": 0.1 * scale,
        "wb": (normal(5, 2, 1, 1, seed=2) / scale[list(kept)][:, None, None]).astype(np.float32),
        "start": ints(start),
        "end": ints(end),
        "axis": ints(axis),
        "step": ints(step),
    }
    cut = node("Slice", "r", "start", "end", "axis", "step", to="y")
    model = made([WRITES_A, node("Relu", "a", to="r"), cut, READS_Y], constants)
    equal = equalize(model, [SAMPLES])
    same(model, equal)
    assert unlikeness(model, "y") > 20
    assert unlikeness(equal, "y") < 12


@pytest.mark.parametrize("shape", [(1, 1, 1, 36 * CHANNELS), (1, 2, 12, 6), (1, CHANNELS, 36, 1)])
def test_a_map_that_is_only_named_anew_in_between_is_equalised(shape: tuple[int, ...]) -> None:
    """Must not fire where no window goes over what was two channels: the function stays."""
    nodes = [
        WRITES_A,
        node("Reshape", "a", "rows", to="r"),
        node("Relu", "r", to="p"),
        node("Reshape", "p", "maps", to="y"),
        READS_Y,
    ]
    shapes = {"rows": ints(*shape), "maps": ints(1, CHANNELS, 6, 6)}
    model = made(nodes, {**WEIGHTS, **shapes})
    equal = equalize(model, [SAMPLES])
    same(model, equal)
    assert unlikeness(model, "y") > 30
    assert unlikeness(equal, "y") < 10


def test_an_output_of_the_network_keeps_its_channels() -> None:
    """A value that leaves the network is what it was, though a layer reads it as well."""
    model = graph_of(net(PLAIN, (1, *SHAPE), WEIGHTS, outputs=("output", "y")))
    equal = equalize(model, [SAMPLES])
    for wanted, found in zip(
        run_onnx_all(model, SAMPLES[:1]), run_onnx_all(equal, SAMPLES[:1]), strict=True
    ):
        np.testing.assert_array_equal(wanted, found)


def test_a_depthwise_reader_takes_channels_wholly_alike() -> None:
    """Each of its rows sees one channel: the activation alone decides, and uses its range."""
    nodes = [WRITES_A, node("Relu", "a", to="y"), node("Conv", "y", "wb", group=CHANNELS)]
    model = made(nodes, {**WEIGHTS, "wb": DEPTHWISE})
    equal = equalize(model, [SAMPLES])
    same(model, equal)
    assert unlikeness(equal, "y") == pytest.approx(1, abs=1e-4)


def test_a_mixing_reader_shares_the_burden() -> None:
    """Channels 100x apart under like weights become 10x apart, and so do the weights."""
    model = made(PLAIN, {**WEIGHTS, "wb": np.ones((5, CHANNELS, 1, 1), np.float32)})
    apart = unlikeness(model, "y")
    equal = equalize(model, [SAMPLES])
    same(model, equal)
    assert unlikeness(equal, "y") == pytest.approx(np.sqrt(apart), rel=1e-3)
    (_, layer) = weighted_layers(equal)
    weights = np.abs(layer.weight).max(axis=(0, 2, 3))
    assert weights.max() / weights.min() == pytest.approx(np.sqrt(apart), rel=1e-3)


def test_channels_that_were_alike_by_other_scales_are_found_again() -> None:
    """However the channels of one function were scaled, equalisation ends at the same network."""
    plain = made(PLAIN, {"wa": writer()["wa"], "ba": writer()["ba"], "wb": reader()["wb"]})
    scale = np.array([3, 1, 0.5, 4], np.float32)[:, None, None]
    other = made(
        PLAIN,
        {
            "wa": writer()["wa"] * scale[..., None],
            "ba": writer()["ba"] * scale.ravel(),
            "wb": reader()["wb"] / scale,
        },
    )
    one, two = (list(weighted_layers(equalize(m, [SAMPLES]))) for m in (plain, other))
    for a, b in zip(one, two, strict=True):
        scales = a.weight / b.weight
        np.testing.assert_allclose(scales, scales.flat[0], rtol=0.02)


def test_flattened_maps_and_dense_layers() -> None:
    """A dense layer reads a flattened map, another the first one's result."""
    nodes = [
        WRITES_A,
        node("Relu", "a", to="r"),
        node("Flatten", "r", to="y"),
        node("Gemm", "y", "w1", "b1", to="g", transB=1),
        node("Relu", "g", to="h"),
        node("Gemm", "h", "w2", to="output", transB=1),
    ]
    rows = 10 ** np.linspace(0, 1.5, 8).astype(np.float32)
    constants = {
        **writer(),
        "w1": normal(8, 36 * CHANNELS) / SPREAD.repeat(36) * rows[:, None],
        "b1": 20 * rows,
        "w2": normal(3, 8) / rows,
    }
    model = made(nodes, constants)
    equal = equalize(model, [SAMPLES])
    same(model, equal)
    for value, before, after in (("r", 30, 5), ("h", 10, 8)):
        assert unlikeness(model, value) > before
        assert unlikeness(equal, value) < after


def test_transposed_convolutions_write_and_read() -> None:
    """Their weights have inputs first: both axes are scaled the right way round."""
    nodes = [
        node("ConvTranspose", "input", "wa", "ba", to="a", strides=[2, 2]),
        node("Relu", "a", to="y"),
        node("ConvTranspose", "y", "wb", strides=[2, 2]),
    ]
    constants = {
        "wa": normal(3, CHANNELS, 2, 2) * SPREAD[:, None, None],
        "ba": SPREAD,
        "wb": normal(CHANNELS, 2, 2, 2) / SPREAD[:, None, None, None],
    }
    model = made(nodes, constants)
    equal = equalize(model, [SAMPLES])
    same(model, equal)
    assert unlikeness(model, "y") > 30
    assert unlikeness(equal, "y") < 5


def test_grouped_convolutions_read_their_own_channels() -> None:
    """Each group's weights are scaled as its own input channels are."""
    nodes = [WRITES_A, node("Relu", "a", to="y"), node("Conv", "y", "wb", group=2)]
    weight = normal(6, 2, 1, 1)
    weight[:3] /= SPREAD[:2, None, None]
    weight[3:] /= SPREAD[2:, None, None]
    model = made(nodes, {**writer(), "wb": weight})
    equal = equalize(model, [SAMPLES])
    same(model, equal)
    assert unlikeness(equal, "y") < 8


def test_one_dimensional_convolutions() -> None:
    """A network over a line of samples is equalised like one over maps."""
    nodes = [
        node("Conv", "input", "wa", to="a", pads=[1, 1]),
        node("Relu", "a", to="y"),
        node("Conv", "y", "wb"),
    ]
    constants = {
        "wa": normal(CHANNELS, 2, 3) * SPREAD[:, None, None],
        "wb": (normal(5, CHANNELS, 1) / SPREAD[:, None]).astype(np.float32),
    }
    model = graph_of(net(nodes, (1, 2, 12), constants))
    samples = normal(8, 2, 12)
    equal = equalize(model, [samples])
    same(model, equal, samples)
    rows = np.abs(first_weight(equal)).max(axis=(1, 2))
    assert rows.max() / rows.min() < 10


def test_a_concatenation_takes_each_part_by_itself() -> None:
    """A large and a small branch become alike, and the reader finds its channels again."""
    nodes = [
        WRITES_A,
        node("Conv", "input", "wc", to="c", pads=[1, 1, 1, 1]),
        node("Concat", "c", "a", to="j", axis=1),
        node("Relu", "j", to="y"),
        READS_Y,
    ]
    wb = np.concatenate([100 * normal(5, 2, 1, 1), reader()["wb"]], axis=1)
    constants = {**writer(), "wc": 0.01 * normal(2, 3, 3, 3), "wb": wb.astype(np.float32)}
    model = made(nodes, constants)
    equal = equalize(model, [SAMPLES])
    same(model, equal)
    assert unlikeness(model, "y") > 1000
    assert unlikeness(equal, "y") < 20


def test_a_branch_that_cannot_change_draws_the_other_to_its_range() -> None:
    """Beside a SiLU of small range, a large branch shrinks until both share one scale well."""
    nodes = [
        node("Conv", "input", "wc", to="c", pads=[1, 1, 1, 1]),
        node("Sigmoid", "c", to="s"),
        node("Mul", "c", "s", to="silu"),
        WRITES_A,
        node("Relu", "a", to="r"),
        node("Concat", "silu", "r", to="y", axis=1),
        READS_Y,
    ]
    wb = np.concatenate([normal(5, 2, 1, 1), reader()["wb"]], axis=1).astype(np.float32)
    model = made(nodes, {**writer(), "wc": 0.3 * normal(2, 3, 3, 3), "wb": wb})
    equal = equalize(model, [SAMPLES])
    same(model, equal)
    np.testing.assert_array_equal(first_weight(model), first_weight(equal))  # the SiLU's layer
    assert unlikeness(model, "y") > 50
    assert unlikeness(equal, "y") < 10


def test_residual_additions_tie_their_channels() -> None:
    """Both summands and the sum have one scale for each channel, through two additions."""
    nodes = [
        WRITES_A,
        node("Relu", "a", to="r"),
        node("Conv", "r", "w1", to="c", pads=[1, 1, 1, 1]),
        node("Add", "c", "r", to="d"),
        node("Relu", "d", to="e"),
        node("Conv", "e", "w1", to="f", pads=[1, 1, 1, 1]),
        node("Add", "f", "e", to="y"),
        READS_Y,
    ]
    weight = normal(CHANNELS, CHANNELS, 3, 3) * SPREAD[:, None, None, None] / SPREAD[:, None, None]
    model = made(nodes, {**WEIGHTS, "w1": 0.2 * weight.astype(np.float32)})
    equal = equalize(model, [SAMPLES])
    same(model, equal)
    for value in ("r", "e", "y"):
        assert unlikeness(model, value) > 30
        assert unlikeness(equal, value) < 8


CLIPPED = [WRITES_A, node("Clip", "a", "zero", "six", to="y"), READS_Y]
BOUNDS = {"zero": np.zeros((), np.float32), "six": np.array(6, np.float32)}


def test_a_clip_is_reached_by_no_channel_that_did_not_reach_it() -> None:
    """Channels grow up to the bound and no further; that keeps what was observed."""
    small = np.float32(5 / largest(made(PLAIN, WEIGHTS), "a").max())
    constants = {name: array * small for name, array in writer().items()}
    model = made(CLIPPED, {**constants, **reader(), **BOUNDS})
    equal = equalize(model, [SAMPLES])
    same(model, equal)
    assert unlikeness(model, "y") > 30
    assert unlikeness(equal, "y") < 8
    assert largest(equal, "y").max() <= 6 * (1 + 1e-6)


def test_a_channel_that_was_cut_off_stays_as_it_is() -> None:
    """A channel that reached the bound has the scale 1; the others grow up to it."""
    nodes = [*CLIPPED[:2], node("Conv", "y", "wb", group=CHANNELS)]
    constants = {"wa": writer()["wa"] * np.float32(0.05), "ba": np.zeros(CHANNELS, np.float32)}
    model = made(nodes, {**constants, "wb": DEPTHWISE, **BOUNDS})
    cut = largest(model, "y") == 6
    assert 0 < cut.sum() < CHANNELS
    equal = equalize(model, [SAMPLES])
    same(model, equal)
    kept = (first_weight(model) == first_weight(equal)).all(axis=(1, 2, 3))
    np.testing.assert_array_equal(kept, cut)
    np.testing.assert_allclose(largest(equal, "y"), 6, rtol=1e-5)


def test_a_channel_that_was_cut_off_shrinks_no_more_than_it_grows() -> None:
    """Not even where its small weights would ask for it, beside channels that may."""
    constants = {"wa": writer()["wa"] * np.float32(0.05), "ba": np.zeros(CHANNELS, np.float32)}
    weight = np.ones((5, CHANNELS, 1, 1), np.float32)
    weight[:, -1] = 0.001
    model = made(CLIPPED, {**constants, "wb": weight, **BOUNDS})
    assert largest(model, "y")[-1] == 6
    equal = equalize(model, [SAMPLES])
    same(model, equal)
    np.testing.assert_array_equal(first_weight(model)[-1], first_weight(equal)[-1])


def test_beside_a_larger_branch_a_clip_bounds_the_growth() -> None:
    """What is concatenated has one range, but the clipped part may not fill it."""
    nodes = [
        *CLIPPED[:2],
        node("Conv", "input", "wc", to="c", pads=[1, 1, 1, 1]),
        node("Relu", "c", to="d"),
        node("Concat", "y", "d", to="j", axis=1),
        node("Conv", "j", "wb", group=2 * CHANNELS),
    ]
    small = {name: array * np.float32(0.002) for name, array in writer().items()}
    constants = {"wc": 100 * normal(CHANNELS, 3, 3, 3), "wb": normal(2 * CHANNELS, 1, 3, 3)}
    model = made(nodes, {**small, **constants, **BOUNDS})
    assert largest(model, "y").max() < 6 < largest(model, "d").max()
    equal = equalize(model, [SAMPLES])
    same(model, equal)
    np.testing.assert_allclose(largest(equal, "y"), 6, rtol=1e-5)


def test_dense_layers_share_their_weights_scale_among_rows() -> None:
    """A small channel with large weights, held down by its bias, may not outgrow other rows."""
    nodes = [
        node("Flatten", "input", to="f"),
        node("Gemm", "f", "w1", "b1", to="g", transB=1),
        node("Relu", "g", to="h"),
        node("Gemm", "h", "w2", transB=1),
    ]
    weight, bias = normal(4, 108), np.zeros(4, np.float32)
    plain = graph_of(net(nodes[:2], (1, *SHAPE), {"w1": weight, "b1": bias}, outputs=("g",)))
    highest = np.concatenate([run_onnx(plain, x[None]) for x in SAMPLES]).max(axis=0)
    bias[0] = -0.99 * highest[0]
    model = made(nodes, {"w1": weight, "b1": bias, "w2": np.ones((2, 4), np.float32)})
    assert unlikeness(model, "h") > 30
    equal = equalize(model, [SAMPLES])
    same(model, equal)
    rows = np.abs(first_weight(equal)).max(axis=1)
    assert rows[0] < 1.2 * rows[1:].max()


def test_dense_layers_share_their_weights_scale_among_columns() -> None:
    """A channel whose weights are small in their own row, but not elsewhere, has a share of all."""
    nodes = [
        WRITES_A,
        node("Relu", "a", to="r"),
        node("GlobalMaxPool", "r", to="p"),
        node("Flatten", "p", to="y"),
        node("Gemm", "y", "wb", transB=1),
    ]
    weight = np.eye(CHANNELS, dtype=np.float32) * np.array([1, 1, 1, 0.01], np.float32)
    constants = {"wa": normal(CHANNELS, 3, 3, 3), "ba": np.ones(CHANNELS, np.float32)}
    equal = equalize(made(nodes, {**constants, "wb": weight}), [SAMPLES])
    (_, layer) = weighted_layers(equal)
    columns = np.abs(layer.weight).max(axis=0)
    assert columns.max() / columns.min() < 20


def test_a_dead_channel_stays_as_it_is() -> None:
    """A channel that is always 0 has no range to go by: its weights stay, finite as they were."""
    constants = {k: v.copy() for k, v in WEIGHTS.items()}
    constants["wa"][1], constants["ba"][1] = 0, -1  # below 0 for any input, so 0 after the ReLU
    model = made(PLAIN, constants)
    equal = equalize(model, [SAMPLES])
    same(model, equal)
    one, two = weighted_layers(equal)
    assert one.bias[1] == -1
    np.testing.assert_array_equal(two.weight[:, 1], constants["wb"][:, 1])


def test_layers_that_shared_their_weights_may_differ() -> None:
    """Two layers with one array of weights get an array each, where their scales differ."""
    nodes = [
        node("Conv", "input", "w", to="a"),
        node("Relu", "a", to="b"),
        node("Conv", "b", "w", to="c"),
        node("Relu", "c", to="d"),
        node("Conv", "d", "w"),
    ]
    weight = normal(3, 3, 1, 1) * np.array([1, 10, 100], np.float32)[:, None, None, None]
    model = made(nodes, {"w": weight})
    same(model, equalize(model, [SAMPLES]))


def test_the_same_samples_give_the_same_network() -> None:
    """Nothing in it is drawn at random, and how samples are batched does not matter."""
    model = made(PLAIN, WEIGHTS)
    one, two = equalize(model, [SAMPLES]), equalize(model, list(SAMPLES[:, None]))
    assert write(one).SerializeToString() == write(two).SerializeToString()


def test_memory_does_not_grow_with_the_samples() -> None:
    """Of a value only the extremes of its channels are kept."""
    model = made(PLAIN, WEIGHTS)

    def peak(count: int) -> int:
        tracemalloc.start()
        equalize(model, (normal(1, *SHAPE, seed=i) for i in range(count)))
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(64)  # what is allocated once
    assert peak(1024) < peak(128) + 2**16  # the samples themselves are 442 KB


def test_wrong_samples_are_refused() -> None:
    """In the words of calibration."""
    with pytest.raises(CalibrationError, match=r"^calibration samples: expected at least one"):
        equalize(made(PLAIN, WEIGHTS), [])
