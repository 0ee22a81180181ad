"""Advice after a failed gate: from what failed, and never what the recipe says already."""

import numpy as np
import pytest
from support.scores import accuracy_of

from edge_agent.bundle.metrics import Metrics
from pipeline.measure.advice import Settings, advice
from pipeline.measure.gates import Gate
from pipeline.measure.recall import balance_of

WEAKEST = Gate("weakest class", "above 50.00 % (chance)", "'cats' 0.00 %", holds=False)
DROP = Gate("drop", "at most 0.20 points", "0.31 points", holds=False)
SAMPLING = 'train.balance = "sampling" shows each class as often'


def advised(gate: Gate, settings: Settings, pruned: float = 0.98) -> list[str]:
    """What is said of 200 test images, half of them cats, none of which is answered rightly."""
    metrics = Metrics(
        trained_score=accuracy_of(980, 1000),
        float_score=accuracy_of(round(1000 * pruned), 1000),
        int8_score=accuracy_of(900, 1000),
        balance=balance_of(np.ones(200, np.int64), np.arange(200) % 2, ("cats", "dogs")),
        agreement=0.9,
        macs=1000,
        latency_ms=2.0,
        measured_on="here",
    )
    return list(advice((gate,), metrics, settings))


@pytest.mark.parametrize(
    ("pictures", "expected"),
    [
        ({}, ["more pictures of 'cats' would help most"]),
        (
            {"cats": 18, "dogs": 300},
            ["more pictures of 'cats' (18 to learn from) would help most", SAMPLING],
        ),
        ({"cats": 40, "dogs": 39}, ["more pictures of 'cats' (40 to learn from) would help most"]),
        (
            {"cats": 300, "dogs": 18},
            ["more pictures of 'dogs' (18 to learn from) would help most", SAMPLING],
        ),
    ],
    ids=["sizes unknown", "the weakest is the smallest", "even", "the weakest is the largest"],
)
def test_the_class_that_lacks_pictures_is_named(
    pictures: dict[str, int], expected: list[str]
) -> None:
    """The weakest, or the smallest where the weakest has plenty; sampling where uneven."""
    assert advised(WEAKEST, Settings(pictures=pictures)) == expected


def test_a_balance_that_is_set_is_not_advised() -> None:
    """Who has done it already is told only what is left to do."""
    settings = Settings(balanced=True, pictures={"cats": 18, "dogs": 300})
    assert advised(WEAKEST, settings) == [
        "more pictures of 'cats' (18 to learn from) would help most"
    ]


def test_an_aim_that_is_set_has_to_be_smaller() -> None:
    """The recipe's own aim is what to go below; without one, the budget."""
    assert advised(DROP, Settings()) == [
        "a quantize.aim below the budget would climb the ladder for a margin"
    ]
    assert advised(DROP, Settings(aim=0.001)) == [
        "a quantize.aim below 0.001 would climb the ladder for a margin"
    ]


def test_what_lost_more_is_advised_on() -> None:
    """Pruning lost seven points and quantisation one: a smaller aim would be beside the matter."""
    assert advised(DROP, Settings(), pruned=0.91) == [
        "pruning lost 7.00 points and quantisation 1.00: a larger prune.macs, or more epochs in "
        "prune.train, would lose less"
    ]
