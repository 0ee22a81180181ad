"""Calibration: the range of every int8 value-to-be, seen over real samples."""

from collections.abc import Iterable

import msgspec

from edge_agent.common.arrays import F32
from quantization.graph.graph import Graph
from quantization.recipe import QuantRecipe
from quantization.scales.observer import Observer
from quantization.scales.plan import int8_values
from quantization.scales.probe import Probe
from quantization.scales.ranges import Range


class Ranges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What calibration found.

    Args:
        values: the range of each value, by its name in the folded model.
        samples: how many samples it was seen over.
    """

    values: dict[str, Range]
    samples: int


def calibrate(graph: Graph, samples: Iterable[F32], recipe: QuantRecipe) -> Ranges:
    """Run a folded network over samples and note the range of each value.

    Memory does not grow with the number of samples: they are taken in batches, and of each
    value only what `Observer` keeps.

    Args:
        graph: as `fold_graph` returns it.
        samples: float32 arrays (N, C, H, W) of any N, preprocessed as on the device.
        recipe: how a range is found from what was seen.

    Raises:
        CalibrationError: if there are no samples, one has the wrong type, shape or a value
            that is not finite, or the network computes one from them.
    """
    probe = Probe(graph, int8_values(graph))
    observers = {value: Observer(recipe) for value in probe.values}
    count = 0
    for batch in probe.batches(samples):
        found = probe.run(batch)
        for value, observer in observers.items():
            observer.update(value, found[value])
        count += len(batch)
    return Ranges({value: observer.range() for value, observer in observers.items()}, count)
