"""`Patient`: a layer with what is known of it; `Suspicion`: a reason for its error."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from quantization.doctor.baseline import FloatBaseline, ValueStatistics
from quantization.doctor.diagnosis import Kind
from quantization.doctor.paired import Int8Layer
from quantization.scales.plan import ScaleGroup
from quantization.scales.ranges import Range

# A scale that is four times too coarse leaves 6 bits of 8.
TOO_COARSE = 4.0


@dataclass(frozen=True)
class Suspicion:
    """A reason that has evidence, and the layer without it.

    Args:
        kind, cause, channel, covers, needs, channels: as of a `Culprit`.
        factor: as of a `Culprit`; None if only the cure shows it.
        cured: the layer as it would be without the reason.
    """

    kind: Kind
    factor: float | None
    covers: Range
    needs: Range
    cured: Int8Layer
    cause: str = ""
    channel: int | None = None
    channels: tuple[Range, ...] = ()


@dataclass(frozen=True)
class Patient:
    """A layer, as it is or partly cured, and what is known of it.

    Args:
        layer: how it is quantised.
        group: the values that share its scale.
        baseline: the float network on its samples.
        seen: what its values were there.
    """

    layer: Int8Layer
    group: ScaleGroup
    baseline: FloatBaseline
    seen: Mapping[str, ValueStatistics]

    @property
    def own(self) -> Range:
        """The range of its value and 0."""
        return with_zero(self.seen[self.layer.value].whole)

    def channels_of(self, value: str) -> tuple[Range, ...]:
        """The range of each channel of a value of the network; none if int8 does not hold it."""
        seen = self.seen.get(value)
        return () if seen is None else seen.channels


Find: TypeAlias = Callable[[Patient], Suspicion | None]


def width(seen: Range) -> float:
    """How wide a range is."""
    return seen.high - seen.low


def with_zero(seen: Range) -> Range:
    """A range and 0, which int8 always covers."""
    return seen | Range(0.0, 0.0)


def narrow_one(widths: NDArray[np.floating]) -> int | None:
    """The channel that a quarter of those that are not 0 throughout do not exceed.

    The median would not see that half of a concatenation is narrow. None if fewer than two
    channels are alive.
    """
    living = np.flatnonzero(widths > 0)
    ordered = living[np.argsort(widths[living], kind="stable")]
    return int(ordered[(len(ordered) - 1) // 4]) if len(ordered) > 1 else None
