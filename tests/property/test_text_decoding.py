"""Decoding against its definition: the sum over every path there is."""

import itertools
import re
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.common.arrays import F64
from edge_agent.tasks.ocr.decode.beam import beam_search
from edge_agent.tasks.ocr.decode.ctc import (
    best_path,
    character_probabilities,
    collapse,
    text_probability,
)
from edge_agent.tasks.ocr.decode.pattern import compile_pattern

CHARSET = "ab0"
# A beam search that leaves nothing out.
search_all = partial(beam_search, width=10**6, tried=10**6, cutoff=0.0)


@st.composite
def steps(draw: st.DrawFn) -> F64:
    """(T, K) probabilities, some of them zero, T up to 5 and K up to 4."""
    t, k = draw(st.integers(1, 5)), draw(st.integers(2, 4))
    weights = draw(
        st.lists(st.lists(st.integers(0, 9), min_size=k, max_size=k), min_size=t, max_size=t)
    )
    raw = np.array(weights, float) + (np.array(weights).sum(1, keepdims=True) == 0)
    return np.asarray(raw / raw.sum(axis=1, keepdims=True), float)


def by_brute_force(p: F64) -> dict[tuple[int, ...], float]:
    """The probability of every text."""
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(p.shape[1]), repeat=len(p)):
        weight = float(np.prod([p[t, k] for t, k in enumerate(path)]))
        text = collapse(np.array(path), p.shape[1] - 1)
        found[text] = found.get(text, 0.0) + weight
    return found


@given(steps())
@settings(max_examples=60, deadline=None)
def test_probabilities_are_the_sums_over_all_paths(p: F64) -> None:
    """Of every text, and of every character in it; and together they are 1."""
    every = by_brute_force(p)
    for text, expected in every.items():
        assert text_probability(p, text) == pytest.approx(expected, abs=1e-12)
    assert sum(every.values()) == pytest.approx(1)


@given(steps())
@settings(max_examples=60, deadline=None)
def test_a_character_is_weighed_against_all_others_in_its_place(p: F64) -> None:
    """The text over the texts with any character there, for every text that is possible."""
    every = by_brute_force(p)
    for text, mine in every.items():
        found = character_probabilities(p, text)
        for place in range(len(text)):
            others = sum(
                every.get((*text[:place], k, *text[place + 1 :]), 0.0)
                for k in range(p.shape[1] - 1)
            )
            assert found[place] == pytest.approx(mine / others if others else 0, abs=1e-9)


@given(steps())
@settings(max_examples=60, deadline=None)
def test_an_unlimited_search_finds_every_text_and_the_best_first(p: F64) -> None:
    """With nothing left out it is exact."""
    every = {text: weight for text, weight in by_brute_force(p).items() if weight > 0}
    found = search_all(p)
    assert sorted(found) == sorted(every)
    assert every[found[0]] == pytest.approx(max(every.values()))


@given(steps(), st.sampled_from(["a", "a?b?", "(a|0)+", "[ab]{2}", "0*"]))
@settings(max_examples=60, deadline=None)
def test_a_search_under_a_pattern_finds_the_best_that_matches(p: F64, pattern: str) -> None:
    """Exactly the texts that Python's own `re` matches."""
    charset = CHARSET[: p.shape[1] - 1]
    allowed = compile_pattern(pattern, charset)
    every = {
        text: weight
        for text, weight in by_brute_force(p).items()
        if weight > 0 and re.fullmatch(pattern, "".join(charset[k] for k in text))
    }
    found = search_all(p, allowed)
    assert sorted(found) == sorted(every)
    if every:
        assert every[found[0]] == pytest.approx(max(every.values()))


@given(steps())
@settings(max_examples=60, deadline=None)
def test_greedy_decoding_is_the_text_of_the_best_path(p: F64) -> None:
    """By the definition: the path of largest product, the first of equals."""
    paths = itertools.product(range(p.shape[1]), repeat=len(p))
    best = max(paths, key=lambda path: float(np.prod([p[t, k] for t, k in enumerate(path)])))
    assert best_path(p) == collapse(np.array(best), p.shape[1] - 1)


@st.composite
def patterns(draw: st.DrawFn, depth: int = 3) -> str:
    """Well-formed patterns that mean the same here and in `re`."""
    atom = draw(st.sampled_from(["a", "b", "0", "[ab]", "[a-b0]", r"\d", "."]))
    if depth == 0:
        return atom
    first, second = draw(patterns(depth - 1)), draw(patterns(depth - 1))
    after = draw(st.sampled_from(["", "?", "*", "+", "{2}", "{1,2}", "{1,}"]))
    shape = draw(st.sampled_from(["{atom}", "{first}{second}", "({first}|{second})", "({first})"]))
    text = shape.format(atom=atom, first=first, second=second)
    return text + after if shape in ("{atom}", "({first}|{second})", "({first})") else text


TEXTS = ["".join(t) for n in range(5) for t in itertools.product(CHARSET, repeat=n)]


@given(patterns())
@settings(max_examples=100, deadline=None)
def test_patterns_mean_what_they_mean_to_python(pattern: str) -> None:
    """On every text of up to four characters."""
    allowed = compile_pattern(pattern, CHARSET)
    python = re.compile(pattern)
    for text in TEXTS:
        matched = python.fullmatch(text) is not None
        assert allowed.accepts(CHARSET.index(c) for c in text) == matched
