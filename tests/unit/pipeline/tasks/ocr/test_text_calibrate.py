"""The temperature of a reader: its probabilities then are as often right as they say."""

import numpy as np
import pytest

from edge_agent.common.arrays import F32
from edge_agent.tasks.ocr.decode.ctc import text_probability
from edge_agent.tasks.softmax import softmax
from pipeline.tasks.ocr.measure.calibrate import fit_text_temperature


def said(chance: float, right: int, total: int, sharper: float) -> tuple[F32, np.ndarray]:
    """Readings of one step, each `chance` sure of character 0, `right` of `total` truly so.

    The scores are `sharper` times what that chance would be.
    """
    logit = np.log(chance / ((1 - chance) / 2))
    row = np.array([[logit, 0.0, 0.0]], np.float32) * sharper
    targets = np.where(np.arange(total)[:, None] < right, 0, 1)
    return np.repeat(row[None], total, axis=0), targets


@pytest.mark.parametrize("sharper", [0.5, 1.0, 3.0])
def test_scores_too_sharp_by_a_factor_are_divided_by_it(sharper: float) -> None:
    """Eight in ten right, said with more or with less confidence: that is the temperature."""
    scores, targets = said(0.8, 800, 1000, sharper)
    temperature = fit_text_temperature(scores, targets)
    p = softmax(scores[0].astype(np.float64), temperature)
    # The loss also weighs how likely the other character is, which these scores have too low.
    assert text_probability(p, (0,)) == pytest.approx(0.8, abs=0.06)
    assert temperature == pytest.approx(
        sharper * fit_text_temperature(*said(0.8, 800, 1000, 1.0)), rel=0.02
    )


def test_a_split_without_a_mistake_does_not_make_it_certain() -> None:
    """Ten of ten right speak for a chance of error of one in twelve."""
    scores, targets = said(0.8, 10, 10, 1.0)
    p = softmax(scores[0].astype(np.float64), fit_text_temperature(scores, targets))
    assert text_probability(p, (0,)) == pytest.approx(11 / 12, abs=0.01)
