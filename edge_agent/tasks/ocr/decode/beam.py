"""Prefix beam search: the most probable texts of a CTC network, under an automaton or not."""

from math import exp, log1p
from typing import NamedTuple

import numpy as np

from edge_agent.common.arrays import F64
from edge_agent.tasks.ocr.decode.automaton import DEAD, Automaton

# Where the blank is among the outputs: behind the characters.
BLANK = -1
IMPOSSIBLE = float("-inf")  # the logarithm of 0
# How many beginnings of a text the search follows at a time, how many outputs it tries at a
# step, and how probable one must be to be tried. A wall or a blur would else try them all.
BEAM_WIDTH = 16
TRIED = 12
CUTOFF = 1e-5


class _Beam(NamedTuple):
    """Logarithms of the sums over paths that write one beginning, by how they end."""

    blank: float
    symbol: float
    total: float
    state: int


def _log_sum(a: float, b: float) -> float:
    """``log(exp(a) + exp(b))``; np.logaddexp takes five times as long for single numbers."""
    if a < b:
        a, b = b, a
    return a if b == IMPOSSIBLE else a + log1p(exp(b - a))


def beam_search(
    p: F64,
    allowed: Automaton | None = None,
    *,
    width: int = BEAM_WIDTH,
    tried: int = TRIED,
    cutoff: float = CUTOFF,
) -> list[tuple[int, ...]]:
    """The most probable texts, best first, by prefix beam search (Graves 2012; Hannun 2014).

    Args:
        p: (T, K) probabilities.
        allowed: which texts; None for any.
        width: how many beginnings are followed.
        tried: how many outputs are tried at a step, the most probable ones.
        cutoff: outputs less probable than this at a step are not tried there.
            Where nothing is left out by these three, the search is exact.

    Returns:
        Texts as outputs without blanks; none if no allowed text is within reach.
    """
    with np.errstate(divide="ignore"):
        log_p = np.log(p)
    used = np.ones(p.shape[1] - 1, bool) if allowed is None else allowed.used()
    usable = np.append(used, False)
    beams: dict[tuple[int, ...], _Beam] = {(): _Beam(0.0, IMPOSSIBLE, 0.0, 0)}
    for t in range(len(p)):
        outputs = np.flatnonzero(usable & (p[t] >= cutoff))
        outputs = outputs[np.argsort(-p[t, outputs], kind="stable")][:tried]
        beams = _extended_beams(beams, log_p[t].tolist(), outputs.tolist(), allowed)
        kept = sorted(beams, key=lambda text: -beams[text].total)[:width]
        beams = {text: beams[text] for text in kept}
    ended = [
        text for text, beam in beams.items() if allowed is None or allowed.accepting[beam.state]
    ]
    return [text for text in ended if beams[text].total > IMPOSSIBLE]


def _extended_beams(
    beams: dict[tuple[int, ...], _Beam],
    log_p: list[float],
    tried: list[int],
    allowed: Automaton | None,
) -> dict[tuple[int, ...], _Beam]:
    """One step further: each beginning as it is, and with each allowed character more."""
    blank: dict[tuple[int, ...], float] = {}
    symbol: dict[tuple[int, ...], float] = {}
    states: dict[tuple[int, ...], int] = {}

    def add(text: tuple[int, ...], log: float) -> None:
        symbol[text] = _log_sum(symbol[text], log) if text in symbol else log

    for text, beam in beams.items():
        states[text] = beam.state
        blank[text] = beam.total + log_p[BLANK]
        if text:
            add(text, beam.symbol + log_p[text[-1]])
        for k in tried:
            state = 0 if allowed is None else allowed.step(beam.state, k)
            if state == DEAD:
                continue
            # The same character again is a new one only behind a blank.
            came = beam.blank if text and text[-1] == k else beam.total
            states[(*text, k)] = state
            add((*text, k), came + log_p[k])
    extended = {}
    for text, state in states.items():
        b, s = blank.get(text, IMPOSSIBLE), symbol.get(text, IMPOSSIBLE)
        extended[text] = _Beam(b, s, _log_sum(b, s), state)
    return extended
