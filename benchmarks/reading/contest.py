"""Readers of the same pictures, in turns: what each one says, and how long it takes."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np

from edge_agent.bundle.metrics import Proportion
from edge_agent.common.arrays import F64, U8
from pipeline.data.base import ImageSequence
from pipeline.tasks.ocr.measure.metrics import character_error_rate, exact_match

WARM_UP = 3  # pictures that everyone reads before the clock runs


@dataclass(frozen=True)
class Contender:
    """One who reads.

    Args:
        name: as the table calls it.
        read: what a prepared picture says; this is timed.
        prepare: a picture as it is handed over, not timed.
    """

    name: str
    read: Callable[[Any], str]
    prepare: Callable[[U8], Any] = lambda image: image


@dataclass(frozen=True, eq=False)
class Answers:
    """What one contender said.

    Args:
        name: the contender's.
        texts: one for each picture.
        seconds: (N,) what each took.
    """

    name: str
    texts: tuple[str, ...]
    seconds: F64


@dataclass(frozen=True)
class Row:
    """How well, and how fast, one contender reads.

    Args:
        name: the contender's.
        exact: read without any error.
        exact_any_case: the same where capital and small letters are one.
        error_rate_any_case: edits per character of the truth, likewise.
        median_ms, mean_ms: of a picture.
    """

    name: str
    exact: Proportion
    exact_any_case: Proportion
    error_rate_any_case: float
    median_ms: float
    mean_ms: float


def contest(images: ImageSequence, contenders: Sequence[Contender]) -> list[Answers]:
    """Every picture by every contender, each time another one first."""
    texts: list[list[str]] = [[] for _ in contenders]
    seconds = np.zeros((len(contenders), len(images)))
    for number in (*range(-min(WARM_UP, len(images)), 0), *range(len(images))):
        image = images[number % len(images)]
        for turn in range(len(contenders)):
            who = (number + turn) % len(contenders)
            shown = contenders[who].prepare(image)
            start = time.perf_counter()
            text = contenders[who].read(shown)
            took = time.perf_counter() - start
            if number >= 0:
                texts[who].append(text)
                seconds[who, number] = took
    return [Answers(c.name, tuple(texts[i]), seconds[i]) for i, c in enumerate(contenders)]


def row(answers: Answers, truth: Sequence[str]) -> Row:
    """The marks of `answers`.

    Raises:
        ValueError: not as many truths as answers, or none.
    """
    return Row(
        name=answers.name,
        exact=exact_match(answers.texts, truth),
        exact_any_case=exact_match(answers.texts, truth, ignore_case=True),
        error_rate_any_case=character_error_rate(answers.texts, truth, ignore_case=True),
        median_ms=1000 * float(np.median(answers.seconds)),
        mean_ms=1000 * float(answers.seconds.mean()),
    )


def within(answers: Answers, charset: Sequence[str]) -> Answers:
    """`answers` without the characters that our network cannot write in either case.

    A text that may only hold letters and digits can be had from a reader of everything too,
    by leaving out the rest; it would be no fair comparison not to.
    """
    kept = {c.casefold() for c in charset}
    texts = tuple("".join(c for c in t if c.casefold() in kept) for t in answers.texts)
    return Answers(f"{answers.name}, our characters only", texts, answers.seconds)


def sign_test(mine: Sequence[bool], others: Sequence[bool]) -> tuple[int, int, float]:
    """Who is right alone how often, and how likely a split as uneven is by chance.

    The exact form of McNemar's test (1947): under the hypothesis that both are equally good,
    each picture that only one of them reads is a fair coin.

    Returns:
        How often only `mine` is right, how often only `others`, the two-sided probability.
    """
    first = sum(a and not b for a, b in zip(mine, others, strict=True))
    second = sum(b and not a for a, b in zip(mine, others, strict=True))
    count, fewer = first + second, min(first, second)
    tail = sum(comb(count, k) for k in range(fewer + 1)) / 2**count
    return first, second, min(1.0, 2 * tail)
