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

import numpy as np
from numpy.typing import NDArray

from edge_agent.arrays import F32, F64
from edge_agent.bundle.manifest import TextSpec
from edge_agent.decode.automaton import Automaton
from edge_agent.decode.beam import BLANK, beam_search
from edge_agent.decode.classify import softmax
from edge_agent.results import CharacterScore, Text

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
    confidence = text_probability(p, symbols)
    if allowed is not None:
        # Above one half no other text can be more probable: nothing to search for.
        settled = confidence > 0.5 and allowed.accepts(symbols)
        if not settled:
            symbols, confidence = _best_allowed(p, allowed)
    each = character_probabilities(p, symbols)
    written = [spec.charset[k] for k in symbols]
    return Text(
        text="".join(written),
        confidence=round(confidence, DIGITS),
        characters=tuple(
            CharacterScore(c, round(float(q), DIGITS)) for c, q in zip(written, each, strict=True)
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
    scaled, log_scale = _scaled(p)
    alpha = _forward(scaled, symbols)
    return min(1.0, float(alpha[-1, -2:].sum() * np.exp(log_scale)))


def character_probabilities(p: F64, symbols: tuple[int, ...]) -> F64:
    """Of each of `symbols`, its probability given the others and that one stands there.

    For place i: P(text) / sum over characters c of P(text with c at i), (len(symbols),).
    """
    if not symbols:
        return np.zeros(0)
    scaled, _ = _scaled(p)
    before, after = _forward(scaled, symbols), _backward(scaled, symbols)
    weights = _in_place(scaled, symbols, before, after)  # (places, K - 1)
    total = weights.sum(axis=1)
    mine = weights[np.arange(len(symbols)), np.array(symbols)]
    share: F64 = np.divide(mine, total, out=np.zeros(len(symbols)), where=total > 0)
    return share


def _scaled(p: F64) -> tuple[F64, float]:
    """`p` with each step's largest at 1, and the logarithm of what was taken out.

    The most probable path then has probability 1, so that no text worth the name is lost to
    the smallest double, however many steps there are.
    """
    largest = p.max(axis=1, keepdims=True)
    return p / largest, float(np.log(largest).sum())


def _extended(symbols: tuple[int, ...]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Blanks around every symbol, (2 L + 1,), and where a step may skip the blank before."""
    states = np.full(2 * len(symbols) + 1, BLANK, np.intp)
    states[1::2] = symbols
    skips = np.zeros(len(states), bool)
    skips[3::2] = states[3::2] != states[1:-2:2]
    return states, skips


def _forward(p: F64, symbols: tuple[int, ...]) -> F64:
    """(T, 2 L + 1): of all beginnings of paths that are in a state at a step, the sum."""
    states, skips = _extended(symbols)
    emitted = p[:, states]
    alpha = np.zeros((len(p), len(states) + 2))  # two columns of zeros in front
    alpha[0, 2:4] = emitted[0, :2]
    for t in range(1, len(p)):
        last = alpha[t - 1]
        alpha[t, 2:] = (last[2:] + last[1:-1] + last[:-2] * skips) * emitted[t]
    return alpha[:, 2:]


def _backward(p: F64, symbols: tuple[int, ...]) -> F64:
    """(T, 2 L + 1): of all ends of paths that are in a state at a step, it included, the sum."""
    return _forward(p[::-1], symbols[::-1])[::-1, ::-1]


def _in_place(p: F64, symbols: tuple[int, ...], before: F64, after: F64) -> F64:
    """(L, K - 1): the weight of the text with each character in each place.

    A character is followed through its run of steps: what comes before the run must not be
    the same character without a blank between, nor what comes after.
    """
    steps, length, others = len(p), len(symbols), p.shape[1] - 1
    apart = np.ones((length, others), bool)
    apart[np.arange(length), np.array(symbols)] = False
    into, out = np.zeros((2, steps, length, others))
    into[0, 0] = out[-1, -1] = 1.0
    into[1:] += before[:-1, 0:-1:2, None]  # from the blank before the place
    into[1:, 1:] += before[:-1, 1:-2:2, None] * apart[:-1]  # from the symbol before it
    out[:-1] += after[1:, 2::2, None]  # to the blank behind the place
    out[:-1, :-1] += after[1:, 3::2, None] * apart[1:]  # to the symbol behind it
    run = np.zeros((length, others))
    for t in range(steps):
        run = (into[t] + run) * p[t, :BLANK]
        out[t] *= run
    weights: F64 = out.sum(axis=0)
    return weights


def _best_allowed(p: F64, allowed: Automaton) -> tuple[tuple[int, ...], float]:
    """The most probable allowed text that a search ends with, and its probability."""
    # The search has lost the paths that it did not follow: count them all, for the best few.
    exact = [(text_probability(p, text), text) for text in beam_search(p, allowed)[:RECOUNTED]]
    if not exact:
        return (), 0.0
    confidence, best = max(exact)
    return best, confidence
