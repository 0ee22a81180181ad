"""Prefix beam search: the most probable texts of a CTC network, under an automaton or not."""

from dataclasses import dataclass

import numpy as np

from edge_agent.arrays import F64
from edge_agent.decode.automaton import DEAD, Automaton

# Where the blank is among the outputs: behind the characters.
BLANK = -1
# How many beginnings of a text the search follows at a time, how many outputs it tries at a
# step, and how probable one must be to be tried. A wall or a blur would else try them all.
BEAM_WIDTH = 16
TRIED = 12
CUTOFF = 1e-5


@dataclass(frozen=True)
class _Beam:
    """Logarithms of the sums over paths that write one beginning, by how they end."""

    blank: float
    symbol: float
    state: int

    @property
    def total(self) -> float:
        return float(np.logaddexp(self.blank, self.symbol))


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
    none = -np.inf
    used = np.ones(p.shape[1] - 1, bool) if allowed is None else allowed.used()
    usable = np.append(used, False)
    beams: dict[tuple[int, ...], _Beam] = {(): _Beam(0.0, none, 0)}
    for t in range(len(p)):
        outputs = np.flatnonzero(usable & (p[t] >= cutoff))
        outputs = outputs[np.argsort(-p[t, outputs], kind="stable")][:tried]
        beams = _extended_beams(beams, log_p[t], outputs.tolist(), allowed)
        kept = sorted(beams, key=lambda text: -beams[text].total)[:width]
        beams = {text: beams[text] for text in kept}
    ended = [
        text for text, beam in beams.items() if allowed is None or allowed.accepting[beam.state]
    ]
    return [text for text in ended if beams[text].total > none]


def _extended_beams(
    beams: dict[tuple[int, ...], _Beam],
    log_p: F64,
    tried: list[int],
    allowed: Automaton | None,
) -> dict[tuple[int, ...], _Beam]:
    """One step further: each beginning as it is, and with each allowed character more."""
    sums: dict[tuple[int, ...], list[float]] = {}
    states: dict[tuple[int, ...], int] = {}

    def add(text: tuple[int, ...], state: int, end: int, log: float) -> None:
        entry = sums.setdefault(text, [-np.inf, -np.inf])
        entry[end] = float(np.logaddexp(entry[end], log))
        states[text] = state

    for text, beam in beams.items():
        add(text, beam.state, 0, beam.total + float(log_p[BLANK]))
        if text:
            add(text, beam.state, 1, beam.symbol + float(log_p[text[-1]]))
        for k in tried:
            state = 0 if allowed is None else allowed.step(beam.state, k)
            if state == DEAD:
                continue
            # The same character again is a new one only behind a blank.
            came = beam.blank if text and text[-1] == k else beam.total
            add((*text, k), state, 1, came + float(log_p[k]))
    return {text: _Beam(blank, symbol, states[text]) for text, (blank, symbol) in sums.items()}
