"""Numbers in words, the same way everywhere in the report."""

from collections.abc import Callable
from typing import TypeAlias

from edge_agent.bundle.metrics import Proportion, Score

Unit: TypeAlias = Callable[[float], str]
"""From a number to the words for it."""

# A line is not broken between a number and its unit (U+202F), and minus is a minus.
GAP, _MINUS, _TIMES = "\u202f", "\u2212", "\u00d7"
PERCENT = f"{GAP}%"


def percent(share: float) -> str:
    """0.9862 as `98.6 %`; never rounded up to 100 %."""
    text = f"{share * 100:.1f}"
    if text == "100.0" and share < 1:
        text = f"{share * 100:.2f}" if share < 0.99995 else "99.99"
    return f"{text}{PERCENT}"


def percent_short(share: float) -> str:
    """0.001 as `0.1 %` and 0.75 as `75 %`: a share that somebody chose, with all its digits."""
    return f"{share * 100:.6g}{PERCENT}"


def percent_fine(share: float) -> str:
    """0.00123 as `0.12 %`: a share that is small, and matters."""
    return f"{share * 100:.2f}{PERCENT}"


def interval(score: Score | Proportion) -> str:
    """`96.8 to 99.4 %`: the 95 % interval of a score; `unknown` where none is known."""
    if score.low is None or score.high is None:
        return "unknown"
    if isinstance(score, Proportion) or score.kind.share:
        return f"{score.low * 100:.1f} to {percent(score.high)}"
    return f"{_three(score.low)} to {_three(score.high)}{_unit(score)}"


def scored(score: Score) -> str:
    """A score's figure: `98.6 %`, or `0.421 bar`."""
    if score.kind.share:
        return percent(score.value)
    return f"{_three(score.value)}{_unit(score)}"


def metric(score: Score) -> str:
    """A score's metric for a heading: `Accuracy`, `Exact match`, `mAP`."""
    return score.metric[:1].upper() + score.metric[1:] if score.metric.islower() else score.metric


def _unit(score: Score) -> str:
    return f"{GAP}{score.unit}" if score.unit else ""


def points(difference: float) -> str:
    """A difference of two shares, -0.0028, as `−0.3 points`; a rounded zero has no sign."""
    text = f"{difference * 100:+.1f}"
    if text in ("+0.0", "-0.0"):
        text = "0.0"
    return f"{text.replace('-', _MINUS)}{GAP}points"


def change(before: Score, after: Score) -> str:
    """From one score to another of its metric: `−0.3 points`, or `+0.012 bar`."""
    difference = after.value - before.value
    if after.kind.share:
        return points(difference)
    sign = "+" if difference > 0 else _MINUS if difference < 0 else ""
    return f"{sign}{_three(abs(difference))}{_unit(after)}"


def lost(difference: float, score: Score | None = None) -> str:
    """A loss of accuracy, 0.0005, in points: `0.05`. A gain is negative; a zero has no sign.

    Of an error, which `score` tells by its metric, what it rises by, in its unit: `0.012`.
    """
    if score is None or score.kind.share:
        text = f"{difference * 100:.2f}"
        return "0.00" if text == "-0.00" else text.replace("-", _MINUS)
    return f"{_MINUS if difference < 0 else ''}{_three(abs(difference))}"


def loss(score: Score) -> str:
    """What a loss by its metric is called: `drop`, or of an error `rise`."""
    return "drop" if score.kind.more else "rise"


def loss_unit(score: Score) -> str:
    """What such a loss is counted in: `points`, or the unit of an error."""
    return "points" if score.kind.share else score.unit or "its own unit"


def count(number: float) -> str:
    """12_543_210 as `12.5 M`."""
    for size, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{_three(number / size)}{GAP}{name}"
    return f"{number:.0f}"


def size(number: float) -> str:
    """Bytes as `96.3 kB`; a kB is 1000 bytes."""
    for unit, name in ((1e6, "MB"), (1e3, "kB")):
        if number >= unit:
            return f"{_three(number / unit)}{GAP}{name}"
    return f"{number:.0f}{GAP}B"


def milliseconds(number: float) -> str:
    """0.4183 as `0.418 ms`."""
    return f"{_three(number)}{GAP}ms"


def times(ratio: float) -> str:
    """A ratio of at least about one as `3.9×`."""
    return f"{ratio:.1f}{_TIMES}"


def seconds(number: float) -> str:
    """125.4 as `2 min 5 s`."""
    if number < 60:
        return f"{_three(number)}{GAP}s"
    minutes, rest = divmod(round(number), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}{GAP}h {minutes}{GAP}min"
    return f"{minutes}{GAP}min {rest}{GAP}s"


def _three(number: float) -> str:
    """Three significant digits, without an exponent."""
    if number >= 100:
        return f"{number:.0f}"
    return f"{number:.1f}" if number >= 10 else f"{number:.2f}" if number >= 1 else f"{number:.3f}"
