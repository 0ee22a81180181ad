"""The values a report is made of, and those that contradict each other."""

import dataclasses
import re
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest
from support.learned_digits import Problem

from edge_agent.bundle.metrics import Score
from pipeline.measure.gates import Gate
from pipeline.tasks.classify.report.contents import ClassReport, view


def test_the_view_counts_every_image_once(problem: Problem) -> None:
    """Counts per split and class add up to the data set, in the order of the splits."""
    seen = view(problem.dataset, per_class=4)
    assert [split.name for split in seen.splits] == ["train", "val", "calibration", "test"]
    assert [sum(split.counts) for split in seen.splits] == [800, 200, 100, 697]
    train = problem.dataset.train
    assert seen.splits[0].counts == tuple(np.bincount(train.labels))
    for k, strip in enumerate(seen.samples):
        places = np.flatnonzero(train.labels == k)[:4]
        assert len(strip) == 4
        np.testing.assert_array_equal(np.stack(strip), [train.images[int(i)] for i in places])
    assert seen.skipped == problem.dataset.skipped


def test_verified_means_every_gate_holds(report_data: ClassReport) -> None:
    """One gate that fails is enough; demanding none fails none."""
    broken = (*report_data.gates, Gate("latency", "at most 1 ms", "2 ms", holds=False))
    assert dataclasses.replace(report_data, gates=()).verified
    assert report_data.verified
    assert not dataclasses.replace(report_data, gates=broken).verified


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda d: {"rungs": d.rungs[:1]},
            "rungs: expected a float one first and one that ships, "
            "found 'trained' first and 0 that ship",
        ),
        (
            lambda d: {"rungs": d.rungs[::-1]},
            "rungs: expected a float one first and one that ships, "
            "found 'int8' first and 1 that ship",
        ),
        (lambda d: {"test": d.test.select([])}, "test: expected at least one image, found none"),
        (
            lambda d: {"scores_float": d.scores_float[:-1]},
            "scores_float: expected shape (697, 10), found (696, 10)",
        ),
        (
            lambda d: {"scores_int8": d.scores_int8[:, :9]},
            "scores_int8: expected shape (697, 10), found (697, 9)",
        ),
        (
            lambda d: {"data": dataclasses.replace(d.data, samples=d.data.samples[:3])},
            "data.samples: expected one strip for each of 10 classes, found 3",
        ),
    ],
)
def test_data_that_does_not_fit_together_is_refused(
    report_data: ClassReport, change: Callable[[ClassReport], dict[str, Any]], message: str
) -> None:
    """The message names the field, what was expected and what was found."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        dataclasses.replace(report_data, **change(report_data))


@pytest.mark.parametrize(
    ("test", "found"),
    [
        (None, "none"),
        (Score(metric="accuracy", value=0.9, low=0.8, high=0.95, samples=100), "one over 100"),
    ],
)
def test_a_rung_of_another_split_is_refused(
    report_data: ClassReport, test: Score | None, found: str
) -> None:
    """What ships is compared with float on the same images, all of the test split."""
    first = msgspec.structs.replace(report_data.rungs[0], test=test)
    rungs = (first, *report_data.rungs[1:])
    message = f"rung trained: expected a score over the 697 test images, found {found}"
    with pytest.raises(ValueError, match=f"^{message}$"):
        dataclasses.replace(report_data, rungs=rungs)


def test_what_was_tried_need_not_be_tested(report_data: ClassReport) -> None:
    """A remedy that does not ship was measured on validation alone, and is part of the ladder."""
    tried = msgspec.structs.replace(report_data.rungs[-1], name="tried", test=None, chosen=False)
    data = dataclasses.replace(report_data, rungs=(*report_data.rungs, tried))
    assert data.shipped.name == "int8"
    assert [rung.name for rung in data.tested] == ["trained", "pruned", "int8"]


def test_an_accuracy_that_is_not_that_of_the_scores_is_refused(report_data: ClassReport) -> None:
    """The headline must be the number that the confusion matrix adds up to."""
    with pytest.raises(ValueError, match="rung int8: expected the score of scores_int8"):
        dataclasses.replace(report_data, scores_int8=np.roll(report_data.scores_int8, 1, axis=0))
