"""Calibration: the range of every int8 value-to-be, seen over real samples."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import msgspec
import numpy as np
import onnx

from edge_agent.arrays import F32
from quantization.batching import takes_batches
from quantization.errors import CalibrationError
from quantization.graph import Graph, Shape, read, write
from quantization.observer import Observer
from quantization.plan import int8_values
from quantization.ranges import Range
from quantization.recipe import QuantRecipe
from quantization.session import InferenceSession, open_session

# What one batch's activations may take: the batch is as large as this allows, up to 64.
BATCH_BYTES = 64 * 2**20
MAX_BATCH = 64


class Ranges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What calibration found.

    Args:
        values: the range of each value, by its name in the folded model.
        samples: how many samples it was seen over.
    """

    values: dict[str, Range]
    samples: int


def calibrate(model: onnx.ModelProto, samples: Iterable[F32], recipe: QuantRecipe) -> Ranges:
    """Run a folded model over samples and note the range of each value.

    Memory does not grow with the number of samples: they are taken in batches, and of each
    value only what `Observer` keeps.

    Args:
        model: as `fold` returns it.
        samples: float32 arrays (N, C, H, W) of any N, preprocessed as on the device.
        recipe: how a range is found from what was seen.

    Raises:
        CalibrationError: if there are no samples, one has the wrong type, shape or a value
            that is not finite, or the network computes one from them.
    """
    graph = read(model)
    values = int8_values(graph)
    session = _observing_session(graph, values)
    observers = {value: Observer(recipe) for value in values}
    count = 0
    for batch in _batches(samples, graph.shapes[graph.inputs[0]], _batch_size(graph, values)):
        # Asked for nothing, ONNX Runtime would refuse: only indices are computed then.
        observed = session.run(list(values[1:]), {graph.inputs[0]: batch}) if values[1:] else []
        for value, array in zip(values, (batch, *observed), strict=True):
            observers[value].update(value, array)
        count += len(batch)
    if not count:
        raise CalibrationError("calibration samples: expected at least one, found none")
    return Ranges({value: observer.range() for value, observer in observers.items()}, count)


def _observing_session(graph: Graph, values: tuple[str, ...]) -> InferenceSession:
    """The network for any batch size that it takes, returning every value but its input."""
    shapes = {graph.inputs[0]: graph.shapes[graph.inputs[0]]}
    if takes_batches(graph):
        shapes = {graph.inputs[0]: (-1, *graph.shapes[graph.inputs[0]][1:])}
    return open_session(write(replace(graph, outputs=values[1:], shapes=shapes)))


def _batch_size(graph: Graph, values: tuple[str, ...]) -> int:
    if not takes_batches(graph):
        return 1
    sample = 4 * sum(int(np.prod(graph.shapes[value])) for value in values)
    return max(1, min(MAX_BATCH, BATCH_BYTES // sample))


def _batches(samples: Iterable[F32], shape: Shape, size: int) -> Iterator[F32]:
    """The samples, checked, `size` at a time in one array that is used again; the last fewer."""
    batch, filled = np.empty((size, *shape[1:]), np.float32), 0
    for index, array in enumerate(samples):
        _check(index, array, shape)
        while len(array):
            taken = array[: size - filled]
            batch[filled : filled + len(taken)] = taken
            array, filled = array[len(taken) :], filled + len(taken)
            if filled == size:
                yield batch
                filled = 0
    if filled:
        yield batch[:filled]


def _check(index: int, array: F32, shape: Shape) -> None:
    found = (
        f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
    )
    if not (
        isinstance(array, np.ndarray)
        and array.dtype == np.float32
        and array.ndim == len(shape)
        and array.shape[1:] == shape[1:]
    ):
        expected = ", ".join(("N", *map(str, shape[1:])))
        raise CalibrationError(
            f"calibration sample {index}: expected float32 ({expected}), found {found}"
        )
    bad = int(np.count_nonzero(~np.isfinite(array)))
    if bad:
        raise CalibrationError(
            f"calibration sample {index}: {bad} of {array.size} values are not finite"
        )
