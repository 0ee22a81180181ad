"""Scores to a classification."""

import numpy as np
import pytest

from edge_agent.tasks.classify.decode import classify
from edge_agent.tasks.classify.spec import ClassifySpec
from edge_agent.tasks.softmax import softmax

SPEC = ClassifySpec(labels=("cat", "dog", "owl"))


def test_the_largest_score_wins_with_its_softmax_as_confidence() -> None:
    """exp(2) / (exp(2) + exp(1) + exp(0)) = 0.66524, worked out by hand."""
    answer = classify(np.array([[1.0, 2.0, 0.0]], np.float32), SPEC)
    assert (answer.label, answer.index) == ("dog", 1)
    assert answer.confidence == pytest.approx(0.66524, abs=1e-5)
    assert [entry.label for entry in answer.top] == ["dog", "cat", "owl"]


def test_temperature_softens_without_changing_the_answer() -> None:
    """At temperature 2 the scores count half: exp(1) / (exp(1) + exp(.5) + 1) = 0.50648."""
    warm = ClassifySpec(labels=SPEC.labels, temperature=2.0)
    answer = classify(np.array([1.0, 2.0, 0.0], np.float32), warm)
    assert answer.label == "dog"
    assert answer.confidence == pytest.approx(0.50648, abs=1e-5)


def test_equal_scores_go_to_the_first_class_as_argmax_does() -> None:
    """int8 scores tie often; every device must break the tie alike."""
    assert classify(np.array([3.0, 5.0, 5.0], np.float32), SPEC).label == "dog"


@pytest.mark.parametrize("classes", [2, 4, 5, 6, 7, 1000])
@pytest.mark.parametrize("values", [1000, 7], ids=["hardly a tie", "many ties"])
def test_the_five_best_are_those_of_a_whole_sort(classes: int, values: int) -> None:
    """However many classes there are, and of equal scores the lower places; plain numbers."""
    random = np.random.default_rng(classes + values)
    labels = tuple(f"class {number}" for number in range(classes))
    for _ in range(20):
        scores = np.asarray(random.integers(-values, values, classes) / 8, np.float32)
        answer = classify(scores, ClassifySpec(labels=labels))
        best = sorted(range(classes), key=lambda place: (-scores[place], place))[:5]
        assert [entry.label for entry in answer.top] == [labels[place] for place in best]
        assert (answer.index, type(answer.index)) == (best[0], int)
        assert {type(entry.confidence) for entry in answer.top} == {float}


def test_an_answer_below_the_threshold_is_not_sure() -> None:
    """Must fire just below the threshold, and must not fire just above it."""
    scores = np.array([1.0, 2.0, 0.0], np.float32)
    strict = ClassifySpec(labels=SPEC.labels, min_confidence=0.67)
    lax = ClassifySpec(labels=SPEC.labels, min_confidence=0.66)
    assert not classify(scores, strict).sure
    assert classify(scores, lax).sure


def test_huge_scores_do_not_overflow() -> None:
    """The softmax of 1000 and 0 is 1 and 0, not NaN."""
    assert softmax(np.array([1000.0, 0.0], np.float32)).tolist() == [1.0, 0.0]


def test_scores_of_another_network_are_refused() -> None:
    """Two scores for three labels is an error that says so."""
    with pytest.raises(ValueError, match=r"^scores: expected 3 classes, found 2$"):
        classify(np.zeros(2, np.float32), SPEC)


def test_nan_scores_are_refused() -> None:
    """NaN is never made into an answer."""
    with pytest.raises(ValueError, match=r"^scores: expected finite numbers, found NaN"):
        classify(np.array([np.nan, 0, 0], np.float32), SPEC)


def test_the_threshold_itself_is_sure() -> None:
    """`min_confidence` is the least confidence that counts, so a threshold of 1 can be met."""
    certain = ClassifySpec(labels=SPEC.labels, min_confidence=1.0)
    assert classify(np.array([0.0, 200.0, 0.0], np.float32), certain).sure


@pytest.mark.parametrize("classes", [1, 4, 5, 6, 1000])
@pytest.mark.parametrize("levels", [1, 2, 4, 256])
def test_the_best_are_those_of_a_stable_sort(classes: int, levels: int) -> None:
    """However many classes and however many of them have the same score."""
    scores = np.random.default_rng(classes).integers(0, levels, classes).astype(np.float32)
    spec = ClassifySpec(labels=tuple(f"class {number}" for number in range(classes)))
    expected = [f"class {number}" for number in np.argsort(-scores, kind="stable")[:5]]
    result = classify(scores, spec)
    assert [score.label for score in result.top] == expected
    assert result.label == expected[0]
