"""`Probe`: a network that returns values from within, over samples, batch by batch."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from edge_agent.common.arrays import F32
from quantization.errors import CalibrationError
from quantization.graph.graph import Graph, Shape, write
from quantization.graph.session import open_session
from quantization.operators.batching import takes_batches

# The bytes that one batch's values may take; a batch is as large as that allows, up to 64.
BATCH_BYTES = 32 * 2**20
MAX_BATCH = 64


class Probe:
    """A network that returns some of its values.

    Args:
        graph: with one float32 input of a batch of 1.
        values: what to return; the network's input may be among them.
        like: the network that tells whether batches can be taken, where `graph` is its
            quantised form.
    """

    def __init__(self, graph: Graph, values: Iterable[str], like: Graph | None = None) -> None:
        self.values = tuple(values)
        self._input = graph.inputs[0]
        self._shape = graph.shapes[self._input]
        self._batched = takes_batches(like or graph)
        self._size = batch_size(graph, self.values) if self._batched else 1
        dims = (-1, *self._shape[1:]) if self._batched else self._shape
        self._asked = [value for value in self.values if value != self._input]
        asked = replace(graph, outputs=tuple(self._asked), shapes={self._input: dims})
        self._session = open_session(write(asked))

    def run(self, batch: F32) -> dict[str, F32]:
        """The values of a batch of network inputs, by name."""
        # Asked for nothing, ONNX Runtime would refuse.
        arrays = self._session.run(self._asked, {self._input: batch}) if self._asked else []
        return {self._input: batch, **dict(zip(self._asked, arrays, strict=True))}

    def batches(self, samples: Iterable[F32]) -> Iterator[F32]:
        """The samples, checked, in batches that `run` takes; each is overwritten by the next.

        Raises:
            CalibrationError: if a sample has the wrong type, shape or a value that is not
                finite, or there is none.
        """
        none = True
        for batch in batches(samples, self._shape, self._size):
            none = False
            yield batch
        if none:
            raise CalibrationError("calibration samples: expected at least one, found none")


def batch_size(graph: Graph, values: Iterable[str]) -> int:
    """How many samples to run at a time where some values are asked for."""
    sample = 4 * sum(int(np.prod(graph.shapes[value])) for value in values)
    return max(1, min(MAX_BATCH, BATCH_BYTES // max(sample, 1)))


def batches(samples: Iterable[F32], shape: Shape, size: int) -> Iterator[F32]:
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
