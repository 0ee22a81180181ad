"""`FloatBaseline`: a float network on samples, and how far quantised forms of it are from that."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import log10

import numpy as np
from numpy.typing import NDArray

from edge_agent.common.arrays import F32
from quantization.doctor.isolate import isolated
from quantization.doctor.paired import Int8Layer
from quantization.fold.fold import drop_unread
from quantization.graph.graph import Graph, write
from quantization.graph.session import open_session
from quantization.operators.batching import takes_batches
from quantization.operators.rules import Scale
from quantization.operators.table import find
from quantization.recipe import QuantRecipe
from quantization.scales.observer import Observer
from quantization.scales.plan import int8_values
from quantization.scales.probe import Probe
from quantization.scales.ranges import Range

# What `Seen.most` holds: a range that only one value in 10,000 leaves.
MOST = QuantRecipe(calibration="percentile", percentile=99.99)


def decibels(error: float) -> float | None:
    """A squared error as a share of the squared signal, in dB of signal over error.

    None where there is no error.
    """
    return -10 * log10(error) if error > 0 else None


class ValueStatistics:
    """What one value of the float network was seen to be, and how far another form was off."""

    def __init__(self) -> None:
        self._observer = Observer(MOST)
        self._error = _Error()
        self._lows: list[F32] = []
        self._highs: list[F32] = []

    def update(self, name: str, array: F32, other: F32) -> None:
        """See one more batch (N, C, ...) of the value, and what another form made of it."""
        self._observer.update(name, array)
        self._error.update(array, other)
        others = tuple(axis for axis in range(array.ndim) if axis != 1)
        self._lows.append(array.min(axis=others))
        self._highs.append(array.max(axis=others))

    @property
    def error(self) -> float:
        """The other form's squared error as a share of the value's squares."""
        return self._error.share

    @property
    def channels(self) -> tuple[Range, ...]:
        """The extremes of each channel."""
        lows, highs = np.min(self._lows, axis=0), np.max(self._highs, axis=0)
        return tuple(Range(float(a), float(b)) for a, b in zip(lows, highs, strict=True))

    @property
    def whole(self) -> Range:
        """The extremes of the value."""
        return Range(float(np.min(self._lows)), float(np.max(self._highs)))

    @property
    def most(self) -> Range:
        """The range of all but its outermost values."""
        return self._observer.range()


class FloatBaseline:
    """A float network run on samples.

    Memory holds the samples, the network's outputs for them, and of the values within it what
    one batch needs.

    Args:
        graph: of a folded network.
        samples: float32 (N, ...), preprocessed as on the device.

    Raises:
        CalibrationError: if there are no samples, they have the wrong type or shape, or one
            is not finite.
    """

    def __init__(self, graph: Graph, samples: F32) -> None:
        self.graph = graph
        self.samples = len(samples)
        self.ends = tuple(_ends(graph))
        self._float = Probe(graph, int8_values(graph))
        self._batches: list[F32] = []
        for batch in self._float.batches([samples]):  # as many as all values of fit into memory
            start = sum(map(len, self._batches))
            self._batches.append(samples[start : start + len(batch)])
        self._reference = list(self.run(graph, self.ends))

    def run(self, graph: Graph, values: Sequence[str]) -> Iterator[dict[str, F32]]:
        """Some values of a network with the same input, batch by batch."""
        (source,) = graph.inputs
        asked = [value for value in values if value != source]
        shape = graph.shapes[source]
        dims = (-1, *shape[1:]) if takes_batches(self.graph) else shape
        # ONNX Runtime would run what nobody asks for, too; asked for nothing, it refuses.
        needed = drop_unread(replace(graph, outputs=tuple(asked), shapes={source: dims}))
        session = open_session(write(needed)) if asked else None
        for batch in self._batches:
            arrays = session.run(asked, {source: batch}) if session else []
            yield {source: batch, **dict(zip(asked, arrays, strict=True))}

    def output_error(self, graph: Graph, names: Sequence[str] | None = None) -> float:
        """The squared error of the network's outputs as a share of their squares.

        Args:
            graph: a form of the network.
            names: what its outputs are called there, in the order of `ends`.
        """
        names = names or self.ends
        total = {end: _Error() for end in self.ends}
        for found, wanted in zip(self.run(graph, names), self._reference, strict=True):
            for end, name in zip(self.ends, names, strict=True):
                total[end].update(wanted[end], found[name])
        return float(np.mean([error.share for error in total.values()]))

    def alone(self, layers: Iterable[Int8Layer]) -> float:
        """The same with only some layers quantised."""
        return self.output_error(isolated(self.graph, layers))

    def compare(self, graph: Graph, names: Mapping[str, str]) -> dict[str, ValueStatistics]:
        """What the float network's values are, and the error of another form's.

        Args:
            graph: a form of the network.
            names: of each value that is wanted, what it is called there.

        Raises:
            CalibrationError: if a value of the float network is not finite.
        """
        all_seen = {value: ValueStatistics() for value in names}
        found = self.run(graph, tuple(names.values()))
        for batch, others in zip(self._batches, found, strict=True):
            wanted = self._float.run(batch)
            for value, seen in all_seen.items():
                seen.update(value, wanted[value], others[names[value]])
        return all_seen

    def mean(self, graph: Graph, value: str) -> NDArray[np.float64]:
        """The mean of each channel of a value of some network: (C,)."""
        total, count = np.zeros(1), 0
        for found in self.run(graph, [value]):
            array = found[value]
            others = tuple(axis for axis in range(array.ndim) if axis != 1)
            total = total + array.sum(axis=others, dtype=np.float64)
            count += array.size // array.shape[1]
        return total / count


class _Error:
    """The sums of squares of a value and of its error, batch by batch."""

    def __init__(self) -> None:
        self._signal = self._error = 0.0

    def update(self, wanted: F32, found: F32) -> None:
        signal = wanted.astype(np.float64)
        self._error += float(np.square(signal - found).sum())
        self._signal += float(np.square(signal).sum())

    @property
    def share(self) -> float:
        """The error's share; of a value that is 0 throughout, 0 if it is that still."""
        return self._error and self._error / max(self._signal, np.finfo(np.float64).tiny)


def _ends(graph: Graph) -> Iterator[str]:
    """The real values that the network's outputs are, or are the indices of."""
    for output in graph.outputs:
        node = graph.producer(output)
        is_index = node is not None and find(node).scale is Scale.INDEX
        yield node.inputs[0] if node is not None and is_index else output
