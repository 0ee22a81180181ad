"""The arithmetic behind benchmarks/ocr.py; what it measures needs trained bundles."""

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from edge_agent.common.arrays import U8

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture
def contest(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("reading.contest")


def images(count: int) -> list[U8]:
    return [np.full((2, 2), number, np.uint8) for number in range(count)]


def test_everyone_reads_every_picture_in_turns(contest: ModuleType) -> None:
    """Answers keep the pictures' order, another contender begins each time, warm-ups go."""
    order: list[str] = []

    def reader(name: str) -> object:
        def read(image: U8) -> str:
            order.append(name)
            return f"{name}{image[0, 0]}"

        return contest.Contender(name, read)

    first, second = contest.contest(images(4), [reader("a"), reader("b")])
    assert first.texts == ("a0", "a1", "a2", "a3")
    assert second.texts == ("b0", "b1", "b2", "b3")
    assert order[2 * contest.WARM_UP :] == ["a", "b", "b", "a", "a", "b", "b", "a"]
    assert first.seconds.shape == (4,)
    assert (first.seconds > 0).all()


def test_preparing_is_not_timed(contest: ModuleType) -> None:
    """The reader is handed what its preparation made."""
    contender = contest.Contender("a", lambda text: text * 2, lambda image: str(image[0, 0]))
    assert contest.contest(images(2), [contender])[0].texts == ("00", "11")


def test_a_row_has_exact_texts_edits_and_milliseconds(contest: ModuleType) -> None:
    """`Ab` for `ab` is an error, but none where case does not count."""
    answers = contest.Answers("a", ("ab", "Ab", "xb", "ab"), np.array([1, 2, 3, 10]) / 1000)
    row = contest.row(answers, ("ab",) * 4)
    assert (row.exact.value, row.exact_any_case.value) == (0.5, 0.75)
    assert row.error_rate_any_case == 1 / 8
    assert (row.median_ms, row.mean_ms) == (2.5, 4.0)


def test_characters_that_ours_cannot_write_are_left_out(contest: ModuleType) -> None:
    """In either case: a charset of capitals keeps small letters, which are then compared so."""
    answers = contest.Answers("a", ("A-b. 1",), np.ones(1))
    found = contest.within(answers, ("A", "B", "1"))
    assert found.texts == ("Ab1",)
    assert found.name == "a, our characters only"


@pytest.mark.parametrize(
    ("mine", "others", "expected"),
    [
        ("1111", "1111", (0, 0, 1.0)),
        ("1110", "0001", (3, 1, 0.625)),  # 2 (1 + 4) / 2^4
        ("11111111", "00000000", (8, 0, 2 / 2**8)),
        ("0" * 10 + "1" * 5, "1" * 10 + "1" * 5, (0, 10, 2 / 2**10)),
    ],
    ids=["the same", "a few", "always ours", "never ours"],
)
def test_the_sign_test_is_a_fair_coin_over_what_only_one_reads(
    contest: ModuleType, mine: str, others: str, expected: tuple[int, int, float]
) -> None:
    """Exact binomial tails, worked out by hand."""
    found = contest.sign_test([c == "1" for c in mine], [c == "1" for c in others])
    assert found == pytest.approx(expected)
