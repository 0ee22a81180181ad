"""Calibration: the range of every int8 value-to-be, seen over real samples."""

from collections.abc import Iterable

import msgspec
import onnx

from edge_agent.common.arrays import F32
from quantization.graph.graph import read
from quantization.recipe import QuantRecipe
from quantization.scales.observe import Watched
from quantization.scales.observer import Observer
from quantization.scales.plan import int8_values
from quantization.scales.ranges import Range


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
    watched = Watched(graph, int8_values(graph))
    observers = {value: Observer(recipe) for value in watched.values}
    count = 0
    for batch in watched.batches(samples):
        found = watched.run(batch)
        for value, observer in observers.items():
            observer.update(value, found[value])
        count += len(batch)
    return Ranges({value: observer.range() for value, observer in observers.items()}, count)
