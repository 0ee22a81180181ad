"""Temperature scaling recovers the temperature that the labels were drawn with."""

import numpy as np
import pytest

from edge_agent.tasks.softmax import softmax
from pipeline.measure.temperature import HIGHEST, fit_temperature


@pytest.mark.parametrize("true", [0.5, 1.0, 3.0])
def test_it_finds_the_temperature_the_labels_were_drawn_with(true: float) -> None:
    """20,000 labels drawn from softmax(scores / T) give T back within 5 %."""
    rng = np.random.default_rng(3)
    scores = rng.normal(0, 3, (20_000, 5)).astype(np.float32)
    chances = softmax(scores, true)
    labels = np.array([rng.choice(5, p=row / row.sum()) for row in chances.astype(np.float64)])
    assert fit_temperature(scores, labels) == pytest.approx(true, rel=0.05)


def test_a_split_without_mistakes_does_not_make_certain() -> None:
    """100 right answers of 100 speak for a confidence of 101/102, not for 1."""
    scores = np.eye(4, dtype=np.float32)[np.arange(100) % 4] * 5
    temperature = fit_temperature(scores, np.arange(100) % 4)
    assert softmax(scores, temperature).max(axis=1).mean() == pytest.approx(101 / 102, abs=1e-4)


def test_answers_at_chance_are_softened_to_the_bound() -> None:
    """Confident answers that are right no more often than chance end at the highest."""
    rng = np.random.default_rng(4)
    scores = rng.normal(0, 20, (4000, 4)).astype(np.float32)
    temperature = fit_temperature(scores, rng.integers(0, 4, 4000))
    assert temperature == pytest.approx(HIGHEST, rel=0.01)
