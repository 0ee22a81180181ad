"""The numbers of a classifier's report: confusion, classes, confidence, costliest mistakes."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix
from support.learned_digits import Problem

from pipeline.report.metrics import (
    BINS,
    calibration_error,
    class_accuracy,
    confidences,
    confusion,
    mixups,
    reliability,
    worst_mistakes,
)


def test_confusion_has_truth_in_rows_as_scikit_learn_does(problem: Problem) -> None:
    """The matrix of a real classifier is scikit-learn's, not its transpose."""
    truth, answers = problem.dataset.test.labels, problem.logits.argmax(axis=1)
    expected = confusion_matrix(truth, answers, labels=range(10))
    assert (expected != expected.T).any()
    np.testing.assert_array_equal(confusion(truth, answers, 10), expected)


def test_confusion_keeps_a_class_nobody_answers() -> None:
    """Classes without images or answers still have their row and column."""
    matrix = confusion(np.array([0, 0, 2]), np.array([0, 2, 2]), 4)
    np.testing.assert_array_equal(matrix, [[1, 0, 1, 0], [0] * 4, [0, 0, 1, 0], [0] * 4])


def test_mixups_are_the_wrong_cells_most_frequent_first() -> None:
    """The diagonal is no mix-up; the share is of the true class."""
    matrix = np.array([[50, 3, 0], [7, 13, 0], [0, 0, 9]])
    found = [(m.truth, m.answer, m.count, m.share) for m in mixups(matrix, 8)]
    assert found == [(1, 0, 7, 0.35), (0, 1, 3, 3 / 53)]
    assert len(mixups(matrix, 1)) == 1


def test_class_accuracy_has_no_value_for_a_class_without_images() -> None:
    """A class that the split does not hold has no accuracy, rather than 0 %."""
    scores = class_accuracy(np.array([[3, 1, 0], [0, 5, 0], [0, 0, 0]]))
    assert [score and (score.value, score.samples) for score in scores] == [
        (0.75, 4),
        (1.0, 5),
        None,
    ]


def test_calibration_error_by_hand() -> None:
    """Four answers of two classes: two at 73 % of which one is right, two sure and right."""
    scores = np.log(np.array([[0.73, 0.27], [0.73, 0.27], [0.99, 0.01], [0.99, 0.01]], np.float32))
    bins = reliability(scores, np.array([0, 1, 0, 0]), 1.0)
    assert [(b.accuracy.samples, b.accuracy.value) for b in bins] == [(2, 0.5), (2, 1.0)]
    assert [b.confidence for b in bins] == pytest.approx([0.73, 0.99], abs=1e-6)
    assert calibration_error(bins) == pytest.approx((2 * 0.23 + 2 * 0.01) / 4, abs=1e-6)


def test_every_answer_is_in_the_bin_of_its_confidence(problem: Problem) -> None:
    """The bins of a real classifier hold all answers, each between the bin's borders."""
    truth = problem.dataset.test.labels
    bins = reliability(problem.logits, truth, problem.temperature)
    sure = confidences(problem.logits, problem.temperature)
    assert sum(b.accuracy.samples for b in bins) == len(truth)
    for b in bins:
        inside = (sure > b.low) & (sure <= b.high)
        assert b.accuracy.samples == inside.sum()
        assert b.low < b.confidence <= b.high
        assert b.high - b.low == pytest.approx(1 / BINS)


def test_a_higher_temperature_makes_answers_less_sure(problem: Problem) -> None:
    """Confidence is that of the softmax after division by the temperature."""
    cold, warm = confidences(problem.logits, 1.0), confidences(problem.logits, 3.0)
    assert (warm <= cold).all()
    expected = 1 / np.exp((problem.logits - problem.logits.max(1, keepdims=True)) / 3).sum(1)
    np.testing.assert_allclose(warm, expected, rtol=1e-5)


def test_worst_mistakes_are_wrong_and_most_confident_first(problem: Problem) -> None:
    """No right answer is among them, and none that is missing is more confident."""
    truth, logits = problem.dataset.test.labels, problem.logits
    worst = worst_mistakes(logits, truth, 1.0, 5)
    sure, wrong = confidences(logits, 1.0), logits.argmax(1) != truth
    assert [w.confidence for w in worst] == sorted(sure[wrong], reverse=True)[:5]
    for w in worst:
        assert w.truth == truth[w.index] != w.answer == logits[w.index].argmax()


def test_a_perfect_classifier_has_no_mistakes(problem: Problem) -> None:
    """Where every answer is right the list is empty."""
    truth = problem.dataset.test.labels
    assert worst_mistakes(np.eye(10, dtype=np.float32)[truth], truth, 1.0, 5) == ()
