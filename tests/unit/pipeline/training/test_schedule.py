"""The learning rate's path."""

import pytest

from pipeline.training.schedule import learning_rate


def test_it_warms_up_peaks_and_comes_down() -> None:
    """Four warm-up steps rise evenly to the peak; half-way down the cosine it is halved."""
    rates = [learning_rate(step, 1.0, warmup=4, total=104) for step in range(104)]
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert rates[54] == pytest.approx(0.5)
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert 0 < rates[-1] < 0.001


def test_a_warm_up_longer_than_the_run_only_rises() -> None:
    """A run shorter than its warm-up never reaches the peak and never fails."""
    rates = [learning_rate(step, 1.0, warmup=10, total=5) for step in range(5)]
    assert rates == sorted(rates)
    assert rates[-1] < 1.0
