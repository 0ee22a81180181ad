"""Recalls by class: what an accuracy over all images hides."""

import numpy as np
import pytest

from pipeline.measure.evaluate import wilson
from pipeline.measure.recall import balance_of, balanced_accuracy, class_recalls

LABELS = ("cats", "dogs", "owls")


def test_the_weakest_class_and_the_least_proven_one() -> None:
    """Of 1 cat right, 8 of 10 dogs and 4 of 4 owls: few images prove little, though all right."""
    truth = np.array([0] + [1] * 10 + [2] * 4)
    answers = truth.copy()
    answers[1:3] = 2
    found = balance_of(answers, truth, LABELS)
    assert (found.weakest.label, found.weakest.recall) == ("dogs", wilson(8, 10))
    assert (found.least_proven.label, found.least_proven.recall) == ("cats", wilson(1, 1))
    assert found.accuracy.value == pytest.approx((1 + 0.8 + 1) / 3)
    assert (found.accuracy.samples, found.classes) == (15, 3)


def test_a_class_without_an_image_has_no_recall() -> None:
    """It is left out of the mean; that it is unproven is said before the training."""
    assert class_recalls(np.array([1, 0]), np.array([2, 0])) == (wilson(1, 2), None)
    found = balance_of(np.array([0, 0]), np.array([0, 0]), ("a", "b"))
    assert (found.accuracy.value, found.classes) == (1.0, 2)
    with pytest.raises(ValueError, match="expected at least one image, found none"):
        balance_of(np.array([], np.int64), np.array([], np.int64), ("a", "b"))


def test_of_one_class_the_interval_is_wilsons() -> None:
    """The mean of one recall is that recall; all right leaves an interval below it."""
    one = wilson(18, 20)
    mean = balanced_accuracy([one])
    assert [mean.low, mean.high] == pytest.approx([one.low, one.high])
    perfect = balanced_accuracy([wilson(20, 20), wilson(20, 20)])
    assert perfect.value == perfect.high == 1.0
    assert wilson(20, 20).low < perfect.low < wilson(40, 40).low


def test_the_interval_covers_the_true_mean_as_often_as_it_says() -> None:
    """2,000 draws of uneven classes with recalls of 0.6, 0.9 and 0.97: 95 % within a point."""
    rng, sizes, recalls = np.random.default_rng(1), (12, 60, 200), (0.6, 0.9, 0.97)
    inside = 0
    for _ in range(2000):
        found = balanced_accuracy(
            [wilson(int(rng.binomial(n, p)), n) for n, p in zip(sizes, recalls, strict=True)]
        )
        inside += found.low <= sum(recalls) / 3 <= found.high
    assert 0.94 <= inside / 2000 <= 0.97
