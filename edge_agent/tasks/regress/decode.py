"""Shares of ranges to a `Measurement`."""

import numpy as np

from edge_agent.common.arrays import F32
from edge_agent.tasks.regress.answer import Measurement, QuantityValue
from edge_agent.tasks.regress.spec import RegressSpec

# Two answers are the same if no value differs by more than this share of its range. The six steps
# by which an int8 output may differ between machines are 2.4 % of what it can show.
SAME = 0.03


def measure(outputs: F32, spec: RegressSpec) -> Measurement:
    """The answer for one picture.

    Args:
        outputs: (1, R) or (R,) float32, each a share of its quantity's range.
        spec: the R quantities, and how far outside their ranges is sure.

    Raises:
        ValueError: another number of outputs, or one that is not finite.
    """
    flat = outputs.reshape(-1)
    if flat.size != len(spec.quantities):
        raise ValueError(f"outputs: expected {len(spec.quantities)} numbers, found {flat.size}")
    if not np.isfinite(flat).all():
        raise ValueError("outputs: expected finite numbers, found NaN or infinity")
    shares = [float(share) for share in flat]
    return Measurement(
        quantities=tuple(
            QuantityValue(
                name=quantity.name,
                value=quantity.value(share),
                unit=quantity.unit,
                low=quantity.low,
                high=quantity.high,
            )
            for quantity, share in zip(spec.quantities, shares, strict=True)
        ),
        sure=all(-spec.slack <= share <= 1 + spec.slack for share in shares),
    )


def difference(one: Measurement, other: Measurement, _: RegressSpec) -> str:
    """That a value differs by more than `SAME` of its range; empty if none does."""
    for mine, others in zip(one.quantities, other.quantities, strict=True):
        if mine.apart(others.value) > SAME:
            return f"expected {mine.name} {mine.written}, found {others.written}"
    return ""
