"""One output value of a layer worked out in numbers, by the arithmetic of the reference."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.explain.words import MINUS, TIMES
from quantization.graph.graph import Array
from quantization.reference.fixed_point import Multiplier, multiply, quantize_multiplier
from quantization.reference.kernels.conv import channel_factors, windows
from quantization.reference.kernels.output import activation, centred
from quantization.reference.kernels.reduce import divided
from quantization.reference.model import ReferenceOperator, ReferenceTensor

# As many products of a dense layer are written out, the largest first.
_TERMS = 6


@dataclass(frozen=True)
class Grid:
    """A small table of integers with a name above it."""

    title: str
    rows: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class WorkedStep:
    """One line: what is done, in numbers, and what comes out."""

    what: str
    numbers: str
    result: str


@dataclass(frozen=True)
class Worked:
    """How one value comes about.

    Args:
        place: which one it is.
        grids: what is read, as tables.
        steps: from these to the value, in order.
        value: the int8 value that comes out.
    """

    place: str
    grids: tuple[Grid, ...]
    steps: tuple[WorkedStep, ...]
    value: int


Place = tuple[int, ...]
_Worker = Callable[[ReferenceOperator, Sequence[Any], Place], Worked | None]
_WORKERS: dict[str, _Worker] = {}


def worked(operator: ReferenceOperator, inputs: Sequence[Array | None], y: Array) -> Worked | None:
    """A telling value of an operator's output worked out; None of one that is not explained so.

    Args:
        operator: which one.
        inputs: its inputs' values.
        y: its output's.
    """
    worker = _WORKERS.get(operator.name)
    if worker is None or y.ndim not in (2, 4) or len(y) != 1:
        return None
    return worker(operator, inputs, telling_place(operator, y))


def telling_place(operator: ReferenceOperator, y: Array) -> Place:
    """The largest value of the liveliest channel that no limit has cut off, else the largest.

    Of a single value a channel, the largest of all.
    """
    if y.ndim == 2:
        return (0, int(y[0].argmax()))
    if y.shape[1] * y.shape[2] == 1:
        return (0, 0, 0, int(y[0, 0, 0].argmax()))
    channel = int(y[0].reshape(-1, y.shape[3]).std(axis=0).argmax())
    plane = y[0, :, :, channel].astype(int)
    low, high = _limits(operator)
    free = np.where((plane > low) & (plane < high), plane, -1000)
    best = free if free.max() > -1000 else plane
    row, column = np.unravel_index(int(best.argmax()), plane.shape)
    return (0, int(row), int(column), channel)


def _limits(operator: ReferenceOperator) -> tuple[int, int]:
    fused = hasattr(operator.options, "fusedActivationFunction")
    return activation(operator) if fused else (-128, 127)


def _explains(name: str) -> Callable[[_Worker], _Worker]:
    def enter(worker: _Worker) -> _Worker:
        _WORKERS[name] = worker
        return worker

    return enter


@_explains("CONV_2D")
def _conv(operator: ReferenceOperator, inputs: Sequence[Any], place: Place) -> Worked:
    _, row, column, channel = place
    x, weights, bias = inputs[0], inputs[1], _optional(inputs, 2)
    outputs, height, width, depth = weights.shape
    group = channel // (outputs // (x.shape[3] // depth))
    patches = windows(centred(x, operator.input(0)), (height, width), operator)
    patch = patches[0, row, column, group * depth : (group + 1) * depth]  # (C, KH, KW)
    filters = weights[channel].transpose(2, 0, 1).astype(np.int64)
    return _windowed(operator, place, patch, filters, bias)


@_explains("DEPTHWISE_CONV_2D")
def _depthwise(operator: ReferenceOperator, inputs: Sequence[Any], place: Place) -> Worked:
    _, row, column, channel = place
    x, weights, bias = inputs[0], inputs[1], _optional(inputs, 2)
    _, height, width, outputs = weights.shape
    source = channel // (outputs // x.shape[3])
    patches = windows(centred(x, operator.input(0)), (height, width), operator)
    filters = weights[0, :, :, channel].astype(np.int64)
    return _windowed(operator, place, patches[0, row, column, [source]], filters[np.newaxis], bias)


def _windowed(
    operator: ReferenceOperator, place: Place, patch: Array, filters: Array, bias: Array | None
) -> Worked:
    """A convolution at one place: patch and filters are (C, KH, KW)."""
    products = patch * filters
    by_channel = products.sum(axis=(1, 2))
    shown = int(np.abs(by_channel).argmax())
    many = len(by_channel) > 1
    of = f", input channel {shown}" if many else ""
    grids = (
        Grid(f"input minus its zero point{of}", _rows(patch[shown])),
        Grid(f"weights{of}", _rows(filters[shown])),
        Grid("their products", _rows(products[shown])),
    )
    total = int(products.sum())
    if many:
        rest = total - int(by_channel[shown])
        numbers = f"{_n(by_channel[shown])} of this channel, {_n(rest)} of {len(patch) - 1} others"
    else:
        numbers = f"{products.size} products"
    first = WorkedStep("Add the products up", numbers, _n(total))
    channel = place[3]
    added = 0 if bias is None else int(bias[channel])
    factor = channel_factors(operator, operator.output.shape[3])[channel]
    weight_scale = np.broadcast_to(operator.input(1).scales, operator.output.shape[3])[channel]
    steps, value = _finished(operator, total, added, factor, float(weight_scale))
    return Worked(_where(place), grids, (first, *steps), value)


@_explains("FULLY_CONNECTED")
def _dense(operator: ReferenceOperator, inputs: Sequence[Any], place: Place) -> Worked:
    x, weights, bias = inputs[0], inputs[1], _optional(inputs, 2)
    source, filters = operator.input(0), operator.input(1)
    row = centred(x, source).reshape(-1, weights.shape[1])[0]
    column = centred(weights, filters)[place[1]]
    products = row * column
    largest = np.argsort(-np.abs(products), kind="stable")[:_TERMS]
    terms = tuple((int(i), int(row[i]), int(column[i]), int(products[i])) for i in largest)
    grids = (Grid("number of the input, input minus its zero point, weight, product", terms),)
    total = int(products.sum())
    said = (
        f"{_n(int(products[largest].sum()))} of these, {_n(total - int(products[largest].sum()))}"
    )
    first = WorkedStep(
        "Add the products up", f"{said} of {max(0, len(products) - len(largest))} others", _n(total)
    )
    real = float(source.scale * filters.scale) / float(operator.output.scale)
    added = 0 if bias is None else int(bias[place[1]])
    factor = quantize_multiplier(real)
    steps, value = _finished(operator, total, added, factor, float(filters.scale))
    return Worked(_where(place), grids, (first, *steps), value)


def _finished(
    operator: ReferenceOperator, total: int, bias: int, factor: Multiplier, weight_scale: float
) -> tuple[list[WorkedStep], int]:
    """From the sum of products to int8, and what it means."""
    source, target = operator.input(0), operator.output
    whole = total + bias
    scaled = int(multiply(np.array([whole], np.int64), factor)[0])
    real_factor = factor.mantissa / 2**31 * 2.0**factor.exponent
    steps = [
        WorkedStep("Add the bias", f"{_n(total)} + {_n(bias)}", _n(whole)),
        WorkedStep(
            "Bring it to the output's scale",
            f"{_n(whole)} {TIMES} {real_factor:.6g}, in integers {TIMES} {factor.mantissa:,} ÷ "
            f"2^{31 - factor.exponent}",
            _n(scaled),
        ),
    ]
    exact = float(source.scale) * weight_scale * whole
    last, value = _landed(target, scaled, _limits(operator), exact)
    return [*steps, *last], value


def _landed(
    target: ReferenceTensor, scaled: int, limits: tuple[int, int], exact: float
) -> tuple[list[WorkedStep], int]:
    """Zero point, limits, and the real number that the int8 value stands for."""
    moved = scaled + target.zero_point
    value = max(limits[0], min(moved, limits[1]))
    cut = "" if value == moved else ", which cuts it off"
    steps = [
        WorkedStep("Add the zero point", f"{_n(scaled)} + {_n(target.zero_point)}", _n(moved)),
        WorkedStep("Keep within", f"{_n(limits[0])} to {_n(limits[1])}{cut}", _n(value)),
        WorkedStep(
            "What it stands for",
            f"{float(target.scale):.5g} {TIMES} ({_n(value)} {MINUS} {_n(target.zero_point)}); "
            f"without rounding {exact:.4g}",
            f"{float(target.scale) * (value - target.zero_point):.4g}",
        ),
    ]
    return steps, value


@_explains("MAX_POOL_2D")
def _largest(operator: ReferenceOperator, inputs: Sequence[Any], place: Place) -> Worked:
    patch = _pool_window(operator, inputs[0], place, -128)
    value = int(patch.max())
    step = WorkedStep("Take the largest", f"of {patch.size} values; the scale stays", _n(value))
    return Worked(_where(place), (Grid("the window", _rows(patch)),), (step,), value)


@_explains("AVERAGE_POOL_2D")
def _average(operator: ReferenceOperator, inputs: Sequence[Any], place: Place) -> Worked:
    patch = _pool_window(operator, inputs[0], place, 0)
    ones = np.ones((1, *inputs[0].shape[1:3], 1), np.int64)
    count = int(_pool_window(operator, ones, (*place[:3], 0), 0).sum())
    total = int(patch.sum())
    mean = abs(total) / count
    value = int(np.floor(mean + 0.5)) * (-1 if total < 0 else 1)
    step = WorkedStep("Take the mean", f"{_n(total)} ÷ {count}, to the nearest", _n(value))
    return Worked(_where(place), (Grid("the window", _rows(patch)),), (step,), value)


def _pool_window(operator: ReferenceOperator, x: Array, place: Place, fill: int) -> Array:
    size = operator.options.filterHeight, operator.options.filterWidth
    every = windows(x.astype(np.int64), size, operator, fill)
    window: Array = every[place[0], place[1], place[2], place[3]]
    return window


@_explains("MEAN")
def _mean(operator: ReferenceOperator, inputs: Sequence[Any], place: Place) -> Worked | None:
    source = operator.input(0)
    axes = {int(axis) % inputs[0].ndim for axis in np.ravel(inputs[1])}
    if inputs[0].ndim != 4 or axes != {1, 2}:
        return None
    plane = centred(inputs[0], source)[0, :, :, place[-1]]
    total, count = int(plane.sum()), plane.size
    factor = quantize_multiplier(float(source.scale) / float(operator.output.scale))
    scaled = int(multiply(np.array([total], np.int64), divided(factor, count))[0])
    steps, value = _landed(
        operator.output, scaled, (-128, 127), float(source.scale) * total / count
    )
    first = WorkedStep("Add the map up", f"{count} values minus their zero point", _n(total))
    ratio = float(source.scale) / float(operator.output.scale)
    second = WorkedStep(
        "Divide, and bring it to the output's scale",
        f"{_n(total)} ÷ {count} {TIMES} {ratio:.6g}",
        _n(scaled),
    )
    return Worked(_where(place), (), (first, second, *steps), value)


@_explains("ADD")
def _sum(operator: ReferenceOperator, inputs: Sequence[Any], place: Place) -> Worked:
    ends = [(operator.input(i), inputs[i]) for i in range(2)]
    first, second = (
        float(tensor.scale)
        * (int(np.broadcast_to(x, operator.output.shape)[place]) - tensor.zero_point)
        for tensor, x in ends
    )
    target = operator.output
    names = tuple(
        WorkedStep(
            f"Read {word}",
            f"{float(tensor.scale):.5g} {TIMES} "
            f"({_n(int(np.broadcast_to(x, target.shape)[place]))} {MINUS} {_n(tensor.zero_point)})",
            f"{real:.5g}",
        )
        for word, (tensor, x), real in zip(
            ("the first", "the second"), ends, (first, second), strict=True
        )
    )
    total = first + second
    quanta = round(total / float(target.scale))
    steps, value = _landed(target, quanta, _limits(operator), total)
    scaled = WorkedStep(
        "Bring the sum to the output's scale",
        f"({first:.5g} + {second:.5g}) ÷ {float(target.scale):.5g}",
        _n(quanta),
    )
    return Worked(_where(place), (), (*names, scaled, *steps), value)


def _optional(inputs: Sequence[Any], index: int) -> Array | None:
    return inputs[index] if index < len(inputs) else None


def _rows(table: Array) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(int(value) for value in row) for row in np.atleast_2d(table))


def _where(place: Place) -> str:
    if len(place) == 2:
        return f"output {place[1]}"
    return f"row {place[1]}, column {place[2]}, channel {place[3]}"


def _n(number: Any) -> str:
    """An integer with a real minus, so that it is not taken for a subtraction."""
    return f"{int(number):,}".replace("-", MINUS)
