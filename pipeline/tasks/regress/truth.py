"""`ValueTruth`: what the images of a split show, and how answers are marked against it."""

from dataclasses import dataclass

import numpy as np

from edge_agent.bundle.metrics import Score
from edge_agent.common.arrays import F32, F64
from edge_agent.tasks.regress.spec import Quantity
from pipeline.measure.truth import Truth
from pipeline.tasks.regress.bootstrap import mean_interval
from pipeline.tasks.regress.dataset import Values

# Two networks agree on an image if no value differs by more than this share of its range.
AGREE = 0.01
# The unit of a mean over quantities that have units of their own.
OF_RANGE = "% of range"


@dataclass(frozen=True, eq=False)
class ValueTruth(Truth):
    """The numbers of a split; see `Truth`.

    Scores are (N, R), shares of the ranges. The mean absolute error of one quantity is in its
    unit; that of several, which may have different ones, in percent of their ranges.

    Args:
        values: (N, R) what each image shows, in the quantities' units.
        quantities: the R of them.
    """

    values: Values
    quantities: tuple[Quantity, ...]

    @property
    def unit(self) -> str:
        """What errors are said in."""
        return self.quantities[0].unit if len(self.quantities) == 1 else OF_RANGE

    def score(self, scores: F32) -> Score:
        """See `Truth`: the mean absolute error, with its bootstrap interval."""
        errors = self.errors(scores)
        low, high = mean_interval(errors)
        return Score(
            metric="mean absolute error",
            value=float(errors.mean()),
            low=low,
            high=high,
            samples=len(errors),
            unit=self.unit,
        )

    def errors(self, scores: F32) -> F64:
        """(N,) the error of each image, the mean of its quantities', in `unit`."""
        errors = self.errors_by_quantity(scores)
        if len(self.quantities) == 1:
            return errors[:, 0]
        return np.asarray(100 * (errors / spans(self.quantities)).mean(axis=1), np.float64)

    def errors_by_quantity(self, scores: F32) -> F64:
        """(N, R) how far each answer is from what is there, in the quantities' units."""
        return np.asarray(np.abs(answered(scores, self.quantities) - self.values), np.float64)

    def agreement(self, a: F32, b: F32) -> float:
        """See `Truth`: no value differs by more than 1 % of its range."""
        apart = np.abs(answered(a, self.quantities) - answered(b, self.quantities))
        near = apart <= AGREE * spans(self.quantities) + 1e-9
        return float(near.all(axis=1).mean())

    def expected_drop(self, real: F32, other: F32, _temperature: float) -> float:
        """See `Truth`: by how much the mean error rises, image by image."""
        return max(0.0, float((self.errors(other) - self.errors(real)).mean()))


def answered(scores: F32, quantities: tuple[Quantity, ...]) -> Values:
    """(N, R) what the device says of `scores`, cut and rounded, in the quantities' units."""
    rows = [
        [quantity.value(float(share)) for quantity, share in zip(quantities, row, strict=True)]
        for row in scores
    ]
    return np.array(rows, np.float64)


def spans(quantities: tuple[Quantity, ...]) -> F64:
    """(R,) the ranges of the quantities, in their units."""
    return np.array([quantity.span for quantity in quantities])
