"""Scores in words, the same way in the gates, on the terminal and in errors."""

from edge_agent.bundle.metrics import METRICS, MetricName, Proportion, Score


def shown(score: Score | Proportion) -> str:
    """`98.1 % [96.5, 99.0]` or `0.42 bar [0.38, 0.47]`: the brackets hold the 95 % interval."""
    if isinstance(score, Proportion) or score.kind.share:
        text, ends = f"{100 * score.value:.1f} %", _ends(score, "{:.1f}", 100)
    else:
        text, ends = f"{score.value:.3g} {score.unit}".rstrip(), _ends(score, "{:.3g}", 1)
    return f"{text} [{ends}]" if ends else text


def figure(value: float, metric: MetricName, unit: str = "") -> str:
    """A score's value alone, as gates have it: `98.12 %` or `0.4213 bar`."""
    if METRICS[metric].share:
        return f"{100 * value:.2f} %"
    return f"{value:.4g} {unit}".rstrip()


def difference(value: float, score: Score) -> str:
    """A difference of two scores like `score`: `0.30 points` or `0.04 bar`."""
    if score.kind.share:
        return f"{100 * value:.2f} points"
    return f"{value:.4g} {score.unit}".rstrip()


def _ends(score: Score | Proportion, form: str, times: float) -> str:
    if score.low is None or score.high is None:
        return ""
    return f"{form.format(times * score.low)}, {form.format(times * score.high)}"
