"""Scores along a line of text to a `Text`: connectionist temporal classification (CTC).

The network says at each of T steps along the width what it sees: one of the characters, or
the blank (the last output). Everything here is exact arithmetic on those probabilities,

    p[t, k] = softmax(scores[t] / temperature)[k]

A path picks one output a step; its probability is the product of the p it picks. Writing a
path down means keeping one of each run of the same output and dropping the blanks. The
**confidence of a text** is the sum of the probabilities of all paths that write it (Graves
et al. 2006, equation 3): the probability, by the network, that this and nothing else is
there. A pattern or a list of words restricts which texts are considered and not that
probability: a wall that happens to look most like `7` among digits is no confident `7`.

The **confidence of a character** is that of the text, divided by the sum over the texts that
have any character in that one's place: how sure it is, if the others are as read.
"""

from dataclasses import dataclass
from math import exp
from typing import Self

import numpy as np
from numpy.typing import NDArray

from edge_agent.common.arrays import F32, F64
from edge_agent.tasks.ocr.answer import CharacterScore, Text
from edge_agent.tasks.ocr.decode.automaton import Automaton
from edge_agent.tasks.ocr.decode.beam import BLANK, beam_search
from edge_agent.tasks.ocr.spec import TextSpec
from edge_agent.tasks.softmax import softmax

# How many of the texts that a search ends with are compared exactly.
RECOUNTED = 3
# Digits of a probability that are published.
DIGITS = 6


def read_text(scores: F32, spec: TextSpec, allowed: Automaton | None = None) -> Text:
    """What one line of text says.

    Args:
        scores: T * K float32 of any shape, T = spec.steps and K = spec.outputs.
        spec: characters, temperature and the least confidence that counts as sure.
        allowed: which texts may be answered; None for any.

    Returns:
        The most probable writing of a single path, or under `allowed` the most probable
        text; an empty one with confidence 0 if no allowed text is within reach.

    Raises:
        ValueError: if `scores` has another size, or is not finite.
    """
    p = probabilities(scores, spec)
    symbols = best_path(p)
    found = _Weighed.of(p, symbols)
    # Above one half no other text can be more probable: nothing to search for.
    if allowed is not None and not (found.confidence > 0.5 and allowed.accepts(symbols)):
        best = _best_allowed(p, allowed)
        if best is None:
            return Text(text="", confidence=0.0, characters=(), sure=spec.min_confidence <= 0)
        found = best
    confidence, each = found.confidence, found.characters().tolist()
    written = [spec.charset[k] for k in found.symbols]
    return Text(
        text="".join(written),
        confidence=round(confidence, DIGITS),
        characters=tuple(
            CharacterScore(c, round(q, DIGITS)) for c, q in zip(written, each, strict=True)
        ),
        sure=confidence >= spec.min_confidence,
    )


def probabilities(scores: F32, spec: TextSpec) -> F64:
    """(T, K) float64: what the network sees at each step.

    Raises:
        ValueError: as `read_text`.
    """
    wanted = (spec.steps, spec.outputs)
    if scores.size != wanted[0] * wanted[1]:
        raise ValueError(f"scores: expected {wanted[0]} steps of {wanted[1]}, found {scores.shape}")
    if not np.isfinite(scores).all():
        raise ValueError("scores: expected finite numbers, found NaN or infinity")
    return softmax(scores.reshape(wanted).astype(np.float64), spec.temperature)


def collapse(path: NDArray[np.intp], blank: int) -> tuple[int, ...]:
    """What a path of outputs writes: runs are one, blanks go."""
    kept = path != blank
    kept[1:] &= path[1:] != path[:-1]
    return tuple(int(k) for k in path[kept])


def best_path(p: F64) -> tuple[int, ...]:
    """What the most probable path of (T, K) probabilities writes: outputs without blanks."""
    return collapse(p.argmax(axis=1), p.shape[1] - 1)


def text_probability(p: F64, symbols: tuple[int, ...]) -> float:
    """The sum over all paths that write `symbols` (outputs, no blanks), in [0, 1]."""
    return _Weighed.of(p, symbols).confidence


def character_probabilities(p: F64, symbols: tuple[int, ...]) -> F64:
    """Of each of `symbols`, its probability given the others and that one stands there.

    For place i: P(text) / sum over characters c of P(text with c at i), (len(symbols),).
    """
    return _Weighed.of(p, symbols).characters()


@dataclass(frozen=True, eq=False)
class _Weighed:
    """The paths that write one text, summed up to each step.

    The states of a text are its symbols and the blanks around each, 2 L + 1 of them. The
    probabilities of a step are divided by the step's largest: the most probable path then has
    the weight 1, so that no text worth the name is lost to the smallest double, however many
    steps there are.

    Args:
        p: (T, K), each step's largest is 1.
        scale: the logarithm of what was taken out.
        symbols: the text.
        before: (T, 2 L + 1): of all beginnings of paths that are in a state at a step, the sum.
        after: (T, 2 L + 1): of all ends of paths that are in it, the step included, the sum.
    """

    p: F64
    scale: float
    symbols: tuple[int, ...]
    before: F64
    after: F64

    @classmethod
    def of(cls, p: F64, symbols: tuple[int, ...]) -> Self:
        """The paths through (T, K) probabilities that write `symbols`."""
        largest = p.max(axis=1, keepdims=True)
        scaled = p / largest
        before, after = _both_ways(scaled, symbols)
        return cls(scaled, float(np.log(largest).sum()), symbols, before, after)

    @property
    def confidence(self) -> float:
        """The probability of the text, in [0, 1]."""
        return min(1.0, float(self.before[-1, -2:].sum()) * exp(self.scale))

    def characters(self) -> F64:
        """See `character_probabilities`."""
        if not self.symbols:
            return np.zeros(0)
        weights = self._in_place()
        total = weights.sum(axis=1)
        mine = weights[np.arange(len(self.symbols)), self.symbols]
        share: F64 = np.divide(mine, total, out=np.zeros(len(mine)), where=total > 0)
        return share

    def _in_place(self) -> F64:
        """(L, K - 1): the weight of the text with each character in each place.

        A character is followed through its run of steps: what comes before the run must not be
        the same character without a blank between, nor what comes after.
        """
        before, after, length = self.before, self.after, len(self.symbols)
        steps, others = len(self.p), self.p.shape[1] - 1
        apart = np.ones((length, others))
        apart[np.arange(length), self.symbols] = 0.0
        into, out = np.zeros((2, steps, length, others))
        into[0, 0] = out[-1, -1] = 1.0
        into[1:] = before[:-1, 0:-1:2, None]  # from the blank before the place
        into[1:, 1:] += before[:-1, 1:-2:2, None] * apart[:-1]  # from the symbol before it
        out[:-1] = after[1:, 2::2, None]  # to the blank behind the place
        out[:-1, :-1] += after[1:, 3::2, None] * apart[1:]  # to the symbol behind it
        # Of all runs that are going on at a step: those that begin there and those before.
        run = into.reshape(steps, -1)
        emitted = np.tile(self.p[:, :BLANK], length)
        last = np.zeros(length * others)
        for here, p in zip(run, emitted, strict=True):
            np.add(here, last, out=here)
            np.multiply(here, p, out=here)
            last = here
        out *= into
        weights: F64 = out.sum(axis=0)
        return weights


def _both_ways(p: F64, symbols: tuple[int, ...]) -> tuple[F64, F64]:
    """`before` and `after` of `_Weighed`: the same sums over the text and over its mirror image.

    Both are computed at once: a step of so few states costs what calling numpy costs.
    """
    count = 2 * len(symbols) + 1
    states = np.full((2, count + 2), BLANK, np.intp)  # with two in front that nothing is in
    states[0, 3::2], states[1, 3::2] = symbols, symbols[::-1]
    skips = np.zeros((2, count + 2))  # where a step may skip the blank before a symbol
    skips[:, 5::2] = states[:, 5::2] != states[:, 3:-2:2]
    emitted = np.empty((len(p), 2, count + 2))
    emitted[:, 0], emitted[:, 1] = p[:, states[0]], p[::-1, states[1]]
    emitted[:, :, :2] = 0.0
    sums = np.zeros_like(emitted)
    sums[0, :, 2:4] = emitted[0, :, 2:4]
    _accumulate(sums.reshape(len(p), -1), emitted.reshape(len(p), -1), skips.reshape(-1))
    return sums[:, 0, 2:], sums[::-1, 1, :1:-1]


def _accumulate(sums: F64, emitted: F64, skips: F64) -> None:
    """Fill the rows of `sums` from its first: stay, come from the state before, skip a blank."""
    come = np.empty(sums.shape[1] - 2)
    may_skip = skips[2:]
    for stay, step, skip, here, p in zip(
        sums[:-1, 2:], sums[:-1, 1:-1], sums[:-1, :-2], sums[1:, 2:], emitted[1:, 2:], strict=True
    ):
        np.multiply(skip, may_skip, out=come)
        np.add(come, step, out=come)
        np.add(come, stay, out=come)
        np.multiply(come, p, out=here)


def _best_allowed(p: F64, allowed: Automaton) -> _Weighed | None:
    """The most probable allowed text that a search ends with; None if it finds none."""
    # The search has lost the paths that it did not follow: count them all, for the best few.
    exact = [_Weighed.of(p, symbols) for symbols in beam_search(p, allowed)[:RECOUNTED]]
    return max(exact, key=lambda each: (each.confidence, each.symbols), default=None)
