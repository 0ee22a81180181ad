"""The ranges of activations, of which training moves the ends."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from edge_agent.bundle.affine import Affine
from quantization.errors import QuantizationError
from quantization.graph.graph import Graph
from quantization.scales.calibrate import Ranges
from quantization.scales.plan import scale_groups
from quantization.scales.qdq import constant_ranges
from quantization.scales.ranges import Range, affine_of

# Of float32, which a scale is.
LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class RangeGroup:
    """A scale group with the range that it starts from.

    Args:
        values: their names.
        start: what calibration found for all of them.
        constants: of the constants among them, which no training moves.
        fixed: the scale, where TFLite fixes it.
        trained: the place of its ends among the trained ones; None if they stay.
    """

    values: tuple[str, ...]
    start: Range
    constants: tuple[Range, ...]
    fixed: Affine | None
    trained: int | None

    def __deepcopy__(self, _memo: object) -> "RangeGroup":
        """Itself: nothing in it changes."""
        return self


class TrainedRanges(nn.Module):
    """The range of each scale group of a network.

    An end is its size at the start times ``exp`` of a parameter that starts at 0: a step of
    an optimiser is a relative one, whatever the size, and no end crosses 0. Parameters of one
    axis, so that weight decay leaves them alone.

    Fixed scales stay, and so does the input's range: it is the data's, and to move it would
    cost the gradient of all that reads it.

    Args:
        graph: the folded network.
        ranges: what calibration found.
        float_layers: the layers that stay in float.

    Raises:
        QuantizationError: if `ranges` lacks a value.
    """

    def __init__(self, graph: Graph, ranges: Ranges, float_layers: tuple[str, ...]) -> None:
        super().__init__()
        self.calibrated = ranges
        groups: list[RangeGroup] = []
        count = 0
        for group in scale_groups(graph, float_layers):
            stays = group.fixed is not None or not set(group.values).isdisjoint(graph.inputs)
            groups.append(
                RangeGroup(
                    group.values,
                    _start(group.values, ranges),
                    tuple(constant_ranges(graph, group.values)),
                    group.fixed,
                    None if stays else count,
                )
            )
            count += not stays
        self.groups = tuple(groups)
        self.low = nn.Parameter(torch.zeros(count))
        self.high = nn.Parameter(torch.zeros(count))

    def ends(self) -> list[tuple[Tensor | None, Tensor | None]]:
        """For each group the two parameters its ends depend on; None if they stay."""
        lows, highs = self.low.unbind(), self.high.unbind()
        return [
            (None, None) if g.trained is None else (lows[g.trained], highs[g.trained])
            for g in self.groups
        ]

    def current(self) -> list[Range]:
        """For each group the range as it is now.

        Raises:
            QuantizationError: if training has left no finite one.
        """
        # Two copies from the device, whatever the number of groups.
        lows, highs = self.low.detach().tolist(), self.high.detach().tolist()
        return [
            g.start if g.trained is None else _moved(g, lows[g.trained], highs[g.trained])
            for g in self.groups
        ]

    def exported(self) -> Ranges:
        """The ranges of all values, those as trained whose ends have moved."""
        moved = {
            value: range_
            for group, range_ in zip(self.groups, self.current(), strict=True)
            if group.trained is not None
            for value in group.values
        }
        return Ranges({**self.calibrated.values, **moved}, self.calibrated.samples)

    def affines(self) -> list[Affine]:
        """For each group the scale and zero point as they are now."""
        return [
            affine_of(range_, *group.constants) if group.fixed is None else group.fixed
            for group, range_ in zip(self.groups, self.current(), strict=True)
        ]


def _start(values: tuple[str, ...], ranges: Ranges) -> Range:
    """The smallest range that covers those of some values, and 0."""
    start = Range(0.0, 0.0)
    for value in values:
        if value not in ranges.values:
            raise QuantizationError(
                f"ranges: expected one for value {value!r}, found none; "
                "were they calibrated on another model?"
            )
        start |= ranges.values[value]
    return start


def _moved(group: RangeGroup, low: float, high: float) -> Range:
    try:
        moved = Range(group.start.low * math.exp(low), group.start.high * math.exp(high))
    except OverflowError:
        moved = Range(-math.inf, math.inf)
    if not (-moved.low <= LARGEST and moved.high <= LARGEST):  # as of what is no number
        raise QuantizationError(
            f"value {group.values[0]!r}: expected a finite range, training left "
            f"[{moved.low}, {moved.high}]; a lower learning rate may help"
        )
    return moved
